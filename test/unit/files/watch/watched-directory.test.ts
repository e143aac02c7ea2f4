import { mkdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Dependencies } from '../../../../src/files/watch/dependencies.js';
import { Inotify } from '../../../../src/files/watch/inotify.js';
import {
  ANY_ENTRY,
  type Dependent,
  MANY_NAMES,
  WatchedDirectory,
  watchDirectory,
} from '../../../../src/files/watch/watched-directory.js';
import { constants, kernel as realKernel } from '../../../../src/sys/binding.js';
import { ENOSPC, ENOSYS } from '../../../../src/sys/errno.js';
import { kernelWith } from '../../../support/counting-kernel.js';
import { testDescriptors } from '../../../support/descriptors.js';

const { AT_FDCWD, O_PATH } = constants;
const TMPFS = 0x01021994;
const OVERLAY = 0x794c7630;
const NFS = 0x6969;

const test = testDescriptors();
let path: string;
let inotify: Inotify;
/** The dependents that were invalidated, in order. */
let invalidated: string[];

beforeEach(() => {
  path = test.directory();
  inotify = new Inotify(realKernel, 100);
  invalidated = [];
});

afterEach(() => inotify.close());

function directory(name = '', parent: WatchedDirectory | null = null): WatchedDirectory {
  mkdirSync(join(path, name), { recursive: true });
  const fd = test.own('openat', realKernel.openat(AT_FDCWD, join(path, name), O_PATH));
  return new WatchedDirectory(inotify, parent, name.split('/').at(-1)!, fd);
}

/** A dependent of these entries, which unsubscribes when one has changed. */
function dependent(
  name: string,
  ...on: [directory: WatchedDirectory, entry: string][]
): Dependent & { unsubscribe(): void } {
  const dependencies = new Dependencies();
  for (const [each, entry] of on) dependencies.add(each, entry);
  const self = {
    onInvalidated() {
      invalidated.push(name);
      dependencies.unsubscribe(self);
    },
    unsubscribe: () => dependencies.unsubscribe(self),
  };
  dependencies.subscribe(self);
  return self;
}

describe('a changed entry invalidates', () => {
  it.each<[changed: string, on: string[], expected: string[]]>([
    ['a.js', ['a.js'], ['a.js']],
    ['a.js', ['b.js', 'a.jsx', 'a', 'A.js', ''], []],
    ['a.js', ['a.js.br', 'a.js.gz'], []],
    ['a.js.br', ['a.js', 'a.js.br', 'a.js.gz'], ['a.js.br', 'a.js']],
    ['a.js.zst', ['a.js'], ['a.js']],
    ['a.js.gz', ['a.js', 'a'], ['a.js']],
    ['a.js.gz.br', ['a.js', 'a.js.gz'], ['a.js.gz']],
    ['.br', [''], ['']],
    ['a.js', [ANY_ENTRY], [ANY_ENTRY]],
    ['a.js.br', [ANY_ENTRY, 'a.js'], [ANY_ENTRY, 'a.js']],
    ['\xff\xfe', ['\xff\xfe', '\xff'], ['\xff\xfe']],
    ['__proto__', ['__proto__', 'constructor'], ['__proto__']],
  ])('%j: of the dependents of %j those of %j', (changed, on, expected) => {
    const top = directory();
    for (const name of on) dependent(name, [top, name]);
    top.onEntryChanged(changed);
    expect(invalidated).toEqual(expected);
    top.onEntryChanged(changed);
    expect(invalidated).toEqual(expected);
  });

  it('all dependents, even if one unsubscribes the others', () => {
    const top = directory();
    const others = [dependent('b', [top, 'x']), dependent('c', [top, 'x'])];
    const dependencies = new Dependencies();
    dependencies.add(top, 'x');
    dependencies.subscribe({
      onInvalidated() {
        invalidated.push('a');
        for (const other of others) other.unsubscribe();
        dependent('late', [top, 'x']);
      },
    });
    top.onEntryChanged('x');
    expect(invalidated).toEqual(['b', 'c', 'a']);
    top.onEntryChanged('x');
    expect(invalidated.slice(3)).toEqual(['late']);
  });

  it('no dependent that has unsubscribed', () => {
    const top = directory();
    const one = dependent('one', [top, 'x'], [top, 'y']);
    one.unsubscribe();
    one.unsubscribe();
    for (const name of ['x', 'y']) top.onEntryChanged(name);
    expect(invalidated).toEqual([]);
  });
});

describe('a directory', () => {
  it('that is gone invalidates all in it and below, and nothing next to it', () => {
    const top = directory();
    const one = directory('one', top);
    const deep = directory('one/deep', one);
    const two = directory('two', top);
    dependent('top', [top, 'x']);
    dependent('one', [one, 'x']);
    dependent('deep', [deep, 'y']);
    dependent('both', [deep, 'x'], [two, 'x']);
    dependent('two', [two, 'x']);
    expect(inotify.size).toBe(4);
    top.onEntryChanged('one');
    expect(invalidated.sort()).toEqual(['both', 'deep', 'one']);
    expect([one.isGone, deep.isGone, two.isGone, top.isGone]).toEqual([true, true, false, false]);
    expect([[...top.children.keys()], inotify.size]).toEqual([['two'], 2]);
    one.onDirectoryChanged();
    expect([one.isWatched, two.isWatched]).toEqual([false, true]);
    two.onEntryChanged('x');
    expect(invalidated.at(-1)).toBe('two');
  });

  it('that is gone does not remove another that has its name', () => {
    const top = directory();
    const before = directory('one', top);
    const after = directory('one', top);
    before.onDirectoryChanged();
    expect(top.children.get('one')).toBe(after);
    expect(after.isWatched).toBe(true);
  });

  it.each<[string, () => void]>([
    ['is renamed', () => renameSync(join(path, 'one'), join(path, 'other'))],
    ['is removed', () => rmdirSync(join(path, 'one'))],
  ])('that %s on the disk is gone, and its dependents are invalidated', (_, act) => {
    const top = directory();
    const one = directory('one', top);
    dependent('in one', [one, 'x']);
    dependent('next to it', [top, 'x']);
    act();
    inotify.read();
    expect([one.isGone, top.isGone, invalidated, inotify.size]).toEqual([true, false, ['in one'], 1]);
    inotify.read();
  });

  it('invalidates dependents of a file that appears on the disk', () => {
    const top = directory();
    dependent('a', [top, 'a']);
    dependent('b', [top, 'b']);
    writeFileSync(join(path, 'a'), '');
    inotify.read();
    expect(invalidated).toEqual(['a']);
  });

  it.each<[string, number, boolean]>([
    ['tmpfs', TMPFS, true],
    ['overlay, whose layers change without events', OVERLAY, false],
    ['nfs, which other machines write', NFS, false],
    ['one whose type is unknown', ENOSYS, false],
  ])('is watched depending on its file system: %s', (_, type, isWatched) => {
    const fd = test.own('openat', realKernel.openat(AT_FDCWD, path, O_PATH));
    expect(watchDirectory(kernelWith({ fstatfs: () => type }), inotify, null, '', fd).isWatched).toBe(isWatched);
  });

  it('without a watch is unwatched', () => {
    inotify.close();
    inotify = new Inotify(kernelWith({ inotifyAddWatch: () => ENOSPC }), 100);
    const top = directory();
    expect(top.isWatched).toBe(false);
    expect(() => top.onDirectoryChanged()).not.toThrow();
  });

  it('tries a failed watch again, at an interval, and then drops the directories below', () => {
    inotify.close();
    let isFailing = true;
    let calls = 0;
    let nowMs = 5;
    const kernel = kernelWith(
      { inotifyAddWatch: (...args) => (isFailing ? ENOSPC : realKernel.inotifyAddWatch(...args)) },
      { inotifyAddWatch: () => calls++ },
    );
    inotify = new Inotify(kernel, 2);
    const fd = test.own('openat', realKernel.openat(AT_FDCWD, path, O_PATH));
    const top = directory();
    const rewatch = (atMs: number): [boolean, number] => {
      nowMs = atMs;
      calls = 0;
      top.rewatch(fd, () => nowMs, 100);
      return [top.isWatched, calls];
    };
    expect([rewatch(10), rewatch(109), rewatch(110), rewatch(111)].map(([, count]) => count)).toEqual([1, 0, 1, 0]);
    isFailing = false;
    const inner = directory('inner', top);
    const other = directory('other', top);
    const deep = directory('inner/deep', inner);
    dependent('deep', [deep, 'x']);
    dependent('top', [top, 'x']);
    expect([inner.isWatched, deep.isWatched, rewatch(1000)]).toEqual([true, false, [false, 0]]); // beyond the limit
    other.onDirectoryChanged();
    expect(rewatch(1001)).toEqual([true, 1]);
    expect([inner.isGone, deep.isGone, inotify.size, [...top.children]]).toEqual([true, true, 1, []]);
    expect(invalidated).toEqual([]); // they are polled
    expect(rewatch(2000)).toEqual([true, 0]);
    top.onEntryChanged('x');
    expect(invalidated).toEqual(['top']);
  });
});

describe('precompressedCodings', () => {
  const ALL = ['br', 'zstd', 'gzip'];
  const none = (): never => {
    throw new Error('the directory was read');
  };
  /** Few enough that the directory is not read. */
  const callFewTimes = (top: WatchedDirectory): void => {
    for (let i = 0; i < 8; i++) expect(top.precompressedCodings(`few-${i}`, none)).toEqual(ALL);
  };

  it('returns all codings for a few files, and then reads the directory once', () => {
    const top = directory();
    callFewTimes(top);
    expect(top.precompressedCodings('a.js', () => ['a.js', 'a.js.br', 'a.js.gz', 'b.js.zst', 'c'])).toEqual([
      'br',
      'gzip',
    ]);
    expect(top.precompressedCodings('a.js', none)).toEqual(['br', 'gzip']);
    expect(top.precompressedCodings('b.js', none)).toEqual(['zstd']);
    for (const name of ['c', 'd.js', 'a.js.br', '']) expect(top.precompressedCodings(name, none)).toEqual([]);
  });

  it('includes a new file at once, and a removed one still', () => {
    const top = directory();
    callFewTimes(top);
    expect(top.precompressedCodings('a.js', () => [])).toEqual([]);
    writeFileSync(join(path, 'a.js.zst'), '');
    inotify.read();
    expect(top.precompressedCodings('a.js', none)).toEqual(['zstd']);
    rmSync(join(path, 'a.js.zst'));
    inotify.read();
    expect(top.precompressedCodings('a.js', none)).toEqual(['zstd']);
  });

  it.each<[string, (top: WatchedDirectory) => void, () => string[] | null]>([
    ['the directory has too many names', () => {}, () => null],
    ['the directory is gone', (top) => top.onDirectoryChanged(), none],
  ])('returns all codings where %s', (_, act, read) => {
    const top = directory();
    callFewTimes(top);
    act(top);
    for (let i = 0; i < 20; i++) expect(top.precompressedCodings('a.js', read)).toEqual(ALL);
  });

  it('returns all codings again after events of too many names', () => {
    const top = directory();
    callFewTimes(top);
    expect(top.precompressedCodings('a.js', () => [])).toEqual([]);
    for (let i = 0; i < MANY_NAMES; i++) top.onEntryChanged(`${i}.gz`);
    expect(top.precompressedCodings('a.js', none)).toEqual([]);
    top.onEntryChanged('one more.gz');
    expect(top.precompressedCodings('a.js', none)).toEqual(ALL);
  });

  it('has the path of its directory', () => {
    const top = directory();
    const one = directory('one', top);
    expect([top.path, one.path, directory('one/deep', one).path]).toEqual(['', 'one', 'one/deep']);
  });
});

describe('dependencies', () => {
  const unwatchedDirectory = (): WatchedDirectory => new WatchedDirectory(new Inotify(withoutInotify, 1), null, '', -1);
  const withoutInotify = kernelWith({ inotifyInit1: () => ENOSYS });

  it('are watched if all are, including merged ones', () => {
    const top = directory();
    const [watched, unwatched] = [new Dependencies(), new Dependencies()];
    expect(watched.areWatched).toBe(true);
    watched.add(top, 'a');
    unwatched.add(unwatchedDirectory(), 'b');
    expect([watched.areWatched, unwatched.areWatched]).toEqual([true, false]);
    watched.merge(new Dependencies());
    expect(watched.areWatched).toBe(true);
    watched.merge(unwatched);
    expect(watched.areWatched).toBe(false);
    const marked = new Dependencies();
    marked.areWatched = false;
    const merged = new Dependencies();
    merged.merge(marked);
    expect(merged.areWatched).toBe(false);
  });

  it('in several directories invalidate their dependent once', () => {
    const top = directory();
    const inner = directory('inner', top);
    dependent('all', [top, 'x'], [top, 'x'], [top, ANY_ENTRY], [inner, 'x'], [inner, 'y']);
    top.onEntryChanged('inner');
    top.onEntryChanged('x');
    top.onDirectoryChanged();
    expect(invalidated).toEqual(['all']);
  });

  it('that are merged are subscribed with the others', () => {
    const top = directory();
    const inner = directory('inner', top);
    const [all, others] = [new Dependencies(), new Dependencies()];
    all.add(top, 'x');
    others.add(inner, 'y');
    all.merge(others);
    let count = 0;
    const each = { onInvalidated: () => count++ };
    all.subscribe(each);
    inner.onEntryChanged('y');
    expect(count).toBe(1);
    all.unsubscribe(each);
    top.onEntryChanged('x');
    expect(count).toBe(1);
  });
});
