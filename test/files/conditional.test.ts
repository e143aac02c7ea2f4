import { describe, expect, test } from 'vitest';
import { CONDITIONAL_FIELDS, evaluate, rangeHolds, type Verdict } from '../../src/files/conditional.js';
import { Known } from '../../src/http/headers.js';
import { resolveLimits } from '../../src/http/limits.js';
import type { RequestParser } from '../../src/http/request-parser.js';
import { parsed } from '../support/parsed.js';

const MODIFIED = 784111777; // Sun, 06 Nov 1994 08:49:37 GMT
const SAME = 'Sun, 06 Nov 1994 08:49:37 GMT';
const EARLIER = 'Sun, 06 Nov 1994 08:49:36 GMT';
const NOW_MS = Date.UTC(2026, 0, 1);
const MIB = 2 ** 20;

interface Case {
  etag?: string;
  modifiedSeconds?: number;
  method?: string;
  nowMs?: number;
}

const validators = ({ etag = '"abc"', modifiedSeconds = MODIFIED }: Case) => ({
  etag,
  modifiedSeconds,
  recent: false,
});

const verdict = (fields: readonly string[], given: Case = {}): Verdict =>
  evaluate(parsed('/', fields, given.method), validators(given), () => given.nowMs ?? NOW_MS);

const holds = (fields: readonly string[], given: Case = {}): boolean =>
  rangeHolds(parsed('/', fields, given.method), validators(given), () => given.nowMs ?? NOW_MS);

describe('entity tags are compared, section 8.8.3.2', () => {
  // The table of the section: its strong comparison is If-Match's and If-Range's, its weak one If-None-Match's.
  test.each([
    ['W/"1"', 'W/"1"', false, true],
    ['W/"1"', 'W/"2"', false, false],
    ['W/"1"', '"1"', false, true],
    ['"1"', '"1"', true, true],
    ['"1"', 'W/"1"', false, true],
    ['"1"', '"2"', false, false],
    ['""', '""', true, true],
    ['"\xe4"', '"\xe4"', true, true],
    ['"\\""', '"\\"', false, false],
  ])('%s with %s: strong %s, weak %s', (sent, etag, strong, weak) => {
    expect(verdict([`If-Match: ${sent}`], { etag })).toBe(strong ? 200 : 412);
    expect(verdict([`If-Match: "x", ${sent}`], { etag })).toBe(strong ? 200 : 412);
    expect(holds([`If-Range: ${sent}`], { etag })).toBe(strong);
    expect(verdict([`If-None-Match: ${sent}`], { etag })).toBe(weak ? 304 : 200);
    expect(verdict([`If-None-Match: "x", ${sent}`], { etag })).toBe(weak ? 304 : 200);
  });
});

/** [what is sent, whether it has "abc"] */
const LISTS: [list: string, has: boolean][] = [
  // the examples of sections 13.1.1 and 13.1.2, with our tag for one of theirs
  ['"abc"', true],
  ['"abc", "r2d2xxxx", "c3piozzzz"', true],
  ['"xyzzy", "abc", "c3piozzzz"', true],
  ['"xyzzy", "r2d2xxxx", "abc"', true],
  ['"xyzzy", "r2d2xxxx", "c3piozzzz"', false],
  ['*', true],
  // other lists
  ['"x","y","abc"', true],
  ['"x" ,\t"abc"', true],
  [', ,"abc",,', true],
  ['"a,b", "abc"', true],
  ['"abc", W/"x"', true],
  // another tag
  ['"abd"', false],
  ['"abcd"', false],
  ['"ABC"', false],
  ['""', false],
  ['"*"', false],
  // an empty list
  ['', false],
  // no list, wherever the tag stands in it
  ['abc', false],
  ['"abc', false],
  ['"abc" "x"', false],
  ['"x" "abc"', false],
  ['x, "abc"', false],
  ['"abc", "', false],
  ['"x, "abc""', false],
  ['"a b", "abc"', false],
  ['w/"abc"', false],
  ['W/', false],
  ['W/ "abc"', false],
  ['W/*', false],
  ['"', false],
  ['*, "abc"', false],
  ['"abc", *', false],
];

test.each(LISTS)('If-Match, section 13.1.1: %s has "abc": %s', (list, has) => {
  expect(verdict([`If-Match: ${list}`])).toBe(has ? 200 : 412);
});

test.each(LISTS)('If-None-Match, section 13.1.2: %s has "abc": %s', (list, has) => {
  expect(verdict([`If-None-Match: ${list}`])).toBe(has ? 304 : 200);
});

describe('several lines are one list, section 5.3', () => {
  test.each<[string[], Verdict]>([
    [['If-Match: "x"', 'If-Match: "abc"'], 200],
    [['If-Match: "abc"', 'Accept: */*', 'if-match: "x"'], 200],
    [['If-Match: *', 'If-Match: "abc"'], 412],
    [['If-None-Match: "x"', 'If-None-Match: "abc"'], 304],
    [['If-None-Match: "abc"', 'If-None-Match: "x"'], 304],
    [['If-None-Match: "x"', 'If-None-Match: "y"'], 200],
    [['If-None-Match: *', 'If-None-Match: *'], 200],
    [['If-None-Match: "abc"', 'If-None-Match: x'], 200],
    [['If-None-Match: x', 'If-None-Match: "abc"'], 200],
    // Of dates there is no list: both fields are ignored.
    [[`If-Modified-Since: ${SAME}`, `If-Modified-Since: ${SAME}`], 200],
    [[`If-Unmodified-Since: ${EARLIER}`, `If-Unmodified-Since: ${EARLIER}`], 200],
  ])('%j: %s', (fields, expected) => expect(verdict(fields)).toBe(expected));
});

/** [date, whether the file was modified at it or before; null: no date, and ignored] */
const DATES: [date: string, modifiedBefore: boolean | null][] = [
  [SAME, true],
  ['Sunday, 06-Nov-94 08:49:37 GMT', true],
  ['Sun Nov  6 08:49:37 1994', true],
  ['Sun, 06 Nov 1994 08:49:38 GMT', true],
  ['Thu, 01 Jan 2060 00:00:00 GMT', true],
  [EARLIER, false],
  ['Sunday, 06-Nov-94 08:49:36 GMT', false],
  ['Sun Nov  6 08:49:36 1994', false],
  ['Sun, 06 Nov 1994 08:49:37 GMT; length=42', null],
  [`${EARLIER}, ${EARLIER}`, null],
  ['1994-11-06T08:49:37Z', null],
  ['tomorrow', null],
  ['"abc"', null],
  ['', null],
  ['Sun, 31 Feb 2020 08:49:37 GMT', null],
];

test.each(DATES)('If-Modified-Since, section 13.1.3: %s: %s', (date, modifiedBefore) => {
  expect(verdict([`If-Modified-Since: ${date}`])).toBe(modifiedBefore === true ? 304 : 200);
});

test.each(DATES)('If-Unmodified-Since, section 13.1.4: %s: %s', (date, modifiedBefore) => {
  expect(verdict([`If-Unmodified-Since: ${date}`])).toBe(modifiedBefore === false ? 412 : 200);
});

test.each([
  [[`If-Modified-Since: ${SAME}`]],
  [[`If-Unmodified-Since: ${EARLIER}`]],
  [['If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT']],
])('dates are ignored where the file has none: %j', (fields) => {
  expect(verdict(fields, { modifiedSeconds: Number.NaN })).toBe(200);
});

/** [milliseconds since the second of the modification began, whether its date is strong] */
const AGES: [ageMs: number, strong: boolean][] = [
  [-86_400_000, false],
  [-1, false],
  [0, false],
  [500, false],
  [999, false],
  [1000, true],
  [86_400_000, true],
];

test.each(AGES)('a file modified %i ms ago has a strong date: %s, section 8.8.2.2', (ageMs, strong) => {
  const given: Case = { nowMs: MODIFIED * 1000 + ageMs };
  expect(verdict([`If-Modified-Since: ${SAME}`], given)).toBe(strong ? 304 : 200);
  expect(holds([`If-Range: ${SAME}`], given)).toBe(strong);
  // Tags do not depend on the clock, and section 13.1.4 asks for no strong date.
  expect(verdict(['If-None-Match: "abc"'], given)).toBe(304);
  expect(holds(['If-Range: "abc"'], given)).toBe(true);
  expect(verdict([`If-Unmodified-Since: ${SAME}`], given)).toBe(200);
});

const MATCH = 'If-Match: "abc"';
const NO_MATCH = 'If-Match: "other"';
const UNMODIFIED = `If-Unmodified-Since: ${SAME}`;
const MODIFIED_MEANWHILE = `If-Unmodified-Since: ${EARLIER}`;
const HELD = 'If-None-Match: "abc"';
const NOT_HELD = 'If-None-Match: "other"';
const UNCHANGED = `If-Modified-Since: ${SAME}`;
const CHANGED = `If-Modified-Since: ${EARLIER}`;

describe('the order of section 13.2.2', () => {
  test.each<[string, string[], get: Verdict, put: Verdict]>([
    ['no condition', [], 200, 200],
    ['1: If-Match true', [MATCH], 200, 200],
    ['1: If-Match false', [NO_MATCH], 412, 412],
    ['1 before 2: If-Unmodified-Since is ignored', [MATCH, MODIFIED_MEANWHILE], 200, 200],
    ['1 before 2, and does not excuse', [NO_MATCH, UNMODIFIED], 412, 412],
    ['1 before 2, although it is no list', ['If-Match: x', UNMODIFIED], 412, 412],
    ['1 before 3', [NO_MATCH, HELD], 412, 412],
    ['1 true, then 3 false', [MATCH, HELD], 304, 412],
    ['1 true, then 3 true', [MATCH, NOT_HELD], 200, 200],
    ['1 before 4', [NO_MATCH, UNCHANGED], 412, 412],
    ['1 true, then 4 false', [MATCH, UNCHANGED], 304, 200],
    ['2: If-Unmodified-Since true', [UNMODIFIED], 200, 200],
    ['2: If-Unmodified-Since false', [MODIFIED_MEANWHILE], 412, 412],
    ['2 before 3', [MODIFIED_MEANWHILE, HELD], 412, 412],
    ['2 true, then 3 false', [UNMODIFIED, HELD], 304, 412],
    ['2 before 4', [MODIFIED_MEANWHILE, UNCHANGED], 412, 412],
    ['2 true, then 4 false', [UNMODIFIED, UNCHANGED], 304, 200],
    ['2 ignored, then 3 false', ['If-Unmodified-Since: x', HELD], 304, 412],
    ['3: If-None-Match true', [NOT_HELD], 200, 200],
    ['3: If-None-Match false', [HELD], 304, 412],
    ['3 before 4: If-Modified-Since is ignored', [NOT_HELD, UNCHANGED], 200, 200],
    ['3 before 4, although it is no list', ['If-None-Match: x', UNCHANGED], 200, 200],
    ['3 before 4, although it is empty', ['If-None-Match:', UNCHANGED], 200, 200],
    ['3 before 4, and does not excuse', [HELD, CHANGED], 304, 412],
    ['4: If-Modified-Since true', [CHANGED], 200, 200],
    ['4: If-Modified-Since false', [UNCHANGED], 304, 200],
    ['all true', [MATCH, UNMODIFIED, NOT_HELD, CHANGED], 200, 200],
    ['all false', [NO_MATCH, MODIFIED_MEANWHILE, HELD, UNCHANGED], 412, 412],
    ['names in any case', ['IF-NONE-MATCH: "abc"'], 304, 412],
  ])('%s', (_, fields, get, put) => {
    for (const order of [fields, fields.toReversed()]) {
      expect(verdict(order)).toBe(get);
      expect(verdict(order, { method: 'HEAD' })).toBe(get);
      for (const method of ['PUT', 'POST', 'PATCH', 'DELETE']) expect(verdict(order, { method })).toBe(put);
    }
  });

  test.each(['OPTIONS', 'TRACE'])('%s has no representation, and so no conditions, section 13.2.1', (method) => {
    expect(verdict([NO_MATCH, MODIFIED_MEANWHILE, HELD, UNCHANGED], { method })).toBe(200);
  });

  test('If-Range and Range are no conditions of it', () => {
    expect(verdict(['Range: bytes=0-1', 'If-Range: "other"'])).toBe(200);
  });
});

describe('If-Range, section 13.1.5', () => {
  test.each([
    [[], true],
    [['If-Range: "abc"'], true],
    [['If-Range: "abd"'], false],
    [['If-Range: W/"abc"'], false],
    [['If-Range: "abc", "abc"'], false],
    [['If-Range: "abc"', 'If-Range: "abc"'], false],
    [['If-Range: *'], false],
    [['If-Range: "abc'], false],
    [['If-Range:'], false],
    [[`If-Range: ${SAME}`], true],
    [['If-Range: Sunday, 06-Nov-94 08:49:37 GMT'], true],
    [['If-Range: Sun Nov  6 08:49:37 1994'], true],
    // Not "at that time or before", as elsewhere: at that time.
    [[`If-Range: ${EARLIER}`], false],
    [['If-Range: Sun, 06 Nov 1994 08:49:38 GMT'], false],
    [[`If-Range: ${SAME}, ${SAME}`], false],
    [[`If-Range: ${SAME}`, `If-Range: ${SAME}`], false],
  ])('%j: %s', (fields, expected) => expect(holds(['Range: bytes=0-1', ...fields])).toBe(expected));

  test('neither a date nor nonsense is the date of a file that has none', () => {
    for (const value of [SAME, 'Thu, 01 Jan 1970 00:00:00 GMT', 'nonsense'])
      expect(holds([`If-Range: ${value}`], { modifiedSeconds: Number.NaN })).toBe(false);
  });
});

describe('while the tag is not known', () => {
  const UNKNOWN: Case = { etag: '', modifiedSeconds: Number.NaN };

  // If-Match is let pass where a strong tag is listed, for it may be this one; and then no part is sent.
  test.each<[fields: string[], verdict: Verdict, holds: boolean]>([
    [['If-Match: "abc"'], 200, false],
    [['If-Match: W/"x", "abc"'], 200, false],
    [['If-Match: "x"', 'If-Match: "abc"'], 200, false],
    [['If-Match: ""'], 200, false],
    [['If-Match: "abc"', 'If-Range: "abc"'], 200, false],
    [['If-Match: "abc"', `If-Unmodified-Since: ${EARLIER}`], 200, false],
    [['If-Match: "abc"', 'If-None-Match: "abc"'], 200, false],
    [['If-Match: *'], 200, true],
    [['If-Match: W/"abc"'], 412, false],
    [['If-Match: abc'], 412, false],
    [['If-Match:'], 412, false],
    [['If-None-Match: "abc"'], 200, true],
    [['If-None-Match: ""'], 200, true],
    [['If-None-Match: *'], 304, true],
    [['If-Range: "abc"'], 200, false],
    [['If-Range: ""'], 200, false],
    [[], 200, true],
  ])('%j is %i, and a range counts: %s', (fields, expected, counts) => {
    expect([verdict(fields, UNKNOWN), holds(fields, UNKNOWN)]).toEqual([expected, counts]);
  });
});

describe('what it costs', () => {
  const never = (): never => {
    throw new Error('nobody asked for the time');
  };

  test('CONDITIONAL_FIELDS are the four fields', () => {
    const { sent } = parsed('/', [MATCH, HELD, UNCHANGED, UNMODIFIED, 'If-Range: "abc"', 'Range: bytes=0-1']);
    expect(CONDITIONAL_FIELDS & sent).toBe(sent & ~((1 << Known.host) | (1 << Known.range) | (1 << Known.ifRange)));
    expect(CONDITIONAL_FIELDS & ~sent).toBe(0);
  });

  test('the one tag that a browser has is found without a string or a look at the clock', () => {
    const request = parsed('/', [HELD, UNCHANGED]);
    request.value = never;
    request.list = never;
    expect(evaluate(request, validators({}), never)).toBe(304);
  });

  test('no clock is looked at for tags', () => {
    expect(evaluate(parsed('/', [MATCH, NOT_HELD]), validators({}), never)).toBe(200);
    expect(rangeHolds(parsed('/', ['If-Range: "abc"']), validators({}), never)).toBe(true);
  });

  test.each(['"', 'W/"', '"a",', ',', 'W/', '"a" ', ' ', '"\xe4', 'Sun, ', '0'])(
    'a MiB of %j takes no time',
    (unit) => {
      const value = unit.repeat(MIB / unit.length);
      const limits = { ...resolveLimits(), headBytes: 8 * MIB };
      const request = (name: string): RequestParser =>
        parsed('/', [`${name}: ${value}`, `${name}: ${value}`], 'GET', limits);
      const startMs = performance.now();
      expect(evaluate(request('If-None-Match'), validators({}), () => NOW_MS)).toBe(200);
      expect(evaluate(request('If-Match'), validators({}), () => NOW_MS)).toBe(412);
      expect(evaluate(request('If-Modified-Since'), validators({}), () => NOW_MS)).toBe(200);
      expect(evaluate(request('If-Unmodified-Since'), validators({}), () => NOW_MS)).toBe(200);
      expect(rangeHolds(request('If-Range'), validators({}), () => NOW_MS)).toBe(false);
      expect(performance.now() - startMs).toBeLessThan(2000);
    },
  );
});
