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

const opened: Inotify[] = [];

afterEach(() => {
  for (const inotify of opened.splice(0)) inotify.close();
});

function openInotify({
  kernel = realKernel,
  maxWatches = 100,
}: {
  kernel?: Kernel;
  maxWatches?: number;
} = {}): Inotify {
  const inotify = new Inotify(kernel, maxWatches);
  opened.push(inotify);
  return inotify;
}

/** A directory with `file` in it. */
function makeDirectory(): { directory: string; path(name: string): string } {
  const directory = test.directory();
  const path = (name: string) => join(directory, name);
  fs.writeFileSync(path('file'), '0123456789');
  return { directory, path };
}

/** Records its calls. */
class Listener implements DirectoryListener {
  events: string[] = [];
  wd = NOT_WATCHED;

  add(inotify: Inotify, directory: string, changes = CONTENT_CHANGES): this {
    const fd = test.own('openat', realKernel.openat(AT_FDCWD, directory, O_PATH));
    this.wd = inotify.add(fd, this, changes);
    test.close(fd);
    return this;
  }

  onEntryChanged(name: string): void {
    if (this.events.at(-1) !== name) this.events.push(name);
  }

  onDirectoryChanged(): void {
    this.events.push('the directory');
  }

  /** The events since the last call; repeated names count once. */
  readEvents(inotify: Inotify): string[] {
    inotify.read();
    return this.events.splice(0);
  }
}

describe('a listener of a directory gets an event', () => {
  it.each<[string, (path: (name: string) => string) => void, content: string[], names: string[]]>([
    ['of nothing, if nothing changes', () => {}, [], []],
    ['of a new file', (path) => fs.writeFileSync(path('new'), 'x'), ['new'], ['new']],
    ['of a new directory', (path) => fs.mkdirSync(path('new')), ['new'], ['new']],
    ['of a symlink', (path) => fs.symlinkSync('file', path('new')), ['new'], ['new']],
    ['of a hard link', (path) => fs.linkSync(path('file'), path('new')), ['new'], ['new']],
    ['of writes', (path) => fs.appendFileSync(path('file'), 'x'), ['file'], []],
    ['of a truncation', (path) => fs.truncateSync(path('file'), 1), ['file'], []],
    ['of a mode', (path) => fs.chmodSync(path('file'), 0o600), ['file'], []],
    ['of times', (path) => fs.utimesSync(path('file'), 1, 2), ['file'], []],
    ['of a removal', (path) => fs.unlinkSync(path('file')), ['file'], ['file']],
    ['of a rename', (path) => fs.renameSync(path('file'), path('new')), ['file', 'new'], ['file', 'new']],
    ['of a name beyond ASCII', (path) => fs.mkdirSync(path('é')), ['\xc3\xa9'], ['\xc3\xa9']],
    ['of nothing, on a read', (path) => fs.readFileSync(path('file')), [], []],
  ])('%s', (_, act, content, names) => {
    const inotify = openInotify();
    const { directory, path } = makeDirectory();
    const [whole, narrow] = [new Listener().add(inotify, directory), new Listener()];
    const other = openInotify();
    narrow.add(other, directory, NAME_CHANGES);
    act(path);
    const events = whole.readEvents(inotify);
    expect([...new Set(events)]).toEqual(content);
    expect(narrow.readEvents(other)).toEqual(names);
    expect(inotify.events).toBeGreaterThanOrEqual(events.length);
  });

  it.each<[string, (path: string) => void]>([
    ['is moved', (path) => fs.renameSync(path, `${path}-moved`)],
    ['is removed', (path) => fs.rmdirSync(path)],
    ['has another mode', (path) => fs.chmodSync(path, 0o700)],
  ])('that the directory itself %s', (_, act) => {
    const inotify = openInotify();
    const { path } = makeDirectory();
    fs.mkdirSync(path('inner'));
    const inner = new Listener().add(inotify, path('inner'));
    act(path('inner'));
    expect(inner.readEvents(inotify)).toContain('the directory');
    expect(new Set(inner.events).size).toBeLessThanOrEqual(1);
    inotify.remove(inner.wd, inner);
    expect(inotify.size).toBe(0);
  });

  it('of the directory of the descriptor, whatever has its name by now', () => {
    const inotify = openInotify();
    const { path } = makeDirectory();
    fs.mkdirSync(path('inner'));
    const fd = test.own('openat', realKernel.openat(AT_FDCWD, path('inner'), O_PATH));
    fs.renameSync(path('inner'), path('outer'));
    fs.mkdirSync(path('inner'));
    const outer = new Listener();
    inotify.add(fd, outer, CONTENT_CHANGES);
    fs.writeFileSync(path('inner/wrong'), '');
    fs.writeFileSync(path('outer/right'), '');
    expect(outer.readEvents(inotify)).toEqual(['right']);
  });

  it('of nothing after remove(), not even queued events', () => {
    const inotify = openInotify();
    const { directory, path } = makeDirectory();
    const listener = new Listener().add(inotify, directory);
    fs.chmodSync(path('file'), 0o600);
    inotify.remove(listener.wd, listener);
    inotify.remove(listener.wd, listener);
    fs.chmodSync(path('file'), 0o644);
    expect([listener.readEvents(inotify), inotify.size]).toEqual([[], 0]);
  });
});

describe('two listeners of one directory', () => {
  const two = (changes: readonly [number, number], options: Parameters<typeof openInotify>[0] = {}) => {
    const inotify = openInotify(options);
    const { directory, path } = makeDirectory();
    const [one, other] = changes.map((each) => new Listener().add(inotify, directory, each)) as [Listener, Listener];
    return { inotify, path, one, other };
  };

  it.each([
    [CONTENT_CHANGES, NAME_CHANGES],
    [NAME_CHANGES, CONTENT_CHANGES],
    [CONTENT_CHANGES, CONTENT_CHANGES],
  ])('share a watch and get the events of both (%i, %i)', (...changes) => {
    const { inotify, path, one, other } = two(changes);
    expect([one.wd, inotify.size]).toEqual([other.wd, 1]);
    fs.appendFileSync(path('file'), 'x');
    inotify.read();
    expect([one.events, other.events]).toEqual([['file'], ['file']]);
  });

  it('are removed one by one', () => {
    const { inotify, path, one, other } = two([CONTENT_CHANGES, CONTENT_CHANGES]);
    inotify.remove(one.wd, one);
    fs.appendFileSync(path('file'), 'x');
    inotify.read();
    expect([one.events, other.events, inotify.size]).toEqual([[], ['file'], 1]);
    inotify.remove(other.wd, other);
    fs.chmodSync(path('file'), 0o600);
    expect([one.readEvents(inotify), other.events, inotify.size]).toEqual([[], ['file'], 0]);
  });

  it('may be removed while they are called', () => {
    const { inotify, path, one, other } = two([CONTENT_CHANGES, CONTENT_CHANGES]);
    one.onEntryChanged = () => {
      for (const each of [one, other]) inotify.remove(each.wd, each);
    };
    fs.appendFileSync(path('file'), 'x');
    fs.chmodSync(path('file'), 0o600);
    inotify.read();
    expect(inotify.size).toBe(0);
  });

  it('count as one watch', () => {
    const { inotify, path, one, other } = two([CONTENT_CHANGES, NAME_CHANGES], { maxWatches: 1 });
    expect([one.wd, inotify.watchError]).toEqual([other.wd, null]);
    fs.mkdirSync(path('inner'));
    expect(new Listener().add(inotify, path('inner')).wd).toBe(NOT_WATCHED);
  });
});

describe('a directory is not watched', () => {
  it('beyond the limit, until another watch ends', () => {
    const inotify = openInotify({ maxWatches: 2 });
    const { path } = makeDirectory();
    const listeners = [0, 1, 2].map((i) => {
      fs.mkdirSync(path(`${i}`));
      return new Listener().add(inotify, path(`${i}`));
    });
    expect(listeners.map(({ wd }) => wd === NOT_WATCHED)).toEqual([false, false, true]);
    expect([inotify.size, inotify.watchError]).toEqual([2, 'the limit of 2 watches']);
    fs.writeFileSync(path('2/file'), '');
    expect(listeners[2]!.readEvents(inotify)).toEqual([]);
    inotify.remove(listeners[0]!.wd, listeners[0]!);
    listeners[2]!.add(inotify, path('2'));
    fs.unlinkSync(path('2/file'));
    expect([inotify.size, listeners[2]!.readEvents(inotify)]).toEqual([2, ['file']]);
  });

  it('with a limit of 0, and inotify_add_watch is not called', () => {
    let calls = 0;
    const inotify = openInotify({ maxWatches: 0, kernel: kernelWith({}, { inotifyAddWatch: () => calls++ }) });
    expect(new Listener().add(inotify, makeDirectory().directory).wd).toBe(NOT_WATCHED);
    expect([calls, inotify.watchError]).toEqual([0, 'the limit of 0 watches']);
  });

  it.each([
    [ENOSPC, 'fs.inotify.max_user_watches'],
    [EACCES, 'EACCES: permission denied, inotify_add_watch'],
    [ENOMEM, 'ENOMEM: not enough memory, inotify_add_watch'],
  ])('if inotify_add_watch fails with %i: %s', (errno, reason) => {
    let isFailing = true;
    const kernel = kernelWith({
      inotifyAddWatch: (...args) => (isFailing ? errno : realKernel.inotifyAddWatch(...args)),
    });
    const inotify = openInotify({ kernel });
    const { directory, path } = makeDirectory();
    const listener = new Listener().add(inotify, directory);
    expect([listener.wd, inotify.watchError, inotify.size]).toEqual([NOT_WATCHED, reason, 0]);
    isFailing = false;
    listener.add(inotify, directory);
    fs.chmodSync(path('file'), 0o600);
    expect([listener.readEvents(inotify), inotify.watchError]).toEqual([['file'], reason]); // of the last failure
  });

  it.each([
    [EMFILE, 'EMFILE: too many open files, inotify_init1'],
    [ENOSYS, 'ENOSYS: function not implemented, inotify_init1'],
  ])('if inotify_init1 fails with %i: %s', (errno, reason) => {
    const inotify = openInotify({ kernel: kernelWith({ inotifyInit1: () => errno }) });
    expect([inotify.fd, inotify.watchError]).toEqual([errno, reason]);
    expect(new Listener().add(inotify, makeDirectory().directory).wd).toBe(NOT_WATCHED);
  });

  it('if it is a file', () => {
    const inotify = openInotify();
    expect(new Listener().add(inotify, makeDirectory().path('file')).wd).toBe(NOT_WATCHED);
    expect(inotify.watchError).toMatch(/^ENOTDIR/);
  });
});

describe('many events', () => {
  it('are read in pieces of bounded size', () => {
    const reads: number[] = [];
    const inotify = openInotify({ kernel: kernelWith({}, { read: (_, got) => reads.push(got as number) }) });
    const { directory, path } = makeDirectory();
    let entries = 0;
    const readsAtBacklog: number[] = [];
    inotify.onOverflow = () => readsAtBacklog.push(reads.length);
    const listener: DirectoryListener = { onEntryChanged: () => entries++, onDirectoryChanged() {} };
    const fd = test.own('openat', realKernel.openat(AT_FDCWD, directory, O_PATH));
    inotify.add(fd, listener, NAME_CHANGES);
    const names = [path('a'), path('b')] as const;
    for (let i = 0; i < 12_000; i++) fs.renameSync(i ? names[i % 2]! : path('file'), names[(i + 1) % 2]!);
    inotify.read();
    expect(reads).toHaveLength(8);
    expect(entries).toBeLessThan(10_000);
    expect([readsAtBacklog, inotify.backlogs, inotify.overflows]).toEqual([[8], 1, 0]); // unread events may concern any directory
    for (let pieces = 0; pieces < 3; pieces++) inotify.read();
    expect(reads.at(-1)).toBe(EAGAIN);
    expect(inotify.backlogs).toBe(readsAtBacklog.length - inotify.overflows);
    const maxQueued = Number(fs.readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
    expect([entries, inotify.overflows]).toEqual(maxQueued < 24_000 ? [maxQueued, 1] : [24_000, 0]);
  });

  it('whose end was dropped are an overflow, after those before it are dispatched', () => {
    let overflows = 0;
    const { directory, path } = makeDirectory();
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
    const inotify = openInotify({ kernel });
    inotify.onOverflow = () => overflows++;
    const listener = new Listener().add(inotify, directory);
    fs.chmodSync(path('file'), 0o600);
    expect([listener.readEvents(inotify), overflows, inotify.overflows]).toEqual([['file'], 0, 0]);
    isFull = true;
    fs.chmodSync(path('file'), 0o644);
    expect([listener.readEvents(inotify), overflows, inotify.overflows]).toEqual([['file'], 1, 1]);
  });
});
