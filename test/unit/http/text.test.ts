import { expect, test, vi } from 'vitest';
import { hashPath } from '../../../src/http/text.js';

/** FNV-1a by its own constants, or by another start. */
function fnv1a(path: string, start: number): number {
  let hash = start;
  for (const byte of Buffer.from(path)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}

/** Two paths with the same FNV-1a hash, found by a birthday search. */
function twins(start: number): [string, string] {
  const seen = new Map<number, string>();
  for (let i = 0; ; i++) {
    const path = `/${i.toString(36)}.js`;
    const other = seen.get(fnv1a(path, start));
    if (other !== undefined) return [other, path];
    seen.set(fnv1a(path, start), path);
  }
}

test('paths with the same FNV-1a hash have different ones here', () => {
  const [one, other] = twins(0x811c9dc5 | 0);
  expect(hashPath(Buffer.from(one))).not.toBe(hashPath(Buffer.from(other)));
});

// Twins for a start are twins for every start with the same low byte: 256 pairs would have been enough to know one.
test('nor are there twins among those for each low byte of a secret start', () => {
  for (let low = 0; low < 256; low += 32) {
    const [one, other] = twins(low);
    expect(fnv1a(one, low + 0x7a5b_3c00)).toBe(fnv1a(other, low + 0x7a5b_3c00));
    expect(hashPath(Buffer.from(one))).not.toBe(hashPath(Buffer.from(other)));
  }
});

test('the hash is another one in each process', async () => {
  const path = Buffer.from('/app.js');
  const hashes = new Set<number>([hashPath(path)]);
  for (let i = 0; i < 3; i++) {
    vi.resetModules();
    hashes.add((await import('../../../src/http/text.js')).hashPath(path));
  }
  expect(hashes.size).toBe(4);
});
