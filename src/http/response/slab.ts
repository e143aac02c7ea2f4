/** About 25 short responses: a new piece of memory costs as much as several of them. */
const PIECE_BYTES = 32_768;
/** Anything longer has memory of its own, so that little of a piece is left unused. */
const LONGEST_BYTES = 4096;

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
    if (this.used + length > this.piece.length) {
      this.piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
      this.used = 0;
    }
    const start = this.used;
    this.used += length;
    return this.piece.subarray(start, this.used);
  }
}
