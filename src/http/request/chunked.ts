import { CLASSES, FIELD_VALUE, TOKEN } from '../headers.js';
import type { ErrorStatus } from '../status.js';
import { NEED_MORE } from './parser.js';

/** The results of the decoder, apart from NEED_MORE and an error status. */
export const DATA = 1;
export const END = 2;
export type ChunkedResult = 0 | 1 | 2 | ErrorStatus;

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const HT = 0x09;

/** What the next byte belongs to, RFC 9112 section 7.1. */
const State = {
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
type State = (typeof State)[keyof typeof State];

/** The most hexadecimal digits of a chunk size: below 2^52 all sizes are exact. */
const SIZE_DIGITS = 13;

/**
 * Decodes the chunked transfer coding in place, RFC 9112 section 7.1, byte by byte: however the bytes are cut into
 * reads, the result is the same. Chunk extensions and trailer fields are checked and discarded; together they are
 * limited, since they do not count as body.
 */
export class ChunkedDecoder {
  /** After any result: up to where the bytes are used. */
  position = 0;
  /** After DATA: the range of the caller's bytes that is body. */
  dataStart = 0;
  dataEnd = 0;

  private state: State = State.size;
  private size = 0;
  private digits = 0;
  private overhead = 0;

  /** @param overheadLimitBytes the limit for all extensions and trailer fields of the body together */
  constructor(private readonly overheadLimitBytes: number) {}

  /** Decodes from `start` up to the next result. After DATA, call again from `position`. */
  next(bytes: Uint8Array, start: number, end: number): ChunkedResult {
    let position = start;
    while (position < end) {
      if (this.state === State.data) {
        this.dataStart = position;
        this.dataEnd = Math.min(end, position + this.size);
        this.size -= this.dataEnd - position;
        if (this.size === 0) this.state = State.dataReturn;
        this.position = this.dataEnd;
        return DATA;
      }
      const result = this.step(bytes[position++]!);
      if (result !== NEED_MORE) {
        this.position = position;
        return result;
      }
    }
    this.position = position;
    return NEED_MORE;
  }

  private step(byte: number): ChunkedResult {
    switch (this.state) {
      case State.size:
        this.size = this.digits = 0;
        this.state = State.sizeMore;
        return this.sizeDigit(byte) ? NEED_MORE : 400;
      case State.sizeMore:
        return this.sizeDigit(byte) ? NEED_MORE : this.afterSize(byte);
      case State.padding:
        return ++this.overhead > this.overheadLimitBytes ? 431 : this.afterSize(byte);
      case State.extension:
        if (byte === CR) return this.enter(State.sizeLineFeed);
        if (!(CLASSES[byte]! & FIELD_VALUE)) return 400;
        return ++this.overhead > this.overheadLimitBytes ? 431 : NEED_MORE;
      case State.sizeLineFeed:
        return byte === LF ? this.enter(this.size === 0 ? State.trailer : State.data) : 400;
      case State.dataReturn:
        return byte === CR ? this.enter(State.dataLineFeed) : 400;
      case State.dataLineFeed:
        return byte === LF ? this.enter(State.size) : 400;
      case State.trailer:
        if (byte === CR) return this.enter(State.endLineFeed);
        this.state = State.trailerName;
        return CLASSES[byte]! & TOKEN ? this.trailerByte() : 400;
      case State.trailerName:
        if (byte === 0x3a) this.state = State.trailerValue;
        else if (!(CLASSES[byte]! & TOKEN)) return 400;
        return this.trailerByte();
      case State.trailerValue:
        if (byte === CR) return this.enter(State.trailerLineFeed);
        return CLASSES[byte]! & FIELD_VALUE ? this.trailerByte() : 400;
      case State.trailerLineFeed:
        return byte === LF ? this.enter(State.trailer) : 400;
      case State.endLineFeed:
        if (byte !== LF) return 400;
        this.state = State.end;
        return END;
      default:
        return 400;
    }
  }

  private enter(state: State): 0 {
    this.state = state;
    return NEED_MORE;
  }

  private sizeDigit(byte: number): boolean {
    const digit = hexDigit(byte);
    if (digit < 0 || ++this.digits > SIZE_DIGITS) return false;
    this.size = this.size * 16 + digit;
    return true;
  }

  private afterSize(byte: number): ChunkedResult {
    // Whitespace after the size must be followed by an extension.
    if (byte === CR) return this.state === State.sizeMore ? this.enter(State.sizeLineFeed) : 400;
    if (byte === 0x3b) return this.enter(State.extension);
    return byte === SP || byte === HT ? this.enter(State.padding) : 400;
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
