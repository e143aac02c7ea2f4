import { expect, test } from 'vitest';
import { type LoadWithCpu, steadyLoad, unsteadyReason, windowOf } from '../../../../src/lab/bench/steady-load.js';

const SPEC = { url: new URL('http://127.0.0.1/'), connections: 1, seconds: 0.25, close: false };

/** A window of 10,000 requests in 10 s, with this CPU time per request. */
const window = (us: number): LoadWithCpu => ({
  requests: 10_000,
  perSecond: 1000,
  latency: { p50: us, p90: us, p99: 2 * us, max: 3 * us },
  errors: 1,
  cpu: { userUs: us * 4000, systemUs: us * 6000, totalUs: us * 10_000 },
});

const cpuUs = (...all: number[]): number | null => {
  const { load } = steadyLoad([1000, ...all].map(window), SPEC);
  return load && load.cpu.totalUs / load.requests;
};

test.each([
  ['no window', [], null],
  ['two equal ones', [30, 30], null],
  ['three equal ones', [30, 30, 30], 30],
  ['three that differ by up to 15 %', [30, 33, 34.5], 32.5],
  ['three of which one differs by more', [30, 33, 35], null],
  ['node:http while V8 compiles it', [418, 98, 36], null],
  ['node:http afterwards', [418, 98, 36, 29, 28, 27], 28],
  ['two on the step between two compilers', [418, 100, 99, 29], null],
  ['those that agree are not the last', [30, 30, 30, 60], 30],
  ['of several that agree the last count', [40, 40, 40, 30, 30, 30], 30],
  ['a window without a request', [30, 30, Number.NaN], null],
  ['a window whose requests took no time', [30, 30, 0], null],
] as [string, number[], number | null][])('%s: %j is %s µs', (_, windows, expected) => {
  expect(cpuUs(...windows)).toBe(expected);
});

test('windows before which there was little CPU time do not count', () => {
  const short = { ...window(30), requests: 1000, cpu: { userUs: 0, systemUs: 30_000, totalUs: 30_000 } };
  expect(steadyLoad(Array(7).fill(short), SPEC).load).toBeNull();
  expect(steadyLoad(Array(8).fill(short), SPEC).load).not.toBeNull();
});

test('the figure is of all windows that agree, and of no other', () => {
  const { load, windowsUs } = steadyLoad([90, 30, 32, 31].map(window), SPEC);
  expect(load).toMatchObject({
    requests: 30_000,
    errors: 3,
    cpu: { userUs: 372_000, systemUs: 558_000, totalUs: 930_000 },
  });
  expect(load!.perSecond).toBeCloseTo(1000, 9);
  // Percentiles cannot be added up: their medians, and the largest maximum.
  expect(load!.latency).toEqual({ p50: 31, p90: 31, p99: 62, max: 96 });
  expect(windowsUs).toEqual([90, 30, 32, 31]);
});

test.each([
  [3, 1],
  [0.9, 0.3],
  [0.25, 0.25],
  [0.1, 0.1],
])('a load of %d s has windows of %d s', (seconds, expected) => {
  expect(windowOf({ ...SPEC, seconds }).seconds).toBeCloseTo(expected, 9);
});

test('the reason has every window', () => {
  expect(unsteadyReason(steadyLoad([418, 98.2, 36].map(window), SPEC))).toBe(
    'Struck out: the CPU time per request did not settle, with 418, 98.2, 36 µs in successive windows of 0.25 s.',
  );
});
