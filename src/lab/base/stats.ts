/** What several rounds said about one figure. The median is what counts; the rest says how far to trust it. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** How many rounds had it. */
  readonly count: number;
}

/** Null when there was nothing to summarise. What is not a number is left out. */
export function summarize(values: readonly (number | null)[]): Summary | null {
  const sorted = values.filter((each): each is number => each !== null && Number.isFinite(each)).sort(ascending);
  if (sorted.length === 0) return null;
  return { median: percentile(sorted, 50), min: sorted[0]!, max: sorted.at(-1)!, count: sorted.length };
}

/** Between two neighbours it lies where a straight line puts it. @param sorted ascending, not empty */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  if (sorted.length === 0) throw new RangeError('a percentile needs at least one value');
  const at = ((sorted.length - 1) * percent) / 100;
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at));
}

/** Milliseconds from sending to the end of the answer. */
export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** @param sorted milliseconds, ascending */
export function latencyPercentiles(sorted: ArrayLike<number>): Latency | null {
  if (sorted.length === 0) return null;
  return {
    p50: percentile(sorted, 50),
    p90: percentile(sorted, 90),
    p99: percentile(sorted, 99),
    max: sorted[sorted.length - 1]!,
  };
}

const ascending = (a: number, b: number): number => a - b;
