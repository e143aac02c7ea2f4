import { readdirSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, expect } from 'vitest';

/**
 * Each test file must leave the process with the descriptors it had before, compared by what they are open on. Sockets
 * and pipes of the test runner count on both sides.
 */
let before: Map<string, number>;

beforeAll(() => {
  before = openDescriptors();
});

afterAll(async () => {
  // libuv closes a socket asynchronously.
  for (let tries = 0; tries < 40 && leaked().length > 0; tries++)
    await new Promise((resolve) => setTimeout(resolve, 25));
  expect(leaked(), 'descriptors left open by this test file').toEqual([]);
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
      continue; // the descriptor of the directory read itself
    }
    const kind = target.replace(/\[\d+\]/, '');
    if (kind.startsWith('/proc/')) continue;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return kinds;
}
