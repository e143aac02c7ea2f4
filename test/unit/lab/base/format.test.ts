import { expect, test } from 'vitest';
import { formatCalls, formatNumber, formatRange } from '../../../../src/lab/base/format.js';

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
  expect(formatRange({ median: 2, min: 1.5, max: 2.5, count: 3 })).toBe('1.50 to 2.50');
  expect(formatRange({ median: 2, min: 2, max: 2, count: 1 })).toBe('one round');
  expect(formatCalls({ recvfrom: 1, epoll_wait: 0.25, sendto: 2 })).toBe('2 sendto, 1 recvfrom, 0.25 epoll_wait');
  expect(formatCalls({})).toBe('–');
});
