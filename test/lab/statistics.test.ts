import { describe, expect, test } from 'vitest';
import { formatCalls, formatNumber, formatRange } from '../../src/lab/base/format.js';
import { seededRandom, shuffle, shuffledOrders } from '../../src/lab/base/shuffle.js';
import { latencyPercentiles, percentile, summarize } from '../../src/lab/base/stats.js';
import { stepsUpTo } from '../../src/lab/experiments/connections.js';
import { connectionsResult } from '../../src/lab/experiments/connections-result.js';
import { ratioTo, summarizeCalls } from '../../src/lab/experiments/models-result.js';
import { cpuBetween, cpuTime, processTree, residentBytes } from '../../src/lab/measure/proc-stat.js';
import { sampleReport } from './sample-reports.js';

describe('a spread', () => {
  test.each([
    [[3], { median: 3, min: 3, max: 3, count: 1 }],
    [[9, 1, 5], { median: 5, min: 1, max: 9, count: 3 }],
    [[10, 9, 1, 2], { median: 5.5, min: 1, max: 10, count: 4 }],
    [[2, null, Number.NaN, 4], { median: 3, min: 2, max: 4, count: 2 }],
  ])('of %j', (values, spread) => expect(summarize(values)).toEqual(spread));

  test('of nothing is none', () => {
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

test('the latency of nothing is none, and a percentile of nothing a mistake', () => {
  expect(latencyPercentiles([])).toBeNull();
  expect(() => percentile([], 50)).toThrow(RangeError);
});

describe('a draw', () => {
  const MODELS = ['a', 'b', 'c', 'd', 'e', 'f'];

  test('has the same orders for the same seed, and others for another', () => {
    expect(shuffledOrders(MODELS, 5, 42)).toEqual(shuffledOrders(MODELS, 5, 42));
    expect(shuffledOrders(MODELS, 5, 42)).not.toEqual(shuffledOrders(MODELS, 5, 43));
    expect(new Set(shuffledOrders(MODELS, 20, 42).map((order) => order.join())).size).toBeGreaterThan(15);
  });

  test('has every model once', () => {
    for (const order of shuffledOrders(MODELS, 50, 1)) expect([...order].sort()).toEqual(MODELS);
  });

  test('gives every model every place', () => {
    const random = seededRandom(9);
    const first = new Map<string, number>();
    for (let draw = 0; draw < 6000; draw++) {
      const [model] = shuffle(MODELS, random);
      first.set(model!, (first.get(model!) ?? 0) + 1);
    }
    for (const model of MODELS) expect(first.get(model)).toBeGreaterThan(850);
  });
});

describe('the family of a process', () => {
  test('has this process, its memory and its time', () => {
    const before = cpuTime(process.pid);
    let sum = 0;
    for (const untilMs = performance.now() + 150; performance.now() < untilMs; ) sum += Math.sqrt(sum + 1);
    const { userUs, systemUs, totalUs } = cpuBetween(before, cpuTime(process.pid));
    expect(processTree(process.pid)[0]).toBe(process.pid);
    expect(residentBytes(process.pid)).toBeGreaterThan(10 * 1024 * 1024);
    expect(totalUs).toBeGreaterThan(1000);
    expect(userUs + systemUs).toBeLessThanOrEqual(totalUs * 1.001);
  });

  test('that is gone has nothing', () => {
    expect(residentBytes(2 ** 30)).toBe(0);
    expect(cpuTime(2 ** 30).threads.size).toBe(0);
  });

  test('exact where the threads are the same, and by ticks where not', () => {
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

test('a ratio is of each round by itself', () => {
  const report = sampleReport('libuv');
  if (report.experiment !== 'libuv') throw new Error();
  const [libuv, , ours] = report.results;
  expect(ratioTo(ours!, ours!).cpu).toEqual({ median: 1, min: 1, max: 1, count: 3 });
  const expected = libuv!.rounds.map((round, at) => round.cpuUs / ours!.rounds[at]!.cpuUs).sort((a, b) => a - b);
  expect(ratioTo(libuv!, ours!).cpu?.median).toBeCloseTo(expected[1]!, 9);
});

test('system calls are sorted, added up, and without those of the start', () => {
  expect(summarizeCalls({ openat: 0.0002, sendto: 1, recvfrom: 1.25 })).toEqual({
    perRequest: 2.25,
    byName: { recvfrom: 1.25, sendto: 1 },
  });
});

test('a model bends where a request takes twice the time', () => {
  const round = (cpuUs: number) => [{ requestsPerSecond: 1, cpuUs, p99Ms: null, residentBytes: 1, stillOpen: 1 }];
  const notes = { model: 'm', waits: '', failedAt: null, failure: null };
  const rounds = new Map([1, 10, 100].map((idle) => [idle, round(idle === 100 ? 25 : 10)]));
  expect(connectionsResult({ ...notes, rounds }).knee).toMatchObject({ idle: 100 });
  expect(connectionsResult({ ...notes, rounds: new Map([[1, round(10)]]) }).knee).toBeNull();
  expect(connectionsResult({ ...notes, rounds: new Map() })).toMatchObject({ points: [], slows: null });
});

test.each([
  [1, [1]],
  [10, [1, 10]],
  [250, [1, 10, 100, 250]],
  [10_000, [1, 10, 100, 1000, 10_000]],
])('up to %d connections', (most, steps) => expect(stepsUpTo(most)).toEqual(steps));

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
])('%s in words is %s', (value, text) => expect(formatNumber(value)).toBe(text));

test('a range, and calls, in words', () => {
  expect(formatRange({ median: 2, min: 1.5, max: 2.5, count: 3 })).toBe('1.50 to 2.50');
  expect(formatRange({ median: 2, min: 2, max: 2, count: 1 })).toBe('one round');
  expect(formatCalls({ recvfrom: 1, epoll_wait: 0.25, sendto: 2 })).toBe('2 sendto, 1 recvfrom, 0.25 epoll_wait');
  expect(formatCalls({})).toBe('–');
});
