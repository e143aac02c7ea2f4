import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeCacheOf } from '../../../src/cli/code-cache.js';

const BUILD = '0123456789abcdef';
const DATA = Buffer.from('compiled');

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'epollet-code-cache-'));
});

afterEach(() => rmSync(home, { recursive: true }));

const own = () => codeCacheOf(BUILD, { NODE_COMPILE_CACHE: join(home, 'own') })!;
const fileIn = (directory: string): string => join(directory, readdirSync(directory)[0]!);

describe('where it is kept', () => {
  test.each([
    ['NODE_COMPILE_CACHE', { NODE_COMPILE_CACHE: 'own', XDG_CACHE_HOME: 'xdg', HOME: '' }, 'own'],
    ['XDG_CACHE_HOME', { XDG_CACHE_HOME: 'xdg', HOME: '' }, 'xdg/epollet'],
    ['HOME', { HOME: '' }, '.cache/epollet'],
  ])('%s', (_, paths, expected) => {
    const env = Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, join(home, path)]));
    codeCacheOf(BUILD, env)!.write(DATA);
    expect(readdirSync(join(home, expected))).toEqual([
      expect.stringMatching(`^epollet-${BUILD}-${process.version}-${process.arch}-[0-9a-f]+\\.cache$`),
    ]);
    expect(codeCacheOf(BUILD, env)!.read()).toEqual(DATA);
  });

  test.each([
    ['without any directory', {}],
    ['with relative ones', { XDG_CACHE_HOME: 'relative', HOME: 'relative' }],
    ['with NODE_DISABLE_COMPILE_CACHE', { NODE_DISABLE_COMPILE_CACHE: '1', NODE_COMPILE_CACHE: '/tmp' }],
    ['while coverage is measured', { NODE_V8_COVERAGE: '/tmp', NODE_COMPILE_CACHE: '/tmp' }],
  ])('%s, nowhere', (_, env) => expect(codeCacheOf(BUILD, env)).toBeNull());

  test('a home that does not exist is not made', () => {
    const env = { HOME: join(home, 'absent') };
    codeCacheOf(BUILD, env)!.write(DATA);
    expect(existsSync(env.HOME)).toBe(false);
    expect(codeCacheOf(BUILD, env)!.read()).toBeUndefined();
  });

  test('only its user may read it', () => {
    own().write(DATA);
    expect(statSync(join(home, 'own')).mode & 0o777).toBe(0o700);
    expect(statSync(fileIn(join(home, 'own'))).mode & 0o777).toBe(0o600);
  });
});

describe('what is read', () => {
  test('nothing of another build, or of other flags of V8', () => {
    own().write(DATA);
    const directory = { NODE_COMPILE_CACHE: join(home, 'own') };
    expect(codeCacheOf('another', directory)!.read()).toBeUndefined();
    expect(codeCacheOf(BUILD, { ...directory, NODE_OPTIONS: '--max-lazy' })!.read()).toBeUndefined();
  });

  test.each([
    ['the directory', (directory: string) => chmodSync(directory, 0o777)],
    ['the directory, by its group', (directory: string) => chmodSync(directory, 0o770)],
    ['the file', (directory: string) => chmodSync(fileIn(directory), 0o666)],
  ])('nothing that others can write: %s', (_, open) => {
    own().write(DATA);
    open(join(home, 'own'));
    expect(own().read()).toBeUndefined();
  });

  test('no directory in place of the file', () => {
    own().write(DATA);
    const path = fileIn(join(home, 'own'));
    rmSync(path);
    mkdirSync(path);
    expect(own().read()).toBeUndefined();
  });
});

describe('what is written', () => {
  test('nothing into a directory that others can write', () => {
    mkdirSync(join(home, 'own'));
    chmodSync(join(home, 'own'), 0o777);
    own().write(DATA);
    expect(readdirSync(join(home, 'own'))).toEqual([]);
  });

  test('a newer one in place of the old one', () => {
    own().write(DATA);
    own().write(Buffer.from('compiled again'));
    expect(String(own().read())).toBe('compiled again');
    expect(readdirSync(join(home, 'own'))).toHaveLength(1);
  });

  test('the oldest of more than eight files are removed, and no other files', () => {
    own().write(DATA);
    writeFileSync(join(home, 'own', 'of-another-program'), '');
    for (let at = 0; at < 9; at++) {
      codeCacheOf(`build${at}`, { NODE_COMPILE_CACHE: join(home, 'own') })!.write(DATA);
      const path = readdirSync(join(home, 'own')).find((name) => name.startsWith(`epollet-build${at}-`))!;
      utimesSync(join(home, 'own', path), 1000 + at, 1000 + at);
    }
    own().write(DATA);
    const kept = readdirSync(join(home, 'own')).map((name) => name.split('-')[1]!);
    expect(kept.sort()).toEqual([BUILD, 'another', ...[2, 3, 4, 5, 6, 7, 8].map((at) => `build${at}`)].sort());
  });
});
