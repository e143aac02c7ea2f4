import { DATE_BYTES, type DateClock } from '../date.js';
import { reasonOf } from '../status.js';
import { ConnectionAction } from './connection-action.js';
import { HeadBytes, JoinedBody } from './head-bytes.js';
import { digitsOf, writeDecimal, writeLineEnd } from './head-text.js';
import { type Body, type Field, fieldLines, type HttpResponse } from './response.js';
import { Slab } from './slab.js';

export const DATE_PLACEHOLDER = '-'.repeat(DATE_BYTES);
/** Where `otherHeads` has them. */
const CLOSE_HEAD = 0;
const KEEP_ALIVE_HTTP10_HEAD = 1;
const HYPHEN = 0x2d;
const slab = new Slab();

/**
 * The head of a response, often with its body behind it. Made once for a cached response; only its Date changes.
 * @param action what happens to the connection afterwards: the Connection field
 * @param isHttp10 the request was HTTP/1.0: without chunks, and closed by default
 * @param isHead the request was HEAD. A cached head serves GET and HEAD alike.
 */
export function headOf(
  response: HttpResponse,
  clock: DateClock,
  action: ConnectionAction,
  isHttp10 = false,
  isHead = false,
): HeadBytes {
  const isUsual = action === ConnectionAction.keepAlive && !isHttp10;
  let head = isUsual ? response.keepAliveHead : otherHeadOf(response, action);
  if (head === null) {
    head = serialize(response, clock, action, isHttp10, isHead);
    if (response.transient) return head;
    if (isUsual) response.keepAliveHead = head;
    else {
      response.otherHeads ??= [];
      response.otherHeads[indexOf(action)] = head;
    }
  }
  head.stamp(clock);
  return head;
}

const indexOf = (action: ConnectionAction): number =>
  action === ConnectionAction.keepAlive ? KEEP_ALIVE_HTTP10_HEAD : CLOSE_HEAD;

const otherHeadOf = ({ otherHeads }: HttpResponse, action: ConnectionAction): HeadBytes | null =>
  otherHeads?.[indexOf(action)] ?? null;

export const statusLineAndDateName = (status: number, reason: string): string =>
  `HTTP/1.1 ${status} ${reason}\r\nDate: `;

function serialize(
  response: HttpResponse,
  clock: DateClock,
  action: ConnectionAction,
  isHttp10: boolean,
  isHead: boolean,
): HeadBytes {
  const { body, transient } = response;
  const start = statusLineAndDateName(response.status, response.reason);
  const head = `${start}${clock.text}\r\n${connectionField(action, isHttp10)}${response.fieldLines}${framing(response, isHttp10, isHead || !transient)}\r\n`;
  // Head and body in one piece of memory are one send. A cached response has that for its usual head alone, and the
  // body then is in that piece only.
  const isJoined = transient ? !isHead : action === ConnectionAction.keepAlive && !isHttp10;
  const bodyBytes = isJoined ? memoryBytes(body) : 0;
  const length = head.length + bodyBytes;
  // Cached heads are not cut from the slab: the smallest of them would keep a whole piece of it alive.
  const bytes = transient ? slab.take(length) : Buffer.allocUnsafeSlow(length);
  const headBytes = new HeadBytes(bytes, head.length, start.length, clock.second);
  if (bodyBytes > 0 && body.kind === 'text') {
    if (bodyBytes === body.text.length)
      bytes.write(head + body.text, 0, length, 'latin1'); // ASCII
    else {
      bytes.write(head, 0, head.length, 'latin1');
      bytes.write(body.text, head.length, bodyBytes, 'utf8');
    }
    return headBytes;
  }
  bytes.write(head, 0, head.length, 'latin1');
  if (bodyBytes > 0 && body.kind === 'bytes') {
    bytes.set(body.bytes, head.length);
    if (!transient) response.body = new JoinedBody(headBytes);
  }
  return headBytes;
}

function memoryBytes(body: Body): number {
  if (body.kind === 'bytes') return body.bytes.length;
  return body.kind === 'text' ? body.length : 0;
}

/** RFC 9112 section 9.3: the default of the version is left out. */
function connectionField(action: ConnectionAction, isHttp10: boolean): string {
  if (action !== ConnectionAction.keepAlive) return 'Connection: close\r\n';
  return isHttp10 ? 'Connection: keep-alive\r\n' : '';
}

/**
 * RFC 9112 section 6: nothing with 1xx, 204 and 304 (RFC 9110 section 8.6: in a 304 it would be the length of the 200);
 * the length if it is known; else chunks, or with HTTP/1.0 everything up to the end of the connection.
 */
function framing(response: HttpResponse, isHttp10: boolean, isHead: boolean): string {
  const { status, body, contentLength } = response;
  if (status < 200 || status === 204 || status === 304) return '';
  if (body.kind === 'none' && (!isHead || status === 205)) return 'Content-Length: 0\r\n';
  if (contentLength >= 0) return `Content-Length: ${contentLength}\r\n`;
  const isStream = body.kind !== 'none' || response.isStreamedForGet;
  return isStream && !isHttp10 ? 'Transfer-Encoding: chunked\r\n' : '';
}

/**
 * The heads of responses with one range of the same content each, RFC 9110 section 15.3.7.1. Everything except the
 * positions is made once, so that no response makes a string. For persistent HTTP/1.1 connections.
 */
export class PartialHead {
  private readonly front: Buffer;
  private readonly middle: Buffer;
  private readonly dateAt: number;

  /** @param size of the whole content, in bytes */
  constructor(fields: readonly Field[], size: number) {
    const start = statusLineAndDateName(206, reasonOf(206));
    this.dateAt = start.length;
    this.front = Buffer.from(`${start}${DATE_PLACEHOLDER}\r\n${fieldLines(fields)}Content-Range: bytes `, 'latin1');
    this.middle = Buffer.from(`/${size}\r\nContent-Length: `);
  }

  /**
   * For the bytes from `start` to before `end`, with room for them behind the head, for the caller to fill.
   * @param isKept it is sent more than once
   */
  of(start: number, end: number, isKept = false): HeadBytes {
    const { front, middle, dateAt } = this;
    const length = end - start;
    const hyphenAt = front.length + digitsOf(start);
    const middleAt = hyphenAt + 1 + digitsOf(end - 1);
    const lengthAt = middleAt + middle.length;
    const headEnd = lengthAt + digitsOf(length);
    const bytes = isKept ? Buffer.allocUnsafeSlow(headEnd + 4 + length) : slab.take(headEnd + 4 + length);
    bytes.set(front);
    writeDecimal(bytes, hyphenAt, start);
    bytes[hyphenAt] = HYPHEN;
    writeDecimal(bytes, middleAt, end - 1);
    bytes.set(middle, middleAt);
    writeDecimal(bytes, headEnd, length);
    writeLineEnd(bytes, headEnd);
    writeLineEnd(bytes, headEnd + 2);
    return new HeadBytes(bytes, headEnd + 4, dateAt);
  }
}
