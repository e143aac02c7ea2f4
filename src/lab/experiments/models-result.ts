import { type Latency, type Summary, summarize } from '../base/stats.js';
import type { Memory } from '../measure/memory.js';

/** One round of one model. */
export interface ModelRound extends Memory {
  readonly requestsPerSecond: number;
  /** CPU time per request of the model's process tree, in microseconds, without that of the client. */
  readonly cpuUs: number;
  readonly userUs: number;
  readonly systemUs: number;
  /** At the fixed rate; null without h2load. */
  readonly latencyMs: Latency | null;
  /** Responses per second at the fixed rate. */
  readonly achievedPerSecond: number | null;
  readonly errors: number;
}

export interface SystemCalls {
  readonly perRequest: number;
  /** Calls per request by name, most frequent first. */
  readonly byName: Readonly<Record<string, number>>;
}

/** The partial result of a model during a run. */
export interface ModelPartial {
  readonly model: string;
  readonly waits: string;
  readonly rounds: ModelRound[];
  /** Whether a connection takes further requests; null if the model never responded. */
  keepsAlive: boolean | null;
  /** The number of idle connections with which it did not respond any more; null if it always did. */
  starvedBy: number | null;
  /** See SmokeCheck. */
  responseShape: string | null;
  /** By strace, under a load of its own. */
  systemCalls: SystemCalls | null;
  /** By the server's own counters, which do not include the calls of Node and its threads. */
  ownCalls: SystemCalls | null;
  /** Why it has fewer rounds than others, or none. */
  failure: string | null;
}

export interface ModelResult extends Readonly<Omit<ModelPartial, 'rounds' | 'responseShape'>> {
  readonly rounds: readonly ModelRound[];
  readonly requestsPerSecond: Summary | null;
  readonly cpuUs: Summary | null;
  readonly userUs: Summary | null;
  readonly systemUs: Summary | null;
  readonly latencyMs: { readonly p50: Summary; readonly p90: Summary; readonly p99: Summary } | null;
  readonly achievedPerSecond: Summary | null;
  readonly baselineBytes: Summary | null;
  readonly perConnectionBytes: Summary | null;
  /** Over all rounds. */
  readonly errors: number;
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

export function modelResult({ responseShape: _, ...partial }: ModelPartial): ModelResult {
  const { rounds } = partial;
  const summary = (of: (round: ModelRound) => number | null): Summary | null => summarize(rounds.map(of));
  const [p50, p90, p99] = (['p50', 'p90', 'p99'] as const).map((at) =>
    summary((round) => round.latencyMs?.[at] ?? null),
  );
  return {
    ...partial,
    requestsPerSecond: summary((round) => round.requestsPerSecond),
    cpuUs: summary((round) => round.cpuUs),
    userUs: summary((round) => round.userUs),
    systemUs: summary((round) => round.systemUs),
    latencyMs: p50 && p90 && p99 ? { p50, p90, p99 } : null,
    achievedPerSecond: summary((round) => round.achievedPerSecond),
    baselineBytes: summary((round) => round.baselineBytes),
    perConnectionBytes: summary((round) => round.perConnectionBytes),
    errors: rounds.reduce((sum, { errors }) => sum + errors, 0),
  };
}

/** Sorts calls by frequency and adds them up. Calls below one in a thousand requests belong to startup or shutdown. */
export function summarizeCalls(byName: Readonly<Record<string, number>>): SystemCalls {
  const frequent = Object.entries(byName)
    .filter(([, count]) => count >= 0.001)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => [name, Math.round(count * 1000) / 1000] as const);
  return { perRequest: frequent.reduce((sum, [, count]) => sum + count, 0), byName: Object.fromEntries(frequent) };
}
