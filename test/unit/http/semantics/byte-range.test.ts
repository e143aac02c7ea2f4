import { describe, expect, test } from 'vitest';
import { parseRanges, selectRanges } from '../../../../src/http/semantics/byte-range.js';
import {
  AT_THE_LIMIT,
  EXAMPLES,
  type Expected,
  GRAMMAR,
  IGNORED,
  LARGE_NUMBERS,
  LONG,
  ONE_RANGE,
  SEVERAL,
} from '../../../support/byte-ranges.js';
import { parsed } from '../../../support/parsed.js';

function given(value: string, size: number): Expected {
  const ranges = parseRanges(Buffer.from(`<${value}>`, 'latin1'), 1, value.length + 1, size);
  if (ranges === null || ranges === 416) return ranges;
  return ranges.map(({ start, end }) => `${start}-${end - 1}`).join(' ');
}

describe('the examples of the RFC', () => {
  test.each(EXAMPLES)('%s of %i', (value, size, expected) => expect(given(value, size)).toBe(expected));
});

describe('one range', () => {
  test.each(ONE_RANGE)('%s of %i: %j', (value, size, expected) => expect(given(value, size)).toBe(expected));
});

describe('large numbers', () => {
  test.each(LARGE_NUMBERS)('%s of %i', (value, size, expected) => expect(given(value, size)).toBe(expected));
});

describe('the grammar', () => {
  test.each(GRAMMAR)('%j of %i: %j', (value, size, expected) => expect(given(value, size)).toBe(expected));

  test.each(IGNORED)('%j is ignored', (value) => {
    expect(given(value, 10)).toBeNull();
    expect(given(value, 0)).toBeNull();
  });
});

describe('several ranges', () => {
  test.each(SEVERAL)('%s: %s of %i', (_, value, size, expected) => expect(given(value, size)).toBe(expected));

  test.each(AT_THE_LIMIT)('%s', (_, value, size, expected) => expect(given(value, size)).toBe(expected));
});

describe('a long value is parsed in linear time', () => {
  test.each(LONG)('%#', (value, expected) => {
    const startMs = performance.now();
    expect(given(value, 10)).toBe(expected);
    expect(performance.now() - startMs).toBeLessThan(2000);
  });
});

const PART = 'Range: bytes=1-3';

test.each<[fields: string[], expected: ReturnType<typeof selectRanges>, method?: string, etag?: string]>([
  [[PART], [{ start: 1, end: 4 }]],
  [[PART], 'method', 'HEAD'],
  [[PART, PART], 'repeated'],
  [[PART, 'If-Match: "x"'], 'if-match', 'GET', ''],
  [[PART, 'If-Range: "x"'], 'if-range'],
  [[PART, 'If-Range: "abc"'], [{ start: 1, end: 4 }]],
  [['Range: lines=1'], 'invalid'],
  [['Range: bytes=11-'], 416],
])('%j selects %j of 11 bytes', (fields, expected, method = 'GET', etag = '"abc"') => {
  const validators = { etag, modifiedSeconds: Number.NaN, recent: false };
  expect(selectRanges(parsed('/', fields, method), validators, 11, Date.now)).toEqual(expected);
});
