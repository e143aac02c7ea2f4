import { describe, expect, test } from 'vitest';
import { formatCalls, formatNumber, formatRange } from '../../src/lab/base/format.js';
import { seededRandom, shuffle, shuffledOrders } from '../../src/lab/base/shuffle.js';
import { latencyPercentiles, percentile, summarize } from '../../src/lab/base/stats.js';
import { connectionsResult, stepsUpTo } from '../../src/lab/experiments/connections.js';
import { ratioTo } from '../../src/lab/experiments/libuv.js';
import { summarizeCalls } from '../../src/lab/experiments/models-result.js';
import { cpuBetween, cpuTime, processTree, residentBytes } from '../../src/lab/measure/proc-stat.js';
import { sampleReport } from './sample-reports.js';

describe('summarize', () => {
  test.each([
    [[3], { median: 3, min: 3, max: 3, count: 1 }],
    [[9, 1, 5], { median: 5, min: 1, max: 9, count: 3 }],
    [[10, 9, 1, 2], { median: 5.5, min: 1, max: 10, count: 4 }],
    [[2, null, Number.NaN, 4], { median: 3, min: 2, max: 4, count: 2 }],
  ])('%j', (values, summary) => expect(summarize(values)).toEqual(summary));

  test('no values have no summary', () => {
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

test('no values have no latency, and their percentile is a RangeError', () => {
  expect(latencyPercentiles([])).toBeNull();
  expect(() => percentile([], 50)).toThrow(RangeError);
});

describe('shuffle', () => {
  const MODELS = ['a', 'b', 'c', 'd', 'e', 'f'];

  test('the same seed has the same orders, another seed has others', () => {
    expect(shuffledOrders(MODELS, 5, 42)).toEqual(shuffledOrders(MODELS, 5, 42));
    expect(shuffledOrders(MODELS, 5, 42)).not.toEqual(shuffledOrders(MODELS, 5, 43));
    expect(new Set(shuffledOrders(MODELS, 20, 42).map((order) => order.join())).size).toBeGreaterThan(15);
  });

  test('an order has every model once', () => {
    for (const order of shuffledOrders(MODELS, 50, 1)) expect([...order].sort()).toEqual(MODELS);
  });

  test('every model is first equally often', () => {
    const random = seededRandom(9);
    const first = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const [model] = shuffle(MODELS, random);
      first.set(model!, (first.get(model!) ?? 0) + 1);
    }
    for (const model of MODELS) expect(first.get(model)).toBeGreaterThan(850);
  });
});

describe('the process tree', () => {
  test('contains this process, with its memory and CPU time', () => {
    const before = cpuTime(process.pid);
    let sum = 0;
    for (const untilMs = performance.now() + 150; performance.now() < untilMs; ) sum += Math.sqrt(sum + 1);
    const { userUs, systemUs, totalUs } = cpuBetween(before, cpuTime(process.pid));
    expect(processTree(process.pid)[0]).toBe(process.pid);
    expect(residentBytes(process.pid)).toBeGreaterThan(10 * 1024 * 1024);
    expect(totalUs).toBeGreaterThan(1000);
    expect(userUs + systemUs).toBeLessThanOrEqual(totalUs * 1.001);
  });

  test('of an exited process has no memory and no threads', () => {
    expect(residentBytes(2 ** 30)).toBe(0);
    expect(cpuTime(2 ** 30).threads.size).toBe(0);
  });

  test('CPU time is exact for equal sets of threads, and in ticks otherwise', () => {
    const at = (userUs: number, systemUs: number, ...threads: [string, number][]) => ({
      userUs,
      systemUs,
      threads: new Map(threads),
    });
    const before = at(0, 0, ['1/1', 100], ['1/2', 50]);
    expect(cpuBetween(before, at(30_000, 10_000, ['1/1', 40_100], ['1/2', 2050]))).toEqual({
      userUs: 31_500,
      systemUs: 10_500,
      totalUs: 42_000,
    });
    expect(cpuBetween(before, at(30_000, 10_000, ['1/1', 40_100], ['1/3', 50])).totalUs).toBe(40_000);
    expect(cpuBetween(before, before)).toEqual({ userUs: 0, systemUs: 0, totalUs: 0 });
  });
});

test('ratios are computed per round', () => {
  const report = sampleReport('libuv');
  if (report.experiment !== 'libuv') throw new Error();
  const [libuv, , epollet] = report.results;
  expect(ratioTo(epollet!, epollet!).cpu).toEqual({ median: 1, min: 1, max: 1, count: 3 });
  const expected = libuv!.rounds.map((round, at) => round.cpuUs / epollet!.rounds[at]!.cpuUs).sort((a, b) => a - b);
  expect(ratioTo(libuv!, epollet!).cpu?.median).toBeCloseTo(expected[1]!, 9);
});

test('summarizeCalls sorts, adds up, and drops calls of the startup', () => {
  expect(summarizeCalls({ openat: 0.0002, sendto: 1, recvfrom: 1.25 })).toEqual({
    perRequest: 2.25,
    byName: { recvfrom: 1.25, sendto: 1 },
  });
});

test('the knee is where a request takes more than twice the CPU time', () => {
  const round = (cpuUs: number) => [{ requestsPerSecond: 1, cpuUs, p99Ms: null, residentBytes: 1, stillOpen: 1 }];
  const notes = { model: 'm', waits: '', failedAt: null, failure: null };
  const rounds = new Map([1, 10, 100].map((idle) => [idle, round(idle === 100 ? 25 : 10)]));
  expect(connectionsResult({ ...notes, rounds }).knee).toMatchObject({ idle: 100 });
  expect(connectionsResult({ ...notes, rounds: new Map([[1, round(10)]]) }).knee).toBeNull();
  expect(connectionsResult({ ...notes, rounds: new Map() })).toMatchObject({ points: [], knee: null });
});

test.each([
  [1, [1]],
  [10, [1, 10]],
  [250, [1, 10, 100, 250]],
  [10_000, [1, 10, 100, 1000, 10_000]],
])('steps up to %d connections are %j', (most, steps) => expect(stepsUpTo(most)).toEqual(steps));

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

test('formatRange and formatCalls', () => {
  expect(formatRange({ median: 2, min: 1.5, max: 2.5, count: 3 })).toBe('1.50 to 2.50');
  expect(formatRange({ median: 2, min: 2, max: 2, count: 1 })).toBe('one round');
  expect(formatCalls({ recvfrom: 1, epoll_wait: 0.25, sendto: 2 })).toBe('2 sendto, 1 recvfrom, 0.25 epoll_wait');
  expect(formatCalls({})).toBe('–');
});
