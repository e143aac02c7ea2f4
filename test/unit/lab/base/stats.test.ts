import { describe, expect, test } from 'vitest';
import { leastOf, percentile, summarize } from '../../../../src/lab/base/stats.js';

describe('a summary', () => {
  test.each([
    [[3], { median: 3, min: 3, max: 3, low: 3, high: 3, count: 1 }],
    [[9, 1, 5], { median: 5, min: 1, max: 9, low: 1, high: 9, count: 3 }],
    [[10, 9, 1, 2], { median: 5.5, min: 1, max: 10, low: 1, high: 10, count: 4 }],
    [[30, 4, 2, 3, 1], { median: 3, min: 1, max: 30, low: 2, high: 4, count: 5 }],
    [[2, null, Number.NaN, 4], { median: 3, min: 2, max: 4, low: 2, high: 4, count: 2 }],
  ])('of %j', (values, summary) => expect(summarize(values)).toEqual(summary));

  test('of no values is null', () => {
    expect(summarize([])).toBeNull();
    expect(summarize([null])).toBeNull();
  });
});

test.each([
  [0, 1],
  [50, 3],
  [90, 4.6],
  [100, 5],
])('percentile %d of 1 to 5 is %d', (percent, value) => {
  expect(percentile([1, 2, 3, 4, 5], percent)).toBeCloseTo(value, 9);
});

test('a percentile of no values is a RangeError', () => {
  expect(() => percentile([], 50)).toThrow(RangeError);
});

test('the least of several summaries', () => {
  const [ten, nine] = [summarize([10, 1]), summarize([9])];
  expect(leastOf([null, ten, undefined, nine])).toBe(ten);
  expect(leastOf([null, undefined])).toBeNull();
});
