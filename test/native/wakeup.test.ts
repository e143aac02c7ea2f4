import { describe, expect, it } from 'vitest';
import { constants, kernel } from '../../src/sys/binding.js';
import { EAGAIN, EINVAL } from '../../src/sys/errno.js';
import { EPOLLIN } from '../../src/sys/events.js';
import { flagsOf, testDescriptors } from '../support/descriptors.js';

const { CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_REALTIME, EFD_NONBLOCK, EFD_SEMAPHORE } = constants;
const { EPOLL_CTL_ADD, O_CLOEXEC, O_NONBLOCK, TFD_NONBLOCK, TFD_TIMER_ABSTIME } = constants;
const test = testDescriptors();

it.each([
  ['adds the values of its writes', 0, 0, [1, 2, 3], [6, EAGAIN]],
  ['starts with its initial value', 7, 0, [], [7, EAGAIN]],
  ['adds 2^32-1 at once', 2 ** 32 - 1, 0, [2 ** 32 - 1], [2 ** 33 - 2, EAGAIN]],
  ['with EFD_SEMAPHORE returns 1 per read', 2, EFD_SEMAPHORE, [1], [1, 1, 1, EAGAIN]],
])('an eventfd %s', (_, initial, flags, writes, reads) => {
  const fd = test.own('eventfd', kernel.eventfd(initial, EFD_NONBLOCK | flags));
  for (const value of writes) expect(kernel.eventfdWrite(fd, value)).toBe(0);
  expect(reads.map(() => kernel.eventfdRead(fd))).toEqual(reads);
});

it('a write to a full counter is EAGAIN, and a read returns 2^53-1', () => {
  const fd = test.own('eventfd', kernel.eventfd(0, EFD_NONBLOCK));
  const most = new Uint8Array(new BigUint64Array([2n ** 64n - 2n]).buffer);
  expect(kernel.write(fd, most, 0, 8)).toBe(8);
  expect(kernel.eventfdWrite(fd, 1)).toBe(EAGAIN);
  expect(kernel.eventfdRead(fd)).toBe(2 ** 53 - 1);
  expect(kernel.eventfdRead(fd)).toBe(EAGAIN);
});

it('invalid arguments throw', () => {
  for (const value of [0, -1, 2 ** 32]) {
    expect(() => kernel.eventfdWrite(0, value)).toThrow('value must be from 1 to 4294967295');
    if (value !== 0) expect(() => kernel.eventfd(value, 0)).toThrow('initialValue must be from 0 to 4294967295');
  }
  expect(() => kernel.eventfdWrite(0, 1.5)).toThrow(TypeError);
  const [reader] = test.pipe();
  expect(kernel.eventfd(0, 0x4000_0000)).toBe(EINVAL);
  expect(kernel.eventfdRead(reader)).toBe(EAGAIN);
});

it('eventfdRead and timerfdRead of fewer than 8 bytes are -EINVAL', () => {
  const [reader, writer] = test.pipe();
  for (const call of [kernel.eventfdRead, kernel.timerfdRead]) {
    kernel.write(writer, new Uint8Array(3), 0, 3);
    expect(call(reader)).toBe(EINVAL);
  }
});

describe('timerfd', () => {
  const timer = (clock = CLOCK_MONOTONIC) => test.own('timerfd_create', kernel.timerfdCreate(clock, TFD_NONBLOCK));

  /** Waits until the timer expires, at most 10 s. */
  function wait(fd: number): number {
    const epfd = test.own('epoll_create1', kernel.epollCreate1(0));
    kernel.epollCtl(epfd, EPOLL_CTL_ADD, fd, EPOLLIN, 7, 0);
    const events = new Uint32Array(3);
    const count = kernel.epollPwait2(epfd, events, 1, 10e9);
    return count === 1 && events[1] === 7 ? kernel.timerfdRead(fd) : count;
  }

  it.each([
    ['CLOCK_MONOTONIC', CLOCK_MONOTONIC],
    ['CLOCK_REALTIME', CLOCK_REALTIME],
    ['CLOCK_BOOTTIME', CLOCK_BOOTTIME],
  ])('%s: expires once, in nanoseconds', (_, clock) => {
    const fd = timer(clock);
    expect(flagsOf(fd) & (O_CLOEXEC | O_NONBLOCK)).toBe(O_CLOEXEC | O_NONBLOCK);
    expect(kernel.timerfdRead(fd)).toBe(EAGAIN);
    expect(kernel.timerfdSettime(fd, 0, 0, 1, 0, 0)).toBe(0);
    expect(wait(fd)).toBe(1);
    expect(kernel.timerfdRead(fd)).toBe(EAGAIN);
    expect(kernel.timerfdGettime(fd)).toEqual([0, 0, 0, 0]);
  });

  it('an interval repeats, and expirations are counted', () => {
    const fd = timer();
    expect(kernel.timerfdSettime(fd, 0, 0, 1, 0, 1000)).toBe(0);
    expect(wait(fd)).toBeGreaterThan(0);
    expect(wait(fd)).toBeGreaterThan(0);
    expect(kernel.timerfdSettime(fd, 0, 0, 0, 0, 1000)).toBe(0);
    expect(kernel.timerfdRead(fd)).toBe(EAGAIN);
  });

  it('timerfdGettime returns the remaining time and the interval', () => {
    const fd = timer();
    expect(kernel.timerfdSettime(fd, 0, 1000, 5, 2, 7)).toBe(0);
    const [seconds, nanoseconds, ...interval] = kernel.timerfdGettime(fd) as number[];
    expect([seconds === 999 || seconds === 1000, Number.isInteger(nanoseconds)]).toEqual([true, true]);
    expect(interval).toEqual([2, 7]);
  });

  it('TFD_TIMER_ABSTIME: a time of the clock, in the past', () => {
    const fd = timer(CLOCK_REALTIME);
    expect(kernel.timerfdSettime(fd, TFD_TIMER_ABSTIME, 1, 0, 0, 0)).toBe(0);
    expect(wait(fd)).toBe(1);
  });

  it('invalid arguments', () => {
    const fd = timer();
    expect(kernel.timerfdCreate(99, 0)).toBe(EINVAL);
    expect(kernel.timerfdCreate(CLOCK_MONOTONIC, 1)).toBe(EINVAL);
    expect(kernel.timerfdSettime(fd, 0, 0, 1e9, 0, 0)).toBe(EINVAL);
    expect(kernel.timerfdSettime(fd, 0, 0, 2 ** 40, 0, 0)).toBe(EINVAL);
    expect(kernel.timerfdSettime(fd, 64, 1, 0, 0, 0)).toBe(EINVAL);
    const [reader] = test.pipe();
    expect(kernel.timerfdGettime(reader)).toBe(EINVAL);
    expect(() => kernel.timerfdSettime(fd, 0, -1, 0, 0, 0)).toThrow('initialS must be from 0');
    expect(() => kernel.timerfdSettime(fd, 0, 0, 0, 0, 0.5)).toThrow('intervalNs must be an integer');
  });
});
