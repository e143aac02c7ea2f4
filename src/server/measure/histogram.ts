/** A snapshot of a histogram, as data. */
export interface HistogramStats {
  /** The upper bounds of the buckets, inclusive and ascending. */
  bounds: number[];
  /** How many values each bucket has; one more than `bounds`, for the values above the last. */
  counts: number[];
  /** Of all values. */
  sum: number;
}

/** Counts values by fixed bounds. A value costs a search among them, and no object. */
export class Histogram {
  private readonly bounds: Float64Array;
  private readonly counts: Float64Array;
  private sum = 0;

  /** @param bounds ascending */
  constructor(bounds: readonly number[]) {
    this.bounds = Float64Array.from(bounds);
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** @param times how often the value occurred */
  add(value: number, times = 1): void {
    const { bounds } = this;
    let bucket = 0; // from the least, where nearly all values are
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    this.counts[bucket]! += times;
    this.sum += value * times;
  }

  get stats(): HistogramStats {
    return { bounds: listOf(this.bounds), counts: listOf(this.counts), sum: this.sum };
  }
}

/** By a loop: a spread takes five times as long, and a scrape makes thirty of them. */
function listOf(numbers: Float64Array): number[] {
  const list: number[] = [];
  for (let i = 0; i < numbers.length; i++) list.push(numbers[i]!);
  return list;
}
