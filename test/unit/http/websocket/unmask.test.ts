import { expect, test } from 'vitest';
import { keyAfter, unmask } from '../../../../src/http/websocket/unmask.js';

const KEY = [0x12, 0x85, 0xf3, 0x40];
const key = KEY[0]! | (KEY[1]! << 8) | (KEY[2]! << 16) | (KEY[3]! << 24);
const byteAt = (i: number): number => (i * 37 + 5) & 0x7f;

/** A buffer of ones with a masked payload in it. */
function masked(bytes: Buffer, start: number, length: number, byte = byteAt): Buffer {
  bytes.fill(0xff);
  for (let i = 0; i < length; i++) bytes[start + i] = byte(i) ^ KEY[i % 4]!;
  return bytes;
}

test.each([
  ['in memory of its own', Buffer.alloc(120)],
  ['that starts at no multiple of four', Buffer.alloc(121).subarray(1)],
])('every alignment and length is unmasked, and nothing around it, in a buffer %s', (_, bytes) => {
  for (let start = 0; start < 8; start++) {
    for (let length = 0; length < 100; length++) {
      masked(bytes, start, length);
      expect(unmask(bytes, start, start + length, key)).toBe(true);
      const expected = Buffer.alloc(bytes.length, 0xff);
      for (let i = 0; i < length; i++) expected[start + i] = byteAt(i);
      expect(bytes.equals(expected), `${length} bytes at ${start}`).toBe(true);
    }
  }
});

test('a byte that is not ASCII is noticed wherever it is', () => {
  const bytes = Buffer.alloc(64);
  for (const length of [1, 5, 15, 16, 17, 40, 50]) {
    for (let at = 0; at < length; at++) {
      masked(bytes, 3, length, (i) => (i === at ? 0x80 : 0x7f));
      expect(unmask(bytes, 3, 3 + length, key), `${at} of ${length}`).toBe(false);
    }
  }
});

test('a payload in parts is unmasked with the key after each part', () => {
  for (let cut = 0; cut <= 40; cut++) {
    const bytes = masked(Buffer.alloc(48), 2, 40);
    unmask(bytes, 2, 2 + cut, key);
    unmask(bytes, 2 + cut, 42, keyAfter(key, cut));
    expect([...bytes.subarray(2, 42)]).toEqual(Array.from({ length: 40 }, (_, i) => byteAt(i)));
  }
});
