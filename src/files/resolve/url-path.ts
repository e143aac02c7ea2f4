import { latin1 } from '../../http/text.js';
import { canonicalOf } from '../rules/percent-encoding.js';

/** A file's name below the root, as the request's path spells it. */
export interface UrlPath {
  /** Bytes, for that is what Linux names are; no leading slash, empty for the root itself. */
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
 * @returns the status of the refusal for a path that can name nothing: 400 for a broken escape or a NUL, wherever it
 * stands; 404 for an encoded slash, which no name holds, and for any segment that begins with a dot, but for
 * `/.well-known/` (RFC 8615).
 * Dot segments are among them: a client has resolved them before it asks, RFC 3986 section 5.2.4.
 */
export function parseUrlPath(path: Uint8Array): UrlPath | 400 | 404 {
  const name = Buffer.allocUnsafe(path.length);
  let length = 0;
  let segmentStart = 0;
  let isDirectory = true;
  let isNone = false;
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
      if (byte === SLASH) isNone = true;
      at += 2;
    }
    if (isDirectory && byte === DOT && !beginsWellKnown(path, at, segmentStart)) isNone = true;
    isDirectory = false;
    name[length++] = byte;
  }
  if (isNone) return 404;
  if (isDirectory && length > 0) length--; // its slash
  return { name: name.subarray(0, length), isDirectory };
}

/** The path of a isDirectory with its slash, encoded anew, so that nothing a client wrote reaches a Location unread. */
export const directoryUrlPath = (name: Uint8Array): string => (name.length === 0 ? '/' : `${urlPathOf(name)}/`);

/** The path that leads to a name. */
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
