import type { Resource } from './resource.js';

/** How changes of what is held are learnt of. */
export interface Freshness {
  /** How many resources the kernel tells of. */
  told: number;
  /** And how many are looked at after a time. */
  timed: number;
  /** Why, each reason once. */
  readonly reasons: Set<string>;
}

/** Counted when somebody asks, for it changes with every file that is looked at. */
export function freshnessOf(resources: Iterable<Resource>): Freshness {
  const freshness: Freshness = { told: 0, timed: 0, reasons: new Set() };
  for (const { dependencies } of resources) {
    if (dependencies.areTold) {
      freshness.told++;
      continue;
    }
    freshness.timed++;
    if (dependencies.untold !== null) freshness.reasons.add(dependencies.untold);
  }
  return freshness;
}
