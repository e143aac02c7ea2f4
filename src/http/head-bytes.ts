import type { DateClock } from './date.js';

/** A response's head as bytes; of one that is sent often, with the body behind it. */
export class HeadBytes {
  /** Of all bytes, with the body that may stand behind the head. */
  readonly length: number;
  private second = -1;

  constructor(
    readonly bytes: Buffer,
    readonly headBytes: number,
    private readonly dateAt: number,
  ) {
    this.length = bytes.length;
  }

  get body(): Buffer {
    return this.bytes.subarray(this.headBytes);
  }

  get hasBody(): boolean {
    return this.length > this.headBytes;
  }

  /** Brings the Date field up to the clock: the only bytes that ever change. */
  stamp(clock: DateClock): void {
    if (this.second === clock.second) return;
    this.second = clock.second;
    this.bytes.set(clock.bytes, this.dateAt);
  }
}
