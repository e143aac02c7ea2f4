import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  CONTENT_CHANGES,
  type DirectoryListener,
  Inotify,
  NAME_CHANGES,
  NOT_WATCHED,
} from '../../../../src/files/watch/inotify.js';
import { constants, kernel as realKernel } from '../../../../src/sys/binding.js';
import { EACCES, EAGAIN, EMFILE, ENOMEM, ENOSPC, ENOSYS } from '../../../../src/sys/errno.js';
import type { Kernel } from '../../../../src/sys/kernel.js';
import { kernelWith } from '../../../support/counting-kernel.js';
import { testDescriptors } from '../../../support/descriptors.js';

const { AT_FDCWD, IN_Q_OVERFLOW, O_PATH } = constants;
const test = testDescriptors();

const watches: Inotify[] = [];

afterEach(() => {
  for (const watch of watches.splice(0)) watch.close();
});

function watchOf({ kernel = realKernel, maxFolders = 100 }: { kernel?: Kernel; maxFolders?: number } = {}): Inotify {
  const watch = new Inotify(kernel, maxFolders);
  watches.push(watch);
  return watch;
}

/** A folder with `file` in it. */
function makeFolder(): { folder: string; path(name: string): string } {
  const directory = test.directory();
  const path = (name: string) => join(directory, name);
  fs.writeFileSync(path('file'), '0123456789');
  return { folder: directory, path };
}

/** Notes what it is told. */
class Listener implements DirectoryListener {
  told: string[] = [];
  wd = NOT_WATCHED;

  add(watch: Inotify, directory: string, changes = CONTENT_CHANGES): this {
    const fd = test.own('openat', realKernel.openat(AT_FDCWD, directory, O_PATH));
    this.wd = watch.add(fd, this, changes);
    test.close(fd);
    return this;
  }

  onEntryChanged(name: string): void {
    if (this.told.at(-1) !== name) this.told.push(name);
  }

  onDirectoryChanged(): void {
    this.told.push('the folder');
  }

  /** What it was told since it was asked, each name once in a row. */
  news(watch: Inotify): string[] {
    watch.read();
    return this.told.splice(0);
  }
}

describe('whoever watches a folder is told', () => {
  it.each<[string, (path: (name: string) => string) => void, content: string[], names: string[]]>([
    ['of nothing', () => {}, [], []],
    ['of a new file', (path) => fs.writeFileSync(path('new'), 'x'), ['new'], ['new']],
    ['of a new folder', (path) => fs.mkdirSync(path('new')), ['new'], ['new']],
    ['of a link', (path) => fs.symlinkSync('file', path('new')), ['new'], ['new']],
    ['of another name', (path) => fs.linkSync(path('file'), path('new')), ['new'], ['new']],
    ['of writes', (path) => fs.appendFileSync(path('file'), 'x'), ['file'], []],
    ['of a truncation', (path) => fs.truncateSync(path('file'), 1), ['file'], []],
    ['of a mode', (path) => fs.chmodSync(path('file'), 0o600), ['file'], []],
    ['of times', (path) => fs.utimesSync(path('file'), 1, 2), ['file'], []],
    ['of a removal', (path) => fs.unlinkSync(path('file')), ['file'], ['file']],
    ['of a rename', (path) => fs.renameSync(path('file'), path('new')), ['file', 'new'], ['file', 'new']],
    ['of a name beyond ASCII', (path) => fs.mkdirSync(path('é')), ['\xc3\xa9'], ['\xc3\xa9']],
    ['of nothing that is read', (path) => fs.readFileSync(path('file')), [], []],
  ])('%s', (_, act, content, names) => {
    const watch = watchOf();
    const { folder: directory, path } = makeFolder();
    const [whole, narrow] = [new Listener().add(watch, directory), new Listener()];
    const other = watchOf();
    narrow.add(other, directory, NAME_CHANGES);
    act(path);
    const told = whole.news(watch);
    expect([...new Set(told)]).toEqual(content);
    expect(narrow.news(other)).toEqual(names);
    expect(watch.events).toBeGreaterThanOrEqual(told.length);
  });

  it.each<[string, (path: string) => void]>([
    ['has moved', (path) => fs.renameSync(path, `${path}-moved`)],
    ['is removed', (path) => fs.rmdirSync(path)],
    ['may be read by others', (path) => fs.chmodSync(path, 0o700)],
  ])('that the folder itself %s', (_, act) => {
    const watch = watchOf();
    const { path } = makeFolder();
    fs.mkdirSync(path('inner'));
    const inner = new Listener().add(watch, path('inner'));
    act(path('inner'));
    expect(inner.news(watch)).toContain('the folder');
    expect(new Set(inner.told).size).toBeLessThanOrEqual(1);
    watch.remove(inner.wd, inner);
    expect(watch.size).toBe(0);
  });

  it('of the folder that the descriptor stands for, whatever has its name by now', () => {
    const watch = watchOf();
    const { path } = makeFolder();
    fs.mkdirSync(path('inner'));
    const fd = test.own('openat', realKernel.openat(AT_FDCWD, path('inner'), O_PATH));
    fs.renameSync(path('inner'), path('outer'));
    fs.mkdirSync(path('inner'));
    const outer = new Listener();
    watch.add(fd, outer, CONTENT_CHANGES);
    fs.writeFileSync(path('inner/wrong'), '');
    fs.writeFileSync(path('outer/right'), '');
    expect(outer.news(watch)).toEqual(['right']);
  });

  it('of no more once it has gone, even of what has happened before', () => {
    const watch = watchOf();
    const { folder, path } = makeFolder();
    const listener = new Listener().add(watch, folder);
    fs.chmodSync(path('file'), 0o600);
    watch.remove(listener.wd, listener);
    watch.remove(listener.wd, listener);
    fs.chmodSync(path('file'), 0o644);
    expect([listener.news(watch), watch.size]).toEqual([[], 0]);
  });
});

describe('two who watch one folder', () => {
  const two = (changes: readonly [number, number], options: Parameters<typeof watchOf>[0] = {}) => {
    const watch = watchOf(options);
    const { folder, path } = makeFolder();
    const [one, other] = changes.map((each) => new Listener().add(watch, folder, each)) as [Listener, Listener];
    return { watch, path, one, other };
  };

  it.each([
    [CONTENT_CHANGES, NAME_CHANGES],
    [NAME_CHANGES, CONTENT_CHANGES],
    [CONTENT_CHANGES, CONTENT_CHANGES],
  ])('both hear all that either wants (%i, %i)', (...changes) => {
    const { watch, path, one, other } = two(changes);
    expect([one.wd, watch.size]).toEqual([other.wd, 1]);
    fs.appendFileSync(path('file'), 'x');
    watch.read();
    expect([one.told, other.told]).toEqual([['file'], ['file']]);
  });

  it('may leave one by one', () => {
    const { watch, path, one, other } = two([CONTENT_CHANGES, CONTENT_CHANGES]);
    watch.remove(one.wd, one);
    fs.appendFileSync(path('file'), 'x');
    watch.read();
    expect([one.told, other.told, watch.size]).toEqual([[], ['file'], 1]);
    watch.remove(other.wd, other);
    fs.chmodSync(path('file'), 0o600);
    expect([one.news(watch), other.told, watch.size]).toEqual([[], ['file'], 0]);
  });

  it('may leave while they are told', () => {
    const { watch, path, one, other } = two([CONTENT_CHANGES, CONTENT_CHANGES]);
    one.onEntryChanged = () => {
      for (const each of [one, other]) watch.remove(each.wd, each);
    };
    fs.appendFileSync(path('file'), 'x');
    fs.chmodSync(path('file'), 0o600);
    watch.read();
    expect(watch.size).toBe(0);
  });

  it('count as one folder for the limit', () => {
    const { watch, path, one, other } = two([CONTENT_CHANGES, NAME_CHANGES], { maxFolders: 1 });
    expect([one.wd, watch.watchError]).toEqual([other.wd, null]);
    fs.mkdirSync(path('inner'));
    expect(new Listener().add(watch, path('inner')).wd).toBe(NOT_WATCHED);
  });
});

describe('where it cannot watch', () => {
  it('beyond the limit it says so, and there is room again when another leaves', () => {
    const watch = watchOf({ maxFolders: 2 });
    const { path } = makeFolder();
    const listeners = [0, 1, 2].map((i) => {
      fs.mkdirSync(path(`${i}`));
      return new Listener().add(watch, path(`${i}`));
    });
    expect(listeners.map(({ wd }) => wd === NOT_WATCHED)).toEqual([false, false, true]);
    expect([watch.size, watch.watchError]).toEqual([2, 'the limit of 2 watches']);
    fs.writeFileSync(path('2/file'), '');
    expect(listeners[2]!.news(watch)).toEqual([]);
    watch.remove(listeners[0]!.wd, listeners[0]!);
    listeners[2]!.add(watch, path('2'));
    fs.unlinkSync(path('2/file'));
    expect([watch.size, listeners[2]!.news(watch)]).toEqual([2, ['file']]);
  });

  it('with a limit of no folders it does not ask the kernel', () => {
    let asked = 0;
    const watch = watchOf({ maxFolders: 0, kernel: kernelWith({}, { inotifyAddWatch: () => asked++ }) });
    expect(new Listener().add(watch, makeFolder().folder).wd).toBe(NOT_WATCHED);
    expect([asked, watch.watchError]).toEqual([0, 'the limit of 0 watches']);
  });

  it.each([
    [ENOSPC, 'fs.inotify.max_user_watches'],
    [EACCES, 'EACCES: permission denied, inotify_add_watch'],
    [ENOMEM, 'ENOMEM: not enough memory, inotify_add_watch'],
  ])('%i for a folder: %s', (errno, refusal) => {
    let refusing = true;
    const kernel = kernelWith({
      inotifyAddWatch: (...args) => (refusing ? errno : realKernel.inotifyAddWatch(...args)),
    });
    const watch = watchOf({ kernel });
    const { folder, path } = makeFolder();
    const listener = new Listener().add(watch, folder);
    expect([listener.wd, watch.watchError, watch.size]).toEqual([NOT_WATCHED, refusal, 0]);
    refusing = false;
    listener.add(watch, folder);
    fs.chmodSync(path('file'), 0o600);
    expect([listener.news(watch), watch.watchError]).toEqual([['file'], refusal]); // there are, or were, some without
  });

  it.each([
    [EMFILE, 'EMFILE: too many open files, inotify_init1'],
    [ENOSYS, 'ENOSYS: function not implemented, inotify_init1'],
  ])('%i for all: %s', (errno, refusal) => {
    const watch = watchOf({ kernel: kernelWith({ inotifyInit1: () => errno }) });
    expect([watch.fd, watch.watchError]).toEqual([errno, refusal]);
    expect(new Listener().add(watch, makeFolder().folder).wd).toBe(NOT_WATCHED);
  });

  it('what is no folder is not watched', () => {
    const watch = watchOf();
    expect(new Listener().add(watch, makeFolder().path('file')).wd).toBe(NOT_WATCHED);
    expect(watch.watchError).toMatch(/^ENOTDIR/);
  });
});

describe('a flood', () => {
  it('is read in pieces, each of them bounded', () => {
    const reads: number[] = [];
    const watch = watchOf({ kernel: kernelWith({}, { read: (_, got) => reads.push(got as number) }) });
    const { folder, path } = makeFolder();
    let entries = 0;
    const heldUp: number[] = [];
    watch.onOverflow = () => heldUp.push(reads.length);
    const listener: DirectoryListener = { onEntryChanged: () => entries++, onDirectoryChanged() {} };
    const fd = test.own('openat', realKernel.openat(AT_FDCWD, folder, O_PATH));
    watch.add(fd, listener, NAME_CHANGES);
    const names = [path('a'), path('b')] as const;
    for (let i = 0; i < 12_000; i++) fs.renameSync(i ? names[i % 2]! : path('file'), names[(i + 1) % 2]!);
    watch.read();
    expect(reads).toHaveLength(8);
    expect(entries).toBeLessThan(10_000);
    expect([heldUp, watch.backlogs, watch.overflows]).toEqual([[8], 1, 0]); // those that are unread may be of anything
    for (let pieces = 0; pieces < 3; pieces++) watch.read();
    expect(reads.at(-1)).toBe(EAGAIN);
    expect(watch.backlogs).toBe(heldUp.length - watch.overflows);
    const kept = Number(fs.readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
    expect([entries, watch.overflows]).toEqual(kept < 24_000 ? [kept, 1] : [24_000, 0]);
  });

  it('whose end the kernel has dropped is an overflow, and what came before it is told', () => {
    let overflows = 0;
    const { folder, path } = makeFolder();
    const event = Buffer.alloc(16);
    event.writeInt32LE(-1, 0);
    event.writeUInt32LE(IN_Q_OVERFLOW, 4);
    let isFull = false;
    const kernel = kernelWith({
      read: (fd, bytes, offset, length) => {
        const got = realKernel.read(fd, bytes, offset, length);
        if (!isFull || got < 0) return got;
        event.copy(bytes, offset + got);
        return got + event.length;
      },
    });
    const watch = watchOf({ kernel });
    watch.onOverflow = () => overflows++;
    const listener = new Listener().add(watch, folder);
    fs.chmodSync(path('file'), 0o600);
    expect([listener.news(watch), overflows, watch.overflows]).toEqual([['file'], 0, 0]);
    isFull = true;
    fs.chmodSync(path('file'), 0o644);
    expect([listener.news(watch), overflows, watch.overflows]).toEqual([['file'], 1, 1]);
  });
});
