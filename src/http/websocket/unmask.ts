import { wordsOf } from '../request/scan.js';

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** Below this, aligning costs more than words gain. */
const WORDS_MIN_BYTES = 16;

/** The words of the bytes last unmasked: all sockets are read into the same buffer, and a view costs as much as 100 bytes. */
let viewedBytes: Uint8Array = new Uint8Array(0);
let viewedWords: Int32Array = new Int32Array(0);

/**
 * Unmasks a payload in place, RFC 6455 section 5.3, four bytes at a time.
 * @param key its first byte, which belongs to the byte at `start`, in the lowest bits
 * @returns whether all bytes are ASCII
 */
export function unmask(bytes: Uint8Array, start: number, end: number, key: number): boolean {
  let at = start;
  let rotated = key;
  let seen = 0;
  if (end - start >= WORDS_MIN_BYTES) {
    if (viewedBytes !== bytes) {
      viewedBytes = bytes;
      viewedWords = wordsOf(bytes);
    }
    const words = viewedWords;
    while (at & 3) {
      const byte = bytes[at]! ^ (rotated & 0xff);
      bytes[at++] = byte;
      seen |= byte;
      rotated = (rotated >>> 8) | (rotated << 24);
    }
    const mask = IS_LITTLE_ENDIAN ? rotated : swap(rotated);
    const to = Math.min(end >> 2, words.length);
    let word = at >> 2;
    let high = 0;
    for (; word + 4 <= to; word += 4) {
      const a = words[word]! ^ mask;
      const b = words[word + 1]! ^ mask;
      const c = words[word + 2]! ^ mask;
      const d = words[word + 3]! ^ mask;
      words[word] = a;
      words[word + 1] = b;
      words[word + 2] = c;
      words[word + 3] = d;
      high |= a | b | c | d;
    }
    for (; word < to; word++) {
      const a = words[word]! ^ mask;
      words[word] = a;
      high |= a;
    }
    if (words.length > 0) at = word << 2;
    if (high & 0x80808080) seen |= 0x80;
  }
  for (; at < end; at++) {
    const byte = bytes[at]! ^ (rotated & 0xff);
    bytes[at] = byte;
    seen |= byte;
    rotated = (rotated >>> 8) | (rotated << 24);
  }
  return seen < 0x80;
}

/** The key for what is behind `count` bytes of the payload. */
export function keyAfter(key: number, count: number): number {
  const bits = (count & 3) << 3;
  return bits === 0 ? key : (key >>> bits) | (key << (32 - bits));
}

const swap = (word: number): number => (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
