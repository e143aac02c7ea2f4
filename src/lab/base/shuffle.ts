/** Returns numbers in [0, 1), the same sequence for the same seed. */
export type Random = () => number;

export const MAX_SEED = 0xffffffff;

/**
 * A Weyl sequence (multiples of the golden ratio modulo 2^32), each term mixed by two multiplications to decorrelate
 * neighbours. Good enough to shuffle with; not for cryptography.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 0x100000000;
  };
}

/** A random permutation; all permutations are equally likely. */
export function shuffle<Item>(items: readonly Item[], random: Random): Item[] {
  const remaining = [...items];
  const shuffled: Item[] = [];
  while (remaining.length > 0) shuffled.push(...remaining.splice(Math.floor(random() * remaining.length), 1));
  return shuffled;
}

export function shuffledOrders<Item>(items: readonly Item[], rounds: number, seed: number): Item[][] {
  const random = seededRandom(seed);
  return Array.from({ length: rounds }, () => shuffle(items, random));
}
