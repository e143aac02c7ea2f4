import type { ConnectionContext } from '../../net/context.js';
import type { BatchReadable } from '../../net/read-batch.js';
import { BUDGET_SPENT, SENT, type WriteQueue } from '../../net/write-queue.js';
import { ENDED, type Interest, NOTHING, READABLE, WRITABLE } from '../../reactor/interest.js';
import type { Handler, Token } from '../../reactor/registry.js';
import { constants } from '../../sys/binding.js';
import { EAGAIN, systemError } from '../../sys/errno.js';

const { SHUT_WR } = constants;

/** What uses an upgraded connection: it is given what the peer sends, as HTTP is on a Connection. */
export interface UpgradedUser {
  /** Whether it can take more bytes. While it cannot, nothing is read; once it can, it calls `update`. */
  readonly wantsInput: boolean;
  /** The bytes received, which are valid during the call only. */
  onData(bytes: Buffer, start: number, end: number): void;
  /** The peer will send no more (half-close). Called once. */
  onEnd(): void;
  /** Everything that was queued has been sent. */
  onDrain(): void;
  /** The connection is closed. Called once. @param error that has ended it; null if one of the two sides did */
  onClose(error: NodeJS.ErrnoException | null): void;
}

/**
 * A connection after an upgrade, RFC 9110 section 7.8: the two directions are independent, so that it is read while it
 * is written, each can end alone, and nothing has a deadline. Reads and short writes are batched with those of the other
 * connections.
 */
export class UpgradedConnection implements Handler, BatchReadable {
  isClosed = false;
  /** Null until the first update. */
  private token: Token | null = null;
  private interest: Interest = NOTHING;
  private writeQueue: WriteQueue | null = null;
  private batchedBytes = 0;
  private inputEnded = false;
  /** Nothing more is sent after what is queued. */
  private outputEnded = false;
  private isShutDown = false;
  private queuedForRead = false;
  /** Readiness that this turn did not use up. */
  private moreReadiness = 0;

  /** @param fd a connected, non-blocking stream socket in no epoll set; owned by the connection from here on */
  constructor(
    readonly context: ConnectionContext,
    readonly fd: number,
    private readonly user: UpgradedUser,
  ) {}

  /** Bytes that were queued and that the kernel has not taken. */
  get unsentBytes(): number {
    return this.batchedBytes + (this.writeQueue === null ? 0 : this.writeQueue.queuedBytes);
  }

  /** Queues bytes, which must not change until `onDrain`. `flush` follows. */
  send(bytes: Uint8Array): void {
    const { length } = bytes;
    if (this.isClosed || length === 0) return;
    if (this.writeQueue === null && this.context.readBatch.writeBatch.append(this, bytes, 0, length))
      this.batchedBytes += length;
    else this.ensureQueue().pushBytes(bytes, 0, length);
  }

  /** Sends what is queued as far as the socket takes it, unless that is done at the end of the present batch. */
  flush(): void {
    if (this.batchedBytes > 0 || this.isClosed) return;
    this.sendQueued();
    this.update();
  }

  /** Shuts down writing once everything is sent: the peer reads the end. */
  endOutput(): void {
    this.outputEnded = true;
    this.flush();
  }

  /** Passes on which readiness is waited for: by whether the user wants input, and whether something is unsent. */
  update(): void {
    if (this.isClosed) return;
    const { moreReadiness } = this;
    const { reactor, trigger } = this.context;
    this.moreReadiness = 0;
    const reads = this.user.wantsInput && !this.inputEnded;
    const interest = (reads ? READABLE : NOTHING) | (this.writeQueue === null ? NOTHING : WRITABLE);
    try {
      if (this.token === null) this.token = reactor.register(this.fd, this, interest, { trigger });
      else if (interest !== this.interest) reactor.modify(this.token, interest);
      this.interest = interest;
      if (moreReadiness !== 0) reactor.revisit(this.token, moreReadiness);
    } catch (error) {
      this.close(error as NodeJS.ErrnoException); // the kernel cannot watch one more descriptor: ENOMEM, ENOSPC
    }
  }

  /** Closes now; what is queued is lost. Idempotent. */
  close(error: NodeJS.ErrnoException | null = null): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (this.token !== null) this.context.reactor.forget(this.token);
    const { kernel, readBatch, writeQueues } = this.context;
    if (this.queuedForRead) readBatch.remove(this);
    if (this.batchedBytes > 0) readBatch.writeBatch.remove(this);
    this.batchedBytes = 0;
    if (this.writeQueue !== null) {
      this.writeQueue.close(kernel);
      writeQueues.putBack(this.writeQueue);
      this.writeQueue = null;
    }
    kernel.close(this.fd);
    this.user.onClose(error);
  }

  onReady(readiness: number): void {
    if (readiness & WRITABLE) this.sendQueued();
    if (this.isClosed) return;
    if (!(readiness & READABLE) || this.inputEnded) return this.update();
    if (!this.user.wantsInput) {
      this.moreReadiness |= READABLE;
      return this.update();
    }
    this.queuedForRead = true;
    this.context.readBatch.add(this, readiness);
  }

  onRead(bytes: Buffer, start: number, result: number, capacity: number, readiness: number): void {
    this.queuedForRead = false;
    if (result === EAGAIN) return;
    if (result < 0) return this.close(systemError('recv', result));
    if (result === 0) {
      this.inputEnded = true;
      return this.user.onEnd();
    }
    this.context.counters.bytesIn += result;
    // The end that is reported with the data is not reported again: one more read finds it.
    if (result === capacity || readiness & ENDED) this.moreReadiness |= READABLE;
    this.user.onData(bytes, start, start + result);
  }

  onWritten(bytes: Buffer, start: number, end: number, result: number): void {
    this.batchedBytes = 0;
    const sent = result === EAGAIN ? 0 : result;
    if (sent < 0) return this.close(systemError('send', sent));
    this.context.counters.bytesOut += sent;
    if (start + sent < end)
      this.ensureQueue().pushBytes(Buffer.from(bytes.subarray(start + sent, end)), 0, end - start - sent);
    else if (this.writeQueue === null) this.onSent();
  }

  onBatchEnd(): void {
    this.flush();
  }

  private sendQueued(): void {
    for (let { writeQueue } = this; writeQueue !== null; writeQueue = this.writeQueue) {
      const { kernel, limits, writeQueues, counters } = this.context;
      const before = writeQueue.queuedBytes;
      const result = writeQueue.flush(kernel, this.fd, limits.sendBytesPerTurn);
      counters.bytesOut += before - writeQueue.queuedBytes;
      if (result < 0) return this.close(systemError('send', result));
      if (result !== SENT) {
        if (result === BUDGET_SPENT) this.moreReadiness |= WRITABLE;
        return;
      }
      this.writeQueue = null;
      writeQueues.putBack(writeQueue);
      this.onSent();
    }
    if (this.outputEnded) this.shutDown();
  }

  private onSent(): void {
    this.user.onDrain();
    if (this.outputEnded) this.shutDown();
  }

  private shutDown(): void {
    if (this.isShutDown || this.isClosed || this.unsentBytes > 0) return;
    this.isShutDown = true;
    this.context.kernel.shutdown(this.fd, SHUT_WR); // if it fails the connection has ended, which recv reports
  }

  private ensureQueue(): WriteQueue {
    if (this.writeQueue !== null) return this.writeQueue;
    const { writeQueues, readBatch } = this.context;
    this.writeQueue = writeQueues.take();
    if (this.batchedBytes > 0) {
      this.writeQueue.pushBytes(readBatch.writeBatch.remove(this), 0, this.batchedBytes);
      this.batchedBytes = 0;
    }
    return this.writeQueue;
  }
}
