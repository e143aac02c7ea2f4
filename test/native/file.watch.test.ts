import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Epoll } from '../../src/epoll/epoll.js';
import { constants, kernel } from '../../src/sys/binding.js';
import * as errno from '../../src/sys/errno.js';
import { EPOLLIN } from '../../src/sys/events.js';
import { forEachInotifyEvent } from '../../src/sys/inotify.js';
import { flagsOf, testDescriptors } from '../support/descriptors.js';

const { AT_FDCWD, IN_ATTRIB, IN_CLOSE_WRITE, IN_CREATE, IN_DELETE, IN_DELETE_SELF, IN_DONT_FOLLOW } = constants;
const { IN_EXCL_UNLINK, IN_IGNORED, IN_ISDIR, IN_MASK_ADD, IN_MODIFY, IN_MOVE_SELF, IN_MOVED_FROM } = constants;
const { IN_MOVED_TO, IN_NONBLOCK, IN_ONLYDIR, IN_Q_OVERFLOW, IN_UNMOUNT, O_CLOEXEC, O_NONBLOCK, O_PATH } = constants;
const CHANGES = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE;
const test = testDescriptors();

const eventBits = Object.entries({
  ...{ IN_CREATE, IN_MODIFY, IN_CLOSE_WRITE, IN_ATTRIB, IN_MOVED_FROM, IN_MOVED_TO, IN_DELETE, IN_MOVE_SELF },
  ...{ IN_DELETE_SELF, IN_IGNORED, IN_ISDIR, IN_Q_OVERFLOW, IN_UNMOUNT },
});

function inotify(flags = IN_NONBLOCK): number {
  return test.own('inotify_init1', kernel.inotifyInit1(flags));
}

/** The unread events as text, such as 'CREATE|ISDIR name'. */
function events(fd: number, size = 4096): string[] {
  const bytes = new Uint8Array(size);
  const list: string[] = [];
  for (;;) {
    const count = kernel.read(fd, bytes, 0, size);
    if (count === errno.EAGAIN) return list;
    expect(count).toBeGreaterThan(0);
    forEachInotifyEvent(bytes, count, (_wd, mask, name) => {
      const names = eventBits.filter(([, bit]) => mask & bit).map(([word]) => word.slice('IN_'.length));
      list.push(`${names.join('|')} ${name.toString('latin1')}`.trimEnd());
    });
  }
}

/** An inotify descriptor that watches a directory with `file` in it. */
function watched(mask = CHANGES): { fd: number; wd: number; directory: string; path(name: string): string } {
  const directory = test.directory();
  const path = (name: string) => join(directory, name);
  fs.writeFileSync(path('file'), '0123456789');
  const fd = inotify();
  return { fd, wd: kernel.inotifyAddWatch(fd, directory, mask), directory, path };
}

describe('a watched directory reports', () => {
  it.each<[string, (path: (name: string) => string) => void, string[]]>([
    ['nothing without a change', () => {}, []],
    ['a new file', (path) => fs.writeFileSync(path('new'), 'x'), ['CREATE new', 'MODIFY new', 'CLOSE_WRITE new']],
    ['a new directory', (path) => fs.mkdirSync(path('new')), ['CREATE|ISDIR new']],
    ['a new symlink', (path) => fs.symlinkSync('file', path('new')), ['CREATE new']],
    [
      'of an edit in place',
      (path) => {
        const fd = fs.openSync(path('file'), 'r+');
        fs.writeSync(fd, 'ab', 4);
        fs.closeSync(fd);
      },
      ['MODIFY file', 'CLOSE_WRITE file'],
    ],
    ['a truncation', (path) => fs.truncateSync(path('file'), 3), ['MODIFY file', 'CLOSE_WRITE file']],
    ['a mode', (path) => fs.chmodSync(path('file'), 0o600), ['ATTRIB file']],
    ['times', (path) => fs.utimesSync(path('file'), 1, 2), ['ATTRIB file']],
    ['a removal', (path) => fs.unlinkSync(path('file')), ['DELETE file']],
    [
      'of a rename over a file',
      (path) => {
        fs.writeFileSync(path('.next'), '');
        fs.renameSync(path('.next'), path('file'));
      },
      ['CREATE .next', 'CLOSE_WRITE .next', 'MOVED_FROM .next', 'MOVED_TO file'],
    ],
    ['a name beyond ASCII', (path) => fs.mkdirSync(path('é')), ['CREATE|ISDIR \xc3\xa9']],
    ['a name of 255 bytes', (path) => fs.mkdirSync(path('n'.repeat(255))), [`CREATE|ISDIR ${'n'.repeat(255)}`]],
  ])('%s', (_, act, expected) => {
    const { fd, path } = watched();
    act(path);
    expect(events(fd)).toEqual(expected);
  });

  it('only the events in its mask', () => {
    const { fd, path } = watched(IN_DELETE);
    fs.chmodSync(path('file'), 0o600);
    fs.unlinkSync(path('file'));
    expect(events(fd)).toEqual(['DELETE file']);
  });

  it('its own removal', () => {
    const { fd, path } = watched();
    fs.mkdirSync(path('inner'));
    events(fd);
    kernel.inotifyAddWatch(fd, path('inner'), IN_DELETE_SELF | IN_MOVE_SELF);
    fs.renameSync(path('inner'), path('outer'));
    fs.rmdirSync(path('outer'));
    expect(events(fd)).toEqual([
      ...['MOVED_FROM|ISDIR inner', 'MOVED_TO|ISDIR outer', 'MOVE_SELF'],
      ...['DELETE_SELF', 'IGNORED', 'DELETE|ISDIR outer'],
    ]);
  });
});

describe('inotifyInit1', () => {
  it.each([0, IN_NONBLOCK])('%i: close-on-exec whatever the flags', (flags) => {
    expect(flagsOf(inotify(flags)) & (O_CLOEXEC | O_NONBLOCK)).toBe(O_CLOEXEC | (flags ? O_NONBLOCK : 0));
  });

  it('unknown flags are EINVAL', () => expect(kernel.inotifyInit1(1)).toBe(errno.EINVAL));

  it.each([undefined, '0', 0.5, null])('TypeError for %s', (flags) => {
    expect(() => kernel.inotifyInit1(flags as number)).toThrow('flags must be an integer');
    expect(() => kernel.inotifyInit1(flags as number)).toThrow(TypeError);
  });

  it('is readable in an epoll set until its events are read', () => {
    const { fd, path } = watched();
    using epoll = new Epoll();
    epoll.register(fd, EPOLLIN);
    expect(epoll.poll(0)).toEqual([]);
    fs.chmodSync(path('file'), 0o600);
    expect(epoll.poll(1000)).toEqual([{ fd, events: EPOLLIN, data: 0 }]);
    events(fd);
    expect(epoll.poll(0)).toEqual([]);
  });

  it('returns complete events, as many as fit', () => {
    const { fd, path } = watched();
    const names = Array.from({ length: 40 }, (_, i) => `directory-${i}`);
    for (const name of names) fs.mkdirSync(path(name));
    expect(kernel.read(fd, new Uint8Array(31), 0, 31)).toBe(errno.EINVAL);
    expect(events(fd, 100)).toEqual(names.map((name) => `CREATE|ISDIR ${name}`));
  });
});

describe('inotifyAddWatch', () => {
  it.each([
    ['a missing directory', 'nothing', CHANGES, errno.ENOENT],
    ['no name', '', CHANGES, errno.ENOENT],
    ['no bytes', new Uint8Array(0), CHANGES, errno.ENOENT],
    ['a file as a directory', 'file', CHANGES | IN_ONLYDIR, errno.ENOTDIR],
    ['below a file', 'file/x', CHANGES, errno.ENOTDIR],
    ['a symlink that is not followed', 'symlink', CHANGES | IN_ONLYDIR | IN_DONT_FOLLOW, errno.ENOTDIR],
    ['a symlink to itself', 'loop', CHANGES, errno.ELOOP],
    ['a name of 256 bytes', 'x'.repeat(256), CHANGES, errno.ENAMETOOLONG],
    ['a path of 4096 bytes', 'x/'.repeat(2048), CHANGES, errno.ENAMETOOLONG],
    ['no events', 'file', 0, errno.EINVAL],
  ])('%s is an error', (_, name, mask, expected) => {
    const { fd, path } = watched();
    fs.symlinkSync('.', path('symlink'));
    fs.symlinkSync('loop', path('loop'));
    const given = typeof name === 'string' && name !== '' ? path(name) : name;
    expect(kernel.inotifyAddWatch(fd, given, mask)).toBe(expected);
  });

  it('follows a symlink, and accepts bytes', () => {
    const { fd, wd, path } = watched();
    fs.symlinkSync('.', path('symlink'));
    expect(kernel.inotifyAddWatch(fd, Buffer.from(path('symlink')), CHANGES | IN_ONLYDIR)).toBe(wd);
  });

  it('accepts a name that is not UTF-8', () => {
    const { fd, directory } = watched();
    const name = Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0xff, 0xfe])]);
    fs.writeFileSync(name, '');
    events(fd);
    kernel.inotifyAddWatch(fd, name, IN_ATTRIB);
    fs.chmodSync(name, 0o600);
    expect(events(fd)).toEqual(['ATTRIB \xff\xfe', 'ATTRIB']);
  });

  it('watches an O_PATH descriptor of a directory that has moved', () => {
    const { path } = watched();
    fs.mkdirSync(path('inner'));
    const inner = test.own('openat', kernel.openat(AT_FDCWD, path('inner'), O_PATH));
    fs.renameSync(path('inner'), path('outer'));
    const fd = inotify();
    expect(kernel.inotifyAddWatch(fd, `/proc/self/fd/${inner}`, CHANGES | IN_ONLYDIR)).toBeGreaterThan(0);
    fs.mkdirSync(path('outer/x'));
    expect(events(fd)).toEqual(['CREATE|ISDIR x']);
  });

  it('has one watch per file, whose mask is replaced or extended', () => {
    const { fd, wd, directory, path } = watched(IN_ATTRIB);
    expect(kernel.inotifyAddWatch(fd, directory, IN_CREATE)).toBe(wd);
    fs.chmodSync(path('file'), 0o600);
    expect(events(fd)).toEqual([]);
    expect(kernel.inotifyAddWatch(fd, directory, IN_ATTRIB | IN_MASK_ADD)).toBe(wd);
    fs.chmodSync(path('file'), 0o644);
    fs.mkdirSync(path('new'));
    expect(events(fd)).toEqual(['ATTRIB file', 'CREATE|ISDIR new']);
    expect(kernel.inotifyAddWatch(fd, path('new'), IN_ATTRIB)).not.toBe(wd);
  });

  it('IN_EXCL_UNLINK: an unlinked file reports nothing', () => {
    const { fd, path } = watched(IN_MODIFY | IN_EXCL_UNLINK);
    const file = fs.openSync(path('file'), 'r+');
    fs.unlinkSync(path('file'));
    fs.writeSync(file, 'x');
    fs.closeSync(file);
    expect(events(fd)).toEqual([]);
  });

  it('EINVAL for other descriptors than inotify', () => {
    const [reader] = test.pipe();
    expect(kernel.inotifyAddWatch(reader, '/', CHANGES)).toBe(errno.EINVAL);
  });

  it.each([
    ['with a NUL', ['/\0', 2], TypeError, 'path must be without a NUL byte'],
    ['a number', [3, 2], TypeError, 'path must be a string or a Uint8Array'],
    ['an array of other elements', [new Uint16Array(1), 2], TypeError, 'path must be a string or a Uint8Array'],
    ['a missing mask', ['/'], TypeError, 'mask must be an integer'],
    ['a fractional mask', ['/', 0.5], TypeError, 'mask must be an integer'],
    ['33 bits', ['/', 2 ** 32], RangeError, 'mask must be from'],
  ])('invalid arguments: %s', (_, rest, type, message) => {
    const call = () => (kernel.inotifyAddWatch as (...args: unknown[]) => number)(-1, ...rest);
    expect(call).toThrow(type);
    expect(call).toThrow(message);
  });

  it('accepts a mask with bit 31, IN_ONESHOT, signed and unsigned', () => {
    const { fd, wd, directory, path } = watched();
    for (const mask of [0x8000_0000 | IN_ATTRIB, (0x8000_0000 | IN_ATTRIB) >>> 0]) {
      expect(kernel.inotifyAddWatch(fd, directory, mask)).toBeGreaterThanOrEqual(wd);
      fs.chmodSync(path('file'), 0o600);
      expect(events(fd)).toEqual(['ATTRIB file', 'IGNORED']);
    }
  });
});

describe('inotifyRmWatch', () => {
  it('ends with IN_IGNORED, behind the earlier events', () => {
    const { fd, wd, path } = watched();
    fs.chmodSync(path('file'), 0o600);
    expect(kernel.inotifyRmWatch(fd, wd)).toBe(0);
    fs.unlinkSync(path('file'));
    expect(events(fd)).toEqual(['ATTRIB file', 'IGNORED']);
    expect(kernel.inotifyRmWatch(fd, wd)).toBe(errno.EINVAL);
  });

  it.each([-1, 0, 77])('EINVAL for watch %i', (wd) => expect(kernel.inotifyRmWatch(inotify(), wd)).toBe(errno.EINVAL));

  it('invalid arguments throw', () => {
    const call = (wd: unknown) => () => kernel.inotifyRmWatch(-1, wd as number);
    for (const wd of [undefined, '1', 1.5]) expect(call(wd)).toThrow('wd must be an integer');
    expect(call(2 ** 31)).toThrow(RangeError);
    expect(kernel.inotifyRmWatch(test.pipe()[0], 1)).toBe(errno.EINVAL);
  });
});

describe('forEachInotifyEvent', () => {
  const event = (wd: number, mask: number, name: string, nameLength: number): Buffer => {
    const bytes = Buffer.alloc(16 + nameLength);
    bytes.writeInt32LE(wd, 0);
    bytes.writeUInt32LE(mask, 4);
    bytes.writeUInt32LE(0xffff_ffff, 8);
    bytes.writeUInt32LE(nameLength, 12);
    bytes.write(name, 16, 'latin1');
    return bytes;
  };
  const parse = (bytes: Uint8Array, length = bytes.length) => {
    const list: unknown[] = [];
    forEachInotifyEvent(bytes, length, (wd, mask, name) => list.push([wd, mask, name.toString('latin1')]));
    return list;
  };
  const three = Buffer.concat([
    event(-1, IN_Q_OVERFLOW, '', 0),
    event(2 ** 31 - 1, 0xffff_ffff, 'exactly.', 16),
    event(3, 0, '\xff\n', 2),
  ]);
  const expected = [
    [-1, IN_Q_OVERFLOW, ''],
    [2 ** 31 - 1, 0xffff_ffff, 'exactly.'],
    [3, 0, '\xff\n'],
  ];

  it('calls for each event', () => expect(parse(three)).toEqual(expected));
  it('parses at any offset', () => {
    const shifted = new Uint8Array(three.length + 9).fill(7);
    shifted.set(three, 3);
    expect(parse(shifted.subarray(3), three.length)).toEqual(expected);
  });
  it('calls nothing for an empty result', () => expect(parse(three, 0)).toEqual([]));

  it('names are views of the bytes', () => {
    const bytes = Buffer.from(event(1, 2, 'name', 16));
    forEachInotifyEvent(bytes, bytes.length, (_wd, _mask, name) => name.fill('x'));
    expect(parse(bytes)).toEqual([[1, 2, 'xxxx']]);
  });

  it.each([
    ['a negative length', errno.EAGAIN, 'length is not within the bytes'],
    ['a length beyond the bytes', three.length + 1, 'length is not within the bytes'],
    ['an end within an event', 17, 'the bytes end within an event'],
    ['an end within a name', 33, 'the bytes end within a name'],
  ])('rejects %s', (_, length, message) => expect(() => parse(three, length)).toThrow(message));
});
