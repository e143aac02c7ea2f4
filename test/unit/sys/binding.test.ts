import { execFileSync } from 'node:child_process';
import { constants as fsConstants } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { constants, kernel } from '../../../src/sys/binding.js';
import { EBADF } from '../../../src/sys/errno.js';
import { OPEN_READ_WORDS, STAT_WORDS } from '../../../src/sys/kernel.js';
import { testDescriptors } from '../../support/descriptors.js';

const test = testDescriptors();
const { SOCK_STREAM } = constants;
const anything = kernel as unknown as Record<string, (...args: unknown[]) => unknown>;

/** Every call that takes a descriptor, with valid further arguments. */
const calls: [name: string, rest: unknown[]][] = [
  ['epollCtl', [1, 0, 1, 0, 0]],
  ['epollWait', [new Uint32Array(3), 1, 0]],
  ['epollPwait2', [new Uint32Array(3), 1, 0]],
  ['epollGetParams', []],
  ['epollSetParams', [0, 0, false]],
  ['bind', ['127.0.0.1', 0]],
  ['connect', ['127.0.0.1', 1]],
  ['listen', [1]],
  ['accept4', [0]],
  ['shutdown', [0]],
  ['getsockname', []],
  ['getpeername', []],
  ['setsockopt', [1, 2, 1]],
  ['getsockopt', [1, 2]],
  ['tcpiUnacked', []],
  ['setsockoptBytes', [constants.SOL_SOCKET, constants.SO_LINGER, new Uint8Array(8)]],
  ['getsockoptBytes', [constants.SOL_SOCKET, constants.SO_LINGER, new Uint8Array(8)]],
  ['peercred', []],
  ['recvfrom', [new Uint8Array(1), 0, 1, 0]],
  ['sendto', [new Uint8Array(1), 0, 1, 0, '127.0.0.1', 1]],
  ['recvmsg', [[new Uint8Array(1)], 0, 1]],
  ['sendmsg', [[new Uint8Array(1)], 0, [], '127.0.0.1', 1]],
  ['readv', [[new Uint8Array(1)]]],
  ['writev', [[new Uint8Array(1)]]],
  ['dup', []],
  ['fcntl', [constants.F_SETFL, 0]],
  ['flock', [constants.LOCK_EX]],
  ['ioctl', [constants.FIONBIO, 1]],
  ['tcgetattr', []],
  ['tcsetattr', [0, { iflag: 0, oflag: 0, cflag: 0, lflag: 0, ispeed: 0, ospeed: 0, line: 0, cc: new Uint8Array(19) }]],
  ['tcflush', [0]],
  ['tcdrain', []],
  ['tcsendbreak', []],
  ['recv', [new Uint8Array(1), 0, 1, 0]],
  ['send', [new Uint8Array(1), 0, 1, 0]],
  ['sendfile', [-1, 0, 1]],
  ['read', [new Uint8Array(1), 0, 1]],
  ['write', [new Uint8Array(1), 0, 1]],
  ['openat2', ['x', 0, 0]],
  ['openat', ['x', 0]],
  ['readlinkat', ['x']],
  ['fstat', [new Float64Array(STAT_WORDS)]],
  ['fstatat', [new Uint8Array([0x78]), 0, 1, 0, new Float64Array(STAT_WORDS)]],
  ['openRead', [new Uint8Array([0x78]), 0, 1, 0, new Uint8Array(1), 0, 1, new Float64Array(OPEN_READ_WORDS)]],
  ['pread', [new Uint8Array(1), 0, 1, 0]],
  ['getdents64', [new Uint8Array(1)]],
  ['fstatfs', []],
  ['close', []],
  ['inotifyAddWatch', ['x', constants.IN_MODIFY]],
  ['inotifyRmWatch', [1]],
  ['eventfdWrite', [1]],
  ['eventfdRead', []],
  ['timerfdSettime', [0, 0, 0, 0, 0]],
  ['timerfdGettime', []],
  ['timerfdRead', []],
  ['pidfdSendSignal', [0]],
  ['signalfdRead', []],
  ['loopStart', [() => {}]],
  ['loopEnclose', [new Uint32Array(3), new Float64Array(5), () => {}]],
];

describe.each(calls)('%s', (name, rest) => {
  const call = anything[name]!;
  it.each([-1, -7, 2 ** 31 - 1])('EBADF for %i', (fd) => expect(call(fd, ...rest)).toBe(EBADF));
  it.each([1.5, Number.NaN, 1 / 0, '3', undefined, null, {}, 3n, true, Symbol('3')])('TypeError for %s', (fd) => {
    expect(() => call(fd, ...rest)).toThrow(TypeError);
    expect(() => call(fd, ...rest)).toThrow('must be an integer');
  });
  it.each([2 ** 31, -(2 ** 31) - 1])('RangeError for %i', (fd) => expect(() => call(fd, ...rest)).toThrow(RangeError));
  it('TypeError without arguments', () => expect(() => call()).toThrow(TypeError));
  if (rest.length > 0) {
    it('TypeError without the further arguments', () => expect(() => call(-1)).toThrow(TypeError));
    it('TypeError for invalid further arguments', () =>
      expect(() => call(-1, ...rest.map(() => Symbol('x')))).toThrow(TypeError));
  }
});

describe('a range of an array', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(8));
  const given = new Uint8Array(8);
  structuredClone(given.buffer, { transfer: [given.buffer] });
  const bytes = new Uint8Array(8);
  const beyond = 'reach beyond the';
  it.each([
    ['the whole array', bytes, 0, 8, null, ''],
    ['an empty range at the end', bytes, 8, 0, null, ''],
    ['an empty array', new Uint8Array(0), 0, 0, null, ''],
    ['a Buffer from the pool', Buffer.from('12345678'), 2, 6, null, ''],
    ['shared memory', shared, 2, 6, null, ''],
    ['a transferred array, empty range', given, 0, 0, null, ''],
    ['a transferred array', given, 0, 1, RangeError, `${beyond} 0 bytes`],
    ['a range that is too long', bytes, 0, 9, RangeError, 'offset 0 and length 9 reach beyond the 8 bytes'],
    ['a range behind the end', bytes, 8, 1, RangeError, `${beyond} 8 bytes`],
    ['shared, one too far', shared, 1, 8, RangeError, `${beyond} 8 bytes`],
    ['a sum beyond 2^53', bytes, 2 ** 53 - 1, 2 ** 53 - 1, RangeError, beyond],
    ['a sum beyond 32 bits', bytes, 2 ** 32 - 1, 2, RangeError, beyond],
    ['a negative offset', bytes, -1, 1, RangeError, 'offset must be from 0'],
    ['a negative length', bytes, 0, -1, RangeError, 'length must be from 0'],
    ['a fractional offset', bytes, 0.5, 1, TypeError, 'offset must be an integer'],
    ['a missing length', bytes, 0, undefined, TypeError, 'length must be an integer'],
    ['NaN as length', bytes, 0, Number.NaN, TypeError, 'length must be an integer'],
    ['an ArrayBuffer', new ArrayBuffer(8), 0, 1, TypeError, 'bytes must be a Uint8Array'],
    ['a DataView: its bytes', new DataView(new ArrayBuffer(8)), 0, 8, null, ''],
    ['an array of other elements: its bytes', new Uint16Array(4), 0, 8, null, ''],
    [
      'an array of other elements, a range that is too long',
      new Uint16Array(4),
      0,
      9,
      RangeError,
      'reach beyond the 8 bytes',
    ],
    ['a plain array', [1, 2, 3], 0, 1, TypeError, 'bytes must be a Uint8Array'],
    ['null', null, 0, 1, TypeError, 'bytes must be a Uint8Array'],
  ] as const)('%s', (_, array, offset, length, type, message) => {
    const [one, other] = test.pair();
    const [reader, writer] = test.pipe();
    // Bytes to receive, so that a valid call returns at once.
    kernel.send(other, bytes, 0, 8, 0);
    kernel.write(writer, bytes, 0, 8);
    const all = [
      () => anything['recv']!(one, array, offset, length, 0),
      () => anything['send']!(one, array, offset, length, 0),
      () => anything['read']!(reader, array, offset, length),
      () => anything['write']!(writer, array, offset, length),
    ];
    for (const call of all) {
      if (type === null) {
        expect(call()).toBe(length);
      } else {
        expect(call).toThrow(type);
        expect(call).toThrow(message);
      }
    }
  });

  it('the length of a resizable array is its current one', () => {
    const [one, other] = test.pair();
    const growing = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]);
    const buffer = growing as ArrayBuffer & { resize(length: number): void }; // in ES2024's types
    const tracking = new Uint8Array(buffer);
    kernel.send(other, bytes, 0, 8, 0);
    buffer.resize(4);
    expect(() => kernel.recv(one, tracking, 0, 8, 0)).toThrow(`${beyond} 4 bytes`);
    buffer.resize(16);
    expect(kernel.recv(one, tracking, 8, 8, 0)).toBe(8);
  });
});

describe('epollWait', () => {
  it.each([
    [
      'an array without space for an event',
      new Uint32Array(2),
      1,
      0,
      RangeError,
      'maxEvents must be at least 1, for which the array is too short',
    ],
    ['more events than fit', new Uint32Array(6), 3, 0, RangeError, 'maxEvents must be from 1 to 2'],
    ['maxEvents of 0', new Uint32Array(6), 0, 0, RangeError, 'maxEvents must be from 1 to 2'],
    ['an Int32Array', new Int32Array(6), 1, 0, TypeError, 'events must be a Uint32Array'],
    ['half a millisecond', new Uint32Array(6), 1, 0.5, TypeError, 'timeoutMs must be an integer'],
    ['a timeout below -1', new Uint32Array(6), 1, -2, RangeError, 'timeoutMs must be from -1 to 2147483647'],
    ['a timeout beyond 2^31-1', new Uint32Array(6), 1, 2 ** 31, RangeError, 'timeoutMs must be from -1 to 2147483647'],
  ])('%s', (_, events, maxEvents, timeoutMs, type, message) => {
    const epfd = test.own('epoll_create1', kernel.epollCreate1(0));
    const call = () => kernel.epollWait(epfd, events as Uint32Array, maxEvents, timeoutMs);
    expect(call).toThrow(type);
    expect(call).toThrow(message);
  });
});

describe('constants', () => {
  const known = { ...osConstants.errno, ...osConstants.signals, ...fsConstants };
  it('are integers, and equal to Node’s constants of the same name', () => {
    expect(Object.keys(constants).length).toBeGreaterThan(400);
    for (const [name, value] of Object.entries(constants)) {
      expect([name, Number.isInteger(value)]).toEqual([name, true]);
      if (name in known) expect([name, value]).toEqual([name, known[name as keyof typeof known]]);
    }
    expect(constants.AT_FDCWD).toBe(-100);
    expect(SOCK_STREAM).toBe(1);
    expect(Object.isFrozen(constants)).toBe(true);
  });
});

it('the addon can be loaded twice into one thread', () => {
  const addon = fileURLToPath(new URL('../../../build/Release/epollet.node', import.meta.url));
  const script = `
    const first = require(process.argv[1]);
    delete require.cache[require.resolve(process.argv[1])];
    const second = require(process.argv[1]);
    if (first === second) throw new Error('the same');
    const [reader, writer] = first.pipe2(0);
    second.write(writer, new Uint8Array(3), 0, 3);
    const watch = second.loopStart(reader, () => {
      process.stdout.write(String(first.read(reader, new Uint8Array(9), 0, 9)));
      first.loopStop(watch);
    });`;
  expect(execFileSync(process.execPath, ['-e', script, addon], { encoding: 'utf8' })).toBe('3');
});
