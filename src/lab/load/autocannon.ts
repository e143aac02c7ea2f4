import { ExperimentError } from '../base/errors.js';
import type { LoadResult, LoadSpec } from './load.js';

export function autocannonArgs({ url, connections, seconds, close }: LoadSpec): string[] {
  return [
    '--json',
    '--no-progress',
    ...['--connections', String(connections)],
    ...['--duration', String(Math.ceil(seconds))],
    ...(close ? ['--headers', 'connection=close'] : []),
    url.href,
  ];
}

interface AutocannonOutput {
  duration: number;
  errors: number;
  timeouts: number;
  non2xx: number;
  requests: { total: number };
  latency: { p50: number; p90: number; p99: number; max: number };
}

/** Parses the last line of output, which is JSON. Latencies are whole milliseconds: 0 means less than one. */
export function parseAutocannon(text: string): LoadResult {
  const line = text.trim().split('\n').at(-1)!;
  let output: AutocannonOutput;
  try {
    output = JSON.parse(line) as AutocannonOutput;
  } catch {
    throw new ExperimentError(`autocannon printed no result: ${line.slice(-200) || 'no output'}.`);
  }
  const { duration, errors, non2xx, requests, latency } = output;
  return {
    requests: requests.total,
    perSecond: duration > 0 ? requests.total / duration : 0,
    latency: requests.total > 0 ? { p50: latency.p50, p90: latency.p90, p99: latency.p99, max: latency.max } : null,
    errors: errors + non2xx, // `errors` includes the timeouts
  };
}
