import { expect, test } from 'vitest';
import { isNotModified } from '../../src/files/conditional.js';
import { parsed } from '../support/parsed.js';

const MODIFIED = 784111777; // Sun, 06 Nov 1994 08:49:37 GMT
const NOW_MS = Date.UTC(2026, 0, 1);

const answer = (fields: string[], etag = '"abc"', modifiedSeconds = MODIFIED): boolean =>
  isNotModified(parsed('/', fields), { etag: Buffer.from(etag), modifiedSeconds }, () => NOW_MS);

test.each([
  // the same
  ['"abc"', '"abc"', true],
  ['W/"abc"', '"abc"', true],
  ['"abc"', 'W/"abc"', true],
  ['W/"abc"', 'W/"abc"', true],
  ['*', '"abc"', true],
  ['"x", "abc"', '"abc"', true],
  ['"abc", "x"', '"abc"', true],
  ['"x","y",W/"abc"', '"abc"', true],
  ['"x" ,\t"abc"', '"abc"', true],
  [', ,"abc",,', '"abc"', true],
  ['"a,b", "abc"', '"abc"', true],
  ['"", "abc"', '"abc"', true],
  // another
  ['"abd"', '"abc"', false],
  ['"abcd"', '"abc"', false],
  ['"ab"', '"abc"', false],
  ['"ABC"', '"abc"', false],
  ['w/"abc"', '"abc"', false],
  ['"x, "abc""', '"abc"', false],
  ['""', '"abc"', false],
  // no list
  ['abc', '"abc"', false],
  ['"abc', '"abc"', false],
  ['abc"', '"abc"', false],
  ['x"abc"', '"abc"', false],
  ['W/', '"abc"', false],
  ['W/ "abc"', '"abc"', false],
  ['"', '"abc"', false],
  ['', '"abc"', false],
  ['**', '"abc"', false],
  ["'abc'", '"abc"', false],
])('If-None-Match: %s to %s: %s', (value, etag, expected) => {
  expect(answer([`If-None-Match: ${value}`], etag)).toBe(expected);
});

test.each([
  ['Sun, 06 Nov 1994 08:49:37 GMT', true],
  ['Sunday, 06-Nov-94 08:49:37 GMT', true],
  ['Sun Nov  6 08:49:37 1994', true],
  ['Sun, 06 Nov 1994 08:49:38 GMT', true],
  ['Thu, 01 Jan 2060 00:00:00 GMT', true],
  ['Sun, 06 Nov 1994 08:49:36 GMT', false],
  ['Sunday, 06-Nov-94 08:49:36 GMT', false],
  ['Sun Nov  6 08:49:36 1994', false],
  ['Sun, 06 Nov 1994 08:49:37', false],
  ['Sun, 06 Nov 1994 08:49:37 CET', false],
  ['1994-11-06T08:49:37Z', false],
  ['tomorrow', false],
  ['', false],
  ['Sun, 31 Feb 2020 08:49:37 GMT', false],
])('If-Modified-Since: %s: %s', (value, expected) => {
  expect(answer([`If-Modified-Since: ${value}`])).toBe(expected);
});

const SAME = 'If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT';

test.each([
  [[], false],
  [['If-None-Match: "other"', SAME], false],
  [['If-None-Match: nonsense', SAME], false],
  [['If-None-Match:', SAME], false],
  [['If-None-Match: "abc"', 'If-Modified-Since: Sun, 06 Nov 1984 08:49:37 GMT'], true],
  [['IF-NONE-MATCH: "abc"'], true],
])('If-None-Match goes before If-Modified-Since: %j: %s', (fields, expected) => {
  expect(answer(fields)).toBe(expected);
});

test('no date compares with a time that says nothing', () => {
  expect(answer([SAME], '"abc"', Number.NaN)).toBe(false);
});

test('a list that a peer makes as long as it can takes no time', () => {
  const startMs = performance.now();
  for (const unit of ['"', 'W/"', '"a",', ',', 'W/', '"a" ']) {
    expect(answer([`If-None-Match: ${unit.repeat(16_000 / unit.length)}`])).toBe(false);
  }
  expect(performance.now() - startMs).toBeLessThan(500);
});
