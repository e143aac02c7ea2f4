import type { DateClock } from '../date.js';

/** The head of a response as bytes, and its body behind it if both are one send. */
export class HeadBytes {
  /** Of the head and of the body behind it, if there is one. */
  readonly length: number;

  /** @param second of the clock, that the Date field has already; -1 if it has none */
  constructor(
    readonly bytes: Buffer,
    readonly headBytes: number,
    private readonly dateAt: number,
    private second = -1,
  ) {
    this.length = bytes.length;
  }

  get hasBody(): boolean {
    return this.length > this.headBytes;
  }

  /** Writes the clock's second into the Date field: the only bytes that ever change. */
  stamp(clock: DateClock): void {
    if (this.second === clock.second) return;
    this.second = clock.second;
    this.bytes.set(clock.bytes, this.dateAt);
  }
}

/** A body in the memory behind its head, seldom needed by itself. */
export class JoinedBody {
  readonly kind = 'bytes';

  constructor(private readonly head: HeadBytes) {}

  get bytes(): Uint8Array {
    return this.head.bytes.subarray(this.head.headBytes);
  }

  /** Copies a part of the body. */
  copyTo(target: Uint8Array, at: number, start: number, end: number): void {
    const { bytes, headBytes } = this.head;
    target.set(bytes.subarray(headBytes + start, headBytes + end), at);
  }
}
