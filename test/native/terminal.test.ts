import { describe, expect, it } from 'vitest';
import { constants, kernel } from '../../src/sys/binding.js';
import { check, EAGAIN, EINVAL, EIO, ENOTTY } from '../../src/sys/errno.js';
import { EPOLLIN } from '../../src/sys/events.js';
import type { Termios } from '../../src/sys/kernel.js';
import { openPty } from '../../src/sys/terminal.js';
import { testDescriptors } from '../support/descriptors.js';

const { CSTOPB, ECHO, ICANON, ISIG, ONLCR, TCIFLUSH, TCIOFLUSH, TCSADRAIN, TCSAFLUSH, TCSANOW, VEOF, VINTR } =
  constants;
const { TIOCEXCL, TIOCGEXCL, TIOCGPGRP, TIOCGPTLCK, TIOCGPTN, TIOCNXCL, TIOCOUTQ, TIOCPKT, TIOCSPTLCK } = constants;
const test = testDescriptors();

function pty() {
  const { master, slave, path } = openPty();
  test.own('openat', master);
  test.own('ioctl', slave);
  return { master, slave, path };
}

function settings(fd: number): Termios {
  const termios = kernel.tcgetattr(fd);
  if (typeof termios === 'number') throw new Error(`tcgetattr: ${termios}`);
  return termios;
}

/** Waits until there is something to read: what is written goes through a queue of the kernel. */
function readable(fd: number): void {
  const epfd = test.own('epoll_create1', kernel.epollCreate1(0));
  kernel.epollCtl(epfd, constants.EPOLL_CTL_ADD, fd, EPOLLIN, 0, 0);
  expect(kernel.epollWait(epfd, new Uint32Array(3), 1, 10_000)).toBe(1);
  test.close(epfd);
}

function read(fd: number, length: number): string {
  const bytes = Buffer.alloc(64);
  for (let at = 0; at < length; ) {
    readable(fd);
    at += check('read', kernel.read(fd, bytes, at, 64 - at));
  }
  return bytes.toString('latin1', 0, length);
}

describe('tcgetattr', () => {
  it('the settings of a new pseudoterminal: the same on both sides', () => {
    const { master, slave } = pty();
    const termios = settings(slave);
    expect(settings(master)).toEqual(termios);
    expect(termios).toMatchObject({ ispeed: 38_400, ospeed: 38_400, line: 0 });
    expect(termios.lflag & (ICANON | ECHO | ISIG)).toBe(ICANON | ECHO | ISIG);
    expect(termios.cc.length).toBe(19);
    expect([termios.cc[VINTR], termios.cc[VEOF]]).toEqual([3, 4]);
  });

  it('a descriptor that is not a terminal is -ENOTTY', () => {
    const [reader] = test.pipe();
    expect(kernel.tcgetattr(reader)).toBe(ENOTTY);
    expect(kernel.tcsetattr(reader, TCSANOW, settings(pty().slave))).toBe(ENOTTY);
    expect(kernel.tcflush(reader, TCIFLUSH)).toBe(ENOTTY);
    expect(kernel.tcdrain(reader)).toBe(ENOTTY);
    expect(kernel.tcsendbreak(reader)).toBe(ENOTTY);
  });
});

describe('tcsetattr', () => {
  it.each([TCSANOW, TCSADRAIN, TCSAFLUSH])('%i: flags, characters and any speed', (when) => {
    const { slave } = pty();
    const before = settings(slave);
    const cc = before.cc.slice();
    cc[VEOF] = 26;
    for (const [ispeed, ospeed] of [
      [9600, 9600],
      [123_456, 123_456],
      [1200, 115_200],
      [4_000_000, 250_000],
    ]) {
      const termios = { ...before, lflag: before.lflag & ~ECHO, cflag: before.cflag | CSTOPB, ispeed, ospeed, cc };
      expect(kernel.tcsetattr(slave, when, termios as Termios)).toBe(0);
      expect(settings(slave)).toEqual(termios);
    }
    // An input speed of 0 is that of the output.
    expect(kernel.tcsetattr(slave, when, { ...before, ispeed: 0, ospeed: 19_200 })).toBe(0);
    expect(settings(slave)).toMatchObject({ ispeed: 19_200, ospeed: 19_200 });
  });

  it.each([
    ['no object', 1, TypeError, 'termios must be an object'],
    ['null', null, TypeError, 'termios must be an object'],
    ['a missing flag', { lflag: undefined }, TypeError, 'termios.lflag must be an integer'],
    ['a flag beyond 32 bits', { iflag: 2 ** 32 }, RangeError, 'termios.iflag must be from'],
    ['a fractional speed', { ospeed: 0.5 }, TypeError, 'termios.ospeed must be an integer'],
    ['a line discipline beyond a byte', { line: 256 }, RangeError, 'termios.line must be from 0 to 255'],
    ['no characters', { cc: [] }, TypeError, 'termios.cc must be a Uint8Array'],
    ['too few characters', { cc: new Uint8Array(18) }, RangeError, 'termios.cc.length must be from 19 to 19'],
    ['too many characters', { cc: new Uint8Array(32) }, RangeError, 'termios.cc.length must be from 19 to 19'],
  ])('invalid arguments: %s', (_, change, type, message) => {
    const { slave } = pty();
    const termios = typeof change === 'object' && change ? { ...settings(slave), ...change } : change;
    expect(() => kernel.tcsetattr(slave, TCSANOW, termios as Termios)).toThrow(type);
    expect(() => kernel.tcsetattr(slave, TCSANOW, termios as Termios)).toThrow(message);
  });

  it('`when` is from 0 to 2, and what a getter throws is thrown', () => {
    const { slave } = pty();
    const termios = settings(slave);
    for (const when of [-1, 3])
      expect(() => kernel.tcsetattr(slave, when, termios)).toThrow('when must be from 0 to 2');
    const throwing = Object.defineProperty({ ...termios }, 'cc', {
      get() {
        throw new Error('from the getter');
      },
    });
    expect(() => kernel.tcsetattr(slave, TCSANOW, throwing)).toThrow('from the getter');
  });
});

it('a line goes through both sides; tcflush discards, tcdrain waits', () => {
  const { master, slave } = pty();
  expect(kernel.write(master, Buffer.from('ls\n'), 0, 3)).toBe(3);
  expect(read(master, 4)).toBe('ls\r\n'); // the echo
  expect(read(slave, 3)).toBe('ls\n');
  const termios = settings(slave);
  kernel.tcsetattr(slave, TCSANOW, { ...termios, oflag: termios.oflag & ~ONLCR, lflag: termios.lflag & ~ECHO });
  expect(kernel.write(slave, Buffer.from('a\n'), 0, 2)).toBe(2);
  expect(kernel.tcdrain(slave)).toBe(0);
  expect(read(master, 2)).toBe('a\n');
  kernel.write(master, Buffer.from('lost\n'), 0, 5);
  readable(slave);
  expect(kernel.tcflush(slave, TCIOFLUSH)).toBe(0);
  kernel.write(master, Buffer.from('kept\n'), 0, 5);
  expect(read(slave, 5)).toBe('kept\n');
  expect(kernel.tcflush(slave, 99)).toBe(EINVAL);
  test.close(slave);
  expect(kernel.read(master, Buffer.alloc(1), 0, 1)).toBe(EIO);
});

it('ioctl: the lock, the number, exclusive mode, packets and groups of a pseudoterminal', () => {
  const { master, slave, path } = pty();
  expect(`/dev/pts/${kernel.ioctl(master, TIOCGPTN)}`).toBe(path);
  expect(kernel.ioctl(master, TIOCSPTLCK, 1)).toBe(0);
  expect(kernel.ioctl(master, TIOCGPTLCK)).toBe(1);
  expect(kernel.ioctl(master, TIOCSPTLCK, 0)).toBe(0);
  expect(kernel.ioctl(slave, TIOCEXCL)).toBe(0);
  expect(kernel.ioctl(slave, TIOCGEXCL)).toBe(1);
  expect(kernel.ioctl(slave, TIOCNXCL)).toBe(0);
  expect(kernel.ioctl(slave, TIOCGEXCL)).toBe(0);
  expect(kernel.ioctl(master, TIOCOUTQ)).toBe(0);
  expect(kernel.ioctl(slave, TIOCGPGRP)).toBe(ENOTTY); // not the controlling terminal
  expect(kernel.ioctl(master, TIOCPKT, 1)).toBe(0);
  expect(kernel.ioctl(master, constants.TIOCGPKT)).toBe(1);
  kernel.write(slave, Buffer.from('x'), 0, 1);
  expect(read(master, 2)).toBe('\0x'); // TIOCPKT_DATA
  expect(kernel.read(master, Buffer.alloc(1), 0, 1)).toBe(EAGAIN);
});
