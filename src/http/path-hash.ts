/** FNV-1a, 32 bits, over the bytes of a path: what the parser computes while it walks the target anyway. */
export const HASH_SEED = 0x811c9dc5 | 0;
export const HASH_PRIME = 0x01000193;

/** The same for a path that is not being parsed. */
export function hashPath(path: Uint8Array): number {
  let hash = HASH_SEED;
  for (const byte of path) hash = Math.imul(hash ^ byte, HASH_PRIME);
  return hash;
}
