import { latencyPercentiles } from '../base/stats.js';
import type { FixedRateResult, FixedRateSpec, LoadResult, LoadSpec } from './load.js';

/** Microseconds since the epoch, as in the log. */
export interface TimeWindow {
  readonly fromUs: number;
  readonly untilUs: number;
}

const ALWAYS: TimeWindow = { fromUs: 0, untilUs: Number.POSITIVE_INFINITY };

/**
 * The arguments of `h2load`. Persistent connections are opened one after the other, and each sends at its share of the
 * rate. With a connection per request, the rate applies to opening connections, because h2load drops the rate of a
 * connection that the server closes.
 */
export function h2loadArgs({ url, connections, seconds, close, rate }: FixedRateSpec, log: string): string[] {
  const requests = String(Math.max(1, Math.round(rate * seconds)));
  const { count, everyMs } = connectionRate(rate);
  return [
    '--h1',
    '-m1',
    ...['-n', requests, '-c', close ? requests : String(Math.min(connections, Number(requests)))],
    ...['-r', String(count), `--rate-period=${everyMs}ms`],
    ...(close ? ['-H', 'Connection: close'] : [`--rps=${rate / connections}`]),
    `--log-file=${log}`,
    url.href,
  ];
}

/** A rate as a whole number of connections per period; h2load's shortest period is one millisecond. */
export function connectionRate(rate: number): { count: number; everyMs: number } {
  return rate >= 1000
    ? { count: Math.round(rate / 1000), everyMs: 1 }
    : { count: 1, everyMs: Math.max(1, Math.round(1000 / rate)) };
}

/** The arguments for a closed-loop load that runs until it is stopped. */
export const h2loadOpenEndedArgs = ({ url, connections }: LoadSpec, log: string): string[] => [
  '--h1',
  '-m1',
  '-c',
  String(connections),
  '-D',
  '3600',
  `--log-file=${log}`,
  url.href,
];

/** Counts the responses that end within the window. */
export function countH2loadLog(log: string, { fromUs, untilUs }: TimeWindow): LoadResult {
  let errors = 0;
  const latencies: number[] = [];
  for (const { beginUs, tookUs, isOk } of logEntries(log)) {
    if (beginUs + tookUs < fromUs || beginUs + tookUs >= untilUs) continue;
    if (isOk) latencies.push(tookUs / 1000);
    else errors++;
  }
  const perSecond = latencies.length / ((untilUs - fromUs) / 1e6);
  const latency = latencyPercentiles(Float64Array.from(latencies).sort());
  return { requests: latencies.length, perSecond, latency, errors };
}

/**
 * Corrects for coordinated omission: a connection that waits for a response sends its next requests late, so they are
 * missing from the log. A latency longer than the interval also stands for the requests that should have been sent
 * meanwhile, which would have waited for the rest of it.
 * @param within counts only requests that begin in it
 */
export function parseH2loadLog(
  log: string,
  { connections, rate, close }: FixedRateSpec,
  within = ALWAYS,
): FixedRateResult {
  const latencies: number[] = [];
  let responses = 0;
  let errors = 0;
  let firstUs = Number.POSITIVE_INFINITY;
  let lastUs = 0;
  const intervalMs = close ? Number.POSITIVE_INFINITY : (1000 * connections) / rate;
  for (const { beginUs, tookUs, isOk } of logEntries(log)) {
    if (beginUs < within.fromUs || beginUs >= within.untilUs) continue;
    firstUs = Math.min(firstUs, beginUs);
    lastUs = Math.max(lastUs, beginUs + tookUs);
    if (!isOk) {
      errors++;
      continue;
    }
    responses++;
    for (let ms = tookUs / 1000; ms > 0; ms -= intervalMs) latencies.push(ms);
  }
  const seconds = (lastUs - firstUs) / 1e6;
  const latency = latencyPercentiles(Float64Array.from(latencies).sort());
  return { latency, perSecond: seconds > 0 ? responses / seconds : 0, errors };
}

/** Start in microseconds, status, microseconds until the end of the response. A partial last line is ignored. */
function* logEntries(log: string): Generator<{ beginUs: number; tookUs: number; isOk: boolean }> {
  for (const line of log.slice(0, log.lastIndexOf('\n') + 1).split('\n')) {
    const [beginUs, status, tookUs] = line.split('\t').map(Number);
    if (tookUs !== undefined && beginUs! > 0)
      yield { beginUs: beginUs!, tookUs, isOk: status! >= 200 && status! < 400 };
  }
}

/** The number of failed requests in "requests: … 0 failed, 0 errored, 0 timeout"; 0 without that line. */
export function h2loadErrors(text: string): number {
  const [, failed, errored] = /(\d+) failed, (\d+) errored/.exec(text) ?? [];
  return Math.max(Number(failed ?? 0), Number(errored ?? 0));
}
