import { describe, expect, test } from 'vitest';
import { FieldId } from '../../../../src/http/headers.js';
import { resolveLimits } from '../../../../src/http/limits.js';
import type { RequestParser } from '../../../../src/http/request/parser.js';
import {
  CONDITIONAL_FIELDS,
  evaluate,
  ifRangeMatches,
  type PreconditionResult,
  type PreconditionStatus,
} from '../../../../src/http/semantics/preconditions.js';
import {
  AGES,
  DATES,
  EARLIER,
  HELD,
  IF_RANGES,
  LINES,
  LISTS,
  MATCH,
  MODIFIED,
  MODIFIED_MEANWHILE,
  NO_MATCH,
  NOT_HELD,
  ORDER,
  SAME,
  UNCHANGED,
  UNMODIFIED,
} from '../../../support/conditions.js';
import { parsed } from '../../../support/parsed.js';

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

const verdict = (fields: readonly string[], given: Case = {}): PreconditionStatus =>
  evaluate(parsed('/', fields, given.method), validators(given), () => given.nowMs ?? NOW_MS).status;

const holds = (fields: readonly string[], given: Case = {}): boolean =>
  ifRangeMatches(parsed('/', fields, given.method), validators(given), () => given.nowMs ?? NOW_MS);

describe('entity tags are compared, section 8.8.3.2', () => {
  // The table of the section: If-Match and If-Range use the strong comparison, If-None-Match the weak one.
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

test.each(LISTS)('If-Match, section 13.1.1: %s has "abc": %s', (list, has) => {
  expect(verdict([`If-Match: ${list}`])).toBe(has ? 200 : 412);
});

test.each(LISTS)('If-None-Match, section 13.1.2: %s has "abc": %s', (list, has) => {
  expect(verdict([`If-None-Match: ${list}`])).toBe(has ? 304 : 200);
});

describe('several lines are one list, section 5.3', () => {
  test.each(LINES)('%j: %s', (fields, expected) => expect(verdict(fields)).toBe(expected));
});

test.each(DATES)('date preconditions with %j (%s), sections 13.1.3 to 13.1.5', (date, is) => {
  expect(verdict([`If-Modified-Since: ${date}`])).toBe(is === 'same' || is === 'later' ? 304 : 200);
  expect(verdict([`If-Unmodified-Since: ${date}`])).toBe(is === 'earlier' ? 412 : 200);
  expect(holds(['Range: bytes=0-1', `If-Range: ${date}`])).toBe(is === 'same');
});

test.each([
  [[`If-Modified-Since: ${SAME}`]],
  [[`If-Unmodified-Since: ${EARLIER}`]],
  [['If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT']],
])('dates are ignored for a file without one: %j', (fields) => {
  expect(verdict(fields, { modifiedSeconds: Number.NaN })).toBe(200);
});

test.each(AGES)('a file modified %i ms ago has a strong date: %s, section 8.8.2.2', (ageMs, strong) => {
  const given: Case = { nowMs: MODIFIED * 1000 + ageMs };
  expect(verdict([`If-Modified-Since: ${SAME}`], given)).toBe(strong ? 304 : 200);
  expect(holds([`If-Range: ${SAME}`], given)).toBe(strong);
  // ETags do not depend on the clock, and section 13.1.4 needs no strong date.
  expect(verdict(['If-None-Match: "abc"'], given)).toBe(304);
  expect(holds(['If-Range: "abc"'], given)).toBe(true);
  expect(verdict([`If-Unmodified-Since: ${SAME}`], given)).toBe(200);
});

describe('the order of section 13.2.2', () => {
  test.each(ORDER)('%s', (_, fields, get, put) => {
    for (const order of [fields, fields.toReversed()]) {
      expect(verdict(order)).toBe(get);
      expect(verdict(order, { method: 'HEAD' })).toBe(get);
      for (const method of ['PUT', 'POST', 'PATCH', 'DELETE']) expect(verdict(order, { method })).toBe(put);
    }
  });

  test.each(['OPTIONS', 'TRACE'])(
    '%s selects no representation, and ignores preconditions, section 13.2.1',
    (method) => {
      expect(verdict([NO_MATCH, MODIFIED_MEANWHILE, HELD, UNCHANGED], { method })).toBe(200);
    },
  );

  test('If-Range and Range are not preconditions', () => {
    expect(verdict(['Range: bytes=0-1', 'If-Range: "other"'])).toBe(200);
  });
});

test.each<[fields: string[], field: PreconditionResult['field'], given?: Case, isPending?: boolean]>([
  [[], null],
  [[MATCH], null, { method: 'OPTIONS' }],
  [[MATCH], 'If-Match'],
  [[NO_MATCH], 'If-Match'],
  [[MATCH, NOT_HELD], 'If-None-Match'],
  [[HELD], 'If-None-Match'],
  [[HELD], 'If-None-Match', { method: 'PUT' }],
  [[UNCHANGED], 'If-Modified-Since'],
  [[UNMODIFIED], 'If-Unmodified-Since'],
  [[MODIFIED_MEANWHILE], 'If-Unmodified-Since'],
  [[UNMODIFIED, NOT_HELD], 'If-None-Match'],
  [[MATCH], 'If-Match', { etag: '' }, true],
  [[MATCH, NOT_HELD], 'If-Match', { etag: '' }, true],
])('%j: %s decides (%j)', (fields, field, given = {}, isPending = false) => {
  const result = evaluate(parsed('/', fields, given.method), validators(given), () => NOW_MS);
  expect(result).toMatchObject({ field, isPending });
  expect(Object.isFrozen(result)).toBe(true);
});

describe('If-Range, section 13.1.5', () => {
  test.each(IF_RANGES)('%j: %s', (fields, expected) => expect(holds(['Range: bytes=0-1', ...fields])).toBe(expected));

  test('no date and no invalid value matches a file without a date', () => {
    for (const value of [SAME, 'Thu, 01 Jan 1970 00:00:00 GMT', 'nonsense'])
      expect(holds([`If-Range: ${value}`], { modifiedSeconds: Number.NaN })).toBe(false);
  });
});

describe('while the entity tag is pending', () => {
  const UNKNOWN: Case = { etag: '', modifiedSeconds: Number.NaN };

  // If-Match passes if a strong ETag is listed, which may be this one; then no range is sent.
  test.each<[fields: string[], verdict: PreconditionStatus, holds: boolean]>([
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
  ])('%j is %i, and a Range applies: %s', (fields, expected, counts) => {
    expect([verdict(fields, UNKNOWN), holds(fields, UNKNOWN)]).toEqual([expected, counts]);
  });
});

describe('cost', () => {
  const never = (): never => {
    throw new Error('read the clock');
  };

  test('CONDITIONAL_FIELDS are the four fields', () => {
    const { presentMask } = parsed('/', [MATCH, HELD, UNCHANGED, UNMODIFIED, 'If-Range: "abc"', 'Range: bytes=0-1']);
    expect(CONDITIONAL_FIELDS & presentMask).toBe(
      presentMask & ~((1 << FieldId.host) | (1 << FieldId.range) | (1 << FieldId.ifRange)),
    );
    expect(CONDITIONAL_FIELDS & ~presentMask).toBe(0);
  });

  test('a single matching tag needs no string and no clock', () => {
    const request = parsed('/', [HELD, UNCHANGED]);
    request.value = never;
    request.list = never;
    expect(evaluate(request, validators({}), never).status).toBe(304);
  });

  test('entity tags need no clock', () => {
    expect(evaluate(parsed('/', [MATCH, NOT_HELD]), validators({}), never).status).toBe(200);
    expect(ifRangeMatches(parsed('/', ['If-Range: "abc"']), validators({}), never)).toBe(true);
  });

  test.each(['"', 'W/"', '"a",', ',', 'W/', '"a" ', ' ', '"\xe4', 'Sun, ', '0'])(
    'a MiB of %j takes no time',
    (unit) => {
      const value = unit.repeat(MIB / unit.length);
      const limits = { ...resolveLimits(), headBytes: 8 * MIB };
      const request = (name: string): RequestParser =>
        parsed('/', [`${name}: ${value}`, `${name}: ${value}`], 'GET', limits);
      const startMs = performance.now();
      expect(evaluate(request('If-None-Match'), validators({}), () => NOW_MS).status).toBe(200);
      expect(evaluate(request('If-Match'), validators({}), () => NOW_MS).status).toBe(412);
      expect(evaluate(request('If-Modified-Since'), validators({}), () => NOW_MS).status).toBe(200);
      expect(evaluate(request('If-Unmodified-Since'), validators({}), () => NOW_MS).status).toBe(200);
      expect(ifRangeMatches(request('If-Range'), validators({}), () => NOW_MS)).toBe(false);
      expect(performance.now() - startMs).toBeLessThan(2000);
    },
  );
});
