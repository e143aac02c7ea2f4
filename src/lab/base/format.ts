import type { Summary } from './stats.js';

export const NONE = '–';

/** Three digits that count, and thousands apart: 0.0123, 1.23, 12.3, 123, 12,345. */
export function formatNumber(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4;
  return value.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: size >= 1 ? digits : 0 });
}

export const formatMedian = (spread: Summary | null | undefined): string => formatNumber(spread?.median);

/** From the least to the most of the rounds. */
export const formatRange = (spread: Summary | null | undefined): string =>
  !spread ? NONE : spread.count === 1 ? 'one round' : `${formatNumber(spread.min)} to ${formatNumber(spread.max)}`;

export const scale = (spread: Summary | null, by: number): Summary | null =>
  spread && { median: spread.median * by, min: spread.min * by, max: spread.max * by, count: spread.count };

export const MIB = 1 / 1024 / 1024;
export const KIB = 1 / 1024;

/** `3 epoll_wait, 2 recvfrom`: the calls of a request, or of a run. */
export const formatCalls = (calls: Readonly<Record<string, number>>, most = 6): string =>
  Object.entries(calls)
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([name, count]) => `${formatNumber(count)} ${name}`)
    .join(', ') || NONE;
