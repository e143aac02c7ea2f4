/** Bytes as text, one character a byte: what a peer sent need not be UTF-8. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}

/** FNV-1a, 32 bits, over the bytes of a path. The parser computes it while it walks the request target. */
export const HASH_SEED = 0x811c9dc5 | 0;
export const HASH_PRIME = 0x01000193;

/** The same hash of a path that is not being parsed. */
export function hashPath(path: Uint8Array): number {
  let hash = HASH_SEED;
  for (const byte of path) hash = Math.imul(hash ^ byte, HASH_PRIME);
  return hash;
}
