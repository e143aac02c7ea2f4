import type { CacheEntry } from './entry.js';

/** How changes of cached entries are detected. */
export interface InvalidationStats {
  /** Entries of which inotify reports all changes. */
  watched: number;
  /** Entries that are revalidated after a time. */
  polled: number;
  /** Why the latter are not watched, each reason once. */
  readonly reasons: Set<string>;
}

/** Counted on demand, since it changes with every directory that is scanned. */
export function invalidationStats(entries: Iterable<CacheEntry>): InvalidationStats {
  const stats: InvalidationStats = { watched: 0, polled: 0, reasons: new Set() };
  for (const { dependencies } of entries) {
    if (dependencies.areWatched) {
      stats.watched++;
      continue;
    }
    stats.polled++;
    if (dependencies.unwatchedReason !== null) stats.reasons.add(dependencies.unwatchedReason);
  }
  return stats;
}
