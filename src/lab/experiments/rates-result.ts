import type { Percentiles } from '../base/distribution.js';
import { percentilesOf, sumOfDistributions } from '../base/distribution.js';
import { formatNumber } from '../base/format.js';
import { type Noise, noiseOf } from '../base/noise.js';
import { type Summary, summarizeEach } from '../base/stats.js';
import { unsteadyReason } from '../bench/agreement.js';
import type { RateLoad } from '../bench/rate-load.js';
import type { Row } from '../bench/workbench.js';
import { type EncodedLatencies, encodeLatencies } from '../measure/hdr.js';
import type { Transcript } from '../measure/transcript.js';

/** Below this ratio of responses to requests that were due, the figures are those of an overload. */
export const MIN_ACHIEVED = 0.95;
/** A generator that is later than this with one request in a hundred is itself too slow for the rate. */
const MAX_LAG_MS = 5;

export const PERCENTILES = ['p50', 'p90', 'p99', 'p999', 'max'] as const;
export type Percentile = (typeof PERCENTILES)[number];

const KEYS = ['cpuUs', 'userUs', 'systemUs', 'wakeUpsPerSecond', 'achieved', 'errors'] as const;
const NOISE_KEYS = ['cpuUs', 'wakeUpsPerSecond', 'p50Ms', 'p99Ms'] as const;

/** The figures whose noise is known. */
export type RateFigure = (typeof NOISE_KEYS)[number];

export interface RateRound {
  /** CPU time per request in microseconds; null, as are the next two, if successive windows did not agree. */
  readonly cpuUs: number | null;
  readonly userUs: number | null;
  readonly systemUs: number | null;
  /** Voluntary context switches of the model's process tree. */
  readonly wakeUpsPerSecond: number;
  /** Responses by requests that were due. */
  readonly achieved: number;
  /** From the time at which a request was due. */
  readonly latencyMs: Percentiles | null;
  /** From the time at which it was sent. */
  readonly rawMs: Percentiles | null;
  /** How late the load generator was, p99. */
  readonly lagMs: number;
  readonly errors: number;
  readonly windowsUs: readonly number[];
}

type PercentileSummaries = Readonly<Record<Percentile, Summary | null>>;

/** All rounds of a model at a rate. */
export interface RatePoint extends Readonly<Record<(typeof KEYS)[number], Summary | null>> {
  /** Requests offered per second. */
  readonly rate: number;
  readonly latencyMs: PercentileSummaries;
  readonly rawMs: PercentileSummaries;
  /** Over all rounds; null without hdr-histogram-js. */
  readonly histograms: EncodedLatencies | null;
  readonly rounds: readonly RateRound[];
  /** Why its figures do not count, or null. */
  readonly struckOut: string | null;
}

export interface RatesPartial extends Row {
  readonly model: string;
  readonly waits: string;
  /** The loads of each round, by rate. */
  readonly loads: Map<number, RateLoad[]>;
  /** Null for the second run of a model. */
  transcript: Transcript | null;
}

export interface RatesResult {
  readonly model: string;
  readonly waits: string;
  readonly points: readonly RatePoint[];
  readonly transcript: Transcript | null;
  /** Why it was not measured, or not in all rounds; null otherwise. */
  readonly failure: string | null;
}

export interface RateNoise {
  readonly rate: number;
  readonly noise: Noise<RateFigure>;
}

export const ratesResult = ({ model, waits, loads, transcript, failure }: RatesPartial): RatesResult => ({
  model,
  waits,
  points: [...loads].map(([rate, all]) => ratePoint(rate, all)),
  transcript,
  failure,
});

export function rateRound(load: RateLoad): RateRound {
  const { settled, cpu, responses, seconds, due, wakeUps, errors, windowsUs } = load;
  const each = (us: number): number | null => (settled && responses > 0 ? us / responses : null);
  return {
    cpuUs: each(cpu.totalUs),
    userUs: each(cpu.userUs),
    systemUs: each(cpu.systemUs),
    wakeUpsPerSecond: wakeUps / seconds,
    achieved: responses / due,
    latencyMs: percentilesOf(load.corrected),
    rawMs: percentilesOf(load.raw),
    lagMs: percentilesOf(load.lag)?.p99 ?? 0,
    errors,
    windowsUs,
  };
}

/** Of the loads of all rounds at one rate. */
export function ratePoint(rate: number, loads: readonly RateLoad[]): RatePoint {
  const rounds = loads.map(rateRound);
  const percentiles = (of: (round: RateRound) => Percentiles | null): PercentileSummaries =>
    summarizeEach(
      PERCENTILES,
      rounds.flatMap((round) => of(round) ?? []),
    );
  const summaries = summarizeEach(KEYS, rounds);
  return {
    rate,
    ...summaries,
    latencyMs: percentiles((round) => round.latencyMs),
    rawMs: percentiles((round) => round.rawMs),
    histograms: encodeLatencies(
      sumOfDistributions(loads.map(({ corrected }) => corrected)),
      sumOfDistributions(loads.map(({ raw }) => raw)),
    ),
    rounds,
    struckOut: whyStruckOut(summaries.achieved!.median, rounds, loads),
  };
}

function whyStruckOut(achieved: number, rounds: readonly RateRound[], loads: readonly RateLoad[]): string | null {
  if (achieved < MIN_ACHIEVED) {
    const lagMs = Math.max(...rounds.map((round) => round.lagMs));
    const cause = lagMs > MAX_LAG_MS ? ' The load generator itself was late: it needs a faster core.' : '';
    return `Struck out: ${formatNumber(achieved)} of the offered requests were responded to.${cause}`;
  }
  return loads.some(({ settled }) => settled) ? null : unsteadyReason(loads.at(-1)!);
}

/** What the two rows of the model that is measured twice differ by, at each rate. */
export function rateNoise(once: RatesResult, again: RatesResult): RateNoise[] {
  const rounds = (point: RatePoint | undefined): Record<RateFigure, number | null>[] =>
    (point?.struckOut === null ? point.rounds : []).map((round) => ({
      cpuUs: round.cpuUs,
      wakeUpsPerSecond: round.wakeUpsPerSecond,
      p50Ms: round.latencyMs?.p50 ?? null,
      p99Ms: round.latencyMs?.p99 ?? null,
    }));
  return once.points.map((point) => {
    const other = again.points.find(({ rate }) => rate === point.rate);
    return { rate: point.rate, noise: noiseOf(NOISE_KEYS, rounds(point), rounds(other)) };
  });
}
