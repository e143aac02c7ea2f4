import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SRC = join(ROOT, 'src');

/** The rooms by floor: nothing imports from a floor above its own. The doors at the top of src/ stand above all. */
const FLOORS: Record<string, number> = {
  sys: 1,
  http: 1,
  reactor: 2,
  net: 3,
  files: 3,
  fetch: 3,
  server: 4,
  models: 4,
  lab: 5,
  cli: 5,
};
const DOOR = 6;

/** Rooms that must not know each other although they share a floor, or stand below. */
const STRANGERS: [room: string, other: string, why: string][] = [
  ['http', 'reactor', 'HTTP is bytes in, data out'],
  ['reactor', 'http', 'readiness knows no protocol'],
  ['files', 'net', 'a response is data; nothing is sent where it is made'],
  ['files', 'reactor', 'files are asked for, they do not wait'],
  ['fetch', 'net', 'a Request is made of bytes, a Response is data'],
  ['fetch', 'reactor', 'a handler does not wait for descriptors'],
  ['fetch', 'files', 'what a handler answers is its own'],
  ['files', 'fetch', 'files are served without a handler'],
  ['net', 'files', 'a connection carries bytes'],
  ['net', 'http', 'a connection does not know what it carries'],
];

/** One noun a file. */
const MAX_LINES = 300;

const sources = filesBelow(SRC).filter((file) => file.endsWith('.ts'));
const imports = new Map(sources.map((file) => [file, importsOf(file)]));

test.each(sources.map((file) => [relative(SRC, file), file]))('%s imports from no floor above its own', (_, file) => {
  for (const imported of imports.get(file)!)
    expect(floorOf(imported), `${relative(SRC, imported)}`).toBeLessThanOrEqual(floorOf(file));
});

test.each(STRANGERS)('%s does not know %s: %s', (room, other) => {
  for (const [file, imported] of imports) {
    if (roomOf(file) === room)
      expect(
        imported.filter((target) => roomOf(target) === other),
        relative(SRC, file),
      ).toEqual([]);
  }
});

test('there are no cycles', () => {
  const state = new Map<string, 'open' | 'done'>();
  const visit = (file: string, path: string[]): void => {
    if (state.get(file) === 'done') return;
    expect(state.get(file), [...path, file].map((each) => relative(SRC, each)).join(' -> ')).toBeUndefined();
    state.set(file, 'open');
    for (const imported of imports.get(file) ?? []) visit(imported, [...path, file]);
    state.set(file, 'done');
  };
  for (const file of sources) visit(file, []);
});

test.each([...sources, ...filesBelow(join(ROOT, 'native'))].map((file) => [relative(ROOT, file), file]))(
  `%s has at most ${MAX_LINES} lines`,
  (_, file) => expect(readFileSync(file, 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(MAX_LINES),
);

test('only sys loads the addon', () => {
  for (const file of sources) {
    if (roomOf(file) !== 'sys') expect(readFileSync(file, 'utf8'), relative(SRC, file)).not.toMatch(/from 'bindings'/);
  }
});

test('only loop.cc knows libuv', () => {
  const knowing = filesBelow(join(ROOT, 'native')).filter((file) => readFileSync(file, 'utf8').includes('uv.h'));
  expect(knowing.map((file) => relative(ROOT, file))).toEqual(['native/loop.cc']);
});

test('http makes no system call and reads no clock', () => {
  for (const file of sources.filter((each) => roomOf(each) === 'http')) {
    expect(readFileSync(file, 'utf8'), relative(SRC, file)).not.toMatch(
      /sys\/(binding|epoll|kernel)|Date\.now|performance\.|node:(fs|net)/,
    );
  }
});

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
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

function roomOf(file: string): string {
  const path = relative(SRC, file);
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : '';
}

function floorOf(file: string): number {
  return roomOf(file) === '' ? DOOR : FLOORS[roomOf(file)]!;
}
