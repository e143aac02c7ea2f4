/** A measurement over several rounds: the median is the result, and the range indicates its reliability. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

/** Ignores null and NaN; null if no value remains. */
export function summarize(values: readonly (number | null)[]): Summary | null {
  const sorted = values.filter((each): each is number => each !== null && Number.isFinite(each)).sort(ascending);
  if (sorted.length === 0) return null;
  return { median: percentile(sorted, 50), min: sorted[0]!, max: sorted.at(-1)!, count: sorted.length };
}

export const summarizeEach = <Key extends string>(
  keys: readonly Key[],
  rounds: readonly Readonly<Record<Key, number | null>>[],
): Record<Key, Summary | null> => {
  const entries = keys.map((key) => [key, summarize(rounds.map((round) => round[key]))] as const);
  return Object.fromEntries(entries) as Record<Key, Summary | null>;
};

/** Linearly interpolated between neighbours. @param sorted ascending, not empty */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  if (sorted.length === 0) throw new RangeError('a percentile needs at least one value');
  const at = ((sorted.length - 1) * percent) / 100;
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at));
}

/** Milliseconds from sending a request to the end of its response. */
export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** @param sorted milliseconds, ascending */
export function latencyPercentiles(sorted: ArrayLike<number>): Latency | null {
  if (sorted.length === 0) return null;
  const [p50, p90, p99] = [percentile(sorted, 50), percentile(sorted, 90), percentile(sorted, 99)];
  return { p50, p90, p99, max: sorted[sorted.length - 1]! };
}

const ascending = (a: number, b: number): number => a - b;
