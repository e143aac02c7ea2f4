import { BodyQueue } from '../../fetch/body-queue.js';
import type { Limits } from '../../http/limits.js';
import { ChunkedDecoder, DATA, END } from '../../http/request/chunked.js';
import { NEED_MORE, type RequestParser } from '../../http/request/parser.js';
import type { ErrorStatus } from '../../http/status.js';
import type { PendingResponse } from './pending-response.js';

/** A request's body on its way into a handler's feed, or into nothing when nobody wants it any more. */
export class RequestBody {
  readonly queue: BodyQueue;
  /** How far `read` has used up the bytes. */
  position = 0;
  /** The handler has asked for it. */
  isWanted = false;
  private receivedBytes = 0;
  private discardedBytes = 0;
  private readonly decoder: ChunkedDecoder | null;
  private remaining: number;
  /** What the peer's time is counted from: moved on by as long as it had to wait for us. */
  private startMs: number;
  private pausedMs: number | null;

  /**
   * @param awaitsContinue the peer sends nothing before it is told to, RFC 9110 section 10.1.1
   * @param onWanted called when somebody wants more than there is
   */
  constructor(
    parser: RequestParser,
    private readonly limits: Limits,
    readonly response: PendingResponse,
    public awaitsContinue: boolean,
    onWanted: (upload: RequestBody) => void,
  ) {
    this.queue = new BodyQueue(limits.bodyHighWaterBytes, () => onWanted(this));
    this.remaining = parser.contentLength;
    this.decoder = parser.contentLength < 0 ? new ChunkedDecoder(limits.headBytes) : null;
    this.startMs = response.startMs;
    this.pausedMs = awaitsContinue ? response.startMs : null;
  }

  /** More was thrown away than is worth to keep the connection for. */
  get isTooMuchToDiscard(): boolean {
    return this.discardedBytes > this.limits.lingerBytes;
  }

  /** When the peer has taken too long; never, while it waits for us. */
  get deadlineMs(): number {
    const { bodyTimeoutMs, minBodyBytesPerSecond } = this.limits;
    if (this.pausedMs !== null) return Number.POSITIVE_INFINITY;
    return this.startMs + bodyTimeoutMs + (this.receivedBytes / minBodyBytesPerSecond) * 1000;
  }

  /** From now on it is the peer that is waited for. */
  resume(nowMs: number): void {
    if (this.pausedMs !== null) this.startMs += nowMs - this.pausedMs;
    this.pausedMs = null;
  }

  /** Whether the peer is to be told to send it: it is wanted, and its answer is the next. Once. */
  shouldContinue(next: PendingResponse | undefined, nowMs: number): boolean {
    if (!this.awaitsContinue || !this.isWanted || next !== this.response) return false;
    this.awaitsContinue = false;
    this.resume(nowMs);
    return true;
  }

  /** Nobody reads it: what comes is thrown away. False when that is not worth it, or when nobody knows what comes. */
  discard(): boolean {
    if (!this.queue.isClosed) this.queue.cancel();
    const isShort = this.decoder !== null || this.remaining <= this.limits.lingerBytes;
    return isShort && !this.awaitsContinue;
  }

  /** NEED_MORE (which may be more room), END with `position` behind the body, or the refusal of what came. */
  read(bytes: Uint8Array, start: number, end: number, nowMs: number): typeof NEED_MORE | typeof END | ErrorStatus {
    this.awaitsContinue = false; // not any more, told or not
    this.resume(nowMs);
    this.position = start;
    const result = this.decoder === null ? this.readPlain(bytes, start, end) : this.readChunked(bytes, start, end);
    if (result === NEED_MORE && this.queue.isFull) this.pausedMs = nowMs;
    return result;
  }

  private readPlain(bytes: Uint8Array, start: number, end: number): typeof NEED_MORE | typeof END {
    const taken = Math.min(this.remaining, end - start);
    this.remaining -= taken;
    this.position = start + taken;
    this.deliver(bytes, start, this.position);
    return this.remaining === 0 ? END : NEED_MORE;
  }

  /** Moves the pieces together where they are: a body of many small ones is no more to the handler than a large one. */
  private readChunked(bytes: Uint8Array, start: number, end: number) {
    const decoder = this.decoder!;
    let dataEnd = start;
    let answer = decoder.next(bytes, start, end);
    while (answer === DATA) {
      bytes.copyWithin(dataEnd, decoder.dataStart, decoder.dataEnd);
      dataEnd += decoder.dataEnd - decoder.dataStart;
      answer = decoder.next(bytes, decoder.position, end);
    }
    this.position = decoder.position;
    if (this.receivedBytes + dataEnd - start > this.limits.bodyBytes) return 413;
    this.deliver(bytes, start, dataEnd);
    return answer;
  }

  private deliver(bytes: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    this.receivedBytes += end - start;
    if (this.queue.isClosed) this.discardedBytes += end - start;
    // A copy in memory of its own: the bytes are the connection's, and a stream of bytes takes the memory of a chunk
    // over, which must not be the pool that all small buffers are made from.
    else this.queue.push(Uint8Array.prototype.slice.call(bytes, start, end));
  }
}
