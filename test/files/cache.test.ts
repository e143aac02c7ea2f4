import { describe, expect, test } from 'vitest';
import { type CachedFile, FileCache } from '../../src/files/cache.js';
import { pathHashOf } from '../../src/http/path-hash.js';
import { NO_BODY, Response } from '../../src/http/response.js';
import { below, seeded } from '../support/random.js';

const RESPONSE = new Response(200, [], NO_BODY);

function file(path: string, bytes = 100, hash = pathHashOf(Buffer.from(path))): CachedFile {
  return {
    path: Buffer.from(path),
    hash,
    identity: path,
    validators: { etag: Buffer.from('"a"'), modifiedSeconds: 0 },
    ok: RESPONSE,
    notModified: RESPONSE,
    bytes,
    checkedMs: 0,
    used: false,
  };
}

const find = (cache: FileCache, path: string, hash = pathHashOf(Buffer.from(path))): CachedFile | null => {
  const around = Buffer.from(`xx${path}yy`);
  return cache.find(around, 2, 2 + Buffer.byteLength(path), hash);
};

test('what was put in is found by its bytes, wherever they stand', () => {
  const cache = new FileCache(1000);
  const one = file('/a');
  cache.set(one);
  expect(find(cache, '/a')).toBe(one);
  for (const other of ['/b', '/', '/aa', '/A', '']) expect(find(cache, other)).toBeNull();
  cache.remove(one.hash);
  cache.remove(one.hash);
  expect([find(cache, '/a'), cache.size, cache.bytes]).toEqual([null, 0, 0]);
});

test('of two paths with one hash each is right or absent', () => {
  const cache = new FileCache(1000);
  const hash = 12345;
  for (const [first, second] of [
    ['/a', '/b'],
    ['/b', '/a'],
    ['/longer', '/x'],
  ] as const) {
    cache.set(file(first, 100, hash));
    expect(find(cache, first, hash)?.identity).toBe(first);
    expect(find(cache, second, hash)).toBeNull();
    cache.set(file(second, 200, hash));
    expect(find(cache, second, hash)?.identity).toBe(second);
    expect(find(cache, first, hash)).toBeNull();
    expect([cache.size, cache.bytes]).toEqual([1, 200]);
  }
});

describe('the budget', () => {
  test('is never passed, and what is larger than it is not kept', () => {
    const cache = new FileCache(250);
    for (const path of ['/a', '/b', '/c', '/d']) cache.set(file(path));
    expect([cache.size, cache.bytes]).toEqual([2, 200]);
    cache.set(file('/large', 251));
    expect([find(cache, '/large'), cache.size]).toEqual([null, 2]);
    cache.set(file('/whole', 250));
    expect([cache.size, cache.bytes]).toEqual([1, 250]);
  });

  test('of nothing keeps nothing', () => {
    const cache = new FileCache(0);
    cache.set(file('/a'));
    expect([find(cache, '/a'), cache.size, cache.bytes]).toEqual([null, 0, 0]);
  });

  test('that a newer one of the same path is too large for removes the older', () => {
    const cache = new FileCache(250);
    cache.set(file('/a'));
    cache.set(file('/a', 251));
    expect([find(cache, '/a'), cache.size, cache.bytes]).toEqual([null, 0, 0]);
  });

  test('is what is counted, whatever is done', () => {
    const next = seeded();
    const cache = new FileCache(2000);
    for (let i = 0; i < 5000; i++) {
      const path = `/${below(next, 60)}`;
      if (next() < 0.4) cache.set(file(path, below(next, 400)));
      else if (next() < 0.8) expect(find(cache, path)?.identity ?? path).toBe(path);
      else cache.remove(pathHashOf(Buffer.from(path)));
      const kept = Array.from({ length: 60 }, (_, at) => find(cache, `/${at}`)).filter((each) => each !== null);
      expect([kept.length, kept.reduce((sum, { bytes }) => sum + bytes, 0)]).toEqual([cache.size, cache.bytes]);
      expect(cache.bytes).toBeLessThanOrEqual(2000);
    }
    cache.clear();
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
  });
});

test('what was used since the last look stays, what was not goes, oldest first', () => {
  const cache = new FileCache(300);
  for (const path of ['/a', '/b', '/c']) cache.set(file(path));
  find(cache, '/a');
  cache.set(file('/d'));
  const present = (): string =>
    ['/a', '/b', '/c', '/d', '/e', '/f']
      .filter((path) => {
        const at = (cache as unknown as { files: Map<number, CachedFile> }).files;
        return at.has(pathHashOf(Buffer.from(path)));
      })
      .join('');
  expect(present()).toBe('/a/c/d');
  cache.set(file('/e')); // /a was looked over once and has not been used since; /c is older in the round
  expect(present()).toBe('/a/d/e');
  for (const path of ['/a', '/d', '/e']) find(cache, path);
  cache.set(file('/f'));
  expect(present()).not.toContain('/f'); // all others are in use: the newcomer has not been
  expect(cache.size).toBe(3);
});
