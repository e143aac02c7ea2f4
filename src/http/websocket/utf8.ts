import { isUtf8 } from 'node:buffer';

/** At the boundary of two characters; the other states are inside one. */
export const UTF8_BOUNDARY = 0;
export const UTF8_INVALID = -1;

/**
 * States by what must follow, RFC 3629 section 4: one to three continuation bytes, of which the first may have a narrower
 * range, because of overlong forms, surrogates and the end at U+10FFFF.
 */
const ONE = 1;
const TWO = 2;
const THREE = 3;
const AFTER_E0 = 4;
const AFTER_ED = 5;
const AFTER_F0 = 6;
const AFTER_F4 = 7;

/** The most bytes of a character that is incomplete. */
const TAIL_BYTES = 3;

/**
 * Continues to validate UTF-8 that comes in parts, as strictly as it can be known: a part that no further byte could make
 * valid is invalid at once.
 * @param state of the part before, at first UTF8_BOUNDARY
 * @returns the next state, which is UTF8_BOUNDARY if the text may end here, or UTF8_INVALID
 */
export function validateUtf8(bytes: Uint8Array, start: number, end: number, state: number): number {
  let next = state;
  let at = start;
  while (next > UTF8_BOUNDARY && at < end) next = step(next, bytes[at++]!);
  if (next !== UTF8_BOUNDARY || at === end) return next;
  // The last character may be incomplete: it is stepped through, what is before it is validated at once.
  let tail = end;
  const least = Math.max(at, end - TAIL_BYTES);
  for (let i = end - 1; i >= least && bytes[i]! >= 0x80; i--) {
    if (bytes[i]! < 0xc0) continue;
    tail = i;
    break;
  }
  if (tail > at && !isUtf8(bytes.subarray(at, tail))) return UTF8_INVALID;
  while (next >= UTF8_BOUNDARY && tail < end) next = step(next, bytes[tail++]!);
  return next;
}

function step(state: number, byte: number): number {
  switch (state) {
    case UTF8_BOUNDARY:
      if (byte < 0x80) return UTF8_BOUNDARY;
      if (byte < 0xc2) return UTF8_INVALID;
      if (byte < 0xe0) return ONE;
      if (byte < 0xf0) return byte === 0xe0 ? AFTER_E0 : byte === 0xed ? AFTER_ED : TWO;
      if (byte > 0xf4) return UTF8_INVALID;
      return byte === 0xf0 ? AFTER_F0 : byte === 0xf4 ? AFTER_F4 : THREE;
    case ONE:
      return within(byte, 0x80, 0xbf, UTF8_BOUNDARY);
    case TWO:
      return within(byte, 0x80, 0xbf, ONE);
    case THREE:
      return within(byte, 0x80, 0xbf, TWO);
    case AFTER_E0:
      return within(byte, 0xa0, 0xbf, ONE);
    case AFTER_ED:
      return within(byte, 0x80, 0x9f, ONE);
    case AFTER_F0:
      return within(byte, 0x90, 0xbf, TWO);
    default:
      return within(byte, 0x80, 0x8f, TWO);
  }
}

const within = (byte: number, least: number, most: number, next: number): number =>
  byte >= least && byte <= most ? next : UTF8_INVALID;
