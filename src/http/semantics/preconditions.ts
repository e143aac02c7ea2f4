import { parseDate } from '../date.js';
import { FieldId } from '../headers.js';
import type { RequestParser } from '../request/parser.js';

/** The entity tag of content that never has one, which no field of a request can match: no value contains NUL. */
export const NO_ETAG = '\0';

/** The validators of a representation, RFC 9110 section 8.8. */
export interface Validators {
  /** With its quotes, and `W/` if weak; empty while it is not known, when it will be a strong one; or NO_ETAG. */
  readonly etag: string;
  /** Whole seconds since the epoch; NaN if the file's time is not usable. */
  readonly modifiedSeconds: number;
  /** The second was not over: not a Last-Modified yet, since another change may get the same date, section 8.8.2.2. */
  readonly recent: boolean;
}

/** Content that may differ each time. */
export const NO_VALIDATORS: Validators = Object.freeze({
  etag: NO_ETAG,
  modifiedSeconds: Number.NaN,
  recent: false,
});

// Constants of this module are constants to the compiler; imported ones are looked up on every request.
const IF_MATCH = FieldId.ifMatch;
const IF_NONE_MATCH = FieldId.ifNoneMatch;
const IF_MODIFIED_SINCE = FieldId.ifModifiedSince;
const IF_UNMODIFIED_SINCE = FieldId.ifUnmodifiedSince;
const IF_RANGE = FieldId.ifRange;
const RANGE = FieldId.range;

/** The bits of `RequestParser.presentMask` that `evaluate` reads: without any of them its status is 200. */
export const CONDITIONAL_FIELDS =
  (1 << IF_MATCH) | (1 << IF_NONE_MATCH) | (1 << IF_MODIFIED_SINCE) | (1 << IF_UNMODIFIED_SINCE);

/** 200: proceed as if there were no preconditions. */
export type PreconditionStatus = 200 | 304 | 412;

/** The outcome of evaluating a request's preconditions. */
export interface PreconditionResult {
  readonly status: PreconditionStatus;
  /** The field that decided; null without preconditions. */
  readonly field: 'If-Match' | 'If-None-Match' | 'If-Modified-Since' | 'If-Unmodified-Since' | null;
  /** If-Match passed because the entity tag is not known yet. */
  readonly isPending: boolean;
}

// Allocated once, so that requests allocate nothing.
const result = (
  status: PreconditionStatus,
  field: PreconditionResult['field'],
  isPending = false,
): PreconditionResult => Object.freeze({ status, field, isPending });
const NO_PRECONDITION = result(200, null);
const MATCH_FAILED = result(412, 'If-Match');
const MATCH_PASSED = result(200, 'If-Match');
const MATCH_PENDING = result(200, 'If-Match', true);
const UNMODIFIED_FAILED = result(412, 'If-Unmodified-Since');
const UNMODIFIED_PASSED = result(200, 'If-Unmodified-Since');
const NONE_MATCH_NOT_MODIFIED = result(304, 'If-None-Match');
const NONE_MATCH_FAILED = result(412, 'If-None-Match');
const NONE_MATCH_PASSED = result(200, 'If-None-Match');
const MODIFIED_NOT_MODIFIED = result(304, 'If-Modified-Since');
const MODIFIED_PASSED = result(200, 'If-Modified-Since');

const SECOND_MS = 1000;

const HT = 0x09;
const SP = 0x20;
const DQUOTE = 0x22;
const COMMA = 0x2c;

/**
 * Evaluates the preconditions of RFC 9110 section 13 in the order of section 13.2.2, for a representation that exists and
 * would be sent with 200. Not for redirects and error responses: section 13.2.1 ignores all preconditions there,
 * `If-Match: *` included.
 * @param nowMs the wall clock, read only to compare a date
 */
export function evaluate(request: RequestParser, validators: Validators, nowMs: () => number): PreconditionResult {
  if ((request.presentMask & CONDITIONAL_FIELDS) === 0) return NO_PRECONDITION;
  const { method } = request;
  // They select no representation, section 13.2.1.
  if (method === 'OPTIONS' || method === 'TRACE') return NO_PRECONDITION;
  const isRead = method === 'GET' || method === 'HEAD';
  let passed = NO_PRECONDITION;

  if (request.has(IF_MATCH)) {
    if (!etagListMatches(request.list(IF_MATCH)!, validators.etag, true)) return MATCH_FAILED;
    passed = etagPending(request, validators) ? MATCH_PENDING : MATCH_PASSED;
  } else if (request.has(IF_UNMODIFIED_SINCE)) {
    // An invalid date, or a file without one, is NaN: it compares as false and so is ignored, section 13.1.4.
    if (modifiedMs(validators) > parseDate(request.list(IF_UNMODIFIED_SINCE)!, nowMs())) return UNMODIFIED_FAILED;
    passed = UNMODIFIED_PASSED;
  }

  if (request.has(IF_NONE_MATCH)) {
    if (ifNoneMatchMatches(request, validators.etag)) return isRead ? NONE_MATCH_NOT_MODIFIED : NONE_MATCH_FAILED;
    return passed.isPending ? passed : NONE_MATCH_PASSED;
  }
  if (!isRead || !request.has(IF_MODIFIED_SINCE)) return passed;
  if (notModifiedSince(request, validators, nowMs())) return MODIFIED_NOT_MODIFIED;
  return passed.isPending ? passed : MODIFIED_PASSED;
}

/**
 * Whether a Range applies, RFC 9110 section 13.1.5; otherwise it is ignored and the whole representation sent. Called
 * after `evaluate`, for a GET with a Range. An entity tag is compared strongly. A date must be the exact second of a strong
 * Last-Modified, in any format. Anything else, weak tags and several values included, does not match; nor does any value
 * while If-Match is pending, since the range could be joined to another version.
 * @param nowMs the wall clock, read only to compare a date
 */
export function ifRangeMatches(request: RequestParser, validators: Validators, nowMs: () => number): boolean {
  if (etagPending(request, validators)) return false;
  const value = request.list(IF_RANGE);
  if (value === null) return true;
  // The quote distinguishes a strong tag from a date and from a weak tag, which never matches.
  if (value.startsWith('"')) return value === validators.etag;
  const now = nowMs();
  return parseDate(value, now) === modifiedMs(validators) && isStrong(validators, now);
}

/**
 * Whether the request has the entity tag of a representation in a precondition, so that its client holds that one: by weak
 * comparison in If-None-Match, by strong comparison in If-Match and in the If-Range of a Range. `*` names none.
 */
export function namesEtag(request: RequestParser, etag: string): boolean {
  if (etag === '') return false;
  if (request.has(IF_MATCH) && isTagInList(request.list(IF_MATCH)!, etag, true)) return true;
  const isPart = request.has(RANGE) && request.method === 'GET';
  if (isPart && request.has(IF_RANGE) && request.list(IF_RANGE) === etag) return !etag.startsWith('W/');
  return request.has(IF_NONE_MATCH) && isTagInList(request.list(IF_NONE_MATCH)!, etag, false);
}

/** Whether If-Range, which is present, has a date, or what is neither; a tag begins with its quote or with `W/`. */
export const ifRangeIsDate = (request: RequestParser): boolean => !/^(?:W\/)?"/.test(request.list(IF_RANGE)!);

const isTagInList = (list: string, etag: string, strong: boolean): boolean =>
  list !== '*' && etagListMatches(list, etag, strong);

/**
 * Whether If-Match passed because the tag is not known yet: the client may have it, from a replica. A 412 would be wrong,
 * and a full response is always safe for a read.
 */
export const etagPending = (request: RequestParser, { etag }: Validators): boolean =>
  etag === '' && request.has(IF_MATCH) && request.list(IF_MATCH) !== '*';

const modifiedMs = ({ modifiedSeconds }: Validators): number => modifiedSeconds * SECOND_MS;

/**
 * Whether the second of the modification is over, RFC 9110 section 8.8.2.2. Until then the file can change again with the
 * same Last-Modified, and no client can have received that date with a Date a second later, which is what makes it strong.
 */
export const isStrong = (validators: Validators, nowMs: number): boolean => modifiedMs(validators) + SECOND_MS <= nowMs;

/**
 * If-Modified-Since, section 13.1.3; several lines, like any other invalid date, are ignored. A weak date gives no 304,
 * which the section does not require: it costs a client without entity tags one more transfer in the second after a
 * change, and every transfer of a file whose time is in the future.
 */
function notModifiedSince(request: RequestParser, validators: Validators, nowMs: number): boolean {
  return modifiedMs(validators) <= parseDate(request.list(IF_MODIFIED_SINCE)!, nowMs) && isStrong(validators, nowMs);
}

/**
 * If-None-Match, section 13.1.2, by weak comparison. A revalidating browser sends back the one tag that it has, byte for
 * byte: no string is made for it.
 */
function ifNoneMatchMatches(request: RequestParser, etag: string): boolean {
  const start = request.valueStart(IF_NONE_MATCH);
  const end = request.valueEnd(IF_NONE_MATCH);
  const isOneLine = !request.isRepeated(IF_NONE_MATCH);
  if (isOneLine && etag !== '' && bytesEqual(request.bytes, start, end, etag)) return true;
  return etagListMatches(request.list(IF_NONE_MATCH)!, etag, false);
}

function bytesEqual(bytes: Uint8Array, start: number, end: number, etag: string): boolean {
  const { length } = etag;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== etag.charCodeAt(i)) return false;
  return true;
}

/**
 * Whether a list of entity tags, or `*`, contains this one by strong or by weak comparison, RFC 9110 section 8.8.3.2. An
 * invalid list contains none ("otherwise", sections 13.1.1 and 13.1.2): 412 for If-Match, and the whole representation for
 * If-None-Match, which are the safe sides. Not a regular expression: a client must not choose how often it backtracks.
 */
function etagListMatches(list: string, etag: string, strong: boolean): boolean {
  if (list === '*') return true;
  // A pending tag may be any strong one. An empty prefix matches each of the list: safe for If-Match, not for If-None-Match.
  if (etag === '' && !strong) return false;
  const isWeak = etag.startsWith('W/');
  const opaque = isWeak ? etag.slice(2) : etag;
  let matches = false;
  let separated = true;
  let at = 0;
  while (at < list.length) {
    const code = list.charCodeAt(at);
    if (code === COMMA || code === SP || code === HT) {
      separated ||= code === COMMA;
      at++;
      continue;
    }
    if (!separated) return false;
    const isListedWeak = list.startsWith('W/', at);
    const start = isListedWeak ? at + 2 : at;
    at = opaqueTagEnd(list, start);
    if (at < 0) return false;
    const isComparable = !strong || !(isWeak || isListedWeak);
    // With its closing quote, so that a longer tag does not match.
    if (isComparable && list.startsWith(opaque, start)) matches = true;
    separated = false;
  }
  return matches;
}

/** The end of the opaque tag at `start`, with its quotes, RFC 9110 section 8.8.3; -1 if there is none. */
function opaqueTagEnd(list: string, start: number): number {
  if (list.charCodeAt(start) !== DQUOTE) return -1;
  for (let at = start + 1; at < list.length; at++) {
    const code = list.charCodeAt(at);
    if (code === DQUOTE) return at + 1;
    if (code <= SP) return -1; // the parser rejects DEL and other control characters
  }
  return -1;
}
