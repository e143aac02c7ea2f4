import { parseDate } from '../http/date.js';
import { Known } from '../http/headers.js';
import type { RequestParser } from '../http/request-parser.js';

/** What a client can hold of a file, and ask about: RFC 9110 section 8.8. */
export interface Validators {
  /** With its quotes, and `W/` if weak. */
  readonly etag: Buffer;
  /** Whole seconds since the epoch; NaN when the file's time says nothing. */
  readonly modifiedSeconds: number;
}

/**
 * Whether a GET or HEAD is answered with 304, RFC 9110 section 13.2.2: If-None-Match decides where it is sent, by weak
 * comparison; else If-Modified-Since.
 */
export function isNotModified(request: RequestParser, validators: Validators, nowMs: () => number): boolean {
  const { known, fields, bytes } = request;
  const field = known[Known.ifNoneMatch]!;
  if (field >= 0) {
    const start = fields[field + 2]!;
    const end = fields[field + 3]!;
    return equals(bytes, start, end, validators.etag) || matches(request.value(Known.ifNoneMatch)!, validators.etag);
  }
  const since = request.value(Known.ifModifiedSince);
  return since !== null && validators.modifiedSeconds * 1000 <= parseDate(since, nowMs());
}

/** A revalidating browser sends back the one tag it has, to the letter. */
function equals(bytes: Uint8Array, start: number, end: number, etag: Buffer): boolean {
  if (end - start !== etag.length) return false;
  for (let i = 0; i < etag.length; i++) if (bytes[start + i] !== etag[i]) return false;
  return true;
}

/** Whether a list of entity tags, or `*`, has this one, RFC 9110 section 13.1.2. What is no list has nothing. */
function matches(list: string, etag: Buffer): boolean {
  if (list === '*') return true;
  const tag = etag.toString('latin1');
  const opaque = tag.startsWith('W/') ? tag.slice(2) : tag;
  // By hand and not by an expression: a peer must not choose how often it backtracks.
  let at = 0;
  while (at < list.length) {
    if (list[at] === ',' || list[at] === ' ' || list[at] === '\t') {
      at++;
      continue;
    }
    if (list.startsWith('W/', at)) at += 2;
    const end = list[at] === '"' ? list.indexOf('"', at + 1) : -1;
    if (end < 0) return false;
    if (list.slice(at, end + 1) === opaque) return true;
    at = end + 1;
  }
  return false;
}
