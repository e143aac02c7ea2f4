import { describe, expect, test } from 'vitest';
import {
  AcceptEncodingCache,
  CODINGS,
  codingPreferences,
  PRECOMPRESSED_SUFFIXES,
} from '../../../../src/http/semantics/accept-encoding.js';
import { ACCEPT_ENCODINGS, CHROME } from '../../../support/accept-encodings.js';

test('every coding has its own suffix', () => {
  expect(CODINGS.map((coding) => PRECOMPRESSED_SUFFIXES[coding])).toEqual(['.br', '.zst', '.gz']);
});

describe('codingPreferences', () => {
  test.each(ACCEPT_ENCODINGS)('%j: %s', (value, preferences) =>
    expect(codingPreferences(value).join(' ')).toBe(preferences),
  );
  test('without the field: identity', () => expect(codingPreferences(null)).toEqual(['identity']));

  test('the longest field that a client can send is parsed in linear time', () => {
    const startMs = performance.now();
    for (const unit of [',', ';', '"', ' ', '=', '*,', 'gzip,', 'gzip;q=1,', 'gzip;', 'q=', '\t,', 'a ']) {
      const tail = unit.repeat(48_000 / unit.length);
      for (const value of [tail, `gzip${tail}`, `gzip;q=${tail}`])
        expect(codingPreferences(value)).toContain('identity');
    }
    const many = Array.from({ length: 8000 }, (_, i) => `c${i}`).join();
    expect(codingPreferences(many)).toEqual(['identity']);
    expect(performance.now() - startMs).toBeLessThan(3000);
  });
});

describe('AcceptEncodingCache', () => {
  const cache = new AcceptEncodingCache();
  /** As in a receive buffer, among other bytes. */
  const preferences = (value: string, from: AcceptEncodingCache = cache) => {
    const bytes = Buffer.from(`x: ${value}\r\n`, 'latin1');
    return from.preferences(bytes, 3, bytes.length - 2);
  };

  test.each([...ACCEPT_ENCODINGS, ...ACCEPT_ENCODINGS])('%j: %s', (value, expected) =>
    expect(preferences(value).join(' ')).toBe(expected),
  );

  test('an empty value is identity', () => {
    expect(cache.preferences(Buffer.from('gzip'), 2, 2)).toEqual(['identity']);
    expect(cache.preferences(Buffer.from('gzip'), -1, -1)).toEqual(['identity']);
  });

  test('the last eight values return the same list again', () => {
    const fresh = new AcceptEncodingCache();
    const first = preferences(CHROME, fresh);
    for (let i = 0; i < 7; i++) preferences(`other${i}`, fresh);
    expect(preferences(CHROME, fresh)).toBe(first);
    preferences('other7', fresh);
    expect(preferences(CHROME, fresh)).not.toBe(first);
    expect(preferences(CHROME, fresh)).toEqual(first);
  });

  test('a hit allocates no string', () => {
    const fresh = new AcceptEncodingCache();
    const bytes = Buffer.from(CHROME);
    const first = fresh.preferences(bytes, 0, bytes.length);
    bytes.toString = bytes.subarray = () => {
      throw new Error('made');
    };
    expect(fresh.preferences(bytes, 0, bytes.length)).toBe(first);
  });

  test('keeps a copy of the value, not the receive buffer', () => {
    const fresh = new AcceptEncodingCache();
    const bytes = Buffer.from('gzip');
    fresh.preferences(bytes, 0, 4);
    bytes.write('gzi~');
    expect(fresh.preferences(bytes, 0, 4)).toEqual(['identity']);
    expect(preferences('gzip', fresh)).toEqual(['gzip', 'identity']);
  });

  test('long values are parsed, and not cached', () => {
    const fresh = new AcceptEncodingCache();
    const cached = preferences(`gzip${','.repeat(124)}`, fresh);
    expect(preferences(`gzip${','.repeat(124)}`, fresh)).toBe(cached);
    const long = preferences(`gzip${','.repeat(125)}`, fresh);
    expect(long).toEqual(['gzip', 'identity']);
    expect(preferences(`gzip${','.repeat(125)}`, fresh)).not.toBe(long);
  });
});
