import type { LabSettings } from '../bench/settings.js';
import type { ConnectionsResult } from '../experiments/connections-result.js';
import type { ModelResult, Ratio } from '../experiments/models-result.js';
import type { HerdRow, TriggerRow } from '../experiments/trigger-rows.js';
import type { ToolName } from '../load/tools.js';
import type { Machine } from '../measure/machine.js';

/** Raised when a field changes its meaning or goes away; new fields may come at any time. */
export const REPORT_VERSION = 1;

/** What a run of the lab has found: `epollet lab --json`. Names end with their unit; a Spread is over the rounds. */
export type LabReport = ReportHead & Found;

/** The results of the experiment that was made, by its name. */
export type Found =
  | { readonly experiment: 'models'; readonly results: readonly ModelResult[] }
  | {
      readonly experiment: 'libuv';
      readonly results: readonly ModelResult[];
      /** Of each model to `epollet`, which is 1: each round by itself, then the spread. */
      readonly ratios: readonly Ratio[];
    }
  | { readonly experiment: 'connections'; readonly results: readonly ConnectionsResult[] }
  | {
      readonly experiment: 'triggers';
      readonly results: readonly TriggerRow[];
      readonly herd: readonly HerdRow[];
    };

export interface ReportHead {
  readonly format: 'epollet-lab';
  readonly version: typeof REPORT_VERSION;
  /** The version of the package. */
  readonly epollet: string;
  /** What the experiment asks, in a sentence. */
  readonly question: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  /** False when it was interrupted: the figures are of the rounds that came to their end. */
  readonly complete: boolean;
  /** Does the same again. */
  readonly command: string;
  readonly settings: LabSettings;
  /** The order of the models, for each round; drawn with settings.seed. */
  readonly orders: readonly (readonly string[])[];
  readonly machine: Machine;
  readonly tools: readonly { readonly name: ToolName; readonly version: string | null; readonly use: string }[];
  /** What was left out, and why; a sentence each. */
  readonly notes: readonly string[];
}
