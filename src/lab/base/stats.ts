/** A measurement over several rounds: the median is the result, and the range indicates its reliability. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** What most rounds are within, `low` to `high`: the quartiles of five rounds or more, otherwise all rounds. */
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

/** Of fewer, the quartiles would leave out too much. */
const ROUNDS_OF_QUARTILES = 5;

/** Ignores null and NaN; null if no value remains. */
export function summarize(values: readonly (number | null)[]): Summary | null {
  const sorted = values.filter((each): each is number => each !== null && Number.isFinite(each)).sort(ascending);
  if (sorted.length === 0) return null;
  const [min, max] = [sorted[0]!, sorted.at(-1)!];
  const [low, high] =
    sorted.length < ROUNDS_OF_QUARTILES ? [min, max] : [percentile(sorted, 25), percentile(sorted, 75)];
  return { median: percentile(sorted, 50), min, max, low, high, count: sorted.length };
}

/** The one with the least median; null if there is none. */
export const leastOf = (summaries: readonly (Summary | null | undefined)[]): Summary | null =>
  summaries.reduce<Summary | null>(
    (least, each) => (each && (least === null || each.median < least.median) ? each : least),
    null,
  );

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

const ascending = (a: number, b: number): number => a - b;
