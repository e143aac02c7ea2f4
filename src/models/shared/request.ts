/** The part of a request that the models use: enough to respond, and to find the start of the next request. */
export interface Request {
  /** Any method except GET and HEAD gets a 405. */
  readonly method: 'GET' | 'HEAD' | 'other';
  /** Without the query; percent-encoded as received. */
  readonly path: string;
  /** Whether another request may follow on this connection. */
  readonly keepAlive: boolean;
  readonly end: number;
}

/** The head is incomplete. */
export const NEED_MORE = 0;
/** Status for an invalid request and for a head that is too long. The start of the next request is unknown: close. */
export type ParseError = 400 | 431;

/** The limit of Node and of most proxies. */
export const MAX_HEAD_BYTES = 16_384;

const HT = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;
const QUESTION = 0x3f;
const COLON = 0x3a;
const DEL = 0x7f;

const GET = Buffer.from('GET');
const HEAD = Buffer.from('HEAD');
const VERSION = Buffer.from('HTTP/1.');
/** The usual spelling, compared as bytes. */
const HOST = Buffer.from('Host');

/** The bytes of a method and of a field name, RFC 9110 section 5.6.2. */
const TOKEN = new Uint8Array(256);
for (const byte of Buffer.from("!#$%&'*+-.^_`|~0123456789")) TOKEN[byte] = 1;
for (let letter = 0; letter < 26; letter++) TOKEN[0x41 + letter] = TOKEN[0x61 + letter] = 1;

/**
 * Parses the head at `start`, RFC 9112, strictly enough to split a stream into the same requests as any proxy in front
 * of it. The connection is closed after a request with a body, so that the unread body is never parsed as a request.
 */
export function parseRequest(bytes: Buffer, start: number, end: number): Request | typeof NEED_MORE | ParseError {
  const headEnd = endOfHead(bytes, start, Math.min(end, start + MAX_HEAD_BYTES));
  if (headEnd < 0) return end - start < MAX_HEAD_BYTES ? NEED_MORE : 431;
  // No loop below passes the end of the head: its final CR LF stops each of them.
  const methodEnd = endOfToken(bytes, start);
  if (methodEnd === start || bytes[methodEnd] !== SP) return 400;
  const targetStart = methodEnd + 1;
  let at = targetStart;
  let pathEnd = -1;
  for (; bytes[at]! > SP && bytes[at]! < DEL; at++) if (bytes[at] === QUESTION && pathEnd < 0) pathEnd = at;
  if (at === targetStart || bytes[at] !== SP) return 400;
  const path = pathOf(bytes.toString('latin1', targetStart, pathEnd < 0 ? at : pathEnd));
  const minorVersion = versionAt(bytes, at + 1);
  if (path === null || minorVersion < 0) return 400;

  let hosts = 0;
  let keepAlive = minorVersion === 1;
  for (at += VERSION.length + 4; at < headEnd - 2; at += 2) {
    const nameEnd = endOfToken(bytes, at);
    if (nameEnd === at || bytes[nameEnd] !== COLON) return 400;
    const valueEnd = endOfValue(bytes, nameEnd + 1);
    if (bytes[valueEnd] !== CR || bytes[valueEnd + 1] !== LF) return 400;
    // Few field names have the length of a relevant one, so strings are rarely made.
    const length = nameEnd - at;
    if (length === 4 || length === 10 || length === 14 || length === 17) {
      const name = bytesEqual(bytes, at, nameEnd, HOST) ? 'host' : bytes.toString('latin1', at, nameEnd).toLowerCase();
      if (name === 'host') hosts++;
      else if (name === 'content-length' || name === 'transfer-encoding') keepAlive = false;
      else if (name === 'connection' && /\bclose\b/i.test(bytes.toString('latin1', nameEnd + 1, valueEnd)))
        keepAlive = false;
    }
    at = valueEnd;
  }
  // RFC 9112 section 3.2.
  if (hosts > 1 || (hosts === 0 && minorVersion === 1)) return 400;
  return { method: methodOf(bytes, start, methodEnd), path, keepAlive, end: headEnd };
}

/** The path of a request target without its query; null if it has no path. */
export function pathOf(target: string): string | null {
  if (target.charCodeAt(0) === 0x2f || target === '*') return target;
  const [, path] = /^https?:\/\/[^/?#]+([^?]*)/i.exec(target) ?? [];
  return path === undefined ? null : path || '/';
}

/** The index after the empty line, or -1. */
function endOfHead(bytes: Buffer, start: number, end: number): number {
  let at = start + 3;
  while (at < end) {
    const byte = bytes[at];
    if (byte === LF && bytes[at - 1] === CR && bytes[at - 2] === LF && bytes[at - 3] === CR) return at + 1;
    // The terminator is four bytes of CR and LF, so any other byte allows a skip of four.
    at += byte === LF || byte === CR ? 1 : 4;
  }
  return -1;
}

function endOfToken(bytes: Buffer, start: number): number {
  let at = start;
  while (TOKEN[bytes[at]!] === 1) at++;
  return at;
}

function endOfValue(bytes: Buffer, start: number): number {
  let at = start;
  while ((bytes[at]! >= SP && bytes[at] !== DEL) || bytes[at] === HT) at++;
  return at;
}

/** The minor version of `HTTP/1.x`; -1 for any other version. */
function versionAt(bytes: Buffer, start: number): number {
  for (let i = 0; i < VERSION.length; i++) if (bytes[start + i] !== VERSION[i]) return -1;
  const at = start + VERSION.length;
  const digit = bytes[at]! - 0x30;
  return (digit === 0 || digit === 1) && bytes[at + 1] === CR && bytes[at + 2] === LF ? digit : -1;
}

function methodOf(bytes: Buffer, start: number, end: number): Request['method'] {
  if (bytesEqual(bytes, start, end, GET)) return 'GET';
  return bytesEqual(bytes, start, end, HEAD) ? 'HEAD' : 'other';
}

/** Comparing bytes costs a tenth of making a string first. */
function bytesEqual(bytes: Buffer, start: number, end: number, expected: Buffer): boolean {
  if (end - start !== expected.length) return false;
  for (let i = 0; i < expected.length; i++) if (bytes[start + i] !== expected[i]) return false;
  return true;
}
