const MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `12.50ms`, as wrk and h2load print times, in milliseconds. */
export function parseMilliseconds(text: string): number {
  const [, value, unit] = /^([\d.]+)(us|ms|s|m|h)$/.exec(text) ?? [];
  if (unit === undefined) throw new RangeError(`${JSON.stringify(text)} is no duration`);
  return unit === 'us' ? Number(value) / 1000 : Number(value) * MS[unit]!;
}
