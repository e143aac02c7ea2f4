import { expect, test } from 'vitest';
import { LatencyCounts, percentilesOf, sumOfDistributions, totalOf } from '../../../../src/lab/base/distribution.js';

test.each([
  [0.0004, 0],
  [0.0123, 12],
  [0.9994, 999],
  [1.2345, 1230],
  [12.345, 12_300],
  [1234.5, 1_230_000],
])('%d ms is counted as %d µs', (ms, us) => {
  const counts = new LatencyCounts();
  counts.add(ms);
  expect(counts.distribution()).toEqual([[us, 1]]);
});

test('is ascending, with a count for each latency', () => {
  const counts = new LatencyCounts();
  for (const ms of [0.3, 0.1, 0.3, 0.2]) counts.add(ms);
  expect(counts.distribution()).toEqual([
    [100, 1],
    [200, 1],
    [300, 2],
  ]);
});

test('a sum has the counts of both', () => {
  const sum = sumOfDistributions([
    [
      [1, 2],
      [5, 1],
    ],
    [
      [1, 1],
      [3, 1],
    ],
  ]);
  expect(sum).toEqual([
    [1, 3],
    [3, 1],
    [5, 1],
  ]);
  expect(totalOf(sum)).toBe(5);
});

test('a percentile is the least latency that so many do not exceed', () => {
  const thousand = Array.from({ length: 1000 }, (_, at): [number, number] => [at + 1, 1]);
  expect(percentilesOf(thousand)).toEqual({ p50: 0.5, p90: 0.9, p99: 0.99, p999: 0.999, max: 1 });
  expect(percentilesOf([[7, 1]])).toEqual({ p50: 0.007, p90: 0.007, p99: 0.007, p999: 0.007, max: 0.007 });
  expect(percentilesOf([])).toBeNull();
});
