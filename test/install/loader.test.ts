import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PACKAGE } from '../support/command.js';

const PLATFORM = `linux-${process.arch}`;
const BUILT = join(PACKAGE, 'build/Release/epollet.node');

/** A copy of the package as it is installed, without an addon. */
let root: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'epollet-loader-'));
  for (const name of ['dist', 'html', 'package.json'])
    cpSync(join(PACKAGE, name), join(root, name), { recursive: true });
  mkdirSync(join(root, 'node_modules'));
  for (const name of ['bindings', 'file-uri-to-path', 'commander', 'picocolors'])
    symlinkSync(join(PACKAGE, 'node_modules', name), join(root, 'node_modules', name));
});

afterAll(() => rmSync(root, { recursive: true }));

beforeEach(() => {
  for (const name of ['prebuilds', 'build', 'binding.gyp']) rmSync(join(root, name), { recursive: true, force: true });
});

const prebuilt = (...from: string[]): void => put(join('prebuilds', PLATFORM, 'epollet.node'), ...from);

function put(path: string, from?: string): void {
  const target = join(root, path);
  mkdirSync(join(target, '..'), { recursive: true });
  if (from === undefined) writeFileSync(target, 'not an ELF file');
  else cpSync(from, target);
}

function imported(specifier = './dist/library/index.js'): { code: string; message: string } {
  const script = `
    await import(process.argv[1]).then(
      (module) => console.log(JSON.stringify({ code: null, message: Object.keys(module).join() })),
      ({ code, message }) => console.log(JSON.stringify({ code, message })),
    );`;
  const { stdout, stderr } = node('--input-type=module', '-e', script, specifier);
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

const node = (...args: string[]) =>
  spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', timeout: 10_000, env: { NO_COLOR: '1' } });

const command = (...args: string[]) => node('dist/epollet.cjs', ...args);

/** With the architecture, the C library and the repository, in one sentence. */
const UNSUPPORTED = new RegExp(
  `^epollet has no prebuilt addon for ${PLATFORM} \\((glibc [\\d.]+|musl or another libc)\\): build it from a checkout, "git clone https://github.com/epollet/epollet && cd epollet && npm ci", which needs a C\\+\\+17 compiler, make and Python 3, and install that directory with "npm install PATH"\\.$`,
);

describe('what is loaded', () => {
  test('the prebuilt addon of an installed package', () => {
    prebuilt(BUILT);
    expect(imported()).toMatchObject({ code: null });
  });

  test('the build of a checkout, even next to a prebuilt one', () => {
    prebuilt();
    put('build/Release/epollet.node', BUILT);
    expect(imported()).toMatchObject({ code: null });
  });

  test('the prebuilt addon in a checkout without a build', () => {
    put('binding.gyp');
    prebuilt(BUILT);
    expect(imported()).toMatchObject({ code: null });
  });
});

describe('without a fitting addon the error has a code and is one sentence with the remedy', () => {
  test('no prebuilt addon for this platform', () => {
    const { code, message } = imported();
    expect(code).toBe('ERR_EPOLLET_PLATFORM');
    expect(message).toMatch(UNSUPPORTED);
  });

  test.each([
    ['prebuilt', () => prebuilt(), /: build it from a checkout, /],
    ['built', () => void [put('binding.gyp'), put('build/Release/epollet.node')], /: run "npm ci" in /],
  ])('a %s addon that does not load', (_, prepare, remedy) => {
    prepare();
    const { code, message } = imported();
    expect(code).toBe('ERR_EPOLLET_PLATFORM');
    expect(message).toMatch(
      new RegExp(`^The native addon of epollet does not load on ${PLATFORM} with .+ \\(.*epollet\\.node: [^\\n]+\\.$`),
    );
    expect(message).toMatch(remedy);
  });

  test('a checkout that is not built', () => {
    put('binding.gyp');
    expect(imported().message).toMatch(/^The native addon of epollet is not built: run "npm ci" in [^\n]+\.$/);
  });

  test('the command prints the sentence, and no stack', () => {
    const { status, stdout, stderr } = command('serve', '.');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^epollet: epollet has no prebuilt addon [^\n]+\.\n$/);
  });

  test.each([['--version'], ['-v'], ['--help'], ['-h'], ['help']])('epollet %s needs no addon', (flag) => {
    const { status, stdout, stderr } = command(flag);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^(\d+\.\d+\.\d+\n$|Usage: epollet )/);
  });
});

describe('the help', () => {
  test('lists every command as its own help begins', () => {
    const { stdout } = spawnSync(process.execPath, ['dist/epollet.cjs', '--help'], { cwd: PACKAGE, encoding: 'utf8' });
    const [, list] = /^Commands:\n(.*?)\n {2}help /ms.exec(stdout)!;
    const terms = [...list!.matchAll(/^ {2}([a-z]+(?: [[<]\w+[\]>])*) {2}/gm)].map(([, term]) => term!);
    expect(terms).toHaveLength(5);
    for (const term of terms) {
      const help = spawnSync(process.execPath, ['dist/epollet.cjs', term.split(' ')[0]!, '--help'], { cwd: PACKAGE });
      expect(String(help.stdout).replace('healthcheck [options]', 'healthcheck')).toContain(`Usage: epollet ${term}\n`);
    }
  });
});

describe('without the optional packages of the lab', () => {
  beforeEach(() => prebuilt(BUILT));

  const lab = (...args: string[]) =>
    spawnSync(process.execPath, ['dist/epollet.cjs', 'lab', ...args], {
      cwd: root,
      encoding: 'utf8',
      timeout: 10_000,
      env: { NO_COLOR: '1', PATH: root },
    });

  test.each([
    [['--html', 'report.html'], 'The page of charts needs chart.js, which is not installed: npm install chart.js@4.'],
    [['--hgrm', 'latencies'], '--hgrm needs hdr-histogram-js, which is not installed: npm install hdr-histogram-js@3.'],
  ])('epollet lab %j names the missing one and the command that installs it', (args, sentence) => {
    expect(lab(...args)).toMatchObject({ status: 1, stdout: '', stderr: `epollet: ${sentence}\n` });
  });

  test('the rest of the lab needs none of them', () => {
    expect(lab('--list')).toMatchObject({ status: 0, stderr: '' });
  });

  test('there is no progress bar without cli-progress', () => {
    const script = `
      const { progressOn, NO_PROGRESS } = await import('./dist/lab/bench/progress.js');
      console.log(progressOn({ isTTY: true }) === NO_PROGRESS);`;
    expect(node('--input-type=module', '-e', script)).toMatchObject({ stdout: 'true\n', stderr: '' });
  });
});
