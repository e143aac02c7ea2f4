/** One question's answer: a chart to see it, and a table to read it off. */
export interface Figure {
  readonly title: string;
  /** What it shows, and what it does not. */
  readonly description: string;
  /** Null where a table says it all. */
  readonly chart: Chart | null;
  readonly table: Table;
}

/** For the page's script: nothing in here is a function. */
export interface Chart {
  /** Bars lie, with the labels on their left; lines go from left to right. */
  readonly kind: 'bars' | 'lines';
  readonly labels: readonly string[];
  readonly series: readonly Series[];
  readonly unit: string;
  /** Bars that add up. */
  readonly stacked?: boolean;
  readonly logarithmic?: boolean;
  /** What the labels of lines are. */
  readonly across?: string;
}

export interface Series {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** Of all rounds; drawn as whiskers. With stacked bars those of the sum, at the last series. */
  readonly low?: readonly (number | null)[];
  readonly high?: readonly (number | null)[];
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}
