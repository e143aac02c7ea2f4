import { expect, test } from 'vitest';
import { FileCache } from '../../../../src/files/cache/cache.js';
import { CacheEntry, ENTRY_OVERHEAD_BYTES, MOST_USES } from '../../../../src/files/cache/entry.js';
import { Dependencies } from '../../../../src/files/watch/dependencies.js';
import { HttpResponse, NO_BODY } from '../../../../src/http/response/response.js';
import { hashPath } from '../../../../src/http/text.js';
import { random as randomFrom } from '../../../support/random.js';

const RESPONSE = new HttpResponse(200, [], NO_BODY);
/** As large as the cache takes entries to be. */
const ENTRY_BYTES = 2 * ENTRY_OVERHEAD_BYTES;

/** A cache for so many entries, and requests for paths by their numbers, as a site makes them. */
function cacheFor(entries: number) {
  const cache = new FileCache(entries * ENTRY_BYTES);
  const paths = new Map<number, Buffer>();
  /** Returns whether it was a hit. */
  const request = (number: number): boolean => {
    const path = paths.get(number) ?? Buffer.from(`/${number}`);
    paths.set(number, path);
    const hash = hashPath(path);
    if (cache.find(path, 0, path.length, hash) !== null) return true;
    const uses = cache.admit(hash);
    if (uses === 0) return false;
    const bytes = ENTRY_BYTES - ENTRY_OVERHEAD_BYTES - 2 * path.length;
    const content = { bytes, respond: () => RESPONSE, close: () => {} };
    const entry = new CacheEntry(
      `/${number}`,
      hash,
      content,
      RESPONSE,
      0,
      '',
      new Dependencies(),
      () => {},
      `${number}`,
    );
    entry.uses = uses;
    cache.set(entry);
    return false;
  };
  const hits = (numbers: Iterable<number>): number => {
    let count = 0;
    for (const number of numbers) if (request(number)) count++;
    return count;
  };
  return { cache, request, hits };
}

function* times(count: number, of: (i: number) => number): Iterable<number> {
  for (let i = 0; i < count; i++) yield of(i);
}

/** Numbers from 0, the n-th with a share of 1/(n+1). */
function zipf(count: number, names: number, random: () => number): number[] {
  const sums = new Float64Array(names);
  let sum = 0;
  for (let i = 0; i < names; i++) sums[i] = sum += 1 / (i + 1);
  return Array.from({ length: count }, () => {
    const wanted = random() * sum;
    let [low, high] = [0, names - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  });
}

function lruHits(numbers: readonly number[], entries: number): number {
  const cached = new Set<number>();
  let hits = 0;
  for (const number of numbers) {
    if (cached.delete(number)) hits++;
    cached.add(number);
    if (cached.size > entries) cached.delete(cached.values().next().value!);
  }
  return hits;
}

const ENTRIES = 300;
/** Fixed, since the bounds are statistics. */
const random = randomFrom(1);

test('a path has an entry from its second request on', () => {
  const { cache, request } = cacheFor(10);
  expect([request(1), cache.size, request(1), cache.size, request(1)]).toEqual([false, 0, false, 1, true]);
});

test('a scan gets no entry, and leaves those that there are', () => {
  const { cache, hits } = cacheFor(ENTRIES);
  for (let round = 0; round < 3; round++) hits(times(ENTRIES, (i) => i));
  expect(cache.size).toBe(ENTRIES);
  hits(times(9 * ENTRIES, (i) => 10_000 + i));
  // The few that are taken for known ones have little more than a chance.
  expect(hits(times(ENTRIES, (i) => i))).toBeGreaterThan(0.95 * ENTRIES);
});

test.each([2, 4, 10])(
  'of %i times as many paths as entries, all as frequent, few take the room of others',
  (factor) => {
    const { cache, hits } = cacheFor(ENTRIES);
    const uniform = (count: number) => times(count, () => Math.floor(random() * factor * ENTRIES));
    hits(uniform(20 * factor * ENTRIES));
    const evictions = cache.evictions;
    const count = 20 * factor * ENTRIES;
    const misses = count - hits(uniform(count));
    expect((cache.evictions - evictions) / misses).toBeLessThan(0.08);
    expect(misses / count).toBeLessThan(1 - 0.95 / factor);
  },
);

test('of ten times as many paths as entries, in a Zipf distribution, it hits more than LRU', () => {
  const { hits } = cacheFor(ENTRIES);
  const numbers = zipf(100 * ENTRIES, 10 * ENTRIES, random);
  expect(hits(numbers)).toBeGreaterThan(1.05 * lruHits(numbers, ENTRIES));
});

test('after another set of paths has become frequent, it hits more than LRU', () => {
  const { hits } = cacheFor(ENTRIES);
  const before = zipf(50 * ENTRIES, 10 * ENTRIES, random);
  const after = zipf(100 * ENTRIES, 10 * ENTRIES, random).map((number) => 100_000 + number);
  hits(before);
  hits(after.slice(0, 50 * ENTRIES));
  const last = after.slice(50 * ENTRIES);
  expect(hits(last)).toBeGreaterThan(lruHits(last, ENTRIES));
});

test('a frequent path is admitted soon, however frequent all entries are', () => {
  const { cache, request, hits } = cacheFor(ENTRIES);
  for (let round = 0; round < 2 * MOST_USES; round++) hits(times(ENTRIES, (i) => i));
  expect(cache.size).toBe(ENTRIES);
  let requests = 1;
  while (!request(1_000_000) && requests < 100) {
    hits(times(10, (i) => i));
    requests++;
  }
  expect(requests).toBeLessThan(24);
});

test('what was frequent once gives room later', () => {
  const { hits } = cacheFor(ENTRIES);
  for (let round = 0; round < 2 * MOST_USES; round++) hits(times(ENTRIES, (i) => i));
  for (let round = 0; round < 60; round++) hits(times(ENTRIES, (i) => 10_000 + i));
  expect(hits(times(ENTRIES, (i) => 10_000 + i))).toBeGreaterThan(0.9 * ENTRIES);
});

test('rejections count the paths that came again and were not admitted', () => {
  const { cache, request, hits } = cacheFor(2);
  for (let round = 0; round < 10; round++) hits([1, 2]);
  request(3);
  expect(cache.rejections).toBe(0);
  request(3);
  expect([cache.rejections, cache.evictions]).toEqual([1, 0]);
});
