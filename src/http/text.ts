import { randomBytes } from 'node:crypto';

/** Bytes as text, one character a byte: what a peer sent need not be UTF-8. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}

/**
 * The hash of a path, as FNV-1a, 32 bits, with a start and a multiplier of this process alone: with known ones a path with the
 * hash of a given one is found in seconds. A secret start is not enough, since a byte of the hash depends on no higher one, so
 * that what two paths differ by depends on eight bits of the start. The parser computes it while it walks the request target.
 */
export const HASH_SEED = randomBytes(4).readInt32LE();
export const HASH_MULTIPLIER = randomMultiplier();

/** Odd, so that no bit is lost, and with about as many ones as zeros, so that each byte reaches many bits. */
function randomMultiplier(): number {
  for (;;) {
    const multiplier = randomBytes(4).readInt32LE() | 1;
    const ones = (multiplier >>> 0).toString(2).replaceAll('0', '').length;
    if (ones >= 12 && ones <= 20) return multiplier;
  }
}

/** The same hash of a path that is not being parsed. */
export function hashPath(path: Uint8Array): number {
  let hash = HASH_SEED;
  for (const byte of path) hash = Math.imul(hash ^ byte, HASH_MULTIPLIER);
  return hash;
}
