import { WRITABLE } from '../reactor/interest.js';
import { EAGAIN } from '../sys/errno.js';
import type { SharedFd } from '../sys/shared-fd.js';
import type { ConnectionContext } from './context.js';
import { type Outbox, SENT, SPENT } from './outbox.js';
import type { Sending } from './sender.js';

/**
 * The side of a connection that sends. Short answers go out with those of others, all in one crossing; what the socket
 * does not take, or what is longer, waits in an outbox, which the connection has for just as long.
 */
export abstract class Output implements Sending {
  protected outbox: Outbox | null = null;
  /** What the sender has of ours, until the end of its batch. */
  private batchedBytes = 0;
  /** When bytes last came, were taken, or began to wait; while lingering, when that began. */
  protected sinceMs: number;

  /** @param fd a connected, non-blocking stream socket; the connection owns it from here on */
  constructor(
    readonly context: ConnectionContext,
    readonly fd: number,
  ) {
    this.sinceMs = context.reactor.nowMs;
  }

  get queuedBytes(): number {
    return this.batchedBytes + (this.outbox === null ? 0 : this.outbox.queuedBytes);
  }

  protected get hasUnsent(): boolean {
    return this.outbox !== null || this.batchedBytes > 0;
  }

  /** Queues bytes, which must not change from `settledFrom` on, nor before it until the turn is over. */
  sendBytes(bytes: Uint8Array, offset: number, end: number, settledFrom = 0): void {
    if (this.outbox === null && this.context.receiver.sender.take(this, bytes, offset, end)) {
      this.batchedBytes += end - offset;
    } else this.queue().pushBytes(bytes, offset, end, settledFrom);
  }

  /** As `sendBytes`, for what stands in front of more that is queued at once: they go out together. */
  sendAhead(bytes: Uint8Array, offset: number, end: number, settledFrom = 0): void {
    this.queue().pushBytes(bytes, offset, end, settledFrom);
  }

  /** Queues a range of a file, whose descriptor it uses until that is sent. */
  sendFile(file: SharedFd, offset: number, end: number): void {
    this.queue().pushFile(file, offset, end);
  }

  sent(bytes: Buffer, start: number, end: number, result: number): void {
    const got = result === EAGAIN ? 0 : result;
    this.batchedBytes = 0;
    if (got < 0) return this.close();
    this.context.counters.bytesOut += got;
    if (start + got === end) this.drained();
    else this.queue().pushBytes(Buffer.from(bytes.subarray(start + got, end)), 0, end - start - got);
  }

  /** Sends what waits. Returns the readiness of which there may be more than this turn's budget, or -errno. */
  protected sendQueued(): number {
    for (let { outbox } = this; outbox !== null; outbox = this.outbox) {
      const { kernel, limits, outboxes, counters, reactor } = this.context;
      const before = outbox.queuedBytes;
      const result = outbox.flush(kernel, this.fd, limits.sendBytesPerTurn);
      counters.bytesOut += before - outbox.queuedBytes;
      if (result < 0) return result;
      if (outbox.queuedBytes < before) this.sinceMs = reactor.nowMs;
      if (result !== SENT) return result === SPENT ? WRITABLE : 0;
      this.outbox = null;
      outboxes.give(outbox);
      this.drained();
    }
    return 0;
  }

  /** What is not sent is lost. */
  protected dropUnsent(): void {
    const { kernel, outboxes, receiver } = this.context;
    if (this.batchedBytes > 0) receiver.sender.withdraw(this);
    this.batchedBytes = 0;
    if (this.outbox === null) return;
    this.outbox.close(kernel);
    outboxes.give(this.outbox);
    this.outbox = null;
  }

  abstract close(): void;

  /** Everything queued is sent. */
  protected abstract drained(): void;

  private queue(): Outbox {
    if (this.outbox !== null) return this.outbox;
    this.outbox = this.context.outboxes.take();
    this.sinceMs = this.context.reactor.nowMs;
    if (this.batchedBytes > 0) {
      this.outbox.pushBytes(this.context.receiver.sender.withdraw(this), 0, this.batchedBytes);
      this.batchedBytes = 0;
    }
    return this.outbox;
  }
}
