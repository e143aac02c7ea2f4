/** Some 25 short parts: a new piece of memory costs as much as several of them. */
const PIECE_BYTES = 32_768;
/** What is longer has memory of its own, so that little of a piece is left unused. */
const LONGEST_BYTES = 4096;

/**
 * Memory for answers that are made anew for each request and soon sent: cut from one piece after the other, which is
 * let go with the last answer that lies in it. Not for what is kept.
 */
export class Slab {
  private piece = Buffer.alloc(0);
  private used = 0;

  /** Bytes of any content, that nobody else has. */
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
