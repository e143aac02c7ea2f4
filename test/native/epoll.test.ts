import { describe, expect, it } from 'vitest';
import { constants, kernel } from '../../src/sys/binding.js';
import { EINVAL, ENOSYS, ENOTTY, EOPNOTSUPP } from '../../src/sys/errno.js';
import { EPOLLIN, EPOLLOUT } from '../../src/sys/events.js';
import { testDescriptors } from '../support/descriptors.js';
import { permits } from '../support/needs.js';

const { EPOLL_CTL_ADD } = constants;
const test = testDescriptors();
const set = () => test.own('epoll_create1', kernel.epollCreate1(0));

const probe = kernel.epollCreate1(0);
const hasPwait2 = kernel.epollPwait2(probe, new Uint32Array(3), 1, 0) !== ENOSYS;
const params = kernel.epollGetParams(probe);
kernel.close(probe);
const runsPwait2 = permits(hasPwait2, 'epoll_pwait2', 'the kernel is older than Linux 5.11');
const runsParams = permits(params !== ENOTTY && params !== EOPNOTSUPP, 'epoll parameters', 'they need Linux 6.9');

describe.runIf(runsPwait2)('epollPwait2', () => {
  it('returns what is ready, with its data', () => {
    const epfd = set();
    const [reader, writer] = test.pipe();
    kernel.epollCtl(epfd, EPOLL_CTL_ADD, reader, EPOLLIN, 1, 2);
    kernel.epollCtl(epfd, EPOLL_CTL_ADD, writer, EPOLLOUT, 0xffffffff, 0xfffffffe);
    const events = new Uint32Array(9);
    expect(kernel.epollPwait2(epfd, events, 3, -1)).toBe(1);
    expect([...events.subarray(0, 3)]).toEqual([EPOLLOUT, 0xffffffff, 0xfffffffe]);
    kernel.write(writer, new Uint8Array(1), 0, 1);
    expect(kernel.epollPwait2(epfd, events, 3, 2 ** 53 - 1)).toBe(2);
    expect(kernel.epollPwait2(epfd, events, 1, 0)).toBe(1);
    expect([...events.subarray(6)]).toEqual([0, 0, 0]);
  });

  it.each([0, 1, 999_999, 1_000_000_000 / 1000])('returns 0 after %i ns', (timeoutNs) => {
    expect(kernel.epollPwait2(set(), new Uint32Array(3), 1, timeoutNs)).toBe(0);
  });

  it.each([
    ['no space for an event', new Uint32Array(2), 1, 0, 'maxEvents must be at least 1'],
    ['more events than fit', new Uint32Array(6), 3, 0, 'maxEvents must be from 1 to 2'],
    ['an Int32Array', new Int32Array(3), 1, 0, 'events must be a Uint32Array'],
    ['half a nanosecond', new Uint32Array(3), 1, 0.5, 'timeoutNs must be an integer'],
    ['a timeout below -1', new Uint32Array(3), 1, -2, 'timeoutNs must be from -1 to 9007199254740991'],
    ['2^53', new Uint32Array(3), 1, 2 ** 53, 'timeoutNs must be from -1 to 9007199254740991'],
  ])('invalid arguments: %s', (_, events, maxEvents, timeoutNs, message) => {
    expect(() => kernel.epollPwait2(-1, events as Uint32Array, maxEvents, timeoutNs)).toThrow(message);
  });
});

describe('epollGetParams and epollSetParams', () => {
  it.runIf(runsParams)('the parameters that were set', () => {
    const epfd = set();
    expect(kernel.epollGetParams(epfd)).toEqual({ busyPollUs: 0, busyPollBudget: 0, preferBusyPoll: false });
    expect(kernel.epollSetParams(epfd, 50, 16, true)).toBe(0);
    expect(kernel.epollGetParams(epfd)).toEqual({ busyPollUs: 50, busyPollBudget: 16, preferBusyPoll: true });
    expect(kernel.epollSetParams(epfd, 2 ** 31, 16, true)).toBe(EINVAL);
  });

  it('a descriptor that is not an epoll set', () => {
    const [reader] = test.pipe();
    for (const result of [kernel.epollGetParams(reader), kernel.epollSetParams(reader, 0, 0, false)])
      expect([ENOTTY, EINVAL]).toContain(result);
  });

  it.each([
    [-1, 0, true, RangeError, 'busyPollUs'],
    [2 ** 32, 0, true, RangeError, 'busyPollUs'],
    [0, 65_536, true, RangeError, 'busyPollBudget'],
    [0, 0.5, true, TypeError, 'busyPollBudget'],
    [0, 0, 1, TypeError, 'preferBusyPoll'],
  ])('%s, %s, %s is a %s', (busyPollUs, budget, prefer, type, culprit) => {
    const call = () => kernel.epollSetParams(-1, busyPollUs, budget, prefer as boolean);
    expect(call).toThrow(type);
    expect(call).toThrow(culprit);
  });
});
