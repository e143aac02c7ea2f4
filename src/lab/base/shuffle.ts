/** Numbers from 0 up to, not including, 1: the same ones for the same seed. */
export type Random = () => number;

/** Largest seed. */
export const MAX_SEED = 0xffffffff;

/**
 * A Weyl sequence (steps of the golden ratio through 32 bits) whose every term is mixed by two multiplications, so that
 * neighbours have nothing in common. Good enough to draw an order; no use as a secret.
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

/** The same items in an order of its own; every order is as likely as any other. */
export function shuffle<Item>(items: readonly Item[], random: Random): Item[] {
  const left = [...items];
  const drawn: Item[] = [];
  while (left.length > 0) drawn.push(...left.splice(Math.floor(random() * left.length), 1));
  return drawn;
}

/** The order of each round. */
export function shuffledOrders<Item>(items: readonly Item[], rounds: number, seed: number): Item[][] {
  const random = seededRandom(seed);
  return Array.from({ length: rounds }, () => shuffle(items, random));
}
