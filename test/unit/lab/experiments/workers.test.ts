import { expect, test } from 'vitest';
import {
  type SpreadResult,
  spreadNoise,
  spreadReading,
  spreadResult,
} from '../../../../src/lab/experiments/workers.js';

const result = (spread: string, mostShare: number | null, workers = 4): SpreadResult => {
  const rest = { connections: [], leastShare: 0.1, cpuUs: 10, p50Ms: 1, rawP99Ms: 1, p99Ms: 2 };
  const rounds = mostShare === null ? [] : [{ ...rest, mostShare }];
  return spreadResult({ cell: { spread, workers, lifetime: 'long' }, rounds, failure: null });
};

test('the reading names the most uneven way and the most even one', () => {
  const all = [
    result('shared', 0.75),
    result('handed over', 0.25),
    result('exclusive', 0.5),
    result('reuseport', null),
  ];
  expect(spreadReading(all, 4, 'long')).toBe(
    'Of 4 workers, the busiest gets 75 % by shared and 25 % by handed over; an even share is 25 %.',
  );
  expect([spreadReading(all, 8, 'long'), spreadReading(all.slice(0, 1), 4, 'long')]).toEqual([null, null]);
});

test('the noise is of the same number of workers', () => {
  const all = [result('reuseport', 0.5, 2), result('reuseport', 0.2), result('reuseport again', 0.3)];
  expect(spreadNoise(all).mostShare).toBeCloseTo(1.5);
  expect(spreadNoise(all.slice(0, 2)).mostShare).toBeNull();
});
