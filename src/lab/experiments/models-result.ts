import { type Distribution, sumOfDistributions } from '../base/distribution.js';
import { noiseOf, type Repeated, repetitionOf } from '../base/noise.js';
import { type Latency, type Summary, summarizeEach } from '../base/stats.js';
import type { Row } from '../bench/workbench.js';
import { type EncodedLatencies, encodeLatencies } from '../measure/hdr.js';
import type { Memory } from '../measure/memory.js';
import type { Transcript } from '../measure/transcript.js';

export interface ModelRound {
  /** Null, as is the next, in all rounds but the first: memory repeats within a percent. */
  readonly baselineBytes: number | null;
  readonly perConnectionBytes: number | null;
  /** Null, as are the next three, if successive windows did not agree. */
  readonly requestsPerSecond: number | null;
  /** CPU time per request of the model's process tree, in microseconds, without that of the client. */
  readonly cpuUs: number | null;
  readonly userUs: number | null;
  readonly systemUs: number | null;
  /** The CPU time per request in each window of the load; the figures are of the last ones that agree. */
  readonly windowsUs: readonly number[];
  /** Of the closed loop, from the time of sending. It has no corrected one: in a closed loop no request is late. */
  readonly closedLoopMs: Latency | null;
  /** At the fixed rate, from the time at which a request was due. */
  readonly latencyMs: Latency | null;
  /** The same from the time of sending. */
  readonly rawMs: Latency | null;
  /** Responses per second at the fixed rate. */
  readonly achievedPerSecond: number | null;
  readonly errors: number;
}

export interface SystemCalls {
  readonly perRequest: number;
  /** Calls per request by name, most frequent first. */
  readonly byName: Readonly<Record<string, number>>;
}

export interface ModelPartial extends Row {
  /** The model, or `MODEL again` for the second run of the one that is measured twice. */
  readonly model: string;
  readonly waits: string;
  readonly rounds: ModelRound[];
  /** Of the first round; null before it. */
  memory: Memory | null;
  /** Whether a connection takes further requests; null if the model never responded. */
  keepsAlive: boolean | null;
  /** The number of idle connections with which it did not respond any more; null if it always did. */
  starvedBy: number | null;
  responseShape: string | null;
  /** By strace, under a load of its own. */
  systemCalls: SystemCalls | null;
  /** By the server's own counters, which do not include the calls of Node and its threads. */
  ownCalls: SystemCalls | null;
  /** Null for the second run of a model. */
  transcript: Transcript | null;
  /** Latencies at the fixed rate. */
  readonly distributions: { readonly corrected: Distribution; readonly raw: Distribution }[];
  /** Why the figures of a round, the last one of them, are struck out. */
  unsteady: string | null;
}

const KEYS = ['requestsPerSecond', 'cpuUs', 'userUs', 'systemUs', 'achievedPerSecond'] as const;
type Summaries = Readonly<Record<(typeof KEYS)[number] | keyof Memory, Summary | null>>;

type Percentiles = { readonly p50: Summary; readonly p90: Summary; readonly p99: Summary };

export interface ModelResult
  extends Readonly<Omit<ModelPartial, 'rounds' | 'memory' | 'responseShape' | 'distributions'>>,
    Summaries {
  readonly rounds: readonly ModelRound[];
  readonly closedLoopMs: Percentiles | null;
  readonly latencyMs: Percentiles | null;
  readonly rawMs: Percentiles | null;
  /** At the fixed rate, over all rounds; null without hdr-histogram-js, or without a response. */
  readonly histograms: EncodedLatencies | null;
  /** Over all rounds. */
  readonly errors: number;
}

export const emptyPartial = (model: string, waits: string): ModelPartial => ({
  model,
  waits,
  rounds: [],
  memory: null,
  keepsAlive: null,
  starvedBy: null,
  responseShape: null,
  systemCalls: null,
  ownCalls: null,
  transcript: null,
  distributions: [],
  unsteady: null,
  failure: null,
});

export function modelResult({ responseShape: _, memory: __, distributions, ...partial }: ModelPartial): ModelResult {
  const { rounds } = partial;
  const percentiles = (of: (round: ModelRound) => Latency | null): Percentiles | null => {
    const { p50, p90, p99 } = summarizeEach(
      ['p50', 'p90', 'p99'],
      rounds.flatMap((round) => of(round) ?? []),
    );
    return p50 && p90 && p99 ? { p50, p90, p99 } : null;
  };
  const all = (of: 'corrected' | 'raw'): Distribution => sumOfDistributions(distributions.map((each) => each[of]));
  return {
    ...partial,
    ...summarizeEach([...KEYS, 'baselineBytes', 'perConnectionBytes'], rounds),
    closedLoopMs: percentiles(({ closedLoopMs }) => closedLoopMs),
    latencyMs: percentiles(({ latencyMs }) => latencyMs),
    rawMs: percentiles(({ rawMs }) => rawMs),
    histograms: distributions.length === 0 ? null : encodeLatencies(all('corrected'), all('raw')),
    errors: rounds.reduce((sum, { errors }) => sum + errors, 0),
  };
}

const NOISE_KEYS = ['requestsPerSecond', 'cpuUs', 'p50Ms', 'p99Ms', 'baselineBytes'] as const;

/** The figures whose noise is known. */
export type ModelFigure = (typeof NOISE_KEYS)[number];

export interface ModelsResult {
  readonly results: readonly ModelResult[];
  /** Null if no model was measured twice. */
  readonly repeated: Repeated<ModelFigure> | null;
}

export function repeatedIn(results: readonly ModelResult[], model: string): Repeated<ModelFigure> {
  const rounds = (row: string): Record<ModelFigure, number | null>[] =>
    (results.find((each) => each.model === row)?.rounds ?? []).map((round) => ({
      ...round,
      p50Ms: round.latencyMs?.p50 ?? null,
      p99Ms: round.latencyMs?.p99 ?? null,
    }));
  return { model, noise: noiseOf(NOISE_KEYS, rounds(model), rounds(repetitionOf(model))) };
}

/** Sorts calls by frequency and adds them up. Calls below one in a thousand requests belong to startup or shutdown. */
export function summarizeCalls(byName: Readonly<Record<string, number>>): SystemCalls {
  const frequent = Object.entries(byName)
    .filter(([, count]) => count >= 0.001)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => [name, Math.round(count * 1000) / 1000] as const);
  return { perRequest: frequent.reduce((sum, [, count]) => sum + count, 0), byName: Object.fromEntries(frequent) };
}
