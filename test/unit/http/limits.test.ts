import { describe, expect, test } from 'vitest';
import { LIMIT_NAMES, LIMITS, type Limits, limitFault, resolveLimits } from '../../../src/http/limits.js';

describe.each(LIMIT_NAMES)('%s', (name) => {
  const limit = LIMITS[name];

  test('has a default within its range, and a description', () => {
    for (const value of [limit.min, limit.default, limit.max]) expect(Number.isSafeInteger(value)).toBe(true);
    expect(limit.min).toBeGreaterThanOrEqual(0);
    expect(limit.default).toBeGreaterThanOrEqual(limit.min);
    expect(limit.default).toBeLessThanOrEqual(limit.max);
    expect(limit.description).toMatch(/^\S.{10,}[^.]$/);
  });

  test('has its unit at the end of its name', () => {
    const counts = [
      'headFields',
      'maxConnections',
      'maxConnectionsPerClient',
      'clientRequestBurst',
      'maxWatches',
      'acceptsPerTurn',
      'requestsPerTurn',
      'maxConcurrentHandlers',
    ];
    expect(counts.includes(name) || /(?:Bytes|Ms|PerTurn|PerSecond)$/.test(name)).toBe(true);
  });

  test('accepts its range', () => {
    for (const value of [limit.min, limit.default, limit.max]) {
      expect(limitFault(name, value)).toBeNull();
      expect(resolveLimits({ [name]: value })).toEqual({ ...resolveLimits(), [name]: value });
    }
  });

  test.each([
    [limit.min - 1],
    [limit.max + 1],
    [-1],
    [limit.default + 0.5],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [`${limit.default}`],
    [null],
    [true],
    [[]],
    [BigInt(limit.default)],
  ])('rejects %s', (value) => {
    expect(limitFault(name, value)).toBe(`must be an integer from ${limit.min} to ${limit.max}`);
    const resolving = () => resolveLimits({ [name]: value } as unknown as Partial<Limits>);
    expect(resolving).toThrow(RangeError);
    expect(resolving).toThrow(
      `limits.${name} must be an integer from ${limit.min} to ${limit.max}, not ${String(value)}`,
    );
  });
});

describe('resolved limits', () => {
  const defaults = Object.fromEntries(LIMIT_NAMES.map((name) => [name, LIMITS[name].default]));

  test('are the defaults', () => {
    expect(resolveLimits()).toEqual(defaults);
    expect(resolveLimits({})).toEqual(defaults);
  });

  test('are the given ones, and the defaults for the others', () => {
    expect(resolveLimits({ headBytes: 64, bodyBytes: 0 })).toEqual({ ...defaults, headBytes: 64, bodyBytes: 0 });
  });

  test('are the defaults for undefined', () => {
    expect(resolveLimits({ headBytes: undefined } as unknown as Partial<Limits>)).toEqual(defaults);
  });

  test('are a copy', () => {
    const given = { headBytes: 64 };
    const limits = resolveLimits(given);
    limits.headBytes = 65;
    expect(given.headBytes).toBe(64);
    expect(resolveLimits().headBytes).toBe(LIMITS.headBytes.default);
  });

  test.each(['headbytes', 'timeout', 'constructor', '__proto__', 'toString', ''])('reject the name %j', (name) => {
    const resolving = () => resolveLimits(JSON.parse(`{${JSON.stringify(name)}: 1}`));
    expect(resolving).toThrow(TypeError);
    expect(resolving).toThrow(`limits.${name} is not a limit; there are: ${LIMIT_NAMES.join(', ')}`);
  });

  test('reject an unknown name even if it is undefined', () => {
    expect(() => resolveLimits({ headbytes: undefined } as unknown as Partial<Limits>)).toThrow('limits.headbytes');
  });

  test.each<[value: unknown, shown: string]>([
    [null, 'null'],
    ['x', "'x'"],
    [5, '5'],
    [true, 'true'],
    [[], '[]'],
    [new Map([['headBytes', 64]]), "Map(1) { 'headBytes' => 64 }"],
  ])('reject %j for limits', (value, shown) => {
    const resolving = () => resolveLimits(value as Partial<Limits>);
    expect(resolving).toThrow(TypeError);
    expect(resolving).toThrow(`limits must be an object of limits, not ${shown}`);
  });
});

test('the largest head and a byte after it fit the receive buffer', () => {
  expect(LIMITS.headBytes.max).toBeLessThan(64 * 1024);
  expect(LIMITS.targetBytes.max).toBeLessThan(LIMITS.headBytes.max);
});
