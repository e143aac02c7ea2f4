import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Lookup } from '../../../../src/files/resolve/lookup.js';
import { PlainDirectories } from '../../../../src/files/resolve/plain-directories.js';
import { Root } from '../../../../src/files/resolve/root.js';
import { Inotify } from '../../../../src/files/watch/inotify.js';
import type { WatchedDirectory } from '../../../../src/files/watch/watched-directory.js';
import { hashPath } from '../../../../src/http/text.js';
import type { Kernel } from '../../../../src/sys/kernel.js';
import { kernelWith } from '../../../support/counting-kernel.js';
import { testDescriptors } from '../../../support/descriptors.js';

/** After so many requests for its files the names of a directory are read. */
const REQUESTS = 9;
/** The changes of the test are older than the granularity of any time. */
const LATER_MS = 60_000;

const descriptors = testDescriptors();
let base: string;
const opened: { close(): void }[] = [];
let getdents = 0;
let fstatats = 0;

beforeEach(() => {
  base = descriptors.directory();
  fs.mkdirSync(join(base, 'd/e'), { recursive: true });
  getdents = fstatats = 0;
});

afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

const put = (...names: string[]): void => {
  for (const name of names) fs.writeFileSync(join(base, name), name);
};

function directoriesOf(precompressed = true, maxWatches = 100) {
  const kernel: Kernel = kernelWith({}, { getdents64: () => void getdents++, fstatat: () => void fstatats++ });
  const inotify = new Inotify(kernel, maxWatches);
  const root = Root.open(kernel, base);
  opened.push(inotify, root);
  const lookup = new Lookup(kernel, root, inotify, 'within-root', 0);
  const directories = new PlainDirectories(kernel, { root, lookup }, precompressed);
  const parts = (name: string) => {
    const bytes = Buffer.from(`/${name}`);
    const slash = Math.max(1, bytes.lastIndexOf('/'));
    return { bytes, slash, hash: hashPath(bytes.subarray(0, slash)) };
  };
  const isPlain = (name: string, wallMs = Date.now() + LATER_MS, hash = parts(name).hash): boolean => {
    const { bytes, slash } = parts(name);
    return directories.isPlain(bytes, 1, slash, bytes.length, hash, wallMs);
  };
  return {
    inotify,
    lookup,
    isPlain,
    /** Whether a name is known to be plain once there were enough requests for names in its directory. */
    becomesPlain(name: string, wallMs?: number): boolean {
      for (let i = 0; i < REQUESTS; i++) isPlain(name, wallMs);
      return isPlain(name, wallMs);
    },
    watched(name: string): WatchedDirectory | null {
      const { bytes, slash, hash } = parts(name);
      return directories.watched(bytes, 1, slash, hash);
    },
  };
}

describe('a name is plain', () => {
  const fifo = (name: string) => execFileSync('mkfifo', [join(base, name)]);
  const link = (name: string) => fs.symlinkSync('nowhere', join(base, name));

  test.each<[what: string, make: () => void, name: string, isPlain: boolean, precompressed?: boolean]>([
    ['of a file', () => put('d/a.js'), 'd/a.js', true],
    ['that is missing', () => put('d/a.js'), 'd/b.js', true],
    ['in the root', () => put('a.js'), 'a.js', true],
    ['in a directory below another', () => put('d/e/a.js'), 'd/e/a.js', true],
    ['next to a symlink', () => link('d/l'), 'd/a.js', true],
    ['not if it is precompressed', () => put('d/a.js', 'd/a.js.br'), 'd/a.js', false],
    ['next to a precompressed one', () => put('d/a.js', 'd/b.js', 'd/a.js.gz'), 'd/b.js', true],
    ['if precompressed files do not matter', () => put('d/a.js', 'd/a.js.br'), 'd/a.js', true, false],
    ['not in a directory with a FIFO', () => fifo('d/pipe'), 'd/a.js', false],
    ['not in a directory that is missing', () => {}, 'missing/a.js', false],
    ['not in a directory through a symlink', () => fs.symlinkSync('d', join(base, 'to')), 'to/a.js', false],
  ])('%s', (_, make, name, isPlain, precompressed) => {
    make();
    expect(directoriesOf(precompressed).becomesPlain(name)).toBe(isPlain);
  });

  test('not before its directory is worth a reading, which then costs one stat a request', () => {
    put('d/a.js');
    const { isPlain } = directoriesOf();
    const results = Array.from({ length: REQUESTS }, () => isPlain('d/a.js'));
    expect(results.indexOf(true)).toBe(REQUESTS - 1);
    const readings = getdents;
    fstatats = 0;
    for (let i = 0; i < 100; i++) expect(isPlain('d/a.js')).toBe(true);
    expect([getdents, fstatats]).toEqual([readings, 100]);
  });

  test('not while the directory may change within one time', () => {
    expect(directoriesOf().becomesPlain('d/a.js', Date.now())).toBe(false);
  });

  test.each<[what: string, change: () => void, after: boolean]>([
    ['a precompressed file', () => put('d/a.js.zst'), false],
    ['a FIFO', () => fifo('d/pipe'), false],
    ['another file', () => put('d/b.js'), true],
    ['another directory of this name', () => fs.renameSync(join(base, 'd'), join(base, 'old')), false],
  ])('not after a change, until its names are read again: %s', (_, change, after) => {
    put('d/a.js');
    const { isPlain, becomesPlain } = directoriesOf();
    expect(becomesPlain('d/a.js')).toBe(true);
    change();
    const wallMs = Date.now(); // too early to read the names
    expect(isPlain('d/a.js', wallMs)).toBe(false);
    expect(becomesPlain('d/a.js')).toBe(after);
  });

  test('not by the hash of another directory', () => {
    put('d/a.js', 'd/e/a.js');
    const { isPlain, becomesPlain } = directoriesOf();
    expect(becomesPlain('d/a.js')).toBe(true);
    expect(isPlain('d/e/a.js', undefined, hashPath(Buffer.from('/d')))).toBe(false);
  });
});

describe('a directory is watched', () => {
  test('once its names are known, by the same object, without further calls', () => {
    const { inotify, watched, becomesPlain } = directoriesOf();
    expect(watched('d/e/a.js')).toBeNull();
    becomesPlain('d/e/a.js');
    const directory = watched('d/e/a.js');
    expect([directory?.path, directory?.isWatched, inotify.size]).toEqual(['d/e', true, 3]);
    expect(watched('d/e/b.js')).toBe(directory);
  });

  test('again after it, or one on the way to it, was renamed', () => {
    const { inotify, watched, becomesPlain } = directoriesOf();
    becomesPlain('d/e/a.js');
    const directory = watched('d/e/a.js');
    fs.renameSync(join(base, 'd'), join(base, 'old'));
    inotify.read();
    expect(watched('d/e/a.js')).toBeNull();
    fs.renameSync(join(base, 'old'), join(base, 'd'));
    expect(watched('d/e/a.js')).toBeNull(); // looked for once in an epoch
    inotify.read();
    becomesPlain('d/e/a.js');
    expect(directory?.isGone).toBe(true);
  });

  test('after its name was verified, once in each epoch', () => {
    const { lookup, watched, becomesPlain } = directoriesOf();
    becomesPlain('d/a.js');
    const directory = watched('d/a.js');
    fs.renameSync(join(base, 'd'), join(base, 'old'));
    fs.mkdirSync(join(base, 'd')); // as a mount does, without an event that was read
    expect(watched('d/a.js')).toBe(directory);
    lookup.markUnverified();
    expect(watched('d/a.js')).not.toBe(directory);
  });

  test('not without a watch for each directory on the way', () => {
    const { watched, becomesPlain } = directoriesOf(true, 1);
    becomesPlain('d/a.js');
    expect(watched('d/a.js')).toBeNull();
  });
});
