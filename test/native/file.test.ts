import { spawnSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { constants, kernel } from '../../src/sys/binding.js';
import * as errno from '../../src/sys/errno.js';
import { OPEN_FD, OPEN_READ_WORDS, STAT_WORDS, Stat } from '../../src/sys/kernel.js';
import { testDescriptors } from '../support/descriptors.js';

const { AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY, RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS } = constants;
const { RESOLVE_NO_SYMLINKS } = constants;
const test = testDescriptors();

/** root/{file,directory/inner,symlink,up,absolute,dangling,loop}, and a file `outside` next to it. */
function tree(): { path: string; fd: number } {
  const base = test.directory();
  const path = join(base, 'root');
  mkdirSync(join(path, 'directory'), { recursive: true });
  writeFileSync(join(base, 'outside'), 'secret');
  writeFileSync(join(path, 'file'), '0123456789');
  writeFileSync(join(path, 'naïve 雪'), '');
  writeFileSync(join(path, 'directory', 'inner'), 'inner');
  symlinkSync('directory/inner', join(path, 'symlink'));
  symlinkSync('../outside', join(path, 'up'));
  symlinkSync(join(path, 'file'), join(path, 'absolute'));
  symlinkSync('nowhere', join(path, 'dangling'));
  symlinkSync('loop', join(path, 'loop'));
  return { path, fd: test.own('open', openSync(path, 'r')) };
}

// -ENOSYS before Linux 5.6, -EPERM under some seccomp profiles.
const probe = kernel.openat2(AT_FDCWD, '/', O_PATH, 0);
if (probe >= 0) kernel.close(probe);

describe.runIf(probe >= 0)('openat2', () => {
  it.each([
    ['a file', 'file', O_RDONLY, RESOLVE_BENEATH, 0],
    ['as bytes', new TextEncoder().encode('directory/inner'), O_RDONLY, RESOLVE_BENEATH, 0],
    ['beyond ASCII', 'naïve 雪', O_RDONLY, RESOLVE_BENEATH, 0],
    ['a directory', 'directory', O_PATH | O_DIRECTORY, RESOLVE_BENEATH, 0],
    ['the directory itself', '.', O_RDONLY | O_DIRECTORY, RESOLVE_BENEATH, 0],
    ['down and up again', 'directory/../file', O_RDONLY, RESOLVE_BENEATH, 0],
    ['a symlink inside', 'symlink', O_RDONLY, RESOLVE_BENEATH, 0],
    ['up', '../outside', O_RDONLY, RESOLVE_BENEATH, errno.EXDEV],
    ['up and down again', '../root/file', O_RDONLY, RESOLVE_BENEATH, errno.EXDEV],
    ['a symlink that escapes', 'up', O_RDONLY, RESOLVE_BENEATH, errno.EXDEV],
    ['an absolute symlink, even to a file inside', 'absolute', O_RDONLY, RESOLVE_BENEATH, errno.EXDEV],
    ['an absolute path', '/etc/passwd', O_RDONLY, RESOLVE_BENEATH, errno.EXDEV],
    ['a symlink with RESOLVE_NO_SYMLINKS', 'symlink', O_RDONLY, RESOLVE_NO_SYMLINKS, errno.ELOOP],
    ['a symlink to itself', 'loop', O_RDONLY, RESOLVE_BENEATH, errno.ELOOP],
    ['a symlink that is not followed', 'symlink', O_RDONLY | O_NOFOLLOW, RESOLVE_BENEATH, errno.ELOOP],
    ['a dangling symlink', 'dangling', O_RDONLY, RESOLVE_BENEATH, errno.ENOENT],
    ['a missing file', 'nothing', O_RDONLY, RESOLVE_BENEATH, errno.ENOENT],
    ['an empty path', '', O_RDONLY, RESOLVE_BENEATH, errno.ENOENT],
    ['an empty array', new Uint8Array(0), O_RDONLY, RESOLVE_BENEATH, errno.ENOENT],
    ['a file as a directory', 'file/x', O_RDONLY, RESOLVE_BENEATH, errno.ENOTDIR],
    ['a name of 256 bytes', 'x'.repeat(256), O_RDONLY, RESOLVE_BENEATH, errno.ENAMETOOLONG],
    ['a path of 4095 bytes', './'.repeat(2045) + './file'.slice(1), O_RDONLY, RESOLVE_BENEATH, 0],
    ['a path of 4096 bytes', `${'./'.repeat(2046)}file`, O_RDONLY, RESOLVE_BENEATH, errno.ENAMETOOLONG],
    ['a longer path as bytes', new Uint8Array(100_000).fill(97), O_RDONLY, RESOLVE_BENEATH, errno.ENAMETOOLONG],
    ['a longer path beyond ASCII', '雪'.repeat(2000), O_RDONLY, RESOLVE_BENEATH, errno.ENAMETOOLONG],
    ['unknown bits', 'file', O_RDONLY, 0x8000_0000, errno.EINVAL],
    ['magic links', '/proc/self/exe', O_RDONLY, RESOLVE_NO_MAGICLINKS, errno.ELOOP],
  ])('%s', (_, path, flags, resolve, expected) => {
    const result = kernel.openat2(tree().fd, path, flags, resolve);
    if (expected === 0) test.own('openat2', result);
    else expect(result).toBe(expected);
  });
});

describe('openat', () => {
  it.each([
    ['a file', 'file', O_RDONLY, 0],
    ['a symlink', 'symlink', O_RDONLY, 0],
    ['a symlink that is not followed', 'symlink', O_RDONLY | O_NOFOLLOW, errno.ELOOP],
    ['the symlink itself', 'symlink', O_PATH | O_NOFOLLOW, 0],
    ['a file as a directory', 'file', O_RDONLY | O_DIRECTORY, errno.ENOTDIR],
    ['a missing file', 'nothing', O_RDONLY, errno.ENOENT],
  ])('%s', (_, path, flags, expected) => {
    const result = kernel.openat(tree().fd, path, flags);
    if (expected === 0) test.own('openat', result);
    else expect(result).toBe(expected);
  });

  it('AT_FDCWD is the working directory', () => {
    const fd = test.own('openat', kernel.openat(AT_FDCWD, 'package.json', O_RDONLY));
    const out = new Float64Array(STAT_WORDS);
    kernel.fstat(fd, out);
    expect(out[Stat.size]).toBe(statSync('package.json').size);
  });
});

describe('an invalid path', () => {
  it.each([
    ['with a NUL', 'fi\0le', 'path must be without a NUL byte'],
    ['with a NUL at its end', 'file\0', 'path must be without a NUL byte'],
    ['as bytes with a NUL', new Uint8Array([102, 0]), 'path must be without a NUL byte'],
    ['a number', 3, 'path must be a string or a Uint8Array'],
    ['undefined', undefined, 'path must be a string or a Uint8Array'],
    ['an array of other elements', new Uint16Array(4), 'path must be a string or a Uint8Array'],
  ])('%s throws', (_, path, message) => {
    for (const call of [kernel.openat, kernel.openat2, kernel.readlinkat] as ((...args: unknown[]) => unknown)[]) {
      expect(() => call(AT_FDCWD, path, 0, 0)).toThrow(TypeError);
      expect(() => call(AT_FDCWD, path, 0, 0)).toThrow(message);
    }
  });
});

describe('readlinkat', () => {
  const target = (bytes: Uint8Array | number) => (typeof bytes === 'number' ? bytes : Buffer.from(bytes).toString());

  it.each([
    ['symlink', 'directory/inner'],
    ['up', '../outside'],
    ['dangling', 'nowhere'],
    ['file', errno.EINVAL],
    ['nothing', errno.ENOENT],
  ])('%s', (name, expected) => expect(target(kernel.readlinkat(tree().fd, name))).toBe(expected));

  it('reads the symlink of an O_PATH descriptor', () => {
    const symlink = test.own('openat', kernel.openat(tree().fd, 'symlink', O_PATH | O_NOFOLLOW));
    expect(target(kernel.readlinkat(symlink, ''))).toBe('directory/inner');
  });

  it('returns up to 4095 bytes, which need not be UTF-8', () => {
    const { path, fd } = tree();
    symlinkSync('x'.repeat(4095), join(path, 'long'));
    symlinkSync(Buffer.from([0xff, 0xfe]), join(path, 'bytes'));
    expect(kernel.readlinkat(fd, 'long')).toHaveLength(4095);
    expect(kernel.readlinkat(fd, 'bytes')).toEqual(new Uint8Array([0xff, 0xfe]));
  });
});

describe('fstat', () => {
  it.each(['file', 'directory', 'symlink'])('of %s returns the values of fs.stat', (name) => {
    const { path, fd: root } = tree();
    if (name === 'file') linkSync(join(path, 'file'), join(path, 'again'));
    const fd = test.own('openat', kernel.openat(root, name, O_RDONLY));
    const out = new Float64Array(STAT_WORDS);
    expect(kernel.fstat(fd, out)).toBe(0);
    const stats = statSync(join(path, name), { bigint: true });
    const field = (index: number) => BigInt(out[index]!);
    expect(field(Stat.mode)).toBe(stats.mode);
    expect(field(Stat.size)).toBe(stats.size);
    expect(field(Stat.mtimeSeconds) * 10n ** 9n + field(Stat.mtimeNanoseconds)).toBe(stats.mtimeNs);
    expect(field(Stat.ctimeSeconds) * 10n ** 9n + field(Stat.ctimeNanoseconds)).toBe(stats.ctimeNs);
    expect((field(Stat.inodeHigh) << 32n) | field(Stat.inodeLow)).toBe(stats.ino);
    expect((field(Stat.deviceHigh) << 32n) | field(Stat.deviceLow)).toBe(stats.dev);
    expect(field(Stat.links)).toBe(stats.nlink);
    const isDirectory = (out[Stat.mode]! & constants.S_IFMT) === constants.S_IFDIR;
    expect(isDirectory).toBe(name === 'directory');
  });

  it('rejects an array that is too short', () => {
    const call = (out: unknown) => () => kernel.fstat(0, out as Float64Array);
    expect(call(new Float64Array(STAT_WORDS - 1))).toThrow(RangeError);
    expect(call(new Float32Array(STAT_WORDS))).toThrow('out must be a Float64Array');
    expect(call(undefined)).toThrow(TypeError);
  });
});

describe('fstatfs', () => {
  // The magic of /sys/fs/bpf has its upper bit set.
  const places = ['.', '/tmp', '/proc', '/sys', '/sys/fs/bpf', '/dev', '/dev/shm'].filter(existsSync);

  it.each(places)('of %s returns the type of fs.statfs', (path) => {
    const fd = test.own('openat', kernel.openat(AT_FDCWD, path, O_PATH));
    expect(kernel.fstatfs(fd)).toBe(statfsSync(path).type >>> 0);
  });

  it('returns the magic numbers of statfs(2) for other descriptors too', () => {
    const proc = test.own('openat', kernel.openat(AT_FDCWD, '/proc/self/stat', O_RDONLY));
    expect([test.pair()[0], test.pipe()[0], proc].map(kernel.fstatfs)).toEqual([0x534f434b, 0x50495045, 0x9fa0]);
  });
});

describe('pread', () => {
  it.each([
    ['from the start', 0, 4, '0123'],
    ['from the middle', 7, 4, '789'],
    ['at the end', 10, 4, ''],
    ['beyond the end', 2 ** 40, 4, ''],
  ])('%s', (_, position, length, expected) => {
    const fd = test.own('openat', kernel.openat(tree().fd, 'file', O_RDONLY));
    const bytes = Buffer.alloc(8);
    const count = kernel.pread(fd, bytes, 1, length, position);
    expect(bytes.toString('latin1', 1, 1 + count)).toBe(expected);
  });

  it('a pipe is ESPIPE, a negative position throws', () => {
    const [reader] = test.pipe();
    expect(kernel.pread(reader, new Uint8Array(1), 0, 1, 0)).toBe(errno.ESPIPE);
    expect(() => kernel.pread(reader, new Uint8Array(1), 0, 1, -1)).toThrow('position must be from 0');
    expect(kernel.pread(reader, new Uint8Array(1), 0, 1, 2 ** 53 - 1)).toBe(errno.ESPIPE);
  });
});

describe('fstatat', () => {
  const status = (path: string, flags = 0) => {
    const { fd } = tree();
    const bytes = Buffer.from(`<${path}>`);
    const out = new Float64Array(STAT_WORDS);
    return [
      kernel.fstatat(fd, bytes, 1, bytes.length - 2, flags, out),
      out[Stat.size],
      out[Stat.mode]! & constants.S_IFMT,
    ];
  };

  it.each([
    ['file', 0, [0, 10, constants.S_IFREG]],
    ['directory/inner', 0, [0, 5, constants.S_IFREG]],
    ['symlink', 0, [0, 5, constants.S_IFREG]],
    ['symlink', constants.AT_SYMLINK_NOFOLLOW, [0, 15, 0xa000]],
    ['nothing', 0, [errno.ENOENT, 0, 0]],
    ['', 0, [errno.ENOENT, 0, 0]],
    ['x'.repeat(4096), 0, [errno.ENAMETOOLONG, 0, 0]],
  ])('of %s with flags %i', (path, flags, expected) => expect(status(path, flags)).toEqual(expected));

  it('a NUL in the path, and a range outside of the bytes, throw', () => {
    const out = new Float64Array(STAT_WORDS);
    expect(() => kernel.fstatat(AT_FDCWD, Buffer.from('a\0b'), 0, 3, 0, out)).toThrow('NUL');
    expect(() => kernel.fstatat(AT_FDCWD, Buffer.from('abc'), 1, 3, 0, out)).toThrow(RangeError);
  });
});

describe.runIf(probe >= 0)('openRead', () => {
  const RESOLVE = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
  const read = (fd: number, path: string, length: number) => {
    const bytes = Buffer.alloc(16, '.');
    const out = new Float64Array(OPEN_READ_WORDS);
    const count = kernel.openRead(fd, Buffer.from(path), 0, path.length, RESOLVE, bytes, 2, length, out);
    return { count, text: bytes.toString(), fd: out[OPEN_FD]!, size: out[Stat.size] };
  };

  it('reads a file that is shorter than the room, and closes it', () => {
    const { fd } = tree();
    const before = readdirSync('/proc/self/fd').length;
    expect(read(fd, 'file', 11)).toEqual({ count: 10, text: '..0123456789....', fd: -1, size: 10 });
    expect(read(fd, 'directory/inner', 14)).toEqual({ count: 5, text: '..inner.........', fd: -1, size: 5 });
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });

  it('leaves a file that is as long as the room open, and does not read it', () => {
    const { fd } = tree();
    const { fd: opened, ...result } = read(fd, 'file', 10);
    test.own('openRead', opened);
    expect(result).toEqual({ count: 0, text: '.'.repeat(16), size: 10 });
    const bytes = Buffer.alloc(10);
    expect([kernel.pread(opened, bytes, 0, 10, 0), bytes.toString()]).toEqual([10, '0123456789']);
  });

  it.each([
    ['a missing file', 'nothing', errno.ENOENT],
    ['a directory', 'directory', errno.EINVAL],
    ['a FIFO, for which it does not wait', 'fifo', errno.EINVAL],
    ['a symlink', 'symlink', errno.ELOOP],
    ['a path that leads out', '../outside', errno.EXDEV],
    ['a path of 4096 bytes', 'x'.repeat(4096), errno.ENAMETOOLONG],
  ])('%s is an errno, and leaves nothing open', (_, path, expected) => {
    const { path: root, fd } = tree();
    spawnSync('mkfifo', [join(root, 'fifo')]);
    const before = readdirSync('/proc/self/fd').length;
    expect(read(fd, path, 14)).toMatchObject({ count: expected, fd: -1 });
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });

  it('needs room in the array for the descriptor', () => {
    const out = new Float64Array(STAT_WORDS);
    expect(() => kernel.openRead(AT_FDCWD, Buffer.from('x'), 0, 1, 0, Buffer.alloc(4), 0, 4, out)).toThrow(
      'out.length',
    );
  });
});

it('close succeeds once, then is EBADF', () => {
  const fd = kernel.eventfd(0, 0);
  expect([kernel.close(fd), kernel.close(fd)]).toEqual([0, errno.EBADF]);
});

describe('a file that is created', () => {
  const { O_APPEND, O_CREAT, O_EXCL, O_RDWR, O_TRUNC, O_WRONLY } = constants;
  const modeOf = (fd: number) => {
    const stat = new Float64Array(STAT_WORDS);
    kernel.fstat(fd, stat);
    return stat[Stat.mode]! & 0o7777;
  };
  const opens: [name: string, open: (path: string, flags: number, mode?: number) => number][] = [
    ['openat', (path, flags, mode) => kernel.openat(AT_FDCWD, path, flags, mode)],
  ];
  if (probe >= 0) opens.push(['openat2', (path, flags, mode) => kernel.openat2(AT_FDCWD, path, flags, 0, mode)]);

  it.each(opens)('%s: its mode, less the umask', (name, open) => {
    const directory = test.directory();
    for (const [path, mode, expected] of [
      ['some', 0o640, 0o640],
      ['default', undefined, 0],
      ['umask', 0o4777, 0o4755],
    ] as const) {
      const fd = test.own(name, open(join(directory, path), O_RDWR | O_CREAT | O_EXCL, mode));
      expect([path, modeOf(fd)]).toEqual([path, expected & ~process.umask()]);
    }
    expect(open(join(directory, 'some'), O_RDWR | O_CREAT | O_EXCL, 0o600)).toBe(errno.EEXIST);
  });

  it.each(opens)('%s: O_APPEND writes at the end, O_TRUNC empties', (name, open) => {
    const path = join(test.directory(), 'file');
    const bytes = Buffer.from('abc');
    for (const flags of [O_WRONLY | O_CREAT, O_WRONLY | O_APPEND]) {
      const fd = test.own(name, open(path, flags, flags & O_CREAT ? 0o600 : 0));
      expect(kernel.write(fd, bytes, 0, 3)).toBe(3);
    }
    expect(statSync(path).size).toBe(6);
    test.own(name, open(path, O_WRONLY | O_TRUNC));
    expect(statSync(path).size).toBe(0);
  });

  it.each([-1, 0o10000, 1.5, '1', null])('mode %s is not one', (mode) => {
    for (const [, open] of opens) expect(() => open('x', O_RDONLY, mode as number)).toThrow('mode must be');
  });

  it.runIf(probe >= 0)('openat2 rejects a mode without O_CREAT', () =>
    expect(kernel.openat2(AT_FDCWD, '/', O_RDONLY, 0, 0o600)).toBe(errno.EINVAL),
  );
});
