import { parseDate } from '../date.js';
import { FieldId } from '../headers.js';
import type { RequestParser } from '../request/parser.js';

/** What a client can hold of a file, and ask about: RFC 9110 section 8.8. */
export interface Validators {
  /** With its quotes, and `W/` if weak; empty while it is not known, when it will be a strong one. */
  readonly etag: string;
  /** Whole seconds since the epoch; NaN when the file's time says nothing. */
  readonly modifiedSeconds: number;
  /** That second was not over: the date is no Last-Modified yet, for a further change may have the same, section 8.8.2.2. */
  readonly recent: boolean;
}

/** How a request goes on: as if it had no conditions, with nothing new to tell, or not at all. */
export type PreconditionResult = 200 | 304 | 412;

// Constants of this module are constants to the compiler; imported ones are looked up on every request.
const IF_MATCH = FieldId.ifMatch;
const IF_NONE_MATCH = FieldId.ifNoneMatch;
const IF_MODIFIED_SINCE = FieldId.ifModifiedSince;
const IF_UNMODIFIED_SINCE = FieldId.ifUnmodifiedSince;
const IF_RANGE = FieldId.ifRange;
const PRECONDITIONS = (1 << IF_MATCH) | (1 << IF_NONE_MATCH) | (1 << IF_MODIFIED_SINCE) | (1 << IF_UNMODIFIED_SINCE);

/** Of `RequestParser.presentMask` the bits that `evaluate` looks at: without any of them its answer is 200. */
export const CONDITIONAL_FIELDS: number = PRECONDITIONS;

const SECOND_MS = 1000;

const HT = 0x09;
const SP = 0x20;
const DQUOTE = 0x22;
const COMMA = 0x2c;

/**
 * The preconditions of RFC 9110 section 13 in the order of section 13.2.2, against a representation that exists and
 * would be answered with 200. Where there is none, or the answer is a redirect or a refusal, section 13.2.1 has all
 * conditions ignored, `If-Match: *` among them: do not ask.
 * @param nowMs the wall clock, read only where a date is compared
 */
export function evaluate(request: RequestParser, validators: Validators, nowMs: () => number): PreconditionResult {
  if ((request.presentMask & PRECONDITIONS) === 0) return 200;
  const { method } = request;
  // They select no representation, section 13.2.1.
  if (method === 'OPTIONS' || method === 'TRACE') return 200;
  const reads = method === 'GET' || method === 'HEAD';

  if (request.has(IF_MATCH)) {
    if (!etagListMatches(request.list(IF_MATCH)!, validators.etag, true)) return 412;
  } else if (request.has(IF_UNMODIFIED_SINCE)) {
    // A value that is no date, or a file without one, is NaN: it compares as false, and so is ignored, section 13.1.4.
    if (modifiedMs(validators) > parseDate(request.list(IF_UNMODIFIED_SINCE)!, nowMs())) return 412;
  }

  if (request.has(IF_NONE_MATCH)) {
    if (!ifNoneMatchMatches(request, validators.etag)) return 200;
    return reads ? 304 : 412;
  }
  if (reads && request.has(IF_MODIFIED_SINCE) && notModifiedSince(request, validators, nowMs())) return 304;
  return 200;
}

/**
 * Whether a Range counts, RFC 9110 section 13.1.5; if not, it is ignored and the whole is sent. Asked after `evaluate`,
 * of a GET with a Range. Whose If-Match was let pass undecided joins no part to what may be of another version. An entity
 * tag is compared strongly. A date must be the very second of Last-Modified, in any
 * form, and strong; anything else, a weak tag and several values among them, does not hold.
 * @param nowMs the wall clock, read only where a date is compared
 */
export function ifRangeMatches(request: RequestParser, validators: Validators, nowMs: () => number): boolean {
  if (etagPending(request, validators)) return false;
  const value = request.list(IF_RANGE);
  if (value === null) return true;
  // The quote is what tells a strong tag from a date, and from a weak tag, which is not worth comparing.
  if (value.startsWith('"')) return value === validators.etag;
  const now = nowMs();
  return parseDate(value, now) === modifiedMs(validators) && isStrong(validators, now);
}

/**
 * Whether If-Match was let pass because the tag is not known yet: a client may well have it, from a replica. To refuse it
 * would be wrong, and who only reads loses nothing by getting the whole of what there is.
 */
export const etagPending = (request: RequestParser, { etag }: Validators): boolean =>
  etag === '' && request.has(IF_MATCH) && request.list(IF_MATCH) !== '*';

const modifiedMs = ({ modifiedSeconds }: Validators): number => modifiedSeconds * SECOND_MS;

/**
 * Whether the second of the modification is over, RFC 9110 section 8.8.2.2. While it lasts, the file can change again
 * under the same Last-Modified, and no client can have got that date with a Date a second later, which is what makes it
 * strong in the client's hands.
 */
export const isStrong = (validators: Validators, nowMs: number): boolean => modifiedMs(validators) + SECOND_MS <= nowMs;

/**
 * If-Modified-Since, section 13.1.3; several lines, as any other value that is no date, are ignored. A weak date gives
 * no 304, though the section does not ask for it: it costs a client that knows no entity tags one transfer more in the
 * second after a change, and every transfer of a file that claims to come from the future.
 */
function notModifiedSince(request: RequestParser, validators: Validators, nowMs: number): boolean {
  return modifiedMs(validators) <= parseDate(request.list(IF_MODIFIED_SINCE)!, nowMs) && isStrong(validators, nowMs);
}

/**
 * If-None-Match, section 13.1.2, by weak comparison. A revalidating browser sends back the one tag it has, to the
 * letter: no string is made for it.
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
 * Whether a list of entity tags, or `*`, has this one by strong or by weak comparison, RFC 9110 section 8.8.3.2. What is
 * no such list as a whole has nothing ("otherwise", sections 13.1.1 and 13.1.2): 412 for If-Match, and the whole for
 * If-None-Match, which are the safe sides. Read by hand and not by an expression: a peer must not choose how often it
 * backtracks.
 */
function etagListMatches(list: string, etag: string, strong: boolean): boolean {
  if (list === '*') return true;
  // It may be any strong one, which all that is listed begins with: that is If-Match's safe side, but not If-None-Match's.
  if (etag === '' && !strong) return false;
  const isWeak = etag.startsWith('W/');
  const opaque = isWeak ? etag.slice(2) : etag;
  let found = false;
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
    const counts = !strong || !(isWeak || isListedWeak);
    // With its closing quote, so that no longer tag is taken for it.
    if (counts && list.startsWith(opaque, start)) found = true;
    separated = false;
  }
  return found;
}

/** Where the opaque tag that begins here ends, quotes and all, RFC 9110 section 8.8.3; -1 when none does. */
function opaqueTagEnd(list: string, start: number): number {
  if (list.charCodeAt(start) !== DQUOTE) return -1;
  for (let at = start + 1; at < list.length; at++) {
    const code = list.charCodeAt(at);
    if (code === DQUOTE) return at + 1;
    if (code <= SP) return -1; // DEL and the like are in no value that the parser lets pass
  }
  return -1;
}
