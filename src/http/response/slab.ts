import { assert } from '../../sys/assert.js';

/** About 25 short responses: a new piece of memory costs as much as several of them. */
const PIECE_BYTES = 32_768;
/** Anything longer has memory of its own, so that little of a piece is left unused. */
export const LONGEST_BYTES = 4096;

/**
 * Memory for responses that are made for one request and soon sent: slices of one piece after another. A piece is
 * collected with the last response in it, so nothing that is cached may be in one.
 */
export class Slab {
  private piece = Buffer.alloc(0);
  private used = 0;

  /** Uninitialized bytes, exclusively the caller's. */
  take(length: number): Buffer {
    if (length > LONGEST_BYTES) return Buffer.allocUnsafeSlow(length);
    const start = this.reserve(length);
    return this.cut(start, start + length);
  }

  /**
   * Makes room for bytes whose number is not known yet: up to `length`, at most LONGEST_BYTES, can be written in `memory` from
   * the position that is returned, and `cut` takes those that are.
   */
  reserve(length: number): number {
    assert(length <= LONGEST_BYTES, 'longer than what a slab has room for');
    if (this.used + length > this.piece.length) {
      this.piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
      this.used = 0;
    }
    return this.used;
  }

  get memory(): Buffer {
    return this.piece;
  }

  /** A part of `memory` that was reserved is the caller's: nothing before its end is taken later. */
  keep(part: Buffer): void {
    this.used = part.byteOffset + part.length;
  }

  private cut(start: number, end: number): Buffer {
    this.used = end;
    return this.piece.subarray(start, end);
  }
}
