import { expect, test } from 'vitest';
import { Histogram } from '../../../../src/server/measure/histogram.js';

test.each([
  [0, 0],
  [1, 0],
  [1.001, 1],
  [10, 1],
  [11, 2],
])('%d is counted in bucket %d: bounds are inclusive', (value, bucket) => {
  const histogram = new Histogram([1, 10]);
  histogram.add(value);
  const { bounds, counts, sum } = histogram.stats;
  expect(bounds).toEqual([1, 10]);
  expect(counts.map((count, at) => [at, count]).filter(([, count]) => count === 1)).toEqual([[bucket, 1]]);
  expect(sum).toBe(value);
});

test('a value that occurred several times counts so often', () => {
  const histogram = new Histogram([1]);
  histogram.add(2, 3);
  expect(histogram.stats).toEqual({ bounds: [1], counts: [0, 3], sum: 6 });
});
