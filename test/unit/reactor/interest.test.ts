import { expect, it } from 'vitest';
import {
  BOTH,
  ENDED,
  type Interest,
  maskOf,
  NOTHING,
  READABLE,
  readinessOf,
  TRIGGERS,
  type Trigger,
  WRITABLE,
} from '../../../src/reactor/interest.js';
import {
  describeEvents,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
} from '../../../src/sys/events.js';

const EDGE = 'EPOLLIN|EPOLLOUT|EPOLLRDHUP|EPOLLET';

/** [interest, trigger, exclusive, mask] */
const masks: [Interest, Trigger, boolean, string][] = [
  [NOTHING, 'level', false, '0'],
  [READABLE, 'level', false, 'EPOLLIN|EPOLLRDHUP'],
  [WRITABLE, 'level', false, 'EPOLLOUT'],
  [BOTH, 'level', false, 'EPOLLIN|EPOLLOUT|EPOLLRDHUP'],
  [NOTHING, 'level', true, 'EPOLLEXCLUSIVE'],
  [READABLE, 'level', true, 'EPOLLIN|EPOLLEXCLUSIVE'],
  [WRITABLE, 'level', true, 'EPOLLOUT|EPOLLEXCLUSIVE'],
  [BOTH, 'level', true, 'EPOLLIN|EPOLLOUT|EPOLLEXCLUSIVE'],
  [NOTHING, 'edge', false, EDGE],
  [READABLE, 'edge', false, EDGE],
  [WRITABLE, 'edge', false, EDGE],
  [BOTH, 'edge', false, EDGE],
  [NOTHING, 'edge', true, 'EPOLLEXCLUSIVE|EPOLLET'],
  [READABLE, 'edge', true, 'EPOLLIN|EPOLLEXCLUSIVE|EPOLLET'],
  [WRITABLE, 'edge', true, 'EPOLLOUT|EPOLLEXCLUSIVE|EPOLLET'],
  [BOTH, 'edge', true, 'EPOLLIN|EPOLLOUT|EPOLLEXCLUSIVE|EPOLLET'],
  [NOTHING, 'oneshot', false, 'EPOLLONESHOT'],
  [READABLE, 'oneshot', false, 'EPOLLIN|EPOLLRDHUP|EPOLLONESHOT'],
  [WRITABLE, 'oneshot', false, 'EPOLLOUT|EPOLLONESHOT'],
  [BOTH, 'oneshot', false, 'EPOLLIN|EPOLLOUT|EPOLLRDHUP|EPOLLONESHOT'],
];

it.each(masks)('interest %i, %s, exclusive %s: %s', (interest, trigger, exclusive, mask) => {
  const got = maskOf(interest, trigger, exclusive);
  expect(describeEvents(got)).toBe(mask);
  expect(got).toBeGreaterThanOrEqual(0);
});

it('the table has every combination except oneshot with exclusive, which is invalid', () => {
  expect(masks).toHaveLength(4 * (2 * TRIGGERS.length - 1));
});

it.each([
  [EPOLLIN, READABLE],
  [EPOLLOUT, WRITABLE],
  [EPOLLIN | EPOLLOUT, READABLE | WRITABLE],
  [EPOLLRDHUP, READABLE | ENDED],
  [EPOLLIN | EPOLLRDHUP, READABLE | ENDED],
  [EPOLLHUP, READABLE | WRITABLE | ENDED],
  [EPOLLERR, READABLE | WRITABLE | ENDED],
  [EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP, READABLE | WRITABLE | ENDED],
  [EPOLLPRI, 0],
  [0, 0],
])('mask %i is readiness %i', (mask, readiness) => expect(readinessOf(mask)).toBe(readiness));
