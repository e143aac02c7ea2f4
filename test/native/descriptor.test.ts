import { writeFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { constants, kernel } from '../../src/sys/binding.js';
import { EBADF, EINVAL, ENODEV, ENOTTY, EPERM, EWOULDBLOCK } from '../../src/sys/errno.js';
import { flagsOf, testDescriptors } from '../support/descriptors.js';

const { F_DUPFD_CLOEXEC, F_GETFD, F_GETFL, F_GETOWN, F_GETPIPE_SZ, F_SETFD, F_SETFL, F_SETOWN, F_SETPIPE_SZ } =
  constants;
const { F_ADD_SEALS, F_GETLEASE, F_GETSIG, F_GET_SEALS, F_UNLCK, FD_CLOEXEC, O_CLOEXEC, O_NONBLOCK } = constants;
const { FIOCLEX, FIONBIO, FIONCLEX, FIONREAD, SIOCATMARK, SIOCGIFADDR, SIOCGIFINDEX, SIOCINQ, SIOCOUTQ } = constants;
const { LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, O_DIRECTORY, TIOCGWINSZ, TIOCOUTQ } = constants;
const test = testDescriptors();

it('dup is close-on-exec, and shares the offset and the status flags', () => {
  const path = join(test.directory(), 'file');
  writeFileSync(path, 'abcdef');
  const fd = test.own('openat', kernel.openat(constants.AT_FDCWD, path, 0));
  const other = test.own('dup', kernel.dup(fd));
  expect(other).toBeGreaterThan(fd);
  expect(flagsOf(other) & O_CLOEXEC).toBe(O_CLOEXEC);
  const bytes = Buffer.alloc(3);
  kernel.read(fd, bytes, 0, 3);
  kernel.read(other, bytes, 0, 3);
  expect(bytes.toString()).toBe('def');
  expect(kernel.fcntl(fd, F_SETFL, O_NONBLOCK)).toBe(0);
  expect(kernel.fcntl(other, F_GETFL) & O_NONBLOCK).toBe(O_NONBLOCK);
});

describe('fcntl', () => {
  it('F_SETFD and F_GETFD: close-on-exec', () => {
    const [fd] = test.pipe();
    expect(kernel.fcntl(fd, F_GETFD)).toBe(FD_CLOEXEC);
    expect(kernel.fcntl(fd, F_SETFD, 0)).toBe(0);
    expect(kernel.fcntl(fd, F_GETFD, 0)).toBe(0);
    expect(kernel.fcntl(fd, F_SETFD)).toBe(0);
  });

  it('the sizes, owners, signals, leases and seals of a pipe', () => {
    const [fd] = test.pipe();
    expect(kernel.fcntl(fd, F_SETPIPE_SZ, 8192)).toBe(8192);
    expect(kernel.fcntl(fd, F_GETPIPE_SZ)).toBe(8192);
    expect(kernel.fcntl(fd, F_SETOWN, process.pid)).toBe(0);
    expect(kernel.fcntl(fd, F_GETOWN)).toBe(process.pid);
    expect(kernel.fcntl(fd, F_GETSIG)).toBe(0);
    expect(kernel.fcntl(fd, F_GETLEASE)).toBe(F_UNLCK);
    expect(kernel.fcntl(fd, F_GET_SEALS)).toBe(EINVAL);
    expect([EINVAL, EPERM]).toContain(kernel.fcntl(fd, F_ADD_SEALS, 1));
  });

  it('F_DUPFD_CLOEXEC: from a number', () => {
    const [fd] = test.pipe();
    const other = test.own('fcntl', kernel.fcntl(fd, F_DUPFD_CLOEXEC, 100));
    expect(other).toBeGreaterThanOrEqual(100);
    expect(flagsOf(other) & O_CLOEXEC).toBe(O_CLOEXEC);
    expect(kernel.fcntl(fd, F_DUPFD_CLOEXEC, -1)).toBe(EINVAL);
  });

  // F_DUPFD, F_GETLK, F_SETLK, F_SETLKW, F_SETOWN_EX, F_GETOWN_EX, F_GETOWNER_UIDS, F_OFD_*, F_GET_RW_HINT, unknown ones.
  it.each([0, 5, 6, 7, 15, 16, 17, 36, 37, 38, 1035, 1036, 1037, 9999, -1])(
    'command %i, which takes an address or is unknown, is a RangeError',
    (command) => {
      const [fd] = test.pipe();
      expect(() => kernel.fcntl(fd, command, 1)).toThrow(RangeError);
      expect(() => kernel.fcntl(fd, command)).toThrow('command must be a command of fcntl(2)');
    },
  );

  it('an argument that is not an integer is a TypeError', () => {
    for (const argument of [1.5, '1', null, new Uint8Array(8)])
      expect(() => kernel.fcntl(0, F_SETFD, argument as number)).toThrow('argument must be an integer');
  });
});

it('flock locks an open file description, also of a directory, until it is closed', () => {
  const directory = test.directory();
  const open = () => test.own('openat', kernel.openat(constants.AT_FDCWD, directory, O_DIRECTORY));
  const [first, second, third] = [open(), open(), open()];
  const locked = (fd: number, operation: number) => kernel.flock(fd, operation | LOCK_NB);
  expect([locked(first, LOCK_EX), locked(second, LOCK_EX), locked(second, LOCK_SH)]).toEqual([
    0,
    EWOULDBLOCK,
    EWOULDBLOCK,
  ]);
  expect([kernel.flock(first, LOCK_UN), locked(second, LOCK_SH), locked(third, LOCK_SH)]).toEqual([0, 0, 0]);
  expect(locked(first, LOCK_EX)).toBe(EWOULDBLOCK);
  for (const fd of [second, third]) test.close(fd);
  expect(locked(first, LOCK_EX)).toBe(0);
  expect([kernel.flock(first, 0), kernel.flock(-1, LOCK_EX)]).toEqual([EINVAL, EBADF]);
});

describe('ioctl', () => {
  it('FIONREAD, TIOCOUTQ: bytes that wait to be read, and to be sent', () => {
    const [one, other] = test.tcp();
    kernel.send(one, Buffer.from('12345'), 0, 5, constants.MSG_OOB);
    expect(kernel.ioctl(other, SIOCINQ)).toBe(4);
    expect(kernel.ioctl(other, SIOCATMARK)).toBe(0);
    expect(SIOCINQ).toBe(FIONREAD);
    expect(SIOCOUTQ).toBe(TIOCOUTQ);
    expect(kernel.ioctl(one, SIOCOUTQ)).toBeGreaterThanOrEqual(0);
  });

  it('FIONBIO, FIOCLEX, FIONCLEX: flags', () => {
    const [fd] = test.pipe(0);
    expect(kernel.ioctl(fd, FIONBIO, 1)).toBe(0);
    expect(flagsOf(fd) & O_NONBLOCK).toBe(O_NONBLOCK);
    expect(kernel.ioctl(fd, FIONBIO, 0)).toBe(0);
    expect(flagsOf(fd) & O_NONBLOCK).toBe(0);
    expect(kernel.ioctl(fd, FIONCLEX)).toBe(0);
    expect(flagsOf(fd) & O_CLOEXEC).toBe(0);
    expect(kernel.ioctl(fd, FIOCLEX)).toBe(0);
    expect(flagsOf(fd) & O_CLOEXEC).toBe(O_CLOEXEC);
  });

  it('SIOCGIFINDEX and SIOCGIFADDR: of the loopback', () => {
    const fd = test.own('socket', kernel.socket(constants.AF_INET, constants.SOCK_DGRAM, 0));
    const request = Buffer.alloc(40);
    request.write('lo');
    expect(kernel.ioctl(fd, SIOCGIFINDEX, request)).toBe(0);
    expect(endianness() === 'LE' ? request.readInt32LE(16) : request.readInt32BE(16)).toBeGreaterThan(0);
    expect(kernel.ioctl(fd, SIOCGIFADDR, request)).toBe(0);
    expect([...request.subarray(20, 24)]).toEqual([127, 0, 0, 1]);
    request.write('none');
    expect(kernel.ioctl(fd, SIOCGIFINDEX, request)).toBe(ENODEV);
  });

  it('a descriptor without the request is -ENOTTY, a closed one -EBADF', () => {
    const [fd] = test.pipe();
    expect(kernel.ioctl(fd, TIOCGWINSZ, new Uint8Array(8))).toBe(ENOTTY);
    expect(kernel.ioctl(-1, TIOCGWINSZ, new Uint8Array(8))).toBe(EBADF);
  });

  // TIOCSTI, TIOCLINUX, TCGETS, SIOCGIFCONF, FICLONE, FIGETBSZ, unknown ones.
  it.each([0x5412, 0x541c, 0x5401, 0x8912, 0x40049409, 2, 0, -1, 0xffffffff])(
    'request %i, which could take an address, is a RangeError',
    (request) => {
      const [fd] = test.pipe();
      expect(() => kernel.ioctl(fd, request, 1)).toThrow(RangeError);
      expect(() => kernel.ioctl(fd, request, new Uint8Array(64))).toThrow('request must be one of');
    },
  );

  it.each([
    ['a number for bytes', TIOCGWINSZ, 8, TypeError, 'argument must be a Uint8Array for this request'],
    ['no bytes', TIOCGWINSZ, undefined, TypeError, 'argument must be a Uint8Array for this request'],
    ['too few bytes', TIOCGWINSZ, new Uint8Array(7), RangeError, 'argument.length must be from 8'],
    ['too few bytes of an ifreq', SIOCGIFADDR, new Uint8Array(39), RangeError, 'argument.length must be from 40'],
    ['bytes for a number', FIONBIO, new Uint8Array(8), TypeError, 'argument must be an integer'],
    ['a fraction', FIONBIO, 0.5, TypeError, 'argument must be an integer'],
  ])('invalid arguments: %s', (_, request, argument, type, message) => {
    const call = () => kernel.ioctl(-1, request, argument as number);
    expect(call).toThrow(type);
    expect(call).toThrow(message);
  });
});
