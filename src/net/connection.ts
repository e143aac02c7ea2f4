import { ENDED, READABLE, WRITABLE } from '../reactor/interest.js';
import type { Handler } from '../reactor/registry.js';
import { assert } from '../sys/assert.js';
import { constants } from '../sys/binding.js';
import { EAGAIN } from '../sys/errno.js';
import { Closing } from './closing.js';
import type { ConnectionContext } from './context.js';
import type { Protocol } from './protocol.js';
import type { BatchReadable } from './read-batch.js';
import { Registration } from './registration.js';
import { UnreadBuffer } from './unread-buffer.js';
import { WriteSide } from './write-side.js';

const { SHUT_WR, SOL_SOCKET, SO_ERROR } = constants;

/**
 * One peer: its socket, what is not sent yet, what is not understood yet, and their deadlines. Correct under level,
 * edge and oneshot by one rule: read once; a read that did not fill the buffer has drained the socket, epoll(7) question
 * 9; whoever has more to do asks to be visited again.
 */
export class Connection extends WriteSide implements Handler, BatchReadable {
  protocol!: Protocol;
  private readonly registration: Registration;
  private closing: Closing = Closing.none;
  /** The peer has shut down its side; what it asked before is still answered. */
  private inputEnded = false;
  /** The protocol has more in `pending` than its budget allowed. */
  private inputDeferred = false;
  /** Readiness that nobody wants for now; 0 while whatever comes is read. */
  private pausedReadiness = 0;
  /** Readiness that this turn did not use up, and that the kernel may not repeat. */
  private moreReadiness = 0;
  /** The receiver is about to read for us. */
  private queuedForRead = false;
  private unread: UnreadBuffer | null = null;
  private lingeredBytes = 0;

  /** @param fd a connected, non-blocking stream socket; the connection owns it from here on */
  constructor(context: ConnectionContext, fd: number) {
    super(context, fd);
    this.registration = new Registration(context.reactor, fd, this, context.trigger);
  }

  /** Reads once before it joins the epoll set: what is answered and closed at once never joins. */
  start(protocol: Protocol): void {
    this.protocol = protocol;
    this.receive(0);
    this.onSettle();
  }

  get isClosed(): boolean {
    return this.closing === Closing.closed;
  }

  /** Nothing more is read from the peer. */
  get isClosing(): boolean {
    return this.closing !== Closing.none;
  }

  /** Nothing is under way: no bytes half understood, none unsent. */
  get isIdle(): boolean {
    return !this.hasUnsent && this.unread === null && this.closing === Closing.none;
  }

  /** The peer has sent more than was read, as far as is known. */
  get hasUnread(): boolean {
    return this.unread !== null || (this.pausedReadiness !== 0 && !this.inputEnded);
  }

  /** The protocol leaves bytes that it could use until the next turn, or until the peer has taken what is queued. */
  deferInput(): void {
    this.inputDeferred = true;
  }

  /** The protocol wants bytes again, or has queued some outside a turn: goes on, and sends. */
  resume(): void {
    if (this.isClosed) return;
    if (this.closing === Closing.none && this.protocol.wantsInput) {
      this.inputDeferred ||= this.unread !== null;
      if (this.inputEnded && !this.inputDeferred) this.onInputEnd();
      else {
        this.moreReadiness |= this.pausedReadiness;
        this.pausedReadiness = 0;
      }
    }
    this.onSettle();
  }

  /**
   * Closes when everything queued is sent. Lingering shuts down writing and reads on for a while: closing a socket with
   * unread bytes sends a reset, and that can reach the peer before it has read the answer, RFC 9112 section 9.6.
   */
  closeWhenSent(linger: boolean): void {
    if (this.closing === Closing.none) this.closing = linger ? Closing.lingerWhenSent : Closing.whenSent;
    this.inputDeferred = false;
  }

  /** One more look for bytes that have come already, then an end if there were none. For a server that stops. */
  closeWhenIdle(): void {
    if (!this.isIdle) return;
    this.receive(0);
    if (this.isIdle) this.close();
    else this.onSettle();
  }

  /** Closes now; what is queued is lost. Twice is fine. */
  close(): void {
    if (this.isClosed) return;
    this.closing = Closing.closed;
    this.registration.abandon();
    if (this.queuedForRead) this.context.readBatch.remove(this);
    this.discardUnsent();
    this.context.kernel.close(this.fd);
    this.protocol.onClose();
  }

  onReady(readiness: number): void {
    if (readiness & WRITABLE) this.flush();
    if (!(readiness & READABLE) || this.writeQueue !== null || this.isClosed) return this.updateInterest();
    if (this.closing === Closing.none && (this.inputEnded ? this.pausedReadiness !== 0 : !this.protocol.wantsInput))
      return this.pauseInput(readiness);
    if (this.isIdle && !this.inputEnded) {
      this.queuedForRead = true;
      return this.context.readBatch.add(this, readiness);
    }
    this.receive(readiness);
    this.onSettle();
  }

  /**
   * Level would tell of the same bytes again and again, and who is not told at all does not hear that the peer has left.
   * So it goes on by edge, for good: whoever was muted once may be muted often.
   */
  private pauseInput(readiness: number): void {
    this.pausedReadiness |= readiness & (READABLE | ENDED);
    const wasReset = readiness & ENDED && this.context.kernel.getsockopt(this.fd, SOL_SOCKET, SO_ERROR) !== 0;
    if (wasReset || !this.registration.switchToEdge()) return this.close();
    if (readiness & ENDED) this.protocol.onEnd(!this.inputEnded);
    this.onSettle();
  }

  onSettle(): void {
    this.flush();
    this.updateInterest();
  }

  onDeadline(): void {
    this.registration.onExpired();
    if (this.dueMs() <= this.context.reactor.nowMs) {
      if (this.closing === Closing.lingering || this.writeQueue !== null) return this.close();
      this.protocol.onTimeout();
    }
    this.onSettle();
  }

  private receive(readiness: number): void {
    if (this.closing === Closing.lingering) return this.discard();
    if (this.inputDeferred) {
      this.inputDeferred = false;
      this.deliver(this.context.input, 0, this.unread!.copyTo(this.context.input));
      if (this.inputDeferred || this.writeQueue !== null || this.isClosed || !this.protocol.wantsInput) {
        this.moreReadiness |= READABLE; // what the readiness was about is still in the socket
        return;
      }
    }
    if (this.inputEnded) return this.onInputEnd();
    const { kernel, input } = this.context;
    const kept = this.unread === null ? 0 : this.unread.copyTo(input);
    const room = input.length - 1 - kept;
    this.onReceived(input, 0, kept, kernel.recv(this.fd, input, kept, room, 0), room, readiness);
  }

  onRead(bytes: Buffer, start: number, got: number, room: number, readiness: number): void {
    this.queuedForRead = false;
    this.onReceived(bytes, start, 0, got, room, readiness);
  }

  /** What recv has come to, behind `kept` bytes from before. */
  private onReceived(bytes: Buffer, start: number, kept: number, got: number, room: number, readiness: number): void {
    if (got === EAGAIN) return;
    if (got < 0) return this.close();
    if (got === 0) {
      this.inputEnded = true;
      return this.onInputEnd();
    }
    this.context.counters.bytesIn += got;
    this.sinceMs = this.context.reactor.nowMs;
    if (got === room) this.moreReadiness |= READABLE;
    this.deliver(bytes, start, start + kept + got);
    // The end came with the data and will not be told again: one read more finds it.
    if (readiness & ENDED && got < room && this.writeQueue === null && !this.isClosed) this.receive(0);
    else if (readiness & ENDED) this.moreReadiness |= READABLE;
  }

  /** Gives bytes to the protocol and keeps what it leaves. */
  private deliver(bytes: Buffer, start: number, end: number): void {
    const used = this.protocol.onData(bytes, start, end);
    if (this.isClosed) return;
    const left = this.closing === Closing.none ? end - used : 0;
    if (left === 0) {
      this.unread = null;
      this.inputDeferred = false; // there is nothing to hold
      return;
    }
    assert(left < this.context.input.length - 1, 'a protocol left a full buffer unused');
    this.unread ??= new UnreadBuffer();
    this.unread.store(bytes, end - left, end);
  }

  protected onDrain(): void {
    this.protocol.onDrain();
  }

  private flush(): void {
    if (this.writeQueue !== null) {
      const result = this.sendQueued();
      if (result < 0) return this.close();
      this.moreReadiness |= result;
    }
    if (this.hasUnsent) return;
    if (this.closing === Closing.whenSent) this.close();
    else if (this.closing === Closing.lingerWhenSent) this.linger();
  }

  /** Everything the peer asked is answered or on its way; half a request is never to be completed. */
  private onInputEnd(): void {
    if (this.protocol.onEnd(false)) this.pausedReadiness |= READABLE;
    else if (this.hasUnsent) this.closeWhenSent(false);
    else this.close();
  }

  private linger(): void {
    if (this.inputEnded || this.context.kernel.shutdown(this.fd, SHUT_WR) < 0) return this.close();
    this.closing = Closing.lingering;
    this.pausedReadiness = 0;
    this.sinceMs = this.context.reactor.nowMs;
    this.discard();
  }

  private discard(): void {
    const { kernel, input, limits } = this.context;
    const got = kernel.recv(this.fd, input, 0, input.length, 0);
    if (got === EAGAIN) return;
    if (got > 0) this.lingeredBytes += got;
    if (got <= 0 || this.lingeredBytes > limits.lingerBytes) return this.close();
    this.moreReadiness |= READABLE;
  }

  /** The one place that turns what is to be done into an interest and a deadline. */
  private updateInterest(): void {
    if (this.isClosed) return;
    if (this.inputDeferred) this.moreReadiness |= READABLE;
    const { moreReadiness } = this;
    this.moreReadiness = 0;
    this.registration.update(this.writeQueue !== null ? WRITABLE : READABLE, moreReadiness, this.dueMs());
  }

  private dueMs(): number {
    const { limits } = this.context;
    if (this.closing === Closing.lingering) return this.sinceMs + limits.lingerTimeoutMs;
    return this.writeQueue !== null ? this.sinceMs + limits.writeTimeoutMs : this.protocol.deadlineMs(this.sinceMs);
  }
}
