import { ExperimentError } from '../base/errors.js';
import type { Latency } from '../base/stats.js';
import type { LoadResult, LoadSpec } from './load.js';
import { parseMilliseconds } from './units.js';

/** The words after `wrk`: one thread, whose core is full before an epoll loop's is. */
export function wrkArgs({ url, connections, seconds, close }: LoadSpec): string[] {
  return [
    '-t1',
    `-c${connections}`,
    `-d${Math.ceil(seconds)}s`,
    '--latency',
    ...(close ? ['-H', 'Connection: close'] : []),
    url.href,
  ];
}

/** What wrk prints, which it does after SIGINT too. */
export function parseWrk(text: string): LoadResult {
  const [, requests, duration] = /(\d+) requests in ([\d.]+\w+)/.exec(text) ?? [];
  if (duration === undefined)
    throw new ExperimentError(`wrk counted nothing: ${text.trim().slice(-200) || 'no output'}.`);
  const seconds = parseMilliseconds(duration) / 1000;
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  const refused = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0;
  return {
    requests: Number(requests),
    // Its own "Requests/sec" is made of a duration with more digits.
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? Number(requests) / seconds),
    latency: Number(requests) > 0 ? latencyIn(text) : null,
    errors: [...sockets, refused].reduce<number>((sum, each) => sum + Number(each), 0),
  };
}

function latencyIn(text: string): Latency | null {
  const at = (percent: number): number | null => {
    const found = new RegExp(`^\\s+${percent}%\\s+([\\d.]+\\w+)`, 'm').exec(text)?.[1];
    return found === undefined ? null : parseMilliseconds(found);
  };
  const [p50, p90, p99] = [at(50), at(90), at(99)];
  const most = /^\s+Latency\s+\S+\s+\S+\s+([\d.]+\w+)/m.exec(text)?.[1];
  if (p50 === null || p90 === null || p99 === null || most === undefined) return null;
  return { p50, p90, p99, max: parseMilliseconds(most) };
}
