import { assert } from '../../sys/assert.js';
import { DATE_BYTES, type DateClock } from '../date.js';
import { reasonOf } from '../status.js';
import { HeadBytes, JoinedBody } from './head-bytes.js';
import type { Field, HttpResponse } from './response.js';
import { Slab } from './slab.js';

/** How the connection goes on, and with it the Connection field, RFC 9112 section 9.3. */
export const Persistence = {
  /** HTTP/1.1, kept: the default of the version, not said. */
  keepAlive: 0,
  close: 1,
  /** HTTP/1.0, kept: has to be said. */
  keepAliveHttp10: 2,
} as const;
export type Persistence = (typeof Persistence)[keyof typeof Persistence];
const CONNECTION_FIELD = ['', 'Connection: close\r\n', 'Connection: keep-alive\r\n'];

const DATE_PLACEHOLDER = '-'.repeat(DATE_BYTES);
/** A response is never split by what stands in its fields, RFC 9110 section 5.5. */
const INVALID_FIELD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const NO_BYTES = new Uint8Array(0);
const slab = new Slab();

/** The serialised form of a response, from the response itself when it was sent before. */
export function headOf(response: HttpResponse, persistence: Persistence, clock: DateClock): HeadBytes {
  const head = persistence === Persistence.keepAlive ? keepAliveHead(response) : otherHead(response, persistence);
  head.stamp(clock);
  return head;
}

const keepAliveHead = (response: HttpResponse): HeadBytes => {
  response.keepAliveHead ??= serialize(response, Persistence.keepAlive);
  return response.keepAliveHead;
};

const otherHead = (response: HttpResponse, persistence: Persistence): HeadBytes => {
  response.otherHeads ??= [];
  response.otherHeads[persistence] ??= serialize(response, persistence);
  return response.otherHeads[persistence];
};

const statusLineAndDateName = (status: number): string => `HTTP/1.1 ${status} ${reasonOf(status)}\r\nDate: `;

function fieldLines(fields: readonly Field[]): string {
  let lines = '';
  for (const [name, value] of fields) {
    assert(!INVALID_FIELD_VALUE.test(value), `the value of ${name} would end its line`);
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

function serialize(response: HttpResponse, persistence: Persistence): HeadBytes {
  const { status, body } = response;
  const start = statusLineAndDateName(status);
  let rest = `\r\n${CONNECTION_FIELD[persistence]}${fieldLines(response.fields)}`;
  // RFC 9110 section 8.6: no Content-Length with 1xx and 204; in a 304 it would be that of the 200, and is left out.
  if (status >= 200 && status !== 204 && status !== 304) rest += `Content-Length: ${response.contentLength}\r\n`;
  const head = `${start}${DATE_PLACEHOLDER}${rest}\r\n`;
  // The usual form has head and body in one piece of memory, which is one send; the body then lives there alone.
  const joined = body.kind === 'bytes' && persistence === Persistence.keepAlive ? body.bytes : NO_BYTES;
  // What may be kept is not taken from the slab, of which the smallest slice holds a whole piece.
  const bytes = response.transient
    ? slab.take(head.length + joined.length)
    : Buffer.allocUnsafeSlow(head.length + joined.length);
  bytes.write(head, 'latin1');
  const headBytes = new HeadBytes(bytes, head.length, start.length);
  if (joined.length > 0) {
    bytes.set(joined, head.length);
    response.body = new JoinedBody(headBytes);
  }
  return headBytes;
}

/**
 * The heads of answers with one range of the same content each, RFC 9110 section 15.3.7.1: all but the positions is made
 * once, so that no string is made for an answer. For connections that are kept.
 */
export class PartialHead {
  private readonly front: Buffer;
  private readonly middle: Buffer;
  private readonly dateAt: number;

  /** @param size of the whole content */
  constructor(fields: readonly Field[], size: number) {
    const start = statusLineAndDateName(206);
    this.dateAt = start.length;
    this.front = Buffer.from(`${start}${DATE_PLACEHOLDER}\r\n${fieldLines(fields)}Content-Range: bytes `, 'latin1');
    this.middle = Buffer.from(`/${size}\r\nContent-Length: `);
  }

  /** For the bytes from `start` to before `end`, for which there is room behind it, the caller's to fill. */
  of(start: number, end: number): HeadBytes {
    const { front, middle, dateAt } = this;
    const length = end - start;
    const hyphenAt = front.length + digitsOf(start);
    const middleAt = hyphenAt + 1 + digitsOf(end - 1);
    const lengthAt = middleAt + middle.length;
    const endsAt = lengthAt + digitsOf(length);
    const bytes = slab.take(endsAt + 4 + length);
    bytes.set(front);
    writeDecimal(bytes, hyphenAt, start);
    bytes[hyphenAt] = HYPHEN;
    writeDecimal(bytes, middleAt, end - 1);
    bytes.set(middle, middleAt);
    writeDecimal(bytes, endsAt, length);
    writeLineEnd(bytes, endsAt);
    writeLineEnd(bytes, endsAt + 2);
    return new HeadBytes(bytes, endsAt + 4, dateAt);
  }
}

const HYPHEN = 0x2d;
const ZERO = 0x30;
const CR = 0x0d;
const LF = 0x0a;

function digitsOf(value: number): number {
  let digits = 1;
  for (let power = 10; value >= power; power *= 10) digits++;
  return digits;
}

/** Writes an integer from 0 to 2^53-1, whose last digit stands before `end`. */
function writeDecimal(bytes: Uint8Array, end: number, value: number): void {
  let at = end;
  let rest = value;
  do {
    const tens = Math.floor(rest / 10);
    bytes[--at] = rest - 10 * tens + ZERO; // in this order nothing passes 2^53
    rest = tens;
  } while (rest > 0);
}

function writeLineEnd(bytes: Uint8Array, at: number): void {
  bytes[at] = CR;
  bytes[at + 1] = LF;
}
