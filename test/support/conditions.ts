import type { PreconditionStatus } from '../../src/http/semantics/preconditions.js';

/** Preconditions of RFC 9110 section 13 on a file with the entity tag "abc", last modified in the second `MODIFIED`. */
export const MODIFIED = 784111777; // Sun, 06 Nov 1994 08:49:37 GMT
export const SAME = 'Sun, 06 Nov 1994 08:49:37 GMT';
export const EARLIER = 'Sun, 06 Nov 1994 08:49:36 GMT';

/** [field value, whether it matches "abc"] */
export const LISTS: [list: string, has: boolean][] = [
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
  // not a list, wherever the tag stands in it
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

/** Several lines of a field are one list, section 5.3. */
export const LINES: [fields: string[], result: PreconditionStatus][] = [
  [['If-Match: "x"', 'If-Match: "abc"'], 200],
  [['If-Match: "abc"', 'Accept: */*', 'if-match: "x"'], 200],
  [['If-Match: *', 'If-Match: "abc"'], 412],
  [['If-None-Match: "x"', 'If-None-Match: "abc"'], 304],
  [['If-None-Match: "abc"', 'If-None-Match: "x"'], 304],
  [['If-None-Match: "x"', 'If-None-Match: "y"'], 200],
  [['If-None-Match: *', 'If-None-Match: *'], 200],
  [['If-None-Match: "abc"', 'If-None-Match: x'], 200],
  [['If-None-Match: x', 'If-None-Match: "abc"'], 200],
  // A date is not a list field: both lines are ignored.
  [[`If-Modified-Since: ${SAME}`, `If-Modified-Since: ${SAME}`], 200],
  [[`If-Unmodified-Since: ${EARLIER}`, `If-Unmodified-Since: ${EARLIER}`], 200],
];

/** A date in any of the three formats of section 5.6.7, and how it compares to `MODIFIED`; null: not a date, and ignored. */
export const DATES: [date: string, is: 'earlier' | 'same' | 'later' | null][] = [
  [SAME, 'same'],
  ['Sunday, 06-Nov-94 08:49:37 GMT', 'same'],
  ['Sun Nov  6 08:49:37 1994', 'same'],
  ['Mon, 06 Nov 1994 08:49:37 GMT', 'same'], // the weekday is not checked
  ['Sun, 06 Nov 1994 08:49:38 GMT', 'later'],
  ['Sunday, 06-Nov-94 08:49:38 GMT', 'later'],
  ['Sun Nov  6 08:49:38 1994', 'later'],
  ['Sun, 06 Nov 1994 08:49:60 GMT', 'later'], // a leap second
  ['Thu, 01 Jan 2060 00:00:00 GMT', 'later'],
  ['Thursday, 01-Jan-60 00:00:00 GMT', 'later'],
  ['Thu Jan  1 00:00:00 2060', 'later'],
  [EARLIER, 'earlier'],
  ['Sunday, 06-Nov-94 08:49:36 GMT', 'earlier'],
  ['Sun Nov  6 08:49:36 1994', 'earlier'],
  ['Thu, 01 Jan 1970 00:00:00 GMT', 'earlier'],
  ['Mon, 01 Jan 0001 00:00:00 GMT', 'earlier'],
  // not in the calendar or on the clock
  ['Sun, 31 Feb 2020 08:49:37 GMT', null],
  ['Sunday, 31-Feb-20 08:49:37 GMT', null],
  ['Sun Feb 31 08:49:37 2020', null],
  ['Wed, 29 Feb 1995 08:49:37 GMT', null],
  ['Sun, 00 Nov 2020 08:49:37 GMT', null],
  ['Sun, 06 Nov 2020 24:00:00 GMT', null],
  ['Sun, 06 Nov 2020 08:60:00 GMT', null],
  // not a date
  [`${SAME}; length=42`, null],
  [`${EARLIER}, ${EARLIER}`, null],
  ['Sun, 06 Nov 1994 08:49:36 UTC', null],
  ['Sun, 06 Nov 1994 08:49:36 +0000', null],
  ['sun, 06 nov 1994 08:49:36 gmt', null],
  ['Sun, 6 Nov 1994 08:49:36 GMT', null],
  ['Sun Nov 06 08:49:36 94', null],
  ['1994-11-06T08:49:37Z', null],
  ['784111776', null],
  ['tomorrow', null],
  ['"1994"', null],
  ['', null],
];

/** [milliseconds since the start of the second `MODIFIED`, whether the date is a strong validator] */
export const AGES: [ageMs: number, strong: boolean][] = [
  [-86_400_000, false],
  [-1, false],
  [0, false],
  [500, false],
  [999, false],
  [1000, true],
  [86_400_000, true],
];

export const MATCH = 'If-Match: "abc"';
export const NO_MATCH = 'If-Match: "other"';
export const UNMODIFIED = `If-Unmodified-Since: ${SAME}`;
export const MODIFIED_MEANWHILE = `If-Unmodified-Since: ${EARLIER}`;
export const HELD = 'If-None-Match: "abc"';
export const NOT_HELD = 'If-None-Match: "other"';
export const UNCHANGED = `If-Modified-Since: ${SAME}`;
const CHANGED = `If-Modified-Since: ${EARLIER}`;

/** Precedence of preconditions, section 13.2.2, for GET and for PUT. */
export const ORDER: [subject: string, fields: string[], get: PreconditionStatus, put: PreconditionStatus][] = [
  ['no condition', [], 200, 200],
  ['1: If-Match true', [MATCH], 200, 200],
  ['1: If-Match false', [NO_MATCH], 412, 412],
  ['1 before 2: If-Unmodified-Since is ignored', [MATCH, MODIFIED_MEANWHILE], 200, 200],
  ['1 before 2: a false If-Match is final', [NO_MATCH, UNMODIFIED], 412, 412],
  ['1 before 2, although it is not a list', ['If-Match: x', UNMODIFIED], 412, 412],
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
  ['3 before 4, although it is not a list', ['If-None-Match: x', UNCHANGED], 200, 200],
  ['3 before 4, although it is empty', ['If-None-Match:', UNCHANGED], 200, 200],
  ['3 before 4: a false If-None-Match is final', [HELD, CHANGED], 304, 412],
  ['4: If-Modified-Since true', [CHANGED], 200, 200],
  ['4: If-Modified-Since false', [UNCHANGED], 304, 200],
  ['all true', [MATCH, UNMODIFIED, NOT_HELD, CHANGED], 200, 200],
  ['all false', [NO_MATCH, MODIFIED_MEANWHILE, HELD, UNCHANGED], 412, 412],
  ['names in any case', ['IF-NONE-MATCH: "abc"'], 304, 412],
];

/** If-Range, section 13.1.5: whether the Range field applies. */
export const IF_RANGES: [fields: string[], holds: boolean][] = [
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
  // An exact match is required, not "at that time or earlier".
  [[`If-Range: ${EARLIER}`], false],
  [['If-Range: Sun, 06 Nov 1994 08:49:38 GMT'], false],
  [[`If-Range: ${SAME}, ${SAME}`], false],
  [[`If-Range: ${SAME}`, `If-Range: ${SAME}`], false],
];
