import { describe, expect, test } from 'vitest';
import { cpuBetween, cpuTime, processTree, residentBytes } from '../../../../src/lab/measure/proc-stat.js';

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
