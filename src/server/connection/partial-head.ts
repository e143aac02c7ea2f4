const LF = 0x0a;

/** A head that a client owes, of which a part may have come. A connection has none between two requests. */
export class PartialHead {
  /** How many bytes are known to be a part of a head, and how many it takes to change that without a line's end. */
  private scannedBytes = 0;
  private minBytesToRetry = 0;

  /** @param dueMs when it must be complete, on the reactor's clock */
  constructor(public dueMs: number) {}

  get hasBegun(): boolean {
    return this.scannedBytes > 0;
  }

  /** The parser needs more than these bytes. */
  scanned(bytes: number, minBytesToRetry: number): void {
    this.scannedBytes = bytes;
    this.minBytesToRetry = minBytesToRetry;
  }

  /** Half a head that arrives in small pieces is not parsed again for each of them. */
  isStillPartial(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.scannedBytes === 0 || end - start >= this.minBytesToRetry) return false;
    for (let at = start + this.scannedBytes; at < end; at++) if (bytes[at] === LF) return false;
    this.scannedBytes = end - start;
    return true;
  }
}
