import { expect, test } from 'vitest';
import type { RateLoad } from '../../../../src/lab/bench/rate-load.js';
import { rateNoise, ratesResult } from '../../../../src/lab/experiments/rates-result.js';

/** 100 responses of 100 that were due in a second, unless stated otherwise. */
const load = (options: Partial<RateLoad> = {}): RateLoad => ({
  rate: 100,
  settled: true,
  windowsUs: [40, 40, 40],
  windowSeconds: 1,
  seconds: 2,
  due: 100,
  responses: 100,
  errors: 0,
  cpu: { userUs: 1000, systemUs: 3000, totalUs: 4000 },
  wakeUps: 90,
  corrected: [
    [100, 98],
    [5000, 2],
  ],
  raw: [[100, 100]],
  lag: [[10, 100]],
  ...options,
});

const pointOf = (...loads: RateLoad[]) =>
  ratesResult({ model: 'a', waits: 'somewhere', loads: new Map([[100, loads]]), transcript: null, failure: null })
    .points[0]!;

test('a point has the figures of a request and of a second', () => {
  const { rounds, ...point } = pointOf(load(), load({ wakeUps: 110 }));
  expect(rounds).toHaveLength(2);
  expect(point).toMatchObject({
    rate: 100,
    struckOut: null,
    cpuUs: { median: 40, count: 2 },
    userUs: { median: 10 },
    wakeUpsPerSecond: { min: 45, max: 55, median: 50 },
    achieved: { median: 1 },
    latencyMs: { p50: { median: 0.1 }, p99: { median: 5 }, p999: { median: 5 } },
    rawMs: { p99: { median: 0.1 } },
  });
});

test.each([
  ['95 of 100', [load({ responses: 95 })], null],
  ['less than 95 of 100', [load({ responses: 94 })], 'Struck out: 0.94 of the offered requests were responded to.'],
  ['the median of the rounds', [load({ responses: 94 }), load(), load()], null],
  [
    'a load generator that is late itself',
    [load({ responses: 50, lag: [[6000, 100]] })],
    'Struck out: 0.5 of the offered requests were responded to. The load generator itself was late: it needs a faster core.',
  ],
  ['one round that settled', [load({ settled: false }), load()], null],
  [
    'no round that settled',
    [load({ settled: false, windowsUs: [90, 30, 60] })],
    'Struck out: the CPU time per request did not settle, with 90, 30, 60 µs in successive windows of 1 s.',
  ],
])('%s: %#', (_, loads, reason) => {
  expect(pointOf(...loads).struckOut).toBe(reason);
});

test('a round that did not settle has no CPU time', () => {
  const { cpuUs, wakeUpsPerSecond } = pointOf(load({ settled: false }), load());
  expect([cpuUs!.count, wakeUpsPerSecond!.count]).toEqual([1, 2]);
});

test('the noise is that of each rate', () => {
  const result = (us: number) =>
    ratesResult({
      model: 'a',
      waits: '',
      transcript: null,
      failure: null,
      loads: new Map([[100, [load({ cpu: { userUs: 0, systemUs: 0, totalUs: us } })]]]),
    });
  const [first] = rateNoise(result(4000), result(4400));
  expect(first!.rate).toBe(100);
  expect(first!.noise.cpuUs).toBeCloseTo(1.1, 9);
  expect(first!.noise).toMatchObject({ wakeUpsPerSecond: 1, p50Ms: 1, p99Ms: 1 });
});
