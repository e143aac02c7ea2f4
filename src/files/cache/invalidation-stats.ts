import type { CacheEntry } from './entry.js';

/** How changes of what is held are learnt of. */
export interface InvalidationStats {
  /** How many resources the kernel tells of. */
  watched: number;
  /** And how many are looked at after a time. */
  polled: number;
  /** Why, each reason once. */
  readonly reasons: Set<string>;
}

/** Counted when somebody asks, for it changes with every file that is looked at. */
export function invalidationStats(resources: Iterable<CacheEntry>): InvalidationStats {
  const freshness: InvalidationStats = { watched: 0, polled: 0, reasons: new Set() };
  for (const { dependencies } of resources) {
    if (dependencies.areWatched) {
      freshness.watched++;
      continue;
    }
    freshness.polled++;
    if (dependencies.unwatchedReason !== null) freshness.reasons.add(dependencies.unwatchedReason);
  }
  return freshness;
}
