import { latencyPercentiles } from '../base/stats.js';
import type { LoadResult, LoadSpec } from './load.js';

/** Microseconds since the epoch, as in the log. */
export interface TimeWindow {
  readonly fromUs: number;
  readonly untilUs: number;
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

/** Counts the responses that end within each of the windows, which are ascending and do not overlap. */
export function countH2loadLog(log: string, windows: readonly TimeWindow[]): LoadResult[] {
  const counts = windows.map(() => ({ errors: 0, latencies: [] as number[] }));
  for (const { beginUs, tookUs, isOk } of logEntries(log)) {
    const endUs = beginUs + tookUs;
    const count = counts[windows.findIndex(({ fromUs, untilUs }) => endUs >= fromUs && endUs < untilUs)];
    if (count === undefined) continue;
    if (isOk) count.latencies.push(tookUs / 1000);
    else count.errors++;
  }
  return counts.map(({ errors, latencies }, at) => {
    const { fromUs, untilUs } = windows[at]!;
    const perSecond = latencies.length / ((untilUs - fromUs) / 1e6);
    const latency = latencyPercentiles(Float64Array.from(latencies).sort());
    return { requests: latencies.length, perSecond, latency, errors };
  });
}

/** Start in microseconds, status, microseconds until the end of the response. A partial last line is ignored. */
function* logEntries(log: string): Generator<{ beginUs: number; tookUs: number; isOk: boolean }> {
  for (const line of log.slice(0, log.lastIndexOf('\n') + 1).split('\n')) {
    const [beginUs, status, tookUs] = line.split('\t').map(Number);
    if (tookUs !== undefined && beginUs! > 0)
      yield { beginUs: beginUs!, tookUs, isOk: status! >= 200 && status! < 400 };
  }
}
