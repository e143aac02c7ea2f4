import { WRITABLE } from '../reactor/interest.js';
import { EAGAIN } from '../sys/errno.js';
import type { SharedFd } from '../sys/shared-fd.js';
import type { ConnectionContext } from './context.js';
import type { BatchWritable } from './write-batch.js';
import { BUDGET_SPENT, SENT, type WriteQueue } from './write-queue.js';

/**
 * The side of a connection that sends. Short answers go out with those of others, all in one crossing; what the socket
 * does not take, or what is longer, waits in an outbox, which the connection has for just as long.
 */
export abstract class WriteSide implements BatchWritable {
  protected writeQueue: WriteQueue | null = null;
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
    return this.batchedBytes + (this.writeQueue === null ? 0 : this.writeQueue.queuedBytes);
  }

  protected get hasUnsent(): boolean {
    return this.writeQueue !== null || this.batchedBytes > 0;
  }

  /** Queues bytes, which must not change from `settledFrom` on, nor before it until the turn is over. */
  sendBytes(bytes: Uint8Array, offset: number, end: number, settledFrom = 0): void {
    if (this.writeQueue === null && this.context.readBatch.writeBatch.append(this, bytes, offset, end)) {
      this.batchedBytes += end - offset;
    } else this.ensureQueue().pushBytes(bytes, offset, end, settledFrom);
  }

  /** As `sendBytes`, for what stands in front of more that is queued at once: they go out together. */
  sendAhead(bytes: Uint8Array, offset: number, end: number, settledFrom = 0): void {
    this.ensureQueue().pushBytes(bytes, offset, end, settledFrom);
  }

  /** Queues a range of a file, whose descriptor it uses until that is sent. */
  sendFile(file: SharedFd, offset: number, end: number): void {
    this.ensureQueue().pushFile(file, offset, end);
  }

  onWritten(bytes: Buffer, start: number, end: number, result: number): void {
    const got = result === EAGAIN ? 0 : result;
    this.batchedBytes = 0;
    if (got < 0) return this.close();
    this.context.counters.bytesOut += got;
    if (start + got === end) this.onDrain();
    else this.ensureQueue().pushBytes(Buffer.from(bytes.subarray(start + got, end)), 0, end - start - got);
  }

  /** Sends what waits. Returns the readiness of which there may be more than this turn's budget, or -errno. */
  protected sendQueued(): number {
    for (let { writeQueue } = this; writeQueue !== null; writeQueue = this.writeQueue) {
      const { kernel, limits, writeQueues, counters, reactor } = this.context;
      const before = writeQueue.queuedBytes;
      const result = writeQueue.flush(kernel, this.fd, limits.sendBytesPerTurn);
      counters.bytesOut += before - writeQueue.queuedBytes;
      if (result < 0) return result;
      if (writeQueue.queuedBytes < before) this.sinceMs = reactor.nowMs;
      if (result !== SENT) return result === BUDGET_SPENT ? WRITABLE : 0;
      this.writeQueue = null;
      writeQueues.putBack(writeQueue);
      this.onDrain();
    }
    return 0;
  }

  /** What is not sent is lost. */
  protected discardUnsent(): void {
    const { kernel, writeQueues, readBatch } = this.context;
    if (this.batchedBytes > 0) readBatch.writeBatch.remove(this);
    this.batchedBytes = 0;
    if (this.writeQueue === null) return;
    this.writeQueue.close(kernel);
    writeQueues.putBack(this.writeQueue);
    this.writeQueue = null;
  }

  abstract close(): void;

  /** Everything queued is sent. */
  protected abstract onDrain(): void;

  private ensureQueue(): WriteQueue {
    if (this.writeQueue !== null) return this.writeQueue;
    this.writeQueue = this.context.writeQueues.take();
    this.sinceMs = this.context.reactor.nowMs;
    if (this.batchedBytes > 0) {
      this.writeQueue.pushBytes(this.context.readBatch.writeBatch.remove(this), 0, this.batchedBytes);
      this.batchedBytes = 0;
    }
    return this.writeQueue;
  }
}
