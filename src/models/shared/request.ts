/** What the models understand of a request: enough to answer it, and to know where the next one begins. */
export interface Request {
  /** GET, HEAD, or any other, which no model answers. */
  readonly method: 'GET' | 'HEAD' | 'other';
  /** Without the query; percent-encoded, as it came. */
  readonly path: string;
  /** Another request may follow on this connection. */
  readonly keeps: boolean;
  /** Where the head ends, and what follows it begins. */
  readonly end: number;
}

/** The head has not come whole. */
export const NEED_MORE = 0;
/** What is no request, and a head that is too long. Nobody can say where the next request begins: the connection ends. */
export type Refusal = 400 | 431;

/** What Node and most proxies allow. */
export const HEAD_BYTES_MAX = 16_384;

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
/** As nearly everybody spells it. */
const HOST = Buffer.from('Host');

/** The bytes of a method and of a field's name, RFC 9110 section 5.6.2. */
const TOKEN = new Uint8Array(256);
for (const byte of Buffer.from("!#$%&'*+-.^_`|~0123456789")) TOKEN[byte] = 1;
for (let letter = 0; letter < 26; letter++) TOKEN[0x41 + letter] = TOKEN[0x61 + letter] = 1;

/**
 * Reads the head that begins at `start`, RFC 9112, as strictly as it takes to cut a stream into the same requests as
 * any proxy in front would. A request with a body is answered and the connection then closed, so that the body, which
 * nobody reads, is never taken for a request.
 */
export function parseRequest(bytes: Buffer, start: number, end: number): Request | typeof NEED_MORE | Refusal {
  const headEnd = endOfHead(bytes, start, Math.min(end, start + HEAD_BYTES_MAX));
  if (headEnd < 0) return end - start < HEAD_BYTES_MAX ? NEED_MORE : 431;
  // From here on no loop runs over the end: the head's last bytes, CR LF, stop every one of them.
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
  let keeps = minorVersion === 1;
  for (at += VERSION.length + 4; at < headEnd - 2; at += 2) {
    const nameEnd = endOfToken(bytes, at);
    if (nameEnd === at || bytes[nameEnd] !== COLON) return 400;
    const valueEnd = endOfValue(bytes, nameEnd + 1);
    if (bytes[valueEnd] !== CR || bytes[valueEnd + 1] !== LF) return 400;
    // Few names have the length of one that matters: of the others no string is made.
    const length = nameEnd - at;
    if (length === 4 || length === 10 || length === 14 || length === 17) {
      const name = isSame(bytes, at, nameEnd, HOST) ? 'host' : bytes.toString('latin1', at, nameEnd).toLowerCase();
      if (name === 'host') hosts++;
      else if (name === 'content-length' || name === 'transfer-encoding') keeps = false;
      else if (name === 'connection' && /\bclose\b/i.test(bytes.toString('latin1', nameEnd + 1, valueEnd)))
        keeps = false;
    }
    at = valueEnd;
  }
  // RFC 9112 section 3.2.
  if (hosts > 1 || (hosts === 0 && minorVersion === 1)) return 400;
  return { method: methodOf(bytes, start, methodEnd), path, keeps, end: headEnd };
}

/** The path of a request target without its query; null for a target that has none. */
export function pathOf(target: string): string | null {
  if (target.charCodeAt(0) === 0x2f || target === '*') return target;
  const [, path] = /^https?:\/\/[^/?#]+([^?]*)/i.exec(target) ?? [];
  return path === undefined ? null : path || '/';
}

/** Behind the empty line; -1 when there is none. */
function endOfHead(bytes: Buffer, start: number, end: number): number {
  let at = start + 3;
  while (at < end) {
    const byte = bytes[at];
    if (byte === LF && bytes[at - 1] === CR && bytes[at - 2] === LF && bytes[at - 3] === CR) return at + 1;
    // What is sought has four bytes, all of them CR or LF: around any other there is none.
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

/** The digit behind `HTTP/1.`; -1 for any other version. */
function versionAt(bytes: Buffer, start: number): number {
  for (let i = 0; i < VERSION.length; i++) if (bytes[start + i] !== VERSION[i]) return -1;
  const at = start + VERSION.length;
  const digit = bytes[at]! - 0x30;
  return (digit === 0 || digit === 1) && bytes[at + 1] === CR && bytes[at + 2] === LF ? digit : -1;
}

function methodOf(bytes: Buffer, start: number, end: number): Request['method'] {
  if (isSame(bytes, start, end, GET)) return 'GET';
  return isSame(bytes, start, end, HEAD) ? 'HEAD' : 'other';
}

/** By bytes: to make a string of them first costs ten times as much. */
function isSame(bytes: Buffer, start: number, end: number, word: Buffer): boolean {
  if (end - start !== word.length) return false;
  for (let i = 0; i < word.length; i++) if (bytes[start + i] !== word[i]) return false;
  return true;
}
