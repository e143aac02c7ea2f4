import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Epoll } from '../../../src/epoll/epoll.js';
import { WORDS_PER_EVENT } from '../../../src/epoll/event.js';
import { constants, kernel } from '../../../src/sys/binding.js';
import { EMFILE, ENOMEM, ENOSYS } from '../../../src/sys/errno.js';
import { EPOLLERR, EPOLLET, EPOLLIN, EPOLLOUT } from '../../../src/sys/events.js';
import type { Kernel } from '../../../src/sys/kernel.js';
import { flagsOf, testDescriptors } from '../../support/descriptors.js';

const test = testDescriptors();
let epoll: Epoll;
beforeEach(() => {
  epoll = new Epoll();
});
afterEach(() => epoll.close());

const byte = new Uint8Array(1);

/** A pipe whose reader is registered and ready. */
function ready(data = 0, events = EPOLLIN): number {
  const [reader, writer] = test.pipe();
  kernel.write(writer, byte, 0, 1);
  epoll.register(reader, events, data);
  return reader;
}

describe('poll', () => {
  it('asks for EPOLLIN, EPOLLOUT and EPOLLPRI by default', () => {
    const [, writer] = test.pipe();
    const [socket] = test.pair();
    epoll.register(writer);
    epoll.register(socket);
    expect(epoll.poll(0)).toEqual([
      { fd: writer, events: EPOLLOUT, data: 0 },
      { fd: socket, events: EPOLLOUT, data: 0 },
    ]);
  });

  it.each([
    [EPOLLIN | EPOLLET, 'signed'],
    [(EPOLLIN | EPOLLET) >>> 0, 'unsigned'],
  ])('accepts the mask %i (%s), and reports it unsigned', (mask) => {
    const fd = ready(0, mask);
    expect(epoll.poll(0)).toEqual([{ fd, events: EPOLLIN, data: 0 }]);
    expect(epoll.poll(0)).toEqual([]);
  });

  it.each([0, 1, 2 ** 31, 2 ** 32 - 1])('returns the data %i', (data) => {
    const fd = ready(data);
    expect(epoll.poll(0)).toEqual([{ fd, events: EPOLLIN, data }]);
    epoll.modify(fd, EPOLLIN);
    expect(epoll.poll(0)).toEqual([{ fd, events: EPOLLIN, data: 0 }]);
  });

  it('returns at most maxEvents, and the others with the next call', () => {
    const fds = Array.from({ length: 100 }, (_, i) => ready(i, EPOLLIN | EPOLLET));
    const reported: number[] = [];
    for (const expected of [30, 30, 30, 10, 0]) {
      const events = epoll.poll(0, 30);
      expect(events).toHaveLength(expected);
      for (const { fd, data } of events) {
        expect(fd).toBe(fds[data]);
        reported.push(data);
      }
    }
    expect(reported.sort((a, b) => a - b)).toEqual(fds.map((_, i) => i));
  });

  it('returns level-triggered descriptors in turn', () => {
    const fds = Array.from({ length: 5 }, (_, i) => ready(i));
    const reported = new Set(Array.from({ length: 5 }, () => epoll.poll(0, 1)[0]!.fd));
    expect(reported).toEqual(new Set(fds));
  });
});

describe('pollInto', () => {
  it('writes mask, descriptor and data, and nothing else', () => {
    const first = ready(7);
    const second = ready(2 ** 32 - 1);
    const events = new Uint32Array(3 * WORDS_PER_EVENT + 2).fill(99);
    expect(epoll.pollInto(events, 0)).toBe(2);
    expect([...events]).toEqual([EPOLLIN, first, 7, EPOLLIN, second, 2 ** 32 - 1, 99, 99, 99, 99, 99]);
  });

  it('writes only as many events as fit into a subarray', () => {
    for (let i = 0; i < 3; i++) ready(i);
    const whole = new Uint32Array(10);
    expect(epoll.pollInto(whole.subarray(2, 9), 0)).toBe(2);
    expect([...whole].map((word) => (word === 0 ? 0 : 1)).filter((_, i) => i < 2 || i >= 8)).toEqual([0, 0, 0, 0]);
  });

  it('allocates nothing', () => {
    ready();
    const events = new Uint32Array(WORDS_PER_EVENT);
    const calls = 100_000;
    const grownBytes = () => {
      const before = process.memoryUsage().heapUsed;
      for (let i = 0; i < calls; i++) epoll.pollInto(events, 0);
      return process.memoryUsage().heapUsed - before;
    };
    // The smallest object is 12 bytes. A collection in between, or the compiler, can only spoil single rounds.
    const rounds = Array.from({ length: 5 }, grownBytes).filter((bytes) => bytes >= 0);
    expect(Math.min(...rounds)).toBeLessThan(calls * 8);
  });
});

describe('timeoutMs', () => {
  it.each([
    [0.1, 100_000],
    [0.0000001, 1],
    [1.5, 1_500_000],
  ])('%f ms are %i ns for epoll_pwait2', (timeoutMs, expected) => {
    const waitedNs: number[] = [];
    const epollPwait2 = (_epfd: number, events: Uint32Array, _maxEvents: number, timeoutNs: number): number => {
      waitedNs.push(timeoutNs);
      events.set([EPOLLIN, 7, 0]);
      return 1;
    };
    using precise = new Epoll({ kernel: { ...kernel, epollPwait2 } });
    expect(precise.poll(timeoutMs)).toEqual([{ fd: 7, events: EPOLLIN, data: 0 }]);
    expect(waitedNs).toEqual([expected]);
  });

  // CLOCK_MONOTONIC and the timer of epoll_wait(2) are the same clock; 1 ms is for rounding.
  it.each([0, 0.4, 5, 20])('%f ms are waited for if nothing is ready', (timeoutMs) => {
    const startMs = performance.now();
    expect(epoll.poll(timeoutMs)).toEqual([]);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(timeoutMs - 1);
  });

  it.each([undefined, -1, 0, 60_000, 2 ** 31 - 1])('%s does not delay an event', (timeoutMs) => {
    ready();
    expect(epoll.poll(timeoutMs)).toHaveLength(1);
    expect(epoll.pollInto(new Uint32Array(3), timeoutMs)).toBe(1);
  });

  it('is waited for to the end after signals', async () => {
    const onSignal = () => {};
    process.on('SIGUSR2', onSignal);
    const child = spawn('sh', ['-c', 'for i in 1 2 3 4; do sleep 0.03; kill -USR2 $PPID; done'], { stdio: 'ignore' });
    const exit = once(child, 'exit');
    const startMs = performance.now();
    expect(epoll.poll(200)).toEqual([]);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(199);
    await exit;
    process.off('SIGUSR2', onSignal);
  });

  /** A kernel whose waits take these times and return these counts. */
  function waits(script: [tookMs: number, count: number][]): { kernel: Kernel; waitedMs: number[] } {
    const waitedMs: number[] = [];
    let nowMs = 1000;
    const scripted = {
      ...kernel,
      monotonicMs: () => nowMs,
      epollPwait2: () => ENOSYS,
      epollWait(_epfd: number, _events: Uint32Array, _maxEvents: number, timeoutMs: number) {
        waitedMs.push(timeoutMs);
        const [tookMs, count] = script.shift()!;
        nowMs += tookMs;
        return count;
      },
    };
    return { kernel: scripted, waitedMs };
  }

  it.each([
    ['is rounded up without epoll_pwait2', 0.1, [[1, 0]], [1]],
    [
      'continues with the rest after a signal',
      100,
      [
        [30, 0],
        [30.5, 0],
        [39.5, 0],
      ],
      [100, 70, 40],
    ],
    [
      'ends when nothing of it is left',
      100,
      [
        [30, 0],
        [70, 0],
      ],
      [100, 70],
    ],
    [
      'of -1 is repeated after every signal',
      -1,
      [
        [5000, 0],
        [0, 0],
        [7, 2],
      ],
      [-1, -1, -1],
    ],
    ['of 0 makes one call', 0, [[0, 0]], [0]],
    [
      'returns events that come after a signal',
      10,
      [
        [3, 0],
        [1, 1],
      ],
      [10, 7],
    ],
  ] as [string, number, [number, number][], number[]][])('%s', (_, timeoutMs, script, expected) => {
    const count = script.at(-1)![1];
    const { kernel, waitedMs } = waits(script);
    using simulated = new Epoll({ kernel });
    expect(simulated.poll(timeoutMs)).toHaveLength(count);
    expect(waitedMs).toEqual(expected);
  });
});

describe('invalid arguments', () => {
  const unknown = (value: unknown) => value as never;
  it.each([
    ['no descriptor', () => epoll.register(unknown(undefined)), TypeError, /^fd .*undefined/],
    ['text as a descriptor', () => epoll.register(unknown('3'), EPOLLIN), TypeError, /^fd .*3/],
    ['a fraction as a descriptor', () => epoll.modify(1.5, EPOLLIN), TypeError, /^fd .*1\.5/],
    ['NaN as a descriptor', () => epoll.unregister(Number.NaN), TypeError, /^fd .*NaN/],
    ['a negative descriptor', () => epoll.register(-1, EPOLLIN), RangeError, /^fd .*-1/],
    ['a descriptor beyond int', () => epoll.register(2 ** 31, EPOLLIN), RangeError, /^fd .*2147483648/],
    ['the set itself', () => epoll.register(epoll.fd, EPOLLIN), RangeError, /itself/],
    ['text as a mask', () => epoll.register(0, unknown('EPOLLIN')), TypeError, /^events .*EPOLLIN/],
    ['null as a mask', () => epoll.modify(0, unknown(null)), TypeError, /^events .*null/],
    ['no mask to modify', () => epoll.modify(0, unknown(undefined)), TypeError, /^events .*undefined/],
    ['a mask of 33 bits', () => epoll.register(0, 2 ** 32), RangeError, /^events .*4294967296/],
    ['a fraction as data', () => epoll.register(0, EPOLLIN, 0.5), TypeError, /^data .*0\.5/],
    ['negative data', () => epoll.register(0, EPOLLIN, -1), RangeError, /^data .*-1/],
    ['data of 33 bits', () => epoll.modify(0, EPOLLIN, 2 ** 32), RangeError, /^data .*4294967296/],
    ['text as a time', () => epoll.poll(unknown('1')), TypeError, /^timeoutMs .*1/],
    ['null as a time', () => epoll.poll(unknown(null)), TypeError, /^timeoutMs .*null/],
    ['NaN as a time', () => epoll.poll(Number.NaN), RangeError, /^timeoutMs .*NaN/],
    ['a negative time', () => epoll.poll(-2), RangeError, /^timeoutMs .*-2/],
    ['a negative fraction as a time', () => epoll.poll(-0.5), RangeError, /^timeoutMs .*-0\.5/],
    ['too long a time', () => epoll.poll(2 ** 31), RangeError, /^timeoutMs .*2147483648/],
    ['an infinite time', () => epoll.pollInto(new Uint32Array(3), 1 / 0), RangeError, /^timeoutMs .*Infinity/],
    ['no events', () => epoll.poll(0, 0), RangeError, /^maxEvents .*0/],
    ['too many events', () => epoll.poll(0, 65_537), RangeError, /^maxEvents .*65537/],
    ['a fraction of events', () => epoll.poll(0, 1.5), TypeError, /^maxEvents .*1\.5/],
    ['a list for events', () => epoll.pollInto(unknown([0, 0, 0]), 0), TypeError, /^events .*Uint32Array/],
    ['bytes for events', () => epoll.pollInto(unknown(new Uint8Array(12)), 0), TypeError, /^events .*Uint32Array/],
    ['an array without space for an event', () => epoll.pollInto(new Uint32Array(2), 0), RangeError, /^events .*2/],
  ])('%s', (_, call, type, message) => {
    expect(call).toThrow(type);
    expect(call).toThrow(message);
  });

  it('a transferred array is a RangeError', () => {
    const events = new Uint32Array(3);
    structuredClone(events.buffer, { transfer: [events.buffer] });
    expect(() => epoll.pollInto(events, 0)).toThrow(RangeError);
  });
});

describe('close', () => {
  it('is idempotent, and every other call throws then', () => {
    const [reader] = test.pipe();
    const fd = epoll.fd;
    expect([fd >= 0, epoll.closed]).toEqual([true, false]);
    expect(flagsOf(fd) & constants.O_CLOEXEC).not.toBe(0);
    epoll.close();
    epoll.close();
    expect([epoll.fd, epoll.closed]).toEqual([-1, true]);
    const calls = {
      register: () => epoll.register(reader, EPOLLIN),
      modify: () => epoll.modify(reader, EPOLLIN),
      unregister: () => epoll.unregister(reader),
      poll: () => epoll.poll(0),
      pollInto: () => epoll.pollInto(new Uint32Array(3), 0),
    };
    for (const call of Object.values(calls)) {
      expect(call).toThrow(expect.objectContaining({ code: 'ERR_EPOLLET_CLOSED', message: 'This Epoll is closed.' }));
    }
  });

  it('does not close a reused number', () => {
    const fd = epoll.fd;
    epoll.close();
    const [reader] = test.pipe();
    expect(reader).toBe(fd);
    epoll.close();
    expect(() => flagsOf(reader)).not.toThrow();
  });

  it('is called at the end of a using block', () => {
    let fd: number;
    {
      using scoped = new Epoll();
      fd = scoped.fd;
    }
    expect(kernel.close(fd)).toBeLessThan(0);
  });

  it('of the descriptor by other code is EBADF', () => {
    kernel.close(epoll.fd);
    expect(() => epoll.poll(0)).toThrow(expect.objectContaining({ code: 'EBADF', syscall: 'epoll_wait' }));
  });
});

it('errors of the kernel are thrown as system errors', () => {
  const failing = { ...kernel, epollCreate1: () => EMFILE };
  expect(() => new Epoll({ kernel: failing })).toThrow('EMFILE: too many open files, epoll_create1');
  using simulated = new Epoll({ kernel: { ...kernel, epollCtl: () => ENOMEM } });
  expect(() => simulated.register(0, EPOLLIN)).toThrow(/^ENOMEM: .*epoll_ctl EPOLL_CTL_ADD fd 0 EPOLLIN$/);
});

it('EPOLLERR is reported without being asked for', () => {
  const [reader, writer] = test.pipe();
  epoll.register(writer, 0, 5);
  test.close(reader);
  expect(epoll.poll(0)).toEqual([{ fd: writer, events: EPOLLERR, data: 5 }]);
});
