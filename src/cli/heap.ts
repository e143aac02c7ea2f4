import { setFlagsFromString } from 'node:v8';

/**
 * Of the heap that is in use. V8 starts a collection of the old generation when that has grown by a part of it, which by
 * default is up to three times of it in a small heap: what was evicted from the cache stays in memory for so long.
 */
const GROWTH_PERCENT = 30;

/**
 * Keeps little garbage, for a process that only serves files: what it allocates is soon garbage, or in the cache. The new
 * generation stays as it is, 1 MiB; in 16, V8's largest, nothing lives longer that is not cached anyway.
 */
export function keepHeapSmall(): void {
  setFlags(GROWTH_PERCENT, 1);
  isSmall = true;
}

/** Runs with the flags that V8 started with: it rejects code that was cached under others. */
export function withInitialFlags<Result>(make: () => Result): Result {
  if (!isSmall) return make();
  setFlags(0, 2); // the defaults of V8
  try {
    return make();
  } finally {
    keepHeapSmall();
  }
}

let isSmall = false;

function setFlags(growthPercent: number, semiSpaceFactor: number): void {
  setFlagsFromString(`--heap-growing-percent=${growthPercent}`);
  setFlagsFromString(`--semi-space-growth-factor=${semiSpaceFactor}`);
}
