import {
  type Distribution,
  type Percentiles,
  percentilesOf,
  sumOfDistributions,
  totalOf,
} from '../base/distribution.js';
import { type Noise, noiseOf } from '../base/noise.js';
import { type Summary, summarizeEach } from '../base/stats.js';
import { CLOSED_LOOP } from '../bench/rate-load.js';
import { type EncodedLatencies, encodeDistribution } from '../measure/hdr.js';
import type { DriverWindow } from './driver-program.js';
import type { Recorded } from './lateness.js';
import { PROBE_NAMES, type Probe, type ThreadName } from './ways.js';

/**
 * The loads, by what the report names them; null for no request at all. With primes the requests drift through all phases
 * of a timer: one per millisecond would always come at the same time before it, or after it.
 */
export const LOADS = { idle: null, '997/s': 997, '9,973/s': 9973, saturated: CLOSED_LOOP } as const;
export type LoadName = keyof typeof LOADS;
export const LOAD_NAMES = Object.keys(LOADS) as LoadName[];

/** Of one window. The times are null if it did not run. */
export interface ProbeRound {
  readonly perSecond: number;
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
}

const PROBE_KEYS = ['perSecond', 'p50Ms', 'p90Ms', 'p99Ms', 'maxMs'] as const;

/** How late a probe ran in a thread, under one load. */
export interface ProbeResult extends Readonly<Record<(typeof PROBE_KEYS)[number], Summary | null>> {
  readonly probe: Probe;
  readonly thread: ThreadName;
  readonly rounds: readonly ProbeRound[];
  /** How long was waited for it, over all rounds, if it ran in none of them; null otherwise. */
  readonly neverRanSeconds: number | null;
  /** Over all rounds; null without hdr-histogram-js. */
  readonly histogram: string | null;
}

export interface SystemCalls {
  /** Per response, each of which is one sendto(2). */
  readonly perRequest: number;
  readonly byName: Readonly<Record<string, number>>;
}

type PercentileSummaries = Readonly<Record<keyof Percentiles, Summary | null>>;

/** What requests cost under one load, as the experiment rates has it. */
export interface CostRound {
  readonly cpuUs: number | null;
  readonly wakeUpsPerSecond: number;
  readonly latencyMs: Percentiles | null;
}

/** All rounds of a way of driving under one load. */
export interface DriverPoint {
  readonly load: LoadName;
  /** CPU time per request; null if idle or struck out. */
  readonly cpuUs: Summary | null;
  /** The part of a core that the process uses, 0 to 1. */
  readonly busy: Summary | null;
  /** Voluntary context switches of all threads. */
  readonly wakeUpsPerSecond: Summary | null;
  /** Responses by requests that were due; null if idle. */
  readonly achieved: Summary | null;
  readonly errors: Summary | null;
  /** From the time at which a request was due; all null if idle. */
  readonly latencyMs: PercentileSummaries;
  readonly histograms: EncodedLatencies | null;
  /** By strace, in the first round; null without it. */
  readonly systemCalls: SystemCalls | null;
  readonly costRounds: readonly CostRound[];
  /** Why the figures of the requests do not count, or null. */
  readonly struckOut: string | null;
  /** Measured in a process of its own, next to the same load. */
  readonly probes: readonly ProbeResult[];
}

export interface DriverResult {
  /** A way of driving, or its repetition. */
  readonly driver: string;
  readonly points: readonly DriverPoint[];
  /** Why it was not measured, or not in all rounds; null otherwise. */
  readonly failure: string | null;
}

const NOISE_KEYS = ['cpuUs', 'wakeUpsPerSecond', 'p50Ms', 'p99Ms', 'timeoutMs', 'echoMs'] as const;
/** The figures whose noise is known: the last two are of the probes: p99 of a timer, and p50 of the echo, of which there are few. */
export type DriverFigure = (typeof NOISE_KEYS)[number];

export interface DriverNoise {
  readonly load: LoadName;
  readonly noise: Noise<DriverFigure>;
}

/** Calls by name, per response. Null if there was none. */
export function callsPerResponse(calls: Readonly<Record<string, number>>): SystemCalls | null {
  const responses = calls['sendto'] ?? 0;
  if (responses === 0) return null;
  const frequent = Object.entries(calls)
    .map(([name, count]) => [name, Math.round((count / responses) * 1000) / 1000] as const)
    .filter(([, count]) => count >= 0.01)
    .sort(([, a], [, b]) => b - a);
  return { perRequest: frequent.reduce((sum, [, count]) => sum + count, 0), byName: Object.fromEntries(frequent) };
}

/** Every probe in every thread of the windows of one load. */
export function probeResults(windows: readonly DriverWindow[]): ProbeResult[] {
  const threads = windows[0]?.threads.map(({ thread }) => thread) ?? [];
  return threads.flatMap((thread) =>
    PROBE_NAMES.map((probe) => {
      const recorded = windows.map(({ seconds, threads: all }) => {
        const { probes } = all.find((each) => each.thread === thread)!;
        return { seconds, distribution: withOverdue(probes[probe]) };
      });
      return probeResult(probe, thread, recorded);
    }),
  );
}

interface RecordedWindow {
  readonly seconds: number;
  readonly distribution: Distribution;
}

function probeResult(probe: Probe, thread: ThreadName, windows: readonly RecordedWindow[]): ProbeResult {
  const rounds = windows.map(({ seconds, distribution }): ProbeRound => {
    const { p50 = null, p90 = null, p99 = null, max = null } = percentilesOf(distribution) ?? {};
    return { perSecond: totalOf(distribution) / seconds, p50Ms: p50, p90Ms: p90, p99Ms: p99, maxMs: max };
  });
  const all = sumOfDistributions(windows.map(({ distribution }) => distribution));
  const isNever = all.length === 0;
  return {
    probe,
    thread,
    ...summarizeEach(PROBE_KEYS, rounds),
    rounds,
    neverRanSeconds: isNever ? windows.reduce((sum, { seconds }) => sum + seconds, 0) : null,
    histogram: isNever ? null : encodeDistribution(all),
  };
}

/**
 * With what is due at the end and has not run, which is at least so late, if nothing was later: otherwise a thread that
 * is blocked until the end of the window would have recorded only what ran before. What never ran stays without a time.
 */
export function withOverdue({ distribution, overdueMs }: Recorded): Distribution {
  const latestUs = distribution.at(-1)?.[0];
  const overdueUs = Math.round(overdueMs * 1000);
  return latestUs === undefined || overdueUs <= latestUs ? distribution : [...distribution, [overdueUs, 1]];
}

export const pointOf = ({ points }: DriverResult, load: LoadName): DriverPoint | null =>
  points.find((point) => point.load === load) ?? null;

/** Of a point in a thread; null if it was not measured. */
export const probeOf = (point: DriverPoint | null, probe: Probe, thread: ThreadName): ProbeResult | null =>
  point?.probes.find((each) => each.probe === probe && each.thread === thread) ?? null;

/** What the two rows of the way that is measured twice differ by, under each load. */
export function driverNoise(once: DriverResult, again: DriverResult): DriverNoise[] {
  const roundsOf = (point: DriverPoint | null): Record<DriverFigure, number | null>[] => {
    const cost = point === null || point.struckOut !== null ? [] : point.costRounds;
    const timeout = probeOf(point, 'timeout 1 ms', 'main')?.rounds ?? [];
    const echo = probeOf(point, 'TCP echo', 'main')?.rounds ?? [];
    const count = Math.max(cost.length, timeout.length);
    return Array.from({ length: count }, (_, at) => ({
      cpuUs: cost[at]?.cpuUs ?? null,
      wakeUpsPerSecond: cost[at]?.wakeUpsPerSecond ?? null,
      p50Ms: cost[at]?.latencyMs?.p50 ?? null,
      p99Ms: cost[at]?.latencyMs?.p99 ?? null,
      timeoutMs: timeout[at]?.p99Ms ?? null,
      echoMs: echo[at]?.p50Ms ?? null,
    }));
  };
  return once.points.map(({ load }) => ({
    load,
    noise: noiseOf(NOISE_KEYS, roundsOf(pointOf(once, load)), roundsOf(pointOf(again, load))),
  }));
}
