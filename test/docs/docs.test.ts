import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MAIN, PACKAGE } from '../support/command.js';

/** Longer lines of a table cannot be read in a terminal. */
const MAX_TABLE_COLUMNS = 200;

/** Flags of http-server, of node and of esbuild. */
const FOREIGN_FLAGS = new Set([
  '--external',
  '--no-dotfiles',
  '--username',
  '--perf-basic-prof',
  '--unhandled-rejections',
]);

const read = (path: string): string => readFileSync(join(PACKAGE, path), 'utf8');

const pages = [
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'docs',
  'examples',
].flatMap((root) =>
  root.endsWith('.md')
    ? [root]
    : readdirSync(join(PACKAGE, root), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.md'))
        .map((name) => `${root}/${name}`),
);

/** A page without its code blocks, in which `#` and brackets mean something else. */
const proseOf = (path: string): string => read(path).replaceAll(/^```.*?^```$/gms, '');

/** As GitHub makes them: lower case, no punctuation, hyphens for spaces. */
const anchorsOf = (path: string): string[] =>
  [...proseOf(path).matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

/** What npm shows: there a relative link leads nowhere. */
const ON_NPM = ['README.md'];
const REPOSITORY = 'https://github.com/epollet/epollet/blob/main/';

const linksOf = (page: string): string[] => [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);

/** The file of a link within the repository; null of any other. */
function targetOf(page: string, path: string): string | null {
  if (path.startsWith(REPOSITORY)) return path.slice(REPOSITORY.length);
  if (/^https?:/.test(path)) return null;
  return path === '' ? page : join(dirname(page), path);
}

describe.each(pages)('%s', (page) => {
  test('every link within the repository points to a file, and to a heading of it', () => {
    for (const link of linksOf(page)) {
      const [path, anchor] = link.split('#');
      const target = targetOf(page, path!);
      if (target === null) continue;
      expect(existsSync(join(PACKAGE, target)), link).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(target), link).toContain(anchor);
    }
  });

  test('every file named in backticks exists', () => {
    for (const [, path] of proseOf(page).matchAll(
      /`((?:src|test|native|docs|deploy|examples|html|scripts)\/[\w./-]+)`/g,
    ))
      expect(existsSync(join(PACKAGE, path!)), path).toBe(true);
  });

  test(`no line of a table is longer than ${MAX_TABLE_COLUMNS} columns`, () => {
    const tooLong = proseOf(page)
      .split('\n')
      .filter((line) => line.startsWith('|') && line.length > MAX_TABLE_COLUMNS);
    expect(tooLong).toEqual([]);
  });
});

test.each(ON_NPM)('every link of %s is absolute', (page) => {
  expect(linksOf(page).filter((link) => !/^(https?:|#)/.test(link))).toEqual([]);
});

test('every page of docs is in an index', () => {
  const isLinked = (path: string): boolean =>
    pages.some((page) => linksOf(page).some((link) => targetOf(page, link.split('#')[0]!) === path));
  expect(pages.filter((page) => page.startsWith('docs/') && !isLinked(page))).toEqual([]);
});

test('the README has at most 1,000 words, and the two commands', () => {
  const readme = read('README.md');
  expect(readme.trim().split(/\s+/).length).toBeLessThanOrEqual(1000);
  expect(readme).toMatch(/^npm ci && npm start\b/m);
  expect(readme).toMatch(/^npm ci && npm test\b/m);
});

test('the architecture has at most 150 lines', () => {
  expect(read('ARCHITECTURE.md').trimEnd().split('\n').length).toBeLessThanOrEqual(150);
});

test('the architecture has every dependency', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, object>;
  const rows = [...read('ARCHITECTURE.md').matchAll(/^\| ([\w@/, *.-]+) \| /gm)].flatMap(([, names]) =>
    names!.split(', '),
  );
  const names = Object.keys({ ...dependencies, ...devDependencies });
  expect(names.filter((name) => !rows.includes(name.replace(/^@types\/.*/, '@types/*')))).toEqual([]);
});

test('docs/errors.md has exactly the codes of ErrorCode', () => {
  const union = /^export type ErrorCode =([^;]*);/m.exec(read('src/sys/error-code.ts'))![1]!;
  const codes = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code);
  const documented = [...read('docs/errors.md').matchAll(/^\| `(ERR_EPOLLET_\w+)` \|/gm)].map(([, code]) => code);
  expect(documented).toEqual(codes);
});

test('docs/statistics.md has every statistic of the server, its files and its reactor', () => {
  const text = read('docs/statistics.md');
  for (const [path, name] of [
    ['src/server/handlers/handler-server.ts', 'ServerStats'],
    ['src/files/files.ts', 'FilesStats'],
    ['src/reactor/options.ts', 'ReactorStats'],
    ['src/server/measure/meter.ts', 'Measurements'],
  ] as const) {
    const body = new RegExp(`^export interface ${name} \\{\\n(.*?)^\\}`, 'ms').exec(read(path))![1]!;
    const keys = [...body.matchAll(/^ {2}(\w+):/gm)].map(([, key]) => key);
    expect(keys.length, name).toBeGreaterThan(4);
    for (const key of keys) expect(text, `${name}.${key}`).toMatch(new RegExp(`\`${key}[\`.]`));
  }
});

test('every flag in the documentation exists', () => {
  const help = ['serve', 'explain', 'lab', 'model'].map((command) => run(command, '--help')).join('\n');
  const known = new Set([...help.matchAll(/--[a-z][a-z-]*/g)].map(([flag]) => flag));
  for (const page of pages.filter((each) => each !== 'CHANGELOG.md')) {
    for (const [, flag] of proseOf(page).matchAll(/`(--[a-z][a-z-]*)/g)) {
      if (FOREIGN_FLAGS.has(flag!)) continue;
      const positive = flag!.replace(/^--no-/, '--');
      expect(
        known.has(flag!) || known.has(positive) || known.has(flag!.replace('--', '--no-')),
        `${page}: ${flag}`,
      ).toBe(true);
    }
  }
});

test('the configuration file of the documentation is valid', () => {
  const directory = mkdtempSync(join(tmpdir(), 'epollet-docs-'));
  try {
    for (const root of ['www', 'docs']) mkdirSync(join(directory, root));
    const [, config] = /^```json$(.*?)^```$/ms.exec(read('docs/serving-files.md'))!;
    writeFileSync(join(directory, 'site.json'), config!);
    expect(run('--config', join(directory, 'site.json'), '--check')).toContain(join(directory, 'www'));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

function run(...args: string[]): string {
  return execFileSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', env: { PATH: process.env['PATH'] } });
}
