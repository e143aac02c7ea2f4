import { readdirSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, expect } from 'vitest';

/**
 * After each file of tests the process has the descriptors that it had before, by what they are open on. Sockets and
 * pipes of the test runner itself are there on both sides.
 */
let before: Map<string, number>;

beforeAll(() => {
  before = openDescriptors();
});

afterAll(async () => {
  // A socket that a test has just closed may still be on its way through libuv.
  for (let tries = 0; tries < 40 && leaked().length > 0; tries++)
    await new Promise((resolve) => setTimeout(resolve, 25));
  expect(leaked(), 'descriptors that this file of tests left open').toEqual([]);
});

function leaked(): string[] {
  const now = openDescriptors();
  return [...now]
    .filter(([kind, count]) => count > (before.get(kind) ?? 0))
    .map(([kind, count]) => `${count} × ${kind}`);
}

function openDescriptors(): Map<string, number> {
  const kinds = new Map<string, number>();
  for (const fd of readdirSync('/proc/self/fd')) {
    let target: string;
    try {
      target = readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      continue; // the descriptor of the listing itself
    }
    const kind = target.replace(/\[\d+\]/, '');
    if (kind.startsWith('/proc/')) continue;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return kinds;
}
