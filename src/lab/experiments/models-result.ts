import { type Latency, type Summary, summarize } from '../base/stats.js';
import type { Memory } from '../measure/memory.js';

/** What one round has measured of one model. */
export interface ModelRound extends Memory {
  readonly requestsPerSecond: number;
  /** CPU time a request of the model and all its processes, in microseconds; the client's is not in it. */
  readonly cpuUs: number;
  readonly userUs: number;
  readonly systemUs: number;
  /** At the fixed rate. Null where h2load is missing. */
  readonly latencyMs: Latency | null;
  /** What it answered when it was asked at the fixed rate. */
  readonly achievedPerSecond: number | null;
  readonly errors: number;
}

/** System calls a request. */
export interface SystemCalls {
  readonly perRequest: number;
  /** By their names in strace(1), most frequent first. */
  readonly byName: Readonly<Record<string, number>>;
}

export interface ModelResult {
  readonly model: string;
  /** How it waits. */
  readonly waits: string;
  /** Whether a connection may have a further request. Null when it never answered. */
  readonly keepsAlive: boolean | null;
  /** With so many idle connections open it answered nobody. Null when it went on with all that were tried. */
  readonly starvedBy: number | null;
  readonly rounds: readonly ModelRound[];
  readonly requestsPerSecond: Summary | null;
  readonly cpuUs: Summary | null;
  readonly userUs: Summary | null;
  readonly systemUs: Summary | null;
  readonly latencyMs: { readonly p50: Summary; readonly p90: Summary; readonly p99: Summary } | null;
  readonly achievedPerSecond: Summary | null;
  readonly baselineBytes: Summary | null;
  readonly perConnectionBytes: Summary | null;
  /** As strace saw them in a load of its own. */
  readonly systemCalls: SystemCalls | null;
  /** As the server counted its own, without what Node and its threads call beside. */
  readonly ownCalls: SystemCalls | null;
  /** Over all rounds. */
  readonly errors: number;
  /** Why it has fewer rounds than others, or none. */
  readonly failure: string | null;
}

/** What is gathered of a model while the rounds go on. */
export interface ModelPartial {
  readonly model: string;
  readonly waits: string;
  readonly rounds: ModelRound[];
  keepsAlive: boolean | null;
  starvedBy: number | null;
  /** Of the answers; see Check. */
  responseShape: string | null;
  systemCalls: SystemCalls | null;
  ownCalls: SystemCalls | null;
  failure: string | null;
}

export const emptyPartial = (model: string, waits: string): ModelPartial => ({
  model,
  waits,
  rounds: [],
  keepsAlive: null,
  starvedBy: null,
  responseShape: null,
  systemCalls: null,
  ownCalls: null,
  failure: null,
});

export function modelResult({ responseShape: _, ...notes }: ModelPartial): ModelResult {
  const { rounds } = notes;
  const spread = (of: (round: ModelRound) => number | null): Summary | null => summarize(rounds.map(of));
  const [p50, p90, p99] = (['p50', 'p90', 'p99'] as const).map((at) =>
    spread((round) => round.latencyMs?.[at] ?? null),
  );
  return {
    ...notes,
    requestsPerSecond: spread((round) => round.requestsPerSecond),
    cpuUs: spread((round) => round.cpuUs),
    userUs: spread((round) => round.userUs),
    systemUs: spread((round) => round.systemUs),
    latencyMs: p50 && p90 && p99 ? { p50, p90, p99 } : null,
    achievedPerSecond: spread((round) => round.achievedPerSecond),
    baselineBytes: spread((round) => round.baselineBytes),
    perConnectionBytes: spread((round) => round.perConnectionBytes),
    errors: rounds.reduce((sum, { errors }) => sum + errors, 0),
  };
}

/** Sorts and adds up. Calls that are rarer than one in a thousand requests are of the start or the end. */
export function summarizeCalls(byName: Readonly<Record<string, number>>): SystemCalls {
  const often = Object.entries(byName)
    .filter(([, count]) => count >= 0.001)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => [name, Math.round(count * 1000) / 1000] as const);
  return { perRequest: often.reduce((sum, [, count]) => sum + count, 0), byName: Object.fromEntries(often) };
}

/** A model against another one, which is 1. */
export interface Ratio {
  readonly model: string;
  readonly cpu: Summary | null;
  readonly requestsPerSecond: Summary | null;
}

/** Each round by itself: what the machine did besides in a round, it did to both. */
export function ratioTo(result: ModelResult, reference: ModelResult): Ratio {
  const pairs = result.rounds
    .slice(0, reference.rounds.length)
    .map((round, at) => [round, reference.rounds[at]!] as const);
  return {
    model: result.model,
    cpu: summarize(pairs.map(([round, one]) => round.cpuUs / one.cpuUs)),
    requestsPerSecond: summarize(pairs.map(([round, one]) => round.requestsPerSecond / one.requestsPerSecond)),
  };
}
