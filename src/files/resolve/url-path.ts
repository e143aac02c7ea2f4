import { latin1 } from '../../http/text.js';
import { canonicalOf } from '../rules/percent-encoding.js';

/** The name below the root that the path of a request stands for. */
export interface UrlPath {
  /** Bytes, as names on Linux are; without a leading slash, empty for the root itself. */
  readonly name: Buffer;
  /** The path ended with a slash, or was empty. */
  readonly isDirectory: boolean;
}

const SLASH = 0x2f;
const DOT = 0x2e;
const PERCENT = 0x25;
const WELL_KNOWN = Buffer.from('.well-known');

/**
 * Percent-decodes a path into a name, RFC 3986 section 2.1. Empty segments are dropped: `//x` names what `/x` names.
 * @returns the error status for a path that cannot name a file: 400 for a broken escape or a NUL, wherever it is; 404 for
 *   an encoded slash, which no name contains, and for any segment that begins with a dot, except `/.well-known/` (RFC
 *   8615). That includes dot segments: clients resolve them before the request, RFC 3986 section 5.2.4.
 */
export function parseUrlPath(path: Uint8Array): UrlPath | 400 | 404 {
  const name = Buffer.allocUnsafe(path.length);
  let length = 0;
  let segmentStart = 0;
  let isDirectory = true;
  let isNotFound = false;
  let at = 0;
  while (at < path.length) {
    let byte = path[at++]!;
    if (byte === SLASH) {
      if (length > 0 && !isDirectory) name[length++] = SLASH;
      isDirectory = true;
      continue;
    }
    if (isDirectory) segmentStart = length;
    if (byte === PERCENT) {
      byte = at + 1 < path.length ? hexPair(path[at]!, path[at + 1]!) : -1;
      if (byte <= 0) return 400;
      if (byte === SLASH) isNotFound = true;
      at += 2;
    }
    if (isDirectory && byte === DOT && !beginsWellKnown(path, at, segmentStart)) isNotFound = true;
    isDirectory = false;
    name[length++] = byte;
  }
  if (isNotFound) return 404;
  if (isDirectory && length > 0) length--; // the trailing slash
  return { name: name.subarray(0, length), isDirectory };
}

/** The path of a directory with its slash, encoded again, so that no bytes of a client reach a Location unparsed. */
export const directoryUrlPath = (name: Uint8Array): string => (name.length === 0 ? '/' : `${urlPathOf(name)}/`);

export const urlPathOf = (name: Uint8Array): string =>
  `/${latin1(name, 0, name.length).replace(/[^A-Za-z0-9\-._~/!$&'()*+,;=:@]/g, canonicalOf)}`;

function beginsWellKnown(path: Uint8Array, at: number, segmentStart: number): boolean {
  if (segmentStart !== 0) return false;
  const end = at - 1 + WELL_KNOWN.length;
  if (WELL_KNOWN.compare(path, at - 1, Math.min(end, path.length)) !== 0) return false;
  return end === path.length || path[end] === SLASH;
}

function hexPair(high: number, low: number): number {
  const pair = String.fromCharCode(high, low);
  return /^[0-9A-Fa-f]{2}$/.test(pair) ? Number.parseInt(pair, 16) : -1;
}
