import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SRC = join(ROOT, 'src');

/** The directories of src by floor, lowest first: each imports only from itself and from lower rows. */
const FLOORS: string[][] = [
  ['sys/calls', 'sys/constants'],
  ['sys'],
  ['http'],
  ['http/request', 'http/response'],
  ['http/semantics'],
  ['http/websocket'],
  ['epoll', 'reactor'],
  ['net/listening', 'net/ip'],
  ['net', 'fetch', 'files/rules', 'files/watch'],
  ['files/resolve'],
  ['files/cache'],
  ['files/representation'],
  ['files/pages', 'files/listing'],
  ['files'],
  ['server/log', 'server/measure', 'server/clients', 'server/websocket'],
  ['server/handlers'],
  ['server/routes', 'server/tracing', 'server/upgrade'],
  ['server/connection'],
  ['app'],
  ['server'],
  ['workers', 'explain', 'models/shared'],
  ['models/tcp'],
  ['models', 'lab/base'],
  ['lab/measure', 'lab/load'],
  ['lab/bench'],
  ['lab/drivers', 'lab/websocket'],
  ['lab/experiments'],
  ['lab/report', 'admin/page'],
  ['lab', 'admin'],
  ['cli/settings', 'adapters'],
  ['cli'],
  ['.'],
];

/** Rooms, with their sub-rooms, that must not know each other although one stands on a lower floor. */
const STRANGERS: [room: string, other: string, why: string][] = [
  ['http', 'reactor', 'HTTP is bytes in, data out'],
  ['reactor', 'http', 'readiness knows no protocol'],
  ['files', 'net', 'a response is data; nothing is sent where it is made'],
  ['files', 'reactor', 'file lookups are synchronous calls'],
  ['fetch', 'net', 'a Request is made of bytes, a Response is data'],
  ['fetch', 'reactor', 'a handler does not wait for descriptors'],
  ['fetch', 'files', 'a handler is independent of the files'],
  ['files', 'fetch', 'files are served without a handler'],
  ['net', 'files', 'a connection carries bytes'],
  ['net', 'http', 'a connection does not know what it carries'],
];

/** One noun a file. */
const MAX_LINES = 400;
const LONGER_FILES: string[] = ['src/files/rules/media-type-table.ts']; // a generated table
const MAX_FILES_PER_DIRECTORY = 16;

/** Directories of test that group by subject; test/unit mirrors src and test/native mirrors native. */
const SUBJECT_TESTS = [
  '.',
  'adapters',
  'admin',
  'bench',
  'cli',
  'deploy',
  'docs',
  'examples',
  'explain',
  'fetch',
  'html',
  'http/protocol',
  'http/site',
  'http/representation',
  'http/freshness',
  'image',
  'install',
  'lab',
  'models',
  'support',
  'types',
  'websocket',
  'workers',
];

const sources = filesBelow(SRC).filter((file) => file.endsWith('.ts'));
const imports = new Map(sources.map((file) => [file, importsOf(file)]));
const directories = [...new Set(sources.map((file) => dirname(file)))];

test.each(sources.map((file) => [relative(SRC, file), file]))('%s imports only from lower floors', (name, file) => {
  for (const imported of imports.get(file)!) {
    const edge = `${name} -> ${relative(SRC, imported)}`;
    if (dirname(imported) !== dirname(file)) expect(floorOf(imported), edge).toBeLessThan(floorOf(file));
  }
});

test.each(STRANGERS)('%s does not import %s: %s', (room, other) => {
  for (const [file, imported] of imports) {
    if (roomOf(file) === room)
      expect(
        imported.filter((target) => roomOf(target) === other),
        relative(SRC, file),
      ).toEqual([]);
  }
});

test('files do not import each other in a cycle', () => expectNoCycle(imports));

test('directories do not import each other in a cycle', () => {
  const edges = new Map(directories.map((directory) => [directory, [] as string[]]));
  for (const [file, imported] of imports) {
    for (const target of imported) {
      if (dirname(target) !== dirname(file)) edges.get(dirname(file))!.push(dirname(target));
    }
  }
  expectNoCycle(edges);
});

test.each([...sources, ...filesBelow(join(ROOT, 'native'))].map((file) => [relative(ROOT, file), file]))(
  `%s has at most ${MAX_LINES} lines`,
  (name, file) => {
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n').length;
    if (LONGER_FILES.includes(name)) expect(lines, 'no longer an exception').toBeGreaterThan(MAX_LINES);
    else expect(lines).toBeLessThanOrEqual(MAX_LINES);
  },
);

test.each(directories.map((directory) => [relative(ROOT, directory), directory]))(
  `%s has at most ${MAX_FILES_PER_DIRECTORY} files`,
  (_, directory) => {
    const files = readdirSync(directory!, { withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.length).toBeLessThanOrEqual(MAX_FILES_PER_DIRECTORY);
  },
);

test('only sys loads the addon', () => {
  for (const file of sources) {
    if (roomOf(file) !== 'sys') expect(readFileSync(file, 'utf8'), relative(SRC, file)).not.toMatch(/from 'bindings'/);
  }
});

test('only loop.cc includes uv.h', () => {
  const including = filesBelow(join(ROOT, 'native')).filter((file) => readFileSync(file, 'utf8').includes('uv.h'));
  expect(including.map((file) => relative(ROOT, file))).toEqual(['native/loop.cc']);
});

test('http makes no system call and reads no clock', () => {
  const pure = sources.filter((file) => roomOf(file) === 'http');
  expect(new Set(pure.map((file) => relative(SRC, dirname(file)))).size).toBeGreaterThan(1);
  for (const file of pure) {
    expect(readFileSync(file, 'utf8'), relative(SRC, file)).not.toMatch(
      /(sys\/(binding|kernel)|\/epoll\/)|Date\.now|performance\.|node:(fs|net)/,
    );
  }
});

const testFiles = filesBelow(join(ROOT, 'test')).filter((file) => /\.test\.ts$/.test(file));

test.each(testFiles.map((file) => relative(ROOT, file)))('%s is where a reader looks for it', (name) => {
  const [, tree, path] = /^test\/(unit|native)\/(.+)\.test\.ts$/.exec(name) ?? [];
  if (tree === undefined) return expect(SUBJECT_TESTS).toContain(relative('test', dirname(name)) || '.');
  const subject = join(dirname(path!), basename(path!).replace(/\..*/, ''));
  const source = tree === 'unit' ? `src/${subject}.ts` : `native/${subject}.cc`;
  return expect(existsSync(join(ROOT, source)), `${source} exists`).toBe(true);
});

test('a helper in test/support serves at least two test files', () => {
  const users = new Map<string, number>();
  for (const file of testFiles) {
    for (const helper of reachedFrom(file)) users.set(helper, (users.get(helper) ?? 0) + 1);
  }
  const setup = readFileSync(join(ROOT, 'vitest.config.ts'), 'utf8');
  const lonely = filesBelow(join(ROOT, 'test/support'))
    .filter((file) => !file.endsWith('.test.ts') && (users.get(file) ?? 0) < 2)
    .map((file) => relative(ROOT, file))
    .filter((name) => !setup.includes(name));
  expect(lonely, 'stand next to their only test').toEqual([]);
});

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/(?:from|import) '(\.[^']+)'/g)].map(([, path]) =>
    normalize(join(dirname(file), path!.replace(/\.js$/, '.ts'))),
  );
}

/** The files that `file` imports, directly or through others. */
function reachedFrom(file: string, reached = new Set<string>()): Set<string> {
  for (const imported of importsOf(file)) {
    if (reached.has(imported) || !existsSync(imported)) continue;
    reached.add(imported);
    if (relative(ROOT, imported).startsWith('test/')) reachedFrom(imported, reached);
  }
  return reached;
}

function expectNoCycle(edges: ReadonlyMap<string, string[]>): void {
  const state = new Map<string, 'open' | 'done'>();
  const visit = (node: string, path: string[]): void => {
    if (state.get(node) === 'done') return;
    expect(state.get(node), [...path, node].map((each) => relative(SRC, each)).join(' -> ')).toBeUndefined();
    state.set(node, 'open');
    for (const next of edges.get(node) ?? []) visit(next, [...path, node]);
    state.set(node, 'done');
  };
  for (const node of edges.keys()) visit(node, []);
}

function roomOf(file: string): string {
  const path = relative(SRC, file);
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : '';
}

function floorOf(file: string): number {
  const directory = relative(SRC, dirname(file)) || '.';
  const floor = FLOORS.findIndex((row) => row.includes(directory));
  expect(floor, `src/${directory} has a row in FLOORS`).toBeGreaterThanOrEqual(0);
  return floor;
}
