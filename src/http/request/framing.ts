import { CLASSES, DIGIT, HOST, listElements } from '../headers.js';
import type { ErrorStatus } from '../status.js';
import { latin1 } from '../text.js';

const classes = CLASSES;
const digit = DIGIT;
const host = HOST;

/*
 * How a body is framed, RFC 9112 section 6. If two implementations read these fields differently, a request can be
 * smuggled past one of them: whatever is ambiguous is an error.
 */

/** Content-Length, RFC 9112 section 6.2; -1 if it is not one plain decimal (nor is a list of identical values accepted). */
export function contentLength(bytes: Uint8Array, start: number, end: number): number {
  if (start === end || end - start > 16) return -1;
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (!(classes[byte]! & digit)) return -1;
    length = length * 10 + (byte - 0x30);
  }
  return length <= Number.MAX_SAFE_INTEGER ? length : -1;
}

/** Checks the Transfer-Encoding of a request, RFC 9112 section 6.1: 0 for `chunked`, else an error status. */
export function transferEncoding(value: string): 0 | ErrorStatus {
  if (value.toLowerCase() === 'chunked') return 0;
  const codings = listElements(value);
  const chunkedLast = codings.length > 1 && codings.indexOf('chunked') === codings.length - 1;
  const wellFormed = codings.every((coding) => /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(coding));
  // An unsupported coding below chunked is 501; a body whose end cannot be determined is 400.
  return chunkedLast && wellFormed ? 501 : 400;
}

/** IPv6 or IPvFuture in brackets, RFC 3986 section 3.2.2. No zone identifier: it is meaningful only on the local host. */
const IP_LITERAL = /^\[(?:[0-9a-f]*:[0-9a-f:.]+|v[0-9a-f]+\.[a-z0-9._~!$&'()*+,;=:-]+)\]/i;

/** Whether this is `uri-host [ ":" port ]`, RFC 9110 section 7.2. Empty is valid: the target had no authority. */
export function isHost(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  if (at < end && bytes[at] === 0x5b) {
    const literal = IP_LITERAL.exec(latin1(bytes, start, end));
    if (literal === null) return false;
    at += literal[0].length;
  } else {
    while (at < end && classes[bytes[at]!]! & host) at++;
  }
  if (at === end) return true;
  if (bytes[at++] !== 0x3a || end - at > 5) return false;
  let port = 0;
  for (; at < end; at++) {
    if (!(classes[bytes[at]!]! & digit)) return false;
    port = port * 10 + (bytes[at]! - 0x30);
  }
  return port <= 65535;
}
