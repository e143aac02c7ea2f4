import { NEVER } from '../reactor/deadlines.js';
import { ENDED, type Interest, NOTHING, READABLE, WRITABLE } from '../reactor/interest.js';
import type { Handler, Token } from '../reactor/registry.js';
import { assert } from '../sys/assert.js';
import { constants } from '../sys/binding.js';
import { EAGAIN } from '../sys/errno.js';
import type { SocketAddress } from '../sys/kernel.js';
import type { ConnectionContext } from './context.js';
import { type Outbox, SENT, SPENT } from './outbox.js';
import type { Protocol } from './protocol.js';
import type { Receiving } from './receiver.js';

const { SHUT_WR } = constants;
const NOT_JOINED = -1;

/** How a connection goes towards its end. */
const Closing = { no: 0, whenSent: 1, lingerWhenSent: 2, lingering: 3, closed: 4 } as const;
type Closing = (typeof Closing)[keyof typeof Closing];

/**
 * One peer: its socket, what is not sent yet, what is not understood yet, and their deadlines. Correct under level,
 * edge and oneshot by one rule: read once; a read that did not fill the buffer has drained the socket, epoll(7) question
 * 9; whoever has more to do asks to be visited again.
 */
export class Connection implements Handler, Receiving {
  protocol!: Protocol;
  private token: Token = NOT_JOINED;
  private interest: Interest = NOTHING;
  private closing: Closing = Closing.no;
  /** The peer has shut down its side; what it asked before is still answered. */
  private inputEnded = false;
  /** The protocol has more in `pending` than its budget allowed. */
  private heldBack = false;
  /** Readiness that this turn did not use up, and that the kernel may not repeat. */
  private again = 0;
  /** The receiver is about to read for us. */
  private awaited = false;
  private outbox: Outbox | null = null;
  /** Bytes that were received and not used up: half a request, or requests held back. */
  private pending: Buffer | null = null;
  private pendingBytes = 0;
  /** When bytes last came or were taken; while lingering, when that began. */
  private sinceMs: number;
  /** The reactor's deadline, which may be earlier than what is due: a request moves the one and not the other. */
  private armedMs = NEVER;
  private lingeredBytes = 0;

  /** @param fd a connected, non-blocking stream socket; the connection owns it from here on */
  constructor(
    readonly context: ConnectionContext,
    readonly fd: number,
  ) {
    this.sinceMs = context.reactor.nowMs;
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
    return this.closing !== Closing.no;
  }

  /** Nothing is under way: no bytes half understood, none unsent. */
  get isIdle(): boolean {
    return this.outbox === null && this.pendingBytes === 0 && this.closing === Closing.no;
  }

  get queuedBytes(): number {
    return this.outbox === null ? 0 : this.outbox.queuedBytes;
  }

  /** getpeername(2), asked when wanted; null when the peer is gone already. */
  get peer(): SocketAddress | null {
    const address = this.context.kernel.getpeername(this.fd);
    return typeof address === 'number' ? null : address;
  }

  /** Queues bytes, which must not change from `settledFrom` on, nor before it until the turn is over. */
  sendBytes(bytes: Uint8Array, offset: number, end: number, settledFrom = 0): void {
    this.outbox ??= this.context.outboxes.take();
    this.outbox.pushBytes(bytes, offset, end, settledFrom);
  }

  /** Queues a range of a file, and takes its descriptor over. */
  sendFile(fd: number, offset: number, end: number): void {
    this.outbox ??= this.context.outboxes.take();
    this.outbox.pushFile(fd, offset, end);
  }

  /** The protocol leaves bytes that it could use until the next turn, or until the peer has taken what is queued. */
  holdBack(): void {
    this.heldBack = true;
  }

  /**
   * Closes when everything queued is sent. Lingering shuts down writing and reads on for a while: closing a socket with
   * unread bytes sends a reset, and that can reach the peer before it has read the answer, RFC 9112 section 9.6.
   */
  closeWhenSent(linger: boolean): void {
    if (this.closing === Closing.no) this.closing = linger ? Closing.lingerWhenSent : Closing.whenSent;
    this.heldBack = false;
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
    const { reactor, kernel, outboxes, receiver } = this.context;
    if (this.token !== NOT_JOINED) reactor.forget(this.token);
    if (this.awaited) receiver.remove(this);
    if (this.outbox !== null) {
      this.outbox.close(kernel);
      outboxes.give(this.outbox);
      this.outbox = null;
    }
    this.pending = null;
    kernel.close(this.fd);
    this.protocol.closed();
  }

  onReady(readiness: number): void {
    if (readiness & WRITABLE) this.flush();
    if (!(readiness & READABLE) || this.outbox !== null || this.isClosed) return this.settle();
    if (this.isIdle && !this.inputEnded) {
      this.awaited = true;
      return this.context.receiver.add(this, readiness);
    }
    this.receive(readiness);
    this.onSettle();
  }

  onSettle(): void {
    this.flush();
    this.settle();
  }

  onDeadline(): void {
    this.armedMs = NEVER;
    if (this.dueMs() <= this.context.reactor.nowMs) {
      if (this.closing === Closing.lingering || this.outbox !== null) return this.close();
      this.protocol.expire();
    }
    this.onSettle();
  }

  private receive(readiness: number): void {
    if (this.closing === Closing.lingering) return this.discard();
    if (this.heldBack) {
      this.heldBack = false;
      this.pending!.copy(this.context.input, 0, 0, this.pendingBytes);
      this.deliver(this.context.input, 0, this.pendingBytes);
      if (this.heldBack || this.outbox !== null || this.isClosed) {
        this.again |= READABLE; // what the readiness was about is still in the socket
        return;
      }
    }
    if (this.inputEnded) return this.endInput();
    const { kernel, input } = this.context;
    const kept = this.pendingBytes;
    if (kept > 0) this.pending!.copy(input, 0, 0, kept);
    const room = input.length - 1 - kept;
    this.take(input, 0, kept, kernel.recv(this.fd, input, kept, room, 0), room, readiness);
  }

  received(bytes: Buffer, start: number, got: number, room: number, readiness: number): void {
    this.awaited = false;
    this.take(bytes, start, 0, got, room, readiness);
  }

  /** What recv has come to, behind `kept` bytes from before. */
  private take(bytes: Buffer, start: number, kept: number, got: number, room: number, readiness: number): void {
    if (got === EAGAIN) return;
    if (got < 0) return this.close();
    if (got === 0) {
      this.inputEnded = true;
      return this.endInput();
    }
    this.context.counters.bytesIn += got;
    this.sinceMs = this.context.reactor.nowMs;
    if (got === room) this.again |= READABLE;
    this.deliver(bytes, start, start + kept + got);
    // The end came with the data and will not be told again: one read more finds it.
    if (readiness & ENDED && got < room && this.outbox === null && !this.isClosed) this.receive(0);
    else if (readiness & ENDED) this.again |= READABLE;
  }

  /** Gives bytes to the protocol and keeps what it leaves. */
  private deliver(bytes: Buffer, start: number, end: number): void {
    const used = this.protocol.receive(bytes, start, end);
    if (this.isClosed) return;
    const left = this.closing === Closing.no ? end - used : 0;
    if (left === 0) {
      this.pending = null;
      this.heldBack = false; // there is nothing to hold
    } else {
      assert(left < this.context.input.length - 1, 'a protocol left a full buffer unused');
      if (this.pending === null || this.pending.length < left) this.pending = Buffer.allocUnsafeSlow(roundUp(left));
      bytes.copy(this.pending, 0, used, end);
    }
    this.pendingBytes = left;
  }

  private flush(): void {
    const { outbox } = this;
    if (outbox !== null) {
      const { kernel, limits, outboxes, counters, reactor } = this.context;
      const before = outbox.queuedBytes;
      const result = outbox.flush(kernel, this.fd, limits.sendBytesPerTurn);
      counters.bytesOut += before - outbox.queuedBytes;
      if (result < 0) return this.close();
      if (outbox.queuedBytes < before) this.sinceMs = reactor.nowMs;
      if (result !== SENT) {
        if (result === SPENT) this.again |= WRITABLE;
        return;
      }
      this.outbox = null;
      outboxes.give(outbox);
    }
    if (this.closing === Closing.whenSent) this.close();
    else if (this.closing === Closing.lingerWhenSent) this.linger();
  }

  /** Everything the peer asked is answered or on its way; half a request is never to be completed. */
  private endInput(): void {
    if (this.outbox === null) this.close();
    else this.closeWhenSent(false);
  }

  private linger(): void {
    const { kernel, reactor } = this.context;
    if (this.inputEnded || kernel.shutdown(this.fd, SHUT_WR) < 0) return this.close();
    this.closing = Closing.lingering;
    this.sinceMs = reactor.nowMs;
    this.discard();
  }

  private discard(): void {
    const { kernel, input, limits } = this.context;
    const got = kernel.recv(this.fd, input, 0, input.length, 0);
    if (got === EAGAIN) return;
    if (got > 0) this.lingeredBytes += got;
    if (got <= 0 || this.lingeredBytes > limits.lingerBytes) return this.close();
    this.again |= READABLE;
  }

  /** The one place that turns what is to be done into an interest and a deadline. */
  private settle(): void {
    if (this.isClosed) return;
    const { reactor, trigger } = this.context;
    const interest = this.outbox !== null ? WRITABLE : READABLE;
    if (this.token === NOT_JOINED) this.token = reactor.register(this.fd, this, interest, { trigger });
    else if (interest !== this.interest) reactor.modify(this.token, interest);
    this.interest = interest;
    if (this.heldBack) this.again |= READABLE;
    if (this.again !== 0) {
      reactor.revisit(this.token, this.again);
      this.again = 0;
    }
    const dueMs = this.dueMs();
    if (dueMs < this.armedMs) {
      this.armedMs = dueMs;
      reactor.setDeadline(this.token, dueMs);
    }
  }

  private dueMs(): number {
    const { limits } = this.context;
    if (this.closing === Closing.lingering) return this.sinceMs + limits.lingerTimeoutMs;
    return this.outbox !== null ? this.sinceMs + limits.writeTimeoutMs : this.protocol.dueMs(this.sinceMs);
  }
}

/** Half a head grows a little at a time: a few sizes spare a new buffer for every piece. */
const roundUp = (bytes: number): number => Math.max(256, 2 ** Math.ceil(Math.log2(bytes)));
