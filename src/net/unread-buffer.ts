import { assert } from '../sys/assert.js';

/** Bytes that were received and not used: part of a request, or requests that wait for their turn. */
export class UnreadBuffer {
  private length = 0;
  private bytes: Buffer | null = null;

  /** Stores a copy of these bytes in place of the earlier ones. */
  store(bytes: Buffer, start: number, end: number): void {
    this.length = end - start;
    if (this.bytes === null || this.bytes.length < this.length)
      this.bytes = Buffer.allocUnsafeSlow(roundUp(this.length));
    bytes.copy(this.bytes, 0, start, end);
  }

  /** Copies all bytes to the start of `bytes`. Returns their count. */
  copyTo(bytes: Buffer): number {
    assert(this.length <= bytes.length, 'the buffer is too short for the unread bytes');
    return this.bytes === null ? 0 : this.bytes.copy(bytes, 0, 0, this.length);
  }
}

/** A head may arrive in small pieces: with few sizes not every piece needs a new buffer. */
const roundUp = (bytes: number): number => Math.max(256, 2 ** Math.ceil(Math.log2(bytes)));
