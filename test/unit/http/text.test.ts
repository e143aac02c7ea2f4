import { expect, test, vi } from 'vitest';
import { hashPath } from '../../../src/http/text.js';

/** FNV-1a of ASCII characters by its own constants, or by another start. */
function fnv1a(path: string, start: number): number {
  let hash = start;
  for (let at = 0; at < path.length; at++) hash = Math.imul(hash ^ path.charCodeAt(at), 0x01000193);
  return hash;
}

const SLOTS = 2 ** 22;
const hashes = new Int32Array(SLOTS);
const numbers = new Int32Array(SLOTS);
const pathOf = (number: number): string => `/${number.toString(36)}.js`;

/** Two paths with the same FNV-1a hash, found by a birthday search among less than a million. A Map would take seconds. */
function twins(start: number): [string, string] {
  numbers.fill(0);
  for (let number = 1; ; number++) {
    const hash = fnv1a(pathOf(number), start);
    let slot = hash & (SLOTS - 1);
    for (; numbers[slot] !== 0; slot = (slot + 1) & (SLOTS - 1))
      if (hashes[slot] === hash) return [pathOf(numbers[slot]!), pathOf(number)];
    hashes[slot] = hash;
    numbers[slot] = number;
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
