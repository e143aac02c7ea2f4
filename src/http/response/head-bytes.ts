import type { DateClock } from '../date.js';

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

/** A body that stands behind its head and is seldom asked for by itself. */
export class JoinedBody {
  readonly kind = 'bytes';

  constructor(private readonly head: HeadBytes) {}

  get bytes(): Uint8Array {
    return this.head.bytes.subarray(this.head.headBytes);
  }
}
