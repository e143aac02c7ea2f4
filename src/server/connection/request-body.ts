import type { BodyQueue } from '../../fetch/body-queue.js';
import type { Limits } from '../../http/limits.js';
import { ChunkedDecoder, DATA, END } from '../../http/request/chunked.js';
import { NEED_MORE, type RequestParser } from '../../http/request/parser.js';
import type { ErrorStatus } from '../../http/status.js';
import type { PendingResponse } from './pending-response.js';

/**
 * Up to here the rest of a body that is not wanted is read so that the connection can be kept; a new one costs less than
 * a longer rest.
 */
const KEPT_BYTES = 262_144;

/**
 * Reads a request's body into the queue of its handler, or discards it: always to its end, so that an error in its
 * framing is an error response and its bytes are not taken for the next request. A body without a handler is read before
 * the response is made, from a copy of the head.
 */
export class RequestBody {
  /** How far `read` has used up the bytes. */
  position = 0;
  receivedBytes = 0;
  /** The client sends nothing before a 100 (Continue), RFC 9110 section 10.1.1. */
  awaitsContinue = false;
  /** The handler has begun to read it. */
  isWanted = false;
  private readonly sink: BodyQueue | null;
  private readonly head: Uint8Array | null;
  private readonly decoder: ChunkedDecoder | null;
  private remaining: number;
  private discardedBytes = 0;
  /** The start of the client's time; moved forward by every pause. */
  private startMs: number;
  /** Since when the client waits for the server; null while the server waits for the client. */
  private pausedMs: number | null = null;
  /** The response has been sent, and the handler reads on. */
  private hasResponse = false;

  /**
   * @param nowMs on the reactor's clock
   * @param pending the response of the handler that the body is for, if it has one; null discards it
   */
  constructor(
    parser: RequestParser,
    private readonly limits: Limits,
    nowMs: number,
    readonly pending: PendingResponse | null,
  ) {
    this.startMs = nowMs;
    this.sink = pending === null ? null : pending.body;
    this.head = pending === null ? parser.copyHead() : null;
    this.remaining = parser.contentLength;
    this.decoder = parser.contentLength < 0 ? new ChunkedDecoder(limits.headBytes) : null;
  }

  /** The handler has not read what is queued: reading the connection pauses. */
  get isFull(): boolean {
    return this.sink?.isFull === true;
  }

  /** More was discarded, of a body that its handler has cancelled, than keeping the connection is worth. */
  get isTooMuchToDiscard(): boolean {
    return this.discardedBytes > KEPT_BYTES;
  }

  /** The client waits for the handler to read, whose response has been sent. */
  get isStalled(): boolean {
    return this.hasResponse && this.pausedMs !== null;
  }

  /**
   * When the client has taken too long: `bodyTimeoutMs`, and a second more for each `minBodyBytesPerSecond` received, but no more than `bodyTimeoutMs` from the last bytes on. After
   * the response, when the handler has: it may have no more use for the rest of a body, and the client waits to send it.
   */
  get deadlineMs(): number {
    const { bodyTimeoutMs, lingerTimeoutMs } = this.limits;
    if (this.isStalled) return this.pausedMs! + (this.sink!.hasBegun ? bodyTimeoutMs : lingerTimeoutMs);
    if (this.pausedMs !== null) return Number.POSITIVE_INFINITY;
    return this.startMs + bodyTimeoutMs + this.earnedMs;
  }

  private get earnedMs(): number {
    return (this.receivedBytes / this.limits.minBodyBytesPerSecond) * 1000;
  }

  /** The client waits for a 100 (Continue): its time begins with that. */
  awaitContinue(nowMs: number): void {
    this.awaitsContinue = true;
    this.pausedMs = nowMs;
  }

  /** The client's time goes on. */
  resume(nowMs: number): void {
    if (this.pausedMs !== null) this.startMs += nowMs - this.pausedMs;
    this.pausedMs = null;
  }

  /** The response has been sent, and the handler reads on. */
  outliveResponse(nowMs: number): void {
    this.hasResponse = true;
    if (this.pausedMs !== null) this.pausedMs = nowMs;
  }

  /** Makes the parser hold the request again, to respond to it. For a body without a handler. */
  restore(parser: RequestParser): void {
    parser.restoreHead(this.head!);
  }

  /** Whether to send 100 (Continue) now, once: the body is wanted, and its response is the next. */
  shouldContinue(next: PendingResponse | undefined, nowMs: number): boolean {
    if (!this.awaitsContinue || !this.isWanted || next !== this.pending) return false;
    this.awaitsContinue = false;
    this.resume(nowMs);
    return true;
  }

  /** Cancels the handler's queue: the rest is read and discarded. False if it is too long, or may never come. */
  discard(): boolean {
    this.cancel();
    const isShort = this.decoder !== null || this.remaining <= KEPT_BYTES;
    return isShort && !this.awaitsContinue;
  }

  /** Cancels the handler's queue. */
  cancel(reason?: Error): void {
    if (this.sink?.isClosed === false) this.sink.cancel(reason);
  }

  end(): void {
    this.sink?.end();
  }

  /** The rest will not come. */
  fail(reason: Error): void {
    this.sink?.fail(reason);
  }

  /** NEED_MORE, which may be more room; END with `position` behind the body; or the status of an error response. */
  read(bytes: Uint8Array, start: number, end: number, nowMs: number): typeof NEED_MORE | typeof END | ErrorStatus {
    this.awaitsContinue = false; // not any more, even without a 100
    this.resume(nowMs);
    this.position = start;
    const result = this.decoder === null ? this.readPlain(bytes, start, end) : this.readChunked(bytes, start, end);
    // What came fast does not excuse a long wait: `bodyTimeoutMs` from now is the most.
    this.startMs = Math.min(this.startMs, nowMs - this.earnedMs);
    if (result === NEED_MORE && this.isFull) this.pausedMs = nowMs;
    return result;
  }

  private readPlain(bytes: Uint8Array, start: number, end: number): typeof NEED_MORE | typeof END {
    const taken = Math.min(this.remaining, end - start);
    this.remaining -= taken;
    this.position = start + taken;
    this.deliver(bytes, start, this.position);
    return this.remaining === 0 ? END : NEED_MORE;
  }

  /** Joins the chunks in place: a body of many small chunks costs a handler no more than one of large ones. */
  private readChunked(bytes: Uint8Array, start: number, end: number) {
    const decoder = this.decoder!;
    let dataEnd = start;
    let result = decoder.next(bytes, start, end);
    while (result === DATA) {
      if (this.sink !== null) bytes.copyWithin(dataEnd, decoder.dataStart, decoder.dataEnd);
      dataEnd += decoder.dataEnd - decoder.dataStart;
      result = decoder.next(bytes, decoder.position, end);
    }
    this.position = decoder.position;
    if (this.receivedBytes + dataEnd - start > this.limits.bodyBytes) return 413;
    this.deliver(bytes, start, dataEnd);
    return result;
  }

  private deliver(bytes: Uint8Array, start: number, end: number): void {
    const { sink } = this;
    if (start === end) return;
    this.receivedBytes += end - start;
    if (sink === null) return;
    if (sink.isClosed) this.discardedBytes += end - start;
    // A copy, for the bytes are the connection's; and in memory of its own, for a byte stream transfers the memory of a
    // chunk, which must not be the pool of all small buffers.
    else sink.push(Uint8Array.prototype.slice.call(bytes, start, end));
  }
}
