import type { ExperimentResult, LabSettings } from '../experiments/registry.js';
import type { ToolName } from '../load/tools.js';
import type { Machine } from '../measure/machine.js';

/** Incremented when a field changes its meaning or is removed; fields may be added at any time. */
export const REPORT_VERSION = 3;

/** The output of `epollet lab --json`; docs/lab-report.schema.json describes it. Names end with their unit; a Summary is over the rounds. */
export type LabReport = ReportHead & ExperimentResult;

export interface ReportHead {
  readonly format: 'epollet-lab';
  readonly version: typeof REPORT_VERSION;
  /** Version of the package. */
  readonly epollet: string;
  readonly question: string;
  readonly startedAt: string;
  readonly seconds: number;
  /** False if the run was cancelled: the results are those of the completed rounds. */
  readonly complete: boolean;
  readonly command: string;
  readonly settings: LabSettings;
  /** The order of the models in each round, shuffled with settings.seed. */
  readonly orders: readonly (readonly string[])[];
  readonly machine: Machine;
  readonly tools: readonly { readonly name: ToolName; readonly version: string | null; readonly use: string }[];
  /** What was left out and why, in sentences. */
  readonly notes: readonly string[];
}

export const CANCELLED = 'The run was cancelled: the results are those of the completed rounds.';
