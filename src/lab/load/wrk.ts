import { ExperimentError } from '../base/errors.js';
import type { Latency } from '../base/stats.js';
import type { LoadResult, LoadSpec } from './load.js';

/** The arguments of `wrk`. One thread, which saturates its core before an epoll loop saturates its own. */
export function wrkArgs({ url, connections, seconds, close }: LoadSpec): string[] {
  const fields = close ? ['-H', 'Connection: close'] : [];
  return ['-t1', `-c${connections}`, `-d${Math.ceil(seconds)}s`, '--latency', ...fields, url.href];
}

/** Parses the output of wrk, which is complete after SIGINT too. */
export function parseWrk(text: string): LoadResult {
  const [, requests, duration] = /(\d+) requests in ([\d.]+\w+)/.exec(text) ?? [];
  if (duration === undefined)
    throw new ExperimentError(`wrk printed no result: ${text.trim().slice(-200) || 'no output'}.`);
  const seconds = parseMilliseconds(duration) / 1000;
  const socketErrors =
    /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  const badStatus = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0;
  return {
    requests: Number(requests),
    // wrk computes "Requests/sec" from a more precise duration than it prints.
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? Number(requests) / seconds),
    latency: Number(requests) > 0 ? parseLatency(text) : null,
    errors: [...socketErrors, badStatus].reduce<number>((sum, each) => sum + Number(each), 0),
  };
}

function parseLatency(text: string): Latency | null {
  const at = (percent: number): number | null => {
    const value = new RegExp(`^\\s+${percent}%\\s+([\\d.]+\\w+)`, 'm').exec(text)?.[1];
    return value === undefined ? null : parseMilliseconds(value);
  };
  const [p50, p90, p99] = [at(50), at(90), at(99)];
  const max = /^\s+Latency\s+\S+\s+\S+\s+([\d.]+\w+)/m.exec(text)?.[1];
  if (p50 === null || p90 === null || p99 === null || max === undefined) return null;
  return { p50, p90, p99, max: parseMilliseconds(max) };
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Parses a duration as wrk prints it, such as `12.50ms`. */
export function parseMilliseconds(text: string): number {
  const [, value, unit] = /^([\d.]+)(us|ms|s|m|h)$/.exec(text) ?? [];
  if (unit === undefined) throw new RangeError(`${JSON.stringify(text)} is not a duration`);
  return unit === 'us' ? Number(value) / 1000 : Number(value) * UNIT_MS[unit]!;
}
