import type { Summary } from './stats.js';

/** One section of a report: a chart, and a table with its numbers. */
export interface Figure {
  readonly title: string;
  readonly description: string;
  /** What the values show, as sentences that are made of them. */
  readonly reading?: string | null;
  /** Null if a table suffices. */
  readonly chart: Chart | null;
  readonly table: Table;
}

/** Serialized as JSON for the script of the page. */
export interface Chart {
  /** Bars are horizontal, with their labels on the left; lines run from left to right. */
  readonly kind: 'bars' | 'lines';
  readonly labels: readonly string[];
  readonly series: readonly Series[];
  readonly unit: string;
  readonly stacked?: boolean;
  readonly logarithmic?: boolean;
  readonly labelTitle?: string;
}

export interface Series {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** Range over the rounds, drawn as whiskers. In a stacked chart, the last series has the range of the sum. */
  readonly low?: readonly (number | null)[];
  readonly high?: readonly (number | null)[];
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A series of medians, with the range over the rounds. */
export function summarySeries<Item>(name: string, items: readonly Item[], of: (item: Item) => Summary | null): Series {
  const summaries = items.map(of);
  return {
    name,
    values: summaries.map((each) => each?.median ?? null),
    low: summaries.map((each) => each?.min ?? null),
    high: summaries.map((each) => each?.max ?? null),
  };
}
