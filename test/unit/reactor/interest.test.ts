import { expect, it } from 'vitest';
import {
  ANY_READINESS,
  BOTH,
  ENDED,
  type Interest,
  maskOf,
  NOTHING,
  PRIORITY,
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

const ALL = BOTH | PRIORITY;
const URGENT = 'EPOLLIN|EPOLLPRI|EPOLLOUT|EPOLLRDHUP|EPOLLET';

/** [interest, trigger, exclusive, mask] */
const masks: [Interest, Trigger, boolean, string][] = [
  [NOTHING, 'level', false, '0'],
  [READABLE, 'level', false, 'EPOLLIN|EPOLLRDHUP'],
  [WRITABLE, 'level', false, 'EPOLLOUT'],
  [BOTH, 'level', false, 'EPOLLIN|EPOLLOUT|EPOLLRDHUP'],
  [PRIORITY, 'level', false, 'EPOLLPRI'],
  [ALL, 'level', false, 'EPOLLIN|EPOLLPRI|EPOLLOUT|EPOLLRDHUP'],
  [NOTHING, 'level', true, 'EPOLLEXCLUSIVE'],
  [READABLE, 'level', true, 'EPOLLIN|EPOLLEXCLUSIVE'],
  [WRITABLE, 'level', true, 'EPOLLOUT|EPOLLEXCLUSIVE'],
  [BOTH, 'level', true, 'EPOLLIN|EPOLLOUT|EPOLLEXCLUSIVE'],
  [NOTHING, 'edge', false, EDGE],
  [READABLE, 'edge', false, EDGE],
  [WRITABLE, 'edge', false, EDGE],
  [BOTH, 'edge', false, EDGE],
  [PRIORITY, 'edge', false, URGENT],
  [ALL, 'edge', false, URGENT],
  [NOTHING, 'edge', true, 'EPOLLEXCLUSIVE|EPOLLET'],
  [READABLE, 'edge', true, 'EPOLLIN|EPOLLEXCLUSIVE|EPOLLET'],
  [WRITABLE, 'edge', true, 'EPOLLOUT|EPOLLEXCLUSIVE|EPOLLET'],
  [BOTH, 'edge', true, 'EPOLLIN|EPOLLOUT|EPOLLEXCLUSIVE|EPOLLET'],
  [NOTHING, 'oneshot', false, 'EPOLLONESHOT'],
  [READABLE, 'oneshot', false, 'EPOLLIN|EPOLLRDHUP|EPOLLONESHOT'],
  [WRITABLE, 'oneshot', false, 'EPOLLOUT|EPOLLONESHOT'],
  [BOTH, 'oneshot', false, 'EPOLLIN|EPOLLOUT|EPOLLRDHUP|EPOLLONESHOT'],
  [PRIORITY, 'oneshot', false, 'EPOLLPRI|EPOLLONESHOT'],
  [ALL, 'oneshot', false, 'EPOLLIN|EPOLLPRI|EPOLLOUT|EPOLLRDHUP|EPOLLONESHOT'],
];

it.each(masks)('interest %i, %s, exclusive %s: %s', (interest, trigger, exclusive, mask) => {
  const got = maskOf(interest, trigger, exclusive);
  expect(describeEvents(got)).toBe(mask);
  expect(got).toBeGreaterThanOrEqual(0);
});

it('the table has every combination without PRIORITY except oneshot with exclusive, which is invalid', () => {
  expect(masks.filter(([interest]) => !(interest & PRIORITY))).toHaveLength(4 * (2 * TRIGGERS.length - 1));
});

it.each([
  [EPOLLIN, READABLE],
  [EPOLLOUT, WRITABLE],
  [EPOLLIN | EPOLLOUT, READABLE | WRITABLE],
  [EPOLLRDHUP, READABLE | ENDED],
  [EPOLLIN | EPOLLRDHUP, READABLE | ENDED],
  [EPOLLHUP, ANY_READINESS],
  [EPOLLERR, ANY_READINESS],
  [EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP, ANY_READINESS],
  [EPOLLPRI, PRIORITY],
  [EPOLLPRI | EPOLLIN, PRIORITY | READABLE],
  [EPOLLPRI | EPOLLERR, ANY_READINESS],
  [0, 0],
])('mask %i is readiness %i', (mask, readiness) => expect(readinessOf(mask)).toBe(readiness));
