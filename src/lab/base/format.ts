import type { Summary } from './stats.js';

export const NONE = '–';

/** Three significant digits, with thousands separators: 0.0123, 1.23, 12.3, 123, 12,345. */
export function formatNumber(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4;
  return value.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: size >= 1 ? digits : 0 });
}

export const formatMedian = (summary: Summary | null | undefined): string => formatNumber(summary?.median);

/** Minimum to maximum over the rounds. */
export const formatRange = (summary: Summary | null | undefined): string =>
  !summary ? NONE : summary.count === 1 ? 'one round' : `${formatNumber(summary.min)} to ${formatNumber(summary.max)}`;

/** `1 core`, `2 cores`. */
export const formatCount = (count: number, noun: string): string =>
  `${formatNumber(count)} ${noun}${count === 1 ? '' : 's'}`;

/** `a, b and c`. */
export const listOf = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

/** `3 epoll_wait, 2 recvfrom`: the most frequent system calls. */
export const formatCalls = (calls: Readonly<Record<string, number>>, limit = 6): string =>
  Object.entries(calls)
    .sort(([, a], [, b]) => b - a)
    .slice(0, limit)
    .map(([name, count]) => `${formatNumber(count)} ${name}`)
    .join(', ') || NONE;

export const scale = (summary: Summary | null, factor: number): Summary | null =>
  summary && {
    median: summary.median * factor,
    min: summary.min * factor,
    max: summary.max * factor,
    low: summary.low * factor,
    high: summary.high * factor,
    count: summary.count,
  };

/** A percentile above the median; null of a single round, in which one pause decides it. */
export const tailOf = (summary: Summary | null | undefined): Summary | null =>
  summary && summary.count > 1 ? summary : null;

/** Factors for `scale`, from bytes. */
export const MIB = 1 / 1024 / 1024;
export const KIB = 1 / 1024;
