import { onTestFailed } from 'vitest';

/** Numbers from 0 to 1 by mulberry32: the same for the same seed. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Numbers for this test from SEED in the environment, else from a new seed, which is printed if the test fails. */
export function seeded(): () => number {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 32));
  onTestFailed(() => console.error(`To reproduce: SEED=${seed}`));
  return random(seed);
}

/** An integer from 0 to below `end`. */
export const below = (next: () => number, end: number): number => Math.floor(next() * end);
