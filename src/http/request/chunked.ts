import { CLASSES, FIELD_VALUE, TOKEN } from '../headers.js';
import type { ErrorStatus } from '../status.js';
import { NEED_MORE } from './parser.js';

/** The decoder's further answers, beside NEED_MORE and a refusal. */
export const DATA = 1;
export const END = 2;
export type ChunkedResult = 0 | 1 | 2 | ErrorStatus;

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const HT = 0x09;

/** Where in the coding the next byte stands, RFC 9112 section 7.1. */
const At = {
  size: 0,
  sizeMore: 1,
  padding: 2,
  extension: 3,
  sizeLineFeed: 4,
  data: 5,
  dataReturn: 6,
  dataLineFeed: 7,
  trailer: 8,
  trailerName: 9,
  trailerValue: 10,
  trailerLineFeed: 11,
  endLineFeed: 12,
  end: 13,
} as const;
type At = (typeof At)[keyof typeof At];

/** 2^52 and more is no size. */
const SIZE_DIGITS = 13;

/**
 * Reads the chunked coding in place, RFC 9112 section 7.1, byte by byte, so that any cut gives the same answer.
 * Extensions and trailers are checked and thrown away; together they are bounded, for they are not counted as body.
 */
export class ChunkedDecoder {
  /** How far the bytes are used up, after any answer. */
  position = 0;
  /** After DATA: where a piece of the body stands in the caller's bytes. */
  dataStart = 0;
  dataEnd = 0;

  private at: At = At.size;
  private size = 0;
  private digits = 0;
  private overhead = 0;

  /** @param overheadLimitBytes for extensions and trailers of the whole body */
  constructor(private readonly overheadLimitBytes: number) {}

  /** The next thing that the bytes from `start` hold. Call again from `position` after DATA. */
  next(bytes: Uint8Array, start: number, end: number): ChunkedResult {
    let position = start;
    while (position < end) {
      if (this.at === At.data) {
        this.dataStart = position;
        this.dataEnd = Math.min(end, position + this.size);
        this.size -= this.dataEnd - position;
        if (this.size === 0) this.at = At.dataReturn;
        this.position = this.dataEnd;
        return DATA;
      }
      const answer = this.step(bytes[position++]!);
      if (answer !== NEED_MORE) {
        this.position = position;
        return answer;
      }
    }
    this.position = position;
    return NEED_MORE;
  }

  private step(byte: number): ChunkedResult {
    switch (this.at) {
      case At.size:
        this.size = this.digits = 0;
        this.at = At.sizeMore;
        return this.sizeDigit(byte) ? NEED_MORE : 400;
      case At.sizeMore:
        return this.sizeDigit(byte) ? NEED_MORE : this.afterSize(byte);
      case At.padding:
        return ++this.overhead > this.overheadLimitBytes ? 431 : this.afterSize(byte);
      case At.extension:
        if (byte === CR) return this.enter(At.sizeLineFeed);
        if (!(CLASSES[byte]! & FIELD_VALUE)) return 400;
        return ++this.overhead > this.overheadLimitBytes ? 431 : NEED_MORE;
      case At.sizeLineFeed:
        return byte === LF ? this.enter(this.size === 0 ? At.trailer : At.data) : 400;
      case At.dataReturn:
        return byte === CR ? this.enter(At.dataLineFeed) : 400;
      case At.dataLineFeed:
        return byte === LF ? this.enter(At.size) : 400;
      case At.trailer:
        if (byte === CR) return this.enter(At.endLineFeed);
        this.at = At.trailerName;
        return CLASSES[byte]! & TOKEN ? this.trailerByte() : 400;
      case At.trailerName:
        if (byte === 0x3a) this.at = At.trailerValue;
        else if (!(CLASSES[byte]! & TOKEN)) return 400;
        return this.trailerByte();
      case At.trailerValue:
        if (byte === CR) return this.enter(At.trailerLineFeed);
        return CLASSES[byte]! & FIELD_VALUE ? this.trailerByte() : 400;
      case At.trailerLineFeed:
        return byte === LF ? this.enter(At.trailer) : 400;
      case At.endLineFeed:
        if (byte !== LF) return 400;
        this.at = At.end;
        return END;
      default:
        return 400;
    }
  }

  private enter(at: At): 0 {
    this.at = at;
    return NEED_MORE;
  }

  private sizeDigit(byte: number): boolean {
    const digit = hexDigit(byte);
    if (digit < 0 || ++this.digits > SIZE_DIGITS) return false;
    this.size = this.size * 16 + digit;
    return true;
  }

  private afterSize(byte: number): ChunkedResult {
    if (byte === CR) return this.at === At.sizeMore ? this.enter(At.sizeLineFeed) : 400; // no extension behind the blank
    if (byte === 0x3b) return this.enter(At.extension);
    return byte === SP || byte === HT ? this.enter(At.padding) : 400;
  }

  private trailerByte(): ChunkedResult {
    return ++this.overhead > this.overheadLimitBytes ? 431 : NEED_MORE;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
