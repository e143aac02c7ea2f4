/** How often each latency occurred: whole microseconds and a count, ascending. */
export type Distribution = readonly (readonly [us: number, count: number])[];

/** Milliseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Above, three significant digits, as HdrHistogram has them: a distribution has some thousand pairs at most. */
const EXACT_US = 1000;

/** Counts latencies as they come. */
export class LatencyCounts {
  private readonly counts = new Map<number, number>();

  add(ms: number): void {
    const us = roundedUs(ms * 1000);
    this.counts.set(us, (this.counts.get(us) ?? 0) + 1);
  }

  distribution(): Distribution {
    return [...this.counts].sort(([a], [b]) => a - b);
  }
}

function roundedUs(us: number): number {
  let unit = 1;
  while (us / unit >= EXACT_US) unit *= 10;
  return Math.round(us / unit) * unit;
}

export const totalOf = (distribution: Distribution): number =>
  distribution.reduce((total, [, count]) => total + count, 0);

export function sumOfDistributions(all: readonly Distribution[]): Distribution {
  const counts = new Map<number, number>();
  for (const [us, count] of all.flat()) counts.set(us, (counts.get(us) ?? 0) + count);
  return [...counts].sort(([a], [b]) => a - b);
}

/** Null without a latency. */
export function percentilesOf(distribution: Distribution): Percentiles | null {
  if (distribution.length === 0) return null;
  const at = (percent: number): number => usAt(distribution, percent) / 1000;
  return { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: at(100) };
}

/** The least latency that `percent` of them do not exceed. */
function usAt(distribution: Distribution, percent: number): number {
  let left = (totalOf(distribution) * percent) / 100;
  for (const [us, count] of distribution) {
    left -= count;
    if (left <= 1e-9) return us;
  }
  return distribution.at(-1)![0];
}
