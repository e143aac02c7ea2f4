import { assert } from '../sys/assert.js';

/** Bytes that were received and not used up: half a request, or requests held back. */
export class UnreadBuffer {
  private length = 0;
  private bytes: Buffer | null = null;

  /** Keeps a copy of these bytes in the place of what was kept before. */
  store(bytes: Buffer, start: number, end: number): void {
    this.length = end - start;
    if (this.bytes === null || this.bytes.length < this.length)
      this.bytes = Buffer.allocUnsafeSlow(roundUp(this.length));
    bytes.copy(this.bytes, 0, start, end);
  }

  /** Copies all to the start of `bytes`. Returns how much that is. */
  copyTo(bytes: Buffer): number {
    assert(this.length <= bytes.length, 'there is no room for what was kept');
    return this.bytes === null ? 0 : this.bytes.copy(bytes, 0, 0, this.length);
  }
}

/** Half a head grows a little at a time: a few sizes spare a new buffer for every piece. */
const roundUp = (bytes: number): number => Math.max(256, 2 ** Math.ceil(Math.log2(bytes)));
