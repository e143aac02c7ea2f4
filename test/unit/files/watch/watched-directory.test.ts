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
let watch: Inotify;
/** Who is outdated, in order. */
let outdated: string[];

beforeEach(() => {
  path = test.directory();
  watch = new Inotify(realKernel, 100);
  outdated = [];
});

afterEach(() => watch.close());

function directory(name = '', parent: WatchedDirectory | null = null): WatchedDirectory {
  mkdirSync(join(path, name), { recursive: true });
  const fd = test.own('openat', realKernel.openat(AT_FDCWD, join(path, name), O_PATH));
  return new WatchedDirectory(watch, parent, name.split('/').at(-1)!, fd, true);
}

/** Someone who depends on these entries, and is through with them when one has changed. */
function dependent(name: string, ...on: [folder: WatchedDirectory, entry: string][]): Dependent & { leave(): void } {
  const dependencies = new Dependencies();
  for (const [each, entry] of on) dependencies.add(each, entry);
  const made = {
    onInvalidated() {
      outdated.push(name);
      dependencies.unsubscribe(made);
    },
    leave: () => dependencies.unsubscribe(made),
  };
  dependencies.subscribe(made);
  return made;
}

describe('an entry that has changed outdates', () => {
  it.each<[changed: string, on: string[], outdates: string[]]>([
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
  ])('%j of %j: %j', (changed, on, outdates) => {
    const top = directory();
    for (const name of on) dependent(name, [top, name]);
    top.onEntryChanged(changed);
    expect(outdated).toEqual(outdates);
    top.onEntryChanged(changed);
    expect(outdated).toEqual(outdates);
  });

  it('all who depend on it, whatever one of them does to the others', () => {
    const top = directory();
    const others = [dependent('b', [top, 'x']), dependent('c', [top, 'x'])];
    const dependencies = new Dependencies();
    dependencies.add(top, 'x');
    dependencies.subscribe({
      onInvalidated() {
        outdated.push('a');
        for (const other of others) other.leave();
        dependent('late', [top, 'x']);
      },
    });
    top.onEntryChanged('x');
    expect(outdated).toEqual(['b', 'c', 'a']);
    top.onEntryChanged('x');
    expect(outdated.slice(3)).toEqual(['late']);
  });

  it('nobody who has left', () => {
    const top = directory();
    const one = dependent('one', [top, 'x'], [top, 'y']);
    one.leave();
    one.leave();
    for (const name of ['x', 'y']) top.onEntryChanged(name);
    expect(outdated).toEqual([]);
  });
});

describe('a folder', () => {
  it('that has gone takes along what was known of it and beneath it, and nothing beside it', () => {
    const top = directory();
    const one = directory('one', top);
    const deep = directory('one/deep', one);
    const two = directory('two', top);
    dependent('top', [top, 'x']);
    dependent('one', [one, 'x']);
    dependent('deep', [deep, 'y']);
    dependent('both', [deep, 'x'], [two, 'x']);
    dependent('two', [two, 'x']);
    expect(watch.size).toBe(4);
    top.onEntryChanged('one');
    expect(outdated.sort()).toEqual(['both', 'deep', 'one']);
    expect([one.isGone, deep.isGone, two.isGone, top.isGone]).toEqual([true, true, false, false]);
    expect([[...top.children.keys()], watch.size]).toEqual([['two'], 2]);
    one.onDirectoryChanged();
    expect([one.isWatched, two.isWatched]).toEqual([false, true]);
    two.onEntryChanged('x');
    expect(outdated.at(-1)).toBe('two');
  });

  it('whose name another has got does not take the other along', () => {
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
  ])('that %s on the disk goes, and what was in it is outdated', (_, act) => {
    const top = directory();
    const one = directory('one', top);
    dependent('in one', [one, 'x']);
    dependent('beside', [top, 'x']);
    act();
    watch.read();
    expect([one.isGone, top.isGone, outdated, watch.size]).toEqual([true, false, ['in one'], 1]);
    watch.read();
  });

  it('is told of a file on the disk', () => {
    const top = directory();
    dependent('a', [top, 'a']);
    dependent('b', [top, 'b']);
    writeFileSync(join(path, 'a'), '');
    watch.read();
    expect(outdated).toEqual(['a']);
  });

  it.each<[string, number, boolean]>([
    ['tmpfs', TMPFS, true],
    ['overlay, where layers change unseen', OVERLAY, false],
    ['nfs, which others write', NFS, false],
    ['one that does not say', ENOSYS, false],
  ])('is told of all changes or not: on %s', (_, type, isTold) => {
    const fd = test.own('openat', realKernel.openat(AT_FDCWD, path, O_PATH));
    expect(watchDirectory(kernelWith({ fstatfs: () => type }), watch, null, '', fd).isWatched).toBe(isTold);
  });

  it('without a watch is told of nothing', () => {
    watch.close();
    watch = new Inotify(kernelWith({ inotifyAddWatch: () => ENOSPC }), 100);
    const top = directory();
    expect(top.isWatched).toBe(false);
    expect(() => top.onDirectoryChanged()).not.toThrow();
  });

  it('asks again for a watch that was refused, at times, and lets go what was known beneath it', () => {
    watch.close();
    let refusing = true;
    let asked = 0;
    let nowMs = 5;
    const kernel = kernelWith(
      { inotifyAddWatch: (...args) => (refusing ? ENOSPC : realKernel.inotifyAddWatch(...args)) },
      { inotifyAddWatch: () => asked++ },
    );
    watch = new Inotify(kernel, 2);
    const fd = test.own('openat', realKernel.openat(AT_FDCWD, path, O_PATH));
    const top = directory();
    const rewatch = (atMs: number): [boolean, number] => {
      nowMs = atMs;
      asked = 0;
      top.rewatch(fd, () => nowMs, 100);
      return [top.isWatched, asked];
    };
    expect([rewatch(10), rewatch(109), rewatch(110), rewatch(111)].map(([, count]) => count)).toEqual([1, 0, 1, 0]);
    refusing = false;
    const inner = directory('inner', top);
    const other = directory('other', top);
    const deep = directory('inner/deep', inner);
    dependent('deep', [deep, 'x']);
    dependent('top', [top, 'x']);
    expect([inner.isWatched, deep.isWatched, rewatch(1000)]).toEqual([true, false, [false, 0]]); // beyond the limit
    other.onDirectoryChanged();
    expect(rewatch(1001)).toEqual([true, 1]);
    expect([inner.isGone, deep.isGone, watch.size, [...top.children]]).toEqual([true, true, 1, []]);
    expect(outdated).toEqual([]); // they look by time
    expect(rewatch(2000)).toEqual([true, 0]);
    top.onEntryChanged('x');
    expect(outdated).toEqual(['top']);
  });
});

describe('the coded forms beside a file', () => {
  const ALL = ['br', 'zstd', 'gzip'];
  const none = (): never => {
    throw new Error('it was read');
  };
  /** Asks for as many files as are asked for one by one. */
  const askForFew = (top: WatchedDirectory): void => {
    for (let i = 0; i < 8; i++) expect(top.precompressedCodings(`few-${i}`, none)).toEqual(ALL);
  };

  it('are looked for one by one while few files were asked for, and then read, once', () => {
    const top = directory();
    askForFew(top);
    expect(top.precompressedCodings('a.js', () => ['a.js', 'a.js.br', 'a.js.gz', 'b.js.zst', 'c'])).toEqual([
      'br',
      'gzip',
    ]);
    expect(top.precompressedCodings('a.js', none)).toEqual(['br', 'gzip']);
    expect(top.precompressedCodings('b.js', none)).toEqual(['zstd']);
    for (const name of ['c', 'd.js', 'a.js.br', '']) expect(top.precompressedCodings(name, none)).toEqual([]);
  });

  it('are known as soon as they appear, and looked for in vain when they have gone', () => {
    const top = directory();
    askForFew(top);
    expect(top.precompressedCodings('a.js', () => [])).toEqual([]);
    writeFileSync(join(path, 'a.js.zst'), '');
    watch.read();
    expect(top.precompressedCodings('a.js', none)).toEqual(['zstd']);
    rmSync(join(path, 'a.js.zst'));
    watch.read();
    expect(top.precompressedCodings('a.js', none)).toEqual(['zstd']);
  });

  it.each<[string, (top: WatchedDirectory) => void, () => string[] | null]>([
    ['the folder has too much to read', () => {}, () => null],
    ['nothing is told of the folder any more', (top) => top.onDirectoryChanged(), none],
  ])('are looked for one by one where %s', (_, act, read) => {
    const top = directory();
    askForFew(top);
    act(top);
    for (let i = 0; i < 20; i++) expect(top.precompressedCodings('a.js', read)).toEqual(ALL);
  });

  it('are looked for one by one again when too many have come and gone', () => {
    const top = directory();
    askForFew(top);
    expect(top.precompressedCodings('a.js', () => [])).toEqual([]);
    for (let i = 0; i < MANY_NAMES; i++) top.onEntryChanged(`${i}.gz`);
    expect(top.precompressedCodings('a.js', none)).toEqual([]);
    top.onEntryChanged('one more.gz');
    expect(top.precompressedCodings('a.js', none)).toEqual(ALL);
  });

  it('are read where the folder is', () => {
    const top = directory();
    const one = directory('one', top);
    expect([top.path, one.path, directory('one/deep', one).path]).toEqual(['', 'one', 'one/deep']);
  });
});

describe('dependencies', () => {
  const silent = (): WatchedDirectory =>
    new WatchedDirectory(new Inotify(realKernelWithoutInotify, 1), null, '', -1, true);
  const realKernelWithoutInotify = kernelWith({ inotifyInit1: () => ENOSYS });

  it('are told when all of them are, those merged in among them', () => {
    const top = directory();
    const [told, untold] = [new Dependencies(), new Dependencies()];
    expect(told.areWatched).toBe(true);
    told.add(top, 'a');
    untold.add(silent(), 'b');
    expect([told.areWatched, untold.areWatched]).toEqual([true, false]);
    told.merge(new Dependencies());
    expect(told.areWatched).toBe(true);
    told.merge(untold);
    expect(told.areWatched).toBe(false);
    const marked = new Dependencies();
    marked.areWatched = false;
    const merged = new Dependencies();
    merged.merge(marked);
    expect(merged.areWatched).toBe(false);
  });

  it('of several places are one for whoever has them: outdated once', () => {
    const top = directory();
    const inner = directory('inner', top);
    dependent('all', [top, 'x'], [top, 'x'], [top, ANY_ENTRY], [inner, 'x'], [inner, 'y']);
    top.onEntryChanged('inner');
    top.onEntryChanged('x');
    top.onDirectoryChanged();
    expect(outdated).toEqual(['all']);
  });

  it('that are merged are attached with the others', () => {
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
