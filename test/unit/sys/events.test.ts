import { describe, expect, it } from 'vitest';
import { constants } from '../../../src/sys/binding.js';
import * as events from '../../../src/sys/events.js';

const { describeEvents, EPOLLET, EPOLLEXCLUSIVE, EPOLLHUP, EPOLLIN, EPOLLONESHOT, EPOLLOUT, EPOLLRDHUP } = events;

describe('describeEvents', () => {
  it.each([
    [0, '0'],
    [EPOLLIN, 'EPOLLIN'],
    [EPOLLIN | EPOLLET, 'EPOLLIN|EPOLLET'],
    [(EPOLLIN | EPOLLET) >>> 0, 'EPOLLIN|EPOLLET'],
    [EPOLLOUT | EPOLLIN | EPOLLRDHUP | EPOLLHUP, 'EPOLLIN|EPOLLOUT|EPOLLHUP|EPOLLRDHUP'],
    [EPOLLONESHOT | EPOLLEXCLUSIVE, 'EPOLLEXCLUSIVE|EPOLLONESHOT'],
    [EPOLLIN | 0x5000, 'EPOLLIN|0x5000'],
    [0x8000, '0x8000'],
  ])('%i is %s', (mask, text) => expect(describeEvents(mask)).toBe(text));

  it('names every bit', () => {
    const bits = Object.entries(events).filter(([name]) => /^EPOLL[A-Z]/.test(name));
    expect(bits).toHaveLength(15);
    for (const [name, bit] of bits) expect(describeEvents(bit as number)).toBe(name);
  });

  it.each([
    [1.5, TypeError],
    [Number.NaN, TypeError],
    ['1', TypeError],
    [2 ** 32, RangeError],
    [-(2 ** 31) - 1, RangeError],
  ])('rejects %s', (mask, type) => expect(() => describeEvents(mask as number)).toThrow(type));
});

it('the literals equal the constants of this machine’s headers', () => {
  const shared = Object.entries(events).filter(([name]) => name in constants);
  expect(shared).toHaveLength(6);
  for (const [name, value] of shared) expect([name, value]).toEqual([name, constants[name as keyof typeof constants]]);
});
