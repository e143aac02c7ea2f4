import { expect, test } from 'vitest';
import { FrequencySketch } from '../../../../src/files/cache/frequency-sketch.js';

const ENTRIES = 1024;
/** Ten for each entry, of which half are forgotten at each aging but the first. */
const SAMPLE = 10 * ENTRIES;

/** Keys that differ in few bits, as the hashes of a poor function would. */
const key = (i: number): number => (i * 8) | 0;
const addTimes = (sketch: FrequencySketch, hash: number, times: number): number => {
  let count = 0;
  for (let i = 0; i < times; i++) count = sketch.add(hash);
  return count;
};

test.each([1, 2, 3, 8, 15, 16])('a key that is added %i times has this count', (times) => {
  for (const hash of [0, -1, 0x7fffffff, -0x80000000, 12345]) {
    expect(addTimes(new FrequencySketch(ENTRIES), hash, times)).toBe(times);
  }
});

test('counts stop at 16', () => {
  expect(addTimes(new FrequencySketch(ENTRIES), 1, 100)).toBe(16);
});

test('a key that comes once is almost never taken for another', () => {
  const sketch = new FrequencySketch(ENTRIES);
  let wrong = 0;
  for (let i = 0; i < SAMPLE - 1; i++) if (sketch.add(key(i)) > 1) wrong++;
  expect(wrong).toBeLessThan(0.07 * SAMPLE);
});

test('a count is never too low, and seldom too high', () => {
  const sketch = new FrequencySketch(ENTRIES);
  let high = 0;
  for (let times = 1; times <= 5; times++) {
    for (let i = 0; i < ENTRIES; i++) {
      const count = sketch.add(key(i));
      expect(count).toBeGreaterThanOrEqual(times);
      if (count > times) high++;
    }
  }
  expect(high).toBeLessThan(0.05 * 5 * ENTRIES);
});

test('after a sample all counts are halved, and what came once is forgotten', () => {
  const sketch = new FrequencySketch(ENTRIES);
  addTimes(sketch, 1, 12);
  sketch.add(2);
  for (let i = 13; i < SAMPLE; i++) sketch.add(key(1000));
  expect(sketch.agings).toBe(1);
  // It is new to the filter; behind that are the half of 11, and this time.
  expect([sketch.add(1), sketch.add(1)]).toEqual([1, 7]);
  expect(sketch.add(2)).toBe(1);
  for (let i = 3; i < SAMPLE / 2; i++) sketch.add(key(1000));
  expect(sketch.agings).toBe(2);
});

test.each([0, 0.5, 1, 2 ** 40])('a cache for %d entries has a sketch', (entries) => {
  expect(addTimes(new FrequencySketch(entries), 7, 3)).toBe(3);
});
