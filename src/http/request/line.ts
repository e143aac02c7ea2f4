import { latin1 } from '../text.js';
import { isHost } from './framing.js';

const SLASH = 0x2f;
const COLON = 0x3a;
const QUESTION = 0x3f;

/** The methods of RFC 9110 section 9.3 for an origin server, and PATCH. CONNECT is for proxies: 501. */
export const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'];
/** Longer than any registered method: a longer name is 501 before its end has arrived. */
export const METHOD_BYTES_MAX = 32;
const METHOD_BYTES = METHODS.map((method) => Buffer.from(method));

/** What follows the target; a 0 stands for any digit. */
const VERSION_FORM = Buffer.from('HTTP/0.0\r\n');
export const VERSION_BYTES = VERSION_FORM.length;

/** Whether this is `HTTP/1.1` CRLF, as in nearly every request. Written out, so that it touches no table. */
export function isHttp11(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === 0x48 &&
    bytes[at + 1] === 0x54 &&
    bytes[at + 2] === 0x54 &&
    bytes[at + 3] === 0x50 &&
    bytes[at + 4] === 0x2f &&
    bytes[at + 5] === 0x31 &&
    bytes[at + 6] === 0x2e &&
    bytes[at + 7] === 0x31 &&
    bytes[at + 8] === 0x0d &&
    bytes[at + 9] === 0x0a
  );
}

/** Whether the byte can be at this offset of `HTTP/` digit `.` digit CRLF. */
export function matchesVersionAt(byte: number, at: number): boolean {
  const form = VERSION_FORM[at]!;
  return byte === form || (form === 0x30 && byte > 0x30 && byte <= 0x39);
}

/** The index in METHODS; -1 for any other name. Methods are case-sensitive, RFC 9110 section 9.1. */
export function methodOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start === 3 && bytes[start] === 0x47 && bytes[start + 1] === 0x45 && bytes[start + 2] === 0x54) return 0;
  for (let i = 0; i < METHOD_BYTES.length; i++) {
    const method = METHOD_BYTES[i]!;
    if (method.length !== end - start) continue;
    let same = 0;
    while (same < method.length && method[same] === bytes[start + same]) same++;
    if (same === method.length) return i;
  }
  return -1;
}

/**
 * Names that no handler gets: Fetch, section 2.2.1, forbids the first and takes the second for others, which they are
 * not, for methods are case-sensitive; `PRI` begins HTTP/2, RFC 9113 section 3.4.
 */
const UNFIT = /^(?:connect|trace|track|delete|get|head|options|post|put|pri)$/i;

/** A method that is not in METHODS, such as PROPFIND; null for one that no handler gets. */
export function extensionMethod(bytes: Uint8Array, start: number, end: number): string | null {
  const name = latin1(bytes, start, end);
  return UNFIT.test(name) ? null : name;
}

/** Where the path starts behind `http://authority`; -1 if this is not the start of such a target. */
export function authorityEnd(bytes: Uint8Array, start: number, end: number): number {
  const scheme = latin1(bytes, start, Math.min(end, start + 8)).toLowerCase();
  const length = scheme.startsWith('http://') ? 7 : scheme === 'https://' ? 8 : 0;
  if (length === 0) return -1;
  const hostStart = start + length;
  let at = hostStart;
  while (at < end && bytes[at] !== SLASH && bytes[at] !== QUESTION) at++;
  // An http URI without a host is invalid, RFC 9110 section 4.2.1.
  return at > hostStart && bytes[hostStart] !== COLON && isHost(bytes, hostStart, at) ? at : -1;
}
