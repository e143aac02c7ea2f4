import { expect, test } from 'vitest';
import {
  formatCalls,
  formatMedian,
  formatNumber,
  formatRange,
  scale,
  tailOf,
} from '../../../../src/lab/base/format.js';
import { summarize } from '../../../../src/lab/base/stats.js';

test.each([
  [null, '–'],
  [Number.NaN, '–'],
  [0, '0'],
  [0.01234, '0.0123'],
  [0.1234, '0.123'],
  [1.236, '1.24'],
  [12.34, '12.3'],
  [123.4, '123'],
  [12_345.6, '12,346'],
  [2, '2'],
])('%s is formatted as %s', (value, text) => expect(formatNumber(value)).toBe(text));

test('a range is formatted as minimum to maximum, and calls by frequency', () => {
  expect(formatRange(summarize([2, 1.5, 2.5]))).toBe('1.50 to 2.50');
  expect(formatRange(summarize([2]))).toBe('one round');
  expect(formatCalls({ recvfrom: 1, epoll_wait: 0.25, sendto: 2 })).toBe('2 sendto, 1 recvfrom, 0.25 epoll_wait');
  expect(formatCalls({})).toBe('–');
});

test('a tail is of two rounds or more', () => {
  expect([[], [9], [8, 9]].map((rounds) => formatMedian(tailOf(summarize(rounds))))).toEqual(['–', '–', '8.50']);
});

test('a summary is scaled as a whole', () => {
  expect(scale(summarize([10, 30, 20]), 2)).toEqual(summarize([20, 60, 40]));
  expect(scale(null, 2)).toBeNull();
});
