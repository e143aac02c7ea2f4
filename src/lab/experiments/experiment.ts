import type { Figure } from '../base/chart.js';
import type { BenchSettings, MeasureSettings } from '../bench/settings.js';
import type { Workbench } from '../bench/workbench.js';

/** A question, how to measure it, and how to show the result. To add one: a file here, and an entry in registry.ts. */
export interface Experiment<Result extends object> {
  readonly question: string;
  /** The models that it measures without --models; empty if it measures none. */
  readonly models: readonly string[];
  readonly requiredModel?: string;
  /** Defaults that differ from THOROUGH and QUICK. */
  readonly defaults: Partial<MeasureSettings>;
  /** Those that differ with --quick alone. */
  readonly quick?: Partial<MeasureSettings>;
  /** Settings that have no effect on it. */
  readonly unused: readonly (keyof BenchSettings)[] | 'all';
  /** @param orders the models of each round, shuffled */
  measure(bench: Workbench, orders: readonly (readonly string[])[]): Promise<Measured<Result>>;
  /** Whether at least one measurement succeeded. */
  hasData(result: Result): boolean;
  figures(result: Result, settings: BenchSettings): Figure[];
  /** The tables for the terminal. @default those of the figures */
  summary?(result: Result): Pick<Figure, 'title' | 'table' | 'reading'>[];
}

export interface Measured<Result> {
  readonly result: Result;
  /** False if cancelled: the result has the rounds so far. */
  readonly complete: boolean;
}
