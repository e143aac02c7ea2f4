import { type Latency, latencyPercentiles } from '../base/stats.js';
import type { LoadResult, LoadSpec } from './load.js';

/** A load that asks at fixed times, whether the answers before have come or not. */
export interface FixedRateSpec extends LoadSpec {
  /** Requests a second, over all connections. */
  readonly rate: number;
}

/** Microseconds since the epoch, as the log has them. */
export interface TimeWindow {
  readonly fromUs: number;
  readonly untilUs: number;
}

const ALWAYS: TimeWindow = { fromUs: 0, untilUs: Number.POSITIVE_INFINITY };

/** What came of it. */
export interface FixedRateResult {
  readonly latency: Latency | null;
  /** Requests a second that were answered. */
  readonly perSecond: number;
  readonly errors: number;
}

/**
 * The words after `h2load`. Connections that are kept begin one after the other and each asks at its share of the rate.
 * Where every request has a connection of its own, it is the connections that begin at the rate: h2load forgets the
 * rate of a connection that the server closes.
 */
export function h2loadArgs({ url, connections, seconds, close, rate }: FixedRateSpec, log: string): string[] {
  const requests = String(Math.max(1, Math.round(rate * seconds)));
  const start = connectionRate(rate);
  return [
    '--h1',
    '-m1',
    ...['-n', requests, '-c', close ? requests : String(Math.min(connections, Number(requests)))],
    ...['-r', String(start.count), `--rate-period=${start.everyMs}ms`],
    ...(close ? ['-H', 'Connection: close'] : [`--rps=${rate / connections}`]),
    `--log-file=${log}`,
    url.href,
  ];
}

/** A rate as a whole number of beginnings every few milliseconds, the finest that h2load can. */
export function connectionRate(rate: number): { count: number; everyMs: number } {
  return rate >= 1000
    ? { count: Math.round(rate / 1000), everyMs: 1 }
    : { count: 1, everyMs: Math.max(1, Math.round(1000 / rate)) };
}

/** The words for a load in a closed loop that lasts until it is stopped. */
export const h2loadOpenEndedArgs = ({ url, connections }: LoadSpec, log: string): string[] => [
  '--h1',
  '-m1',
  ...['-c', String(connections), '-D', '3600'],
  `--log-file=${log}`,
  url.href,
];

/** How many requests were answered in a time, and how long they took. */
export function countH2loadLog(log: string, { fromUs, untilUs }: TimeWindow): LoadResult {
  let errors = 0;
  const latencies: number[] = [];
  for (const { beginUs, tookUs, good } of logEntries(log)) {
    if (beginUs + tookUs < fromUs || beginUs + tookUs >= untilUs) continue;
    if (good) latencies.push(tookUs / 1000);
    else errors++;
  }
  const perSecond = latencies.length / ((untilUs - fromUs) / 1e6);
  return {
    requests: latencies.length,
    perSecond,
    latency: latencyPercentiles(Float64Array.from(latencies).sort()),
    errors,
  };
}

/**
 * A connection that waits for an answer asks later than it should have, so the requests that it held back are missing
 * in the log: each latency longer than the interval stands for those that would have come meanwhile and waited for the
 * rest of it.
 * @param within what begins outside is not counted
 */
export function parseH2loadLog(
  log: string,
  { connections, rate, close }: FixedRateSpec,
  within = ALWAYS,
): FixedRateResult {
  const latencies: number[] = [];
  let answers = 0;
  let errors = 0;
  let firstUs = Number.POSITIVE_INFINITY;
  let lastUs = 0;
  const intervalMs = close ? Number.POSITIVE_INFINITY : (1000 * connections) / rate;
  for (const { beginUs, tookUs, good } of logEntries(log)) {
    if (beginUs < within.fromUs || beginUs >= within.untilUs) continue;
    firstUs = Math.min(firstUs, beginUs);
    lastUs = Math.max(lastUs, beginUs + tookUs);
    if (!good) {
      errors++;
      continue;
    }
    answers++;
    for (let ms = tookUs / 1000; ms > 0; ms -= intervalMs) latencies.push(ms);
  }
  const seconds = (lastUs - firstUs) / 1e6;
  return {
    latency: latencyPercentiles(Float64Array.from(latencies).sort()),
    perSecond: seconds > 0 ? answers / seconds : 0,
    errors,
  };
}

/** Begin in microseconds, status, microseconds until the end of the answer; what was being written last may be torn. */
function* logEntries(log: string): Generator<{ beginUs: number; tookUs: number; good: boolean }> {
  for (const line of log.slice(0, log.lastIndexOf('\n') + 1).split('\n')) {
    const [beginUs, status, tookUs] = line.split('\t').map(Number);
    if (tookUs !== undefined && beginUs! > 0)
      yield { beginUs: beginUs!, tookUs, good: status! >= 200 && status! < 400 };
  }
}

/** The requests that got no answer, of "requests: … 0 failed, 0 errored, 0 timeout"; 0 where it printed none. */
export function h2loadErrors(text: string): number {
  const [, failed, errored] = /(\d+) failed, (\d+) errored/.exec(text) ?? [];
  return Math.max(Number(failed ?? 0), Number(errored ?? 0));
}
