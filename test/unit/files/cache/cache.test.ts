import { closeSync, openSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FileCache } from '../../../../src/files/cache/cache.js';
import {
  type CacheContent,
  CacheEntry,
  DESCRIPTOR_BYTES,
  ENTRY_OVERHEAD_BYTES,
} from '../../../../src/files/cache/entry.js';
import type { OpenFile } from '../../../../src/files/resolve/open-file.js';
import { Dependencies } from '../../../../src/files/watch/dependencies.js';
import { Inotify } from '../../../../src/files/watch/inotify.js';
import { WatchedDirectory } from '../../../../src/files/watch/watched-directory.js';
import { HttpResponse, NO_BODY } from '../../../../src/http/response/response.js';
import { hashPath } from '../../../../src/http/text.js';
import { kernel } from '../../../../src/sys/binding.js';
import { below, seeded } from '../../../support/random.js';

const RESPONSE = new HttpResponse(200, [], NO_BODY);

const hashOf = (path: string): number => hashPath(Buffer.from(path));

interface TestContent extends CacheContent {
  bytes: number;
  /** The number of calls of close. */
  closed: number;
}

type TestEntry = CacheEntry & { readonly content: TestContent };

/**
 * An entry of this size, including overhead.
 * @param sharing an entry of the same file, whose content it has too
 */
function resource(
  path: string,
  bytes = 100,
  hash = hashOf(path),
  fileName: string | null = null,
  sharing: CacheEntry | null = null,
): TestEntry {
  const own: TestContent = {
    bytes: bytes - ENTRY_OVERHEAD_BYTES - 2 * Buffer.byteLength(path),
    closed: 0,
    respond: () => RESPONSE,
    close() {
      this.closed++;
    },
  };
  const made = new CacheEntry(
    Buffer.from(path).toString('latin1'),
    hash,
    sharing?.content ?? own,
    RESPONSE,
    0,
    path,
    new Dependencies(),
    () => {},
    fileName,
  );
  return made as TestEntry;
}

const find = (cache: FileCache, path: string, hash = hashOf(path)): CacheEntry | null => {
  const around = Buffer.from(`xx${path}yy`);
  return cache.find(around, 2, 2 + Buffer.byteLength(path), hash);
};

test('an entry is found by the bytes of its path at any offset', () => {
  const cache = new FileCache(1000);
  const one = resource('/a');
  cache.set(one);
  expect([find(cache, '/a'), cache.has(one)]).toEqual([one, true]);
  for (const other of ['/b', '/', '/aa', '/A', '']) expect(find(cache, other)).toBeNull();
  cache.remove(one);
  cache.remove(one);
  expect([find(cache, '/a'), cache.has(one), cache.size, cache.bytes]).toEqual([null, false, 0, 0]);
});

test('paths with the same hash keep their entries', () => {
  const cache = new FileCache(10_000);
  const hash = -5;
  const paths = ['/a', '/b', '/longer', '/x', '/y', '/z', '/1', '/2'];
  for (const path of paths) {
    expect(find(cache, path, hash)).toBeNull();
    cache.set(resource(path, 100, hash));
    for (const each of paths.slice(0, cache.size)) expect(find(cache, each, hash)?.fingerprint).toBe(each);
  }
  const replaced = find(cache, '/b', hash)!;
  cache.set(resource('/b', 200, hash));
  expect([cache.has(replaced), cache.size, cache.bytes]).toEqual([false, 8, 900]);
  cache.remove(find(cache, '/a', hash)!);
  for (const each of paths.slice(1)) expect(find(cache, each, hash)?.fingerprint).toBe(each);
  cache.set(resource('/z', 100, hash)); // not where /a was, which would make two of it
  expect([cache.size, find(cache, '/a', hash)]).toEqual([7, null]);
});

test('of more paths with the same hash than there are places, one without a recent hit is replaced', () => {
  const cache = new FileCache(10_000);
  const entries = Array.from({ length: 8 }, (_, i) => resource(`/${i}`, 100, 7));
  for (const entry of entries) cache.set(entry);
  entries[3]!.recentlyUsed = false;
  cache.set(resource('/new', 100, 7));
  expect(entries.map((entry) => cache.has(entry))).toEqual([true, true, true, false, true, true, true, true]);
  expect([find(cache, '/new', 7)?.fingerprint, entries[3]!.content.closed, cache.bytes]).toEqual(['/new', 1, 800]);
});

test('a removed, replaced, evicted or cleared entry is closed once', () => {
  const cache = new FileCache(250);
  const [removed, replaced, evicted, cleared] = [resource('/r'), resource('/p'), resource('/e'), resource('/c')];
  cache.set(removed);
  cache.remove(removed);
  cache.remove(removed);
  cache.set(replaced);
  cache.set(resource('/p', 10));
  cache.set(evicted);
  cache.set(resource('/large', 240));
  cache.clear();
  cache.set(cleared);
  cache.clear();
  cache.clear();
  const all = [removed, replaced, evicted, cleared];
  expect(all.map(({ content }) => content.closed)).toEqual([1, 1, 1, 1]);
});

test('an entry that has left the cache is neither removed nor counted again', () => {
  const cache = new FileCache(1000);
  const [before, after] = [resource('/a'), resource('/a', 200)];
  cache.set(before);
  cache.set(after);
  cache.remove(before);
  before.content.bytes += 500;
  cache.recount(before);
  expect([find(cache, '/a'), cache.bytes, after.content.closed]).toEqual([after, 200, 0]);
});

describe('bare entries: missing names, redirects, further spellings', () => {
  const bare = (path: string): TestEntry =>
    resource(path, ENTRY_OVERHEAD_BYTES + 2 * Buffer.byteLength(path), hashOf(path));

  test('take a quarter of the budget, and evict each other, oldest without a recent hit first', () => {
    const cache = new FileCache(16 * (ENTRY_OVERHEAD_BYTES + 6));
    const file = resource('/file', ENTRY_OVERHEAD_BYTES + 1000, hashOf('/file'), 'file');
    cache.set(file);
    for (const entry of [bare('/a'), bare('/b'), bare('/c'), bare('/d')]) cache.set(entry);
    expect(cache.size).toBe(5);
    find(cache, '/b');
    for (let i = 0; i < 50; i++) {
      cache.set(bare(`/${i}`));
      expect([cache.size <= 6, cache.has(file)]).toEqual([true, true]);
    }
    expect([find(cache, '/a'), cache.has(file), bare('/x').isBare, file.isBare]).toEqual([null, true, true, false]);
    cache.clear();
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
    for (let i = 0; i < 50; i++) cache.set(bare(`/${i}`));
    expect(cache.size).toBeLessThanOrEqual(5);
  });

  test('count all that a name takes: its path, and each dependency with its name', () => {
    const fd = openSync('/', 'r');
    const inotify = new Inotify(kernel, 0);
    const directory = new WatchedDirectory(inotify, null, '', fd);
    const entry = bare('/x');
    const { bytes } = entry;
    for (let i = 0; i < 100; i++) entry.dependencies.add(directory, `${i}`.padStart(50));
    expect(entry.bytes - bytes).toBeGreaterThanOrEqual(100 * (50 + 100));
    expect(resource('/x'.repeat(500)).ownBytes - bytes).toBeGreaterThanOrEqual(2 * 998);
    inotify.close();
    closeSync(fd);
  });

  test('become the entry of a file whose others are evicted', () => {
    const cache = new FileCache(100_000);
    const one = resource('/a', ENTRY_OVERHEAD_BYTES + 1000, hashOf('/a'), 'file');
    cache.set(one);
    const two = resource('/b', 0, hashOf('/b'), 'file', one);
    cache.set(two);
    cache.remove(one);
    expect([cache.ofFile('file') === two, two.content.closed, cache.bytes]).toEqual([true, 0, two.bytes]);
    cache.remove(two);
    expect([cache.ofFile('file'), two.content.closed, cache.bytes]).toEqual([null, 1, 0]);
  });
});

describe('entries of one file', () => {
  const OVERHEAD = ENTRY_OVERHEAD_BYTES + 4;
  const other = new HttpResponse(200, [], NO_BODY);

  /** Three paths of one file, whose content takes 1000 bytes. */
  function three(cache: FileCache): TestEntry[] {
    const one = resource('/a', OVERHEAD + 1000, hashOf('/a'), 'file');
    cache.set(one);
    const two = resource('/b', 0, hashOf('/b'), 'file', cache.ofFile('file'));
    cache.set(two);
    const three = resource('/c', 0, hashOf('/c'), 'file', cache.ofFile('file'));
    cache.set(three);
    return [one, two, three];
  }

  test.each([[[0, 1, 2]], [[2, 1, 0]], [[1, 0, 2]]])(
    'count its content once, and close it last, removed as %j',
    (order) => {
      const cache = new FileCache(100_000);
      const all = three(cache);
      const { content } = all[0]!;
      expect(cache.bytes).toBe(3 * OVERHEAD + 1000);
      for (const [removed, at] of order.entries()) {
        expect([content.closed, cache.ofFile('file') === null]).toEqual([0, false]);
        cache.remove(all[at]!);
        expect(cache.bytes).toBe(removed === 2 ? 0 : (2 - removed) * OVERHEAD + 1000);
      }
      expect([content.closed, cache.ofFile('file')]).toEqual([1, null]);
    },
  );

  test('get another plain response together', () => {
    const cache = new FileCache(100_000);
    const all = three(cache);
    all[0]!.content.bytes += 500;
    cache.onContentChanged('file', all[0]!.content, other);
    expect(all.map(({ plainResponse }) => plainResponse === other)).toEqual([true, true, true]);
    expect(cache.bytes).toBe(3 * OVERHEAD + 1500);
    cache.onContentChanged('file', resource('/x').content, RESPONSE);
    cache.onContentChanged('another', all[0]!.content, RESPONSE);
    expect(all[0]!.plainResponse).toBe(other);
  });

  test('of which one has another content by now stay with their own', () => {
    const cache = new FileCache(100_000);
    const [one, two, three_] = three(cache) as [TestEntry, TestEntry, TestEntry];
    const changed = resource('/b', OVERHEAD + 10, hashOf('/b'), 'file');
    cache.set(changed);
    expect([two.content.closed, cache.ofFile('file') === changed, cache.bytes]).toEqual([0, true, 3 * OVERHEAD + 1010]);
    cache.remove(one);
    cache.remove(three_);
    expect([one.content.closed, cache.ofFile('file') === changed, cache.bytes]).toEqual([1, true, OVERHEAD + 10]);
  });

  test('release their descriptors together', () => {
    const cache = new FileCache(100_000);
    const all = three(cache);
    (all[0]!.content as { openFiles?: readonly OpenFile[] }).openFiles = Array<OpenFile>(1);
    cache.set(resource('/d'));
    expect([cache.evictDescriptors(1), cache.size, all[0]!.content.closed]).toEqual([true, 1, 1]);
  });
});

describe('the budget', () => {
  test('is respected, except for the newest entry, whatever its size', () => {
    const cache = new FileCache(250);
    for (const path of ['/a', '/b', '/c', '/d']) cache.set(resource(path));
    expect([cache.size, cache.bytes]).toEqual([2, 200]);
    cache.set(resource('/large', 251));
    expect([find(cache, '/large')?.fingerprint, cache.size, cache.bytes]).toEqual(['/large', 1, 251]);
    cache.set(resource('/whole', 250));
    expect([find(cache, '/whole')?.fingerprint, cache.size, cache.bytes]).toEqual(['/whole', 1, 250]);
    cache.set(resource('/a'));
    expect([find(cache, '/a')?.fingerprint, cache.size, cache.bytes]).toEqual(['/a', 1, 100]);
  });

  test('of zero keeps the newest entry only', () => {
    const cache = new FileCache(0);
    for (const path of ['/a', '/b', '/c']) cache.set(resource(path));
    expect([find(cache, '/a'), find(cache, '/c')?.fingerprint, cache.size]).toEqual([null, '/c', 1]);
  });

  test('counts an entry that grows or shrinks, and evicts others for it', () => {
    const cache = new FileCache(300);
    const growing = resource('/growing');
    cache.set(growing);
    cache.set(resource('/b'));
    cache.set(resource('/c'));
    growing.content.bytes += 50;
    expect(cache.bytes).toBe(300); // not reported yet
    cache.recount(growing);
    expect([cache.has(growing), cache.size, cache.bytes]).toEqual([true, 2, 250]);
    growing.content.bytes += 1000;
    cache.recount(growing);
    expect([cache.has(growing), cache.size, cache.bytes]).toEqual([true, 1, 1150]);
    growing.content.bytes -= 1100;
    cache.recount(growing);
    expect(cache.bytes).toBe(50);
    growing.content.bytes += 5000; // what was counted is what is given back
    cache.remove(growing);
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
  });

  test('limits open descriptors', () => {
    const cache = new FileCache(10 * DESCRIPTOR_BYTES);
    const all = Array.from({ length: 50 }, (_, i) => resource(`/${i}`, ENTRY_OVERHEAD_BYTES + DESCRIPTOR_BYTES));
    for (const each of all) cache.set(each);
    expect(all.filter(({ content }) => content.closed === 0)).toHaveLength(9);
    expect(cache.bytes).toBeLessThanOrEqual(10 * DESCRIPTOR_BYTES);
  });

  test('of descriptors evicts the oldest entries with a descriptor only', () => {
    const cache = new FileCache(100_000);
    const opened = (path: string, count: number) => {
      const made = resource(path);
      (made.content as { openFiles?: readonly OpenFile[] }).openFiles = Array<OpenFile>(count);
      return made;
    };
    const all = [resource('/a'), opened('/b', 1), opened('/c', 2), resource('/d'), opened('/e', 1)];
    for (const each of all) cache.set(each);
    const left = (): string => all.map((each) => (cache.has(each) ? each.path : '')).join('');
    expect([cache.evictDescriptors(2), left()]).toEqual([true, '/a/d/e']);
    expect([cache.evictDescriptors(2), left()]).toEqual([true, '/a/d']);
    expect([cache.evictDescriptors(2), left()]).toEqual([false, '/a/d']);
    expect(all.map(({ content }) => content.closed)).toEqual([0, 1, 1, 0, 1]);
    expect(cache.evictions).toBe(3);
  });

  test('equals the sum of the entries after any operations', () => {
    const next = seeded();
    const cache = new FileCache(2000);
    const path = (at: number): string => `/${at}`;
    for (let i = 0; i < 5000; i++) {
      const at = path(below(next, 60));
      const there = find(cache, at);
      expect(there?.fingerprint ?? at).toBe(at);
      if (next() < 0.4) {
        const fileName = next() < 0.5 ? null : `${below(next, 5)}`;
        const shared = fileName === null || next() < 0.3 ? null : cache.ofFile(fileName);
        cache.set(resource(at, 10 + below(next, 390), hashOf(at), fileName, shared));
      } else if (there !== null && next() < 0.3) {
        const sharers = [...(there.sharers ?? [there])];
        const content = there.content as TestContent;
        const change = below(next, 100) - 50;
        // No entry takes less than nothing, whichever of the file's is charged with the content.
        if (sharers.every(({ ownBytes }) => ownBytes + content.bytes + change >= 10)) content.bytes += change;
        for (const each of sharers) cache.recount(each);
      } else if (there !== null && next() < 0.5) {
        cache.remove(there);
      }
      const kept = Array.from({ length: 60 }, (_, each) => find(cache, path(each))).filter((each) => each !== null);
      expect([kept.length, kept.reduce((sum, { bytes }) => sum + bytes, 0)]).toEqual([cache.size, cache.bytes]);
      expect(cache.bytes).toBeLessThanOrEqual(2000);
    }
    cache.clear();
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
  });
});

test('entries used since the last pass stay, unused ones are evicted, oldest first', () => {
  const cache = new FileCache(300);
  const all = new Map(['/a', '/b', '/c', '/d', '/e', '/f', '/g'].map((path) => [path, resource(path)]));
  const set = (path: string): void => cache.set(all.get(path)!);
  const present = (): string => [...all].map(([path, each]) => (cache.has(each) ? path : '')).join('');
  for (const path of ['/a', '/b', '/c']) set(path);
  set('/d'); // all are new, which counts as used: the round spares each once, and takes the oldest
  expect(present()).toBe('/b/c/d');
  find(cache, '/b');
  set('/e');
  expect(present()).toBe('/b/d/e');
  set('/f'); // /b was looked over and has not been used since; /d stands before it in the round
  expect(present()).toBe('/b/e/f');
  for (const path of ['/b', '/e', '/f']) find(cache, path);
  set('/g');
  expect(present()).toContain('/g'); // even when all others are in use
  expect(cache.size).toBe(3);
});
