import { expect, test } from 'vitest';
import { Slab } from '../../../../src/http/response/slab.js';

const COUNT = 200;

test.each([0, 1, 700, 4096, 4097, 70_000])(
  'pieces of %d bytes have the requested length and do not overlap',
  (length) => {
    const slab = new Slab();
    const taken = Array.from({ length: COUNT }, (_, i) => slab.take(length).fill(i));
    for (const [i, bytes] of taken.entries())
      expect([bytes.length, bytes.every((byte) => byte === i)]).toEqual([length, true]);
  },
);

test('short pieces share a buffer, a long one has its own', () => {
  const slab = new Slab();
  const [first, second, long] = [slab.take(100), slab.take(100), slab.take(5000)];
  expect(first.buffer).toBe(second.buffer);
  expect([long.buffer === first.buffer, long.buffer.byteLength]).toEqual([false, 5000]);
});
