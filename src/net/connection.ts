import { NEVER } from '../reactor/deadlines.js';
import { BOTH, ENDED, READABLE, WRITABLE } from '../reactor/interest.js';
import { assert } from '../sys/assert.js';
import { debug, tracing } from '../sys/debug.js';
import { EAGAIN, systemError } from '../sys/errno.js';
import type { SharedFd } from '../sys/shared-fd.js';
import { State } from './connection-state.js';
import type { ConnectionContext } from './context.js';
import { Lingering } from './lingering.js';
import type { Protocol } from './protocol.js';
import type { BatchReadable } from './read-batch.js';
import { Registration } from './registration.js';
import { pendingError, resetOnClose } from './socket-options.js';
import { UnreadBuffer } from './unread-buffer.js';
import { BUDGET_SPENT, SENT, type WriteQueue } from './write-queue.js';

/**
 * One peer: its socket, the bytes not yet sent, the bytes not yet parsed, and their deadlines.
 *
 * States:
 * 1. open: bytes are read and given to the protocol, which queues what is to be sent.
 * 2. closing (or lingering) when sent: nothing more is given to the protocol; what is queued is still sent.
 * 3. lingering: writing is shut down; input is discarded until the peer closes, or a limit is reached (Lingering).
 * 4. closed: the descriptor is closed, and the protocol is notified.
 *
 * Rules:
 * - One code path is correct under level, edge and oneshot: read once; a read that did not fill the buffer has drained
 *   the socket, epoll(7), question 9; work that remains is a revisit.
 * - `updateInterest` is the one place that turns state into an interest and a deadline.
 * - A short response goes out with those of other connections, in one native call for the batch. What is longer, or
 *   what the socket does not accept, waits in a write queue, which the connection has only as long as it is not empty.
 * - The first read comes before it joins the epoll set: a connection served and closed at once never does.
 */
export class Connection extends Registration implements BatchReadable {
  protocol!: Protocol;
  private unread: UnreadBuffer | null = null;
  private lingering: Lingering | null = null;
  private writeQueue: WriteQueue | null = null;
  private batchedBytes = 0;

  /** @param fd a connected, non-blocking stream socket; owned by the connection from here on */
  constructor(context: ConnectionContext, fd: number) {
    super(context, fd);
    this.sinceMs = context.reactor.nowMs;
  }

  /** Reads for the first time, and joins the epoll set if the connection is still open after that. */
  start(protocol: Protocol): void {
    this.protocol = protocol;
    this.receive(0);
    this.flushAndUpdate();
  }

  get isClosed(): boolean {
    return this.state === State.closed;
  }

  /** Whether nothing more is given to the protocol. */
  get isClosing(): boolean {
    return this.state !== State.open;
  }

  /** Whether the connection is open with nothing partly received and nothing unsent. */
  get isIdle(): boolean {
    return !this.hasUnsent && this.unread === null && this.state === State.open;
  }

  /** Whether input is known to be left unconsumed. */
  get hasUnread(): boolean {
    return this.unread !== null || (this.pausedReadiness !== 0 && !this.inputEnded);
  }

  get queuedBytes(): number {
    return this.batchedBytes + (this.writeQueue === null ? 0 : this.writeQueue.queuedBytes);
  }

  /** Whether the peer has shut down its side, even if what it sent before is not all read. */
  get hasPeerEnded(): boolean {
    return this.inputEnded || (this.pausedReadiness & ENDED) !== 0;
  }

  /** Whether something waits for space in the socket, or for the end of the turn. */
  get isQueueing(): boolean {
    return this.writeQueue !== null;
  }

  private get hasUnsent(): boolean {
    return this.writeQueue !== null || this.batchedBytes > 0;
  }

  /** Queues bytes, which must not change from `immutableFrom` on, nor before it until the turn is over. */
  sendBytes(bytes: Uint8Array, offset: number, end: number, immutableFrom = 0): void {
    if (!this.append(bytes, offset, end)) this.ensureQueue().pushBytes(bytes, offset, end, immutableFrom);
  }

  /** Copies short bytes into the batch of the turn. Returns false if they must be queued. */
  append(bytes: Uint8Array, offset: number, end: number): boolean {
    if (this.writeQueue !== null || !this.context.readBatch.writeBatch.append(this, bytes, offset, end)) return false;
    this.batchedBytes += end - offset;
    return true;
  }

  /** Like `sendBytes`, for bytes that more will follow immediately: both go out in one send. */
  sendAhead(bytes: Uint8Array, offset: number, end: number, immutableFrom = 0): void {
    this.ensureQueue().pushBytes(bytes, offset, end, immutableFrom);
  }

  /** Queues the range [offset, end) of a file, and retains its descriptor until that is sent. */
  sendFile(file: SharedFd, offset: number, end: number): void {
    this.ensureQueue().pushFile(file, offset, end);
  }

  /** Called by a protocol that leaves bytes it could use: they are given again in the next turn, or after a drain. */
  deferInput(): void {
    this.inputDeferred = true;
  }

  /** Called when the protocol can use input again, or has queued bytes outside a turn. */
  resume(): void {
    if (this.isClosed) return;
    if (this.state === State.open && this.protocol.wantsInput) {
      this.inputDeferred ||= this.unread !== null;
      if (this.inputEnded && !this.inputDeferred) this.onInputEnd();
      else {
        this.moreReadiness |= this.pausedReadiness;
        this.pausedReadiness = 0;
      }
    }
    this.flushAndUpdate();
  }

  /** Closes when everything queued is sent; with `linger`, shuts down writing and reads on for a while (Lingering). */
  closeWhenSent(linger: boolean): void {
    if (this.state === State.open) this.state = linger ? State.lingeringWhenSent : State.closingWhenSent;
    this.inputDeferred = this.isDuplex = false;
  }

  /** For a server that stops: closes an idle connection, unless one more read finds a request. */
  closeWhenIdle(): void {
    if (!this.isIdle) return;
    this.receive(0);
    if (this.isIdle) this.close('idle when the server stopped');
    else this.flushAndUpdate();
  }

  /** Closes now; what is queued is lost. Idempotent. The reason is for the trace. */
  close(reason = 'closed by the server'): void {
    if (this.isClosed) return;
    if (tracing) debug('close fd %d: %s', this.fd, reason);
    this.state = State.closed;
    this.abandon('forget');
    const { kernel } = this.context;
    if (this.resetsWhenCut && (this.hasUnsent || this.protocol.isSending)) resetOnClose(kernel, this.fd);
    if (this.queuedForRead) this.context.readBatch.remove(this);
    this.discardUnsent();
    kernel.close(this.fd);
    this.protocol.onClose();
  }

  /** Ends without closing the descriptor, which is the caller's from here on. The protocol is not notified. */
  release(): void {
    assert(this.state === State.open && !this.hasUnsent && !this.queuedForRead, 'released in use');
    this.state = State.closed;
    this.abandon('unregister');
  }

  onReady(readiness: number): void {
    if (readiness & WRITABLE) this.flush();
    const isSending = this.writeQueue !== null && !this.isDuplex;
    if (!(readiness & READABLE) || isSending || this.isClosed) return this.updateInterest();
    if (this.state === State.open && (this.inputEnded ? this.pausedReadiness !== 0 : !this.protocol.wantsInput))
      return this.pauseInput(readiness);
    if (this.isIdle && !this.inputEnded) {
      this.queuedForRead = true;
      return this.context.readBatch.add(this, readiness);
    }
    this.receive(readiness);
    this.flushAndUpdate();
  }

  onRead(bytes: Buffer, start: number, result: number, capacity: number, readiness: number): void {
    this.queuedForRead = false;
    this.onReceived(bytes, start, 0, result, capacity, readiness);
  }

  onWritten(bytes: Buffer, start: number, end: number, result: number): void {
    const sent = result === EAGAIN ? 0 : result;
    this.batchedBytes = 0;
    if (sent < 0) return this.closeOnError('send', sent);
    this.context.counters.bytesOut += sent;
    this.protocol.onSent(sent);
    if (start + sent === end) this.protocol.onDrain();
    else this.ensureQueue().pushBytes(Buffer.from(bytes.subarray(start + sent, end)), 0, end - start - sent);
  }

  onBatchEnd(): void {
    this.flushAndUpdate();
    if (this.isIdle && this.protocol.isTaskless) this.context.reactor.noteTaskless();
  }

  onDeadline(): void {
    this.noteArmed(NEVER);
    const { counters, reactor } = this.context;
    this.writeQueue?.checkRate(this.context, this.fd);
    if (this.deadlineMs() > reactor.nowMs) return this.flushAndUpdate();
    if (this.lingering !== null) return this.close('linger timeout');
    if (this.writeQueue !== null) counters.writeTimeouts++;
    else if (this.halfCloseDeadlineMs <= reactor.nowMs) counters.halfCloseTimeouts++;
    else {
      this.protocol.onTimeout();
      return this.flushAndUpdate();
    }
    this.close('no progress of a response');
  }

  /**
   * Backpressure. Level-triggered, the kernel would report the same bytes again and again; with no interest at all it
   * would not report that the peer has closed. So the connection becomes edge-triggered for good: one that was paused
   * once may be paused often.
   */
  private pauseInput(readiness: number): void {
    if (readiness & ENDED && !this.hasPeerEnded) this.sinceMs = this.context.reactor.nowMs;
    this.pausedReadiness |= readiness & (READABLE | ENDED);
    if (readiness & ENDED && this.closeIfReset()) return;
    if (!this.switchToEdge()) return this.close('epoll_ctl failed');
    if (readiness & ENDED) this.protocol.onEnd(!this.inputEnded);
    this.flushAndUpdate();
  }

  private receive(readiness: number): void {
    if (this.lingering !== null) return this.discardInput(this.lingering);
    if (this.inputDeferred) {
      this.inputDeferred = false;
      this.deliver(this.context.input, 0, this.unread!.copyTo(this.context.input));
      if (this.inputDeferred || this.writeQueue !== null || this.isClosed || !this.protocol.wantsInput) {
        this.moreReadiness |= READABLE; // the socket itself has not been read
        return;
      }
    }
    if (this.inputEnded) return this.onInputEnd();
    const { kernel, input } = this.context;
    const unreadBytes = this.unread === null ? 0 : this.unread.copyTo(input);
    const capacity = input.length - 1 - unreadBytes;
    const result = kernel.recv(this.fd, input, unreadBytes, capacity, 0);
    this.onReceived(input, 0, unreadBytes, result, capacity, readiness);
  }

  /** Handles the result of a recv(2) whose bytes follow `unreadBytes` bytes of earlier reads. */
  private onReceived(
    bytes: Buffer,
    start: number,
    unreadBytes: number,
    result: number,
    capacity: number,
    readiness: number,
  ): void {
    if (result === EAGAIN) return;
    if (result < 0) return this.closeOnError('recv', result);
    if (result === 0) {
      if (!this.hasPeerEnded) this.sinceMs = this.context.reactor.nowMs;
      this.inputEnded = true;
      return this.onInputEnd();
    }
    this.context.counters.bytesIn += result;
    this.sinceMs = this.context.reactor.nowMs;
    if (result === capacity) this.moreReadiness |= READABLE;
    this.deliver(bytes, start, start + unreadBytes + result);
    // The end was reported with the data, and will not be reported again: one more read finds it.
    if (readiness & ENDED && result < capacity && this.writeQueue === null && !this.isClosed) this.receive(0);
    else if (readiness & ENDED) this.moreReadiness |= READABLE;
  }

  private deliver(bytes: Buffer, start: number, end: number): void {
    const used = this.protocol.onData(bytes, start, end);
    if (this.isClosed) return;
    const left = this.state === State.open ? end - used : 0;
    if (left === 0) {
      this.unread = null;
      this.inputDeferred = false;
      return;
    }
    assert(left < this.context.input.length - 1, 'the protocol used none of a full buffer');
    this.unread ??= new UnreadBuffer();
    this.unread.store(bytes, end - left, end);
  }

  /**
   * At the end of input: closes once everything is sent, unless the protocol still has a response to come. After RST
   * behind FIN, recv(2) returns the end of file as well, and edge-triggered the error is not reported again.
   */
  private onInputEnd(): void {
    if (this.protocol.onEnd(false)) {
      if (!this.closeIfReset()) this.pausedReadiness |= READABLE;
    } else if (this.hasUnsent) this.closeWhenSent(false);
    else this.close('end of input');
  }

  private closeIfReset(): boolean {
    const error = pendingError(this.context.kernel, this.fd);
    if (error !== 0) this.closeOnError('recv', error);
    return error !== 0;
  }

  private flushAndUpdate(): void {
    this.flush();
    this.updateInterest();
  }

  private flush(): void {
    if (this.writeQueue !== null) {
      const result = this.sendQueued();
      if (result < 0) return this.closeOnError('send', result);
      this.moreReadiness |= result;
    }
    if (this.hasUnsent) return;
    if (this.state === State.closingWhenSent) this.close('everything is sent');
    else if (this.state === State.lingeringWhenSent) this.linger();
  }

  /** Returns WRITABLE if the budget ended it, 0 if the socket or the queue did, or -errno. */
  private sendQueued(): number {
    for (let { writeQueue } = this; writeQueue !== null; writeQueue = this.writeQueue) {
      const { kernel, limits, writeQueues, counters, reactor } = this.context;
      const before = writeQueue.queuedBytes;
      const result = writeQueue.flush(kernel, this.fd, limits.sendBytesPerTurn);
      const sent = before - writeQueue.queuedBytes;
      counters.bytesOut += sent;
      this.protocol.onSent(sent);
      if (result < 0) return result;
      if (sent > 0) this.sinceMs = reactor.nowMs;
      if (result !== SENT) return result === BUDGET_SPENT ? WRITABLE : 0;
      this.writeQueue = null;
      writeQueues.putBack(writeQueue);
      this.protocol.onDrain();
    }
    return 0;
  }

  private ensureQueue(): WriteQueue {
    if (this.writeQueue !== null) return this.writeQueue;
    this.writeQueue = this.context.writeQueues.take().beginRate(this.context, this.fd);
    this.sinceMs = this.context.reactor.nowMs;
    if (this.batchedBytes > 0) {
      this.writeQueue.pushBytes(this.context.readBatch.writeBatch.remove(this), 0, this.batchedBytes);
      this.batchedBytes = 0;
    }
    return this.writeQueue;
  }

  private discardUnsent(): void {
    const { kernel, writeQueues, readBatch } = this.context;
    if (this.batchedBytes > 0) readBatch.writeBatch.remove(this);
    this.batchedBytes = 0;
    if (this.writeQueue === null) return;
    this.writeQueue.close(kernel);
    writeQueues.putBack(this.writeQueue);
    this.writeQueue = null;
  }

  private linger(): void {
    if (this.inputEnded) return this.close('everything is sent');
    this.lingering = new Lingering(this.context, this.fd);
    this.state = State.lingering;
    this.pausedReadiness = 0;
    this.discardInput(this.lingering);
  }

  private discardInput(lingering: Lingering): void {
    const result = lingering.discard();
    if (result > 0) this.moreReadiness |= READABLE;
    else if (result !== EAGAIN) this.close('end of lingering');
  }

  private closeOnError(syscall: string, result: number): void {
    this.close(tracing ? systemError(syscall, result).message : syscall);
  }

  private updateInterest(): void {
    if (this.isPlain && this.writeQueue === null)
      return this.update(READABLE, 0, this.protocol.deadlineMs(this.sinceMs));
    if (this.isClosed) return;
    if (this.inputDeferred) this.moreReadiness |= READABLE;
    const { moreReadiness } = this;
    this.moreReadiness = 0;
    const interest = this.writeQueue === null ? READABLE : this.isDuplex ? BOTH : WRITABLE;
    this.update(interest, moreReadiness, this.deadlineMs());
  }

  private deadlineMs(): number {
    if (this.lingering !== null) return this.lingering.deadlineMs;
    const { limits } = this.context;
    if (this.writeQueue !== null) return Math.min(this.sinceMs + limits.writeTimeoutMs, this.writeQueue.rateDueMs);
    return Math.min(this.protocol.deadlineMs(this.sinceMs), this.halfCloseDeadlineMs);
  }

  /** A peer that has shut down its side may have gone; as long as nothing is sent to it, nothing shows that. */
  private get halfCloseDeadlineMs(): number {
    return this.hasPeerEnded ? this.sinceMs + this.context.limits.halfCloseTimeoutMs : Number.POSITIVE_INFINITY;
  }
}
