import type { Connection } from '../../net/connection.js';
import type { FlushQueue } from './flush-queue.js';

const ZERO = Buffer.from('0');
/** The end of the chunked coding without trailers, RFC 9112 section 7.1. */
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const CRLF = Buffer.from('\r\n');
/** Up to here a chunk and what frames it become one piece of memory: the copy is cheaper than three pieces to gather. */
const COPIED_BYTES = 16_384;
/** What a chunk costs beside its bytes, so that many small ones are work too. */
const CHUNK_COST_BYTES = 1024;

/** How a transfer has ended. */
export type StreamEnd = 'whole' | 'broken';

/** The budgets of a transfer. */
export interface ResponseStreamLimits {
  writeHighWaterBytes: number;
  sendBytesPerTurn: number;
}

/**
 * A stream on its way to a peer, at the pace of the slower: it is asked for more when what it gave is sent. With a
 * promised length it gives no byte more, and is broken when it gives less.
 */
export class ResponseStream {
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private isEnded = false;
  private isProbed = false;
  private resume: (() => void) | null = null;

  /**
   * @param length promised by Content-Length; -1 for the chunked coding, NaN for up to the connection's end
   * @param ended called once, unless it is cancelled; `error` is why it is broken
   */
  constructor(
    private readonly connection: Connection,
    stream: ReadableStream<Uint8Array>,
    private readonly length: number,
    private readonly limits: ResponseStreamLimits,
    private readonly flusher: FlushQueue,
    private readonly ended: (how: StreamEnd, error: unknown) => void,
  ) {
    this.reader = stream.getReader();
  }

  /** Never rejects. */
  async run(): Promise<void> {
    const { writeHighWaterBytes, sendBytesPerTurn } = this.limits;
    let left = this.length >= 0 ? this.length : Number.POSITIVE_INFINITY;
    let spent = 0;
    try {
      for (;;) {
        const { done, value } = await this.reader.read();
        if (this.isEnded) return;
        if (done) {
          if (this.length >= 0) throw new TypeError(`The stream has ended ${left} bytes before its Content-Length`);
          return this.finish('whole');
        }
        if (!(value instanceof Uint8Array)) throw new TypeError('A stream of a response must give Uint8Arrays');
        this.send(value.length <= left ? value : value.subarray(0, left));
        left -= value.length;
        if (left <= 0) {
          this.reader.cancel().catch(() => {});
          return this.finish('whole');
        }
        if (this.connection.queuedBytes > writeHighWaterBytes) await this.waitForDrain();
        spent += value.length + CHUNK_COST_BYTES;
        if (spent < sendBytesPerTurn) continue;
        // A stream that always has more, for a peer that always has room, would keep all others waiting.
        spent = 0;
        await new Promise((resolve) => setImmediate(resolve));
      }
    } catch (error) {
      if (this.isEnded) return;
      this.reader.cancel(error).catch(() => {});
      this.finish('broken', error);
    }
  }

  /** What was queued is sent. */
  onDrain(): void {
    this.resume?.();
    this.resume = null;
  }

  /**
   * The peer will send no more: it has left, or waits for the rest, and only sending tells the one from the other. A
   * zero in front of the next chunk's size changes nothing, and is answered by a reset if nobody is there.
   */
  onEnd(): void {
    if (this.isEnded || this.isProbed || this.length !== -1) return;
    this.isProbed = true;
    this.connection.sendBytes(ZERO, 0, ZERO.length);
  }

  /** An event stream that the server ends. */
  end(): void {
    if (this.isEnded) return;
    this.reader.cancel().catch(() => {});
    this.finish(this.length >= 0 ? 'broken' : 'whole');
  }

  /** Nobody is there to read it. */
  cancel(reason: Error): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.reader.cancel(reason).catch(() => {});
    this.onDrain();
  }

  private send(bytes: Uint8Array): void {
    const { connection } = this;
    const { length } = bytes;
    if (length === 0) return; // a chunk of nothing would be the last
    this.flusher.schedule(connection);
    if (this.length !== -1) return connection.sendBytes(bytes, 0, length);
    const size = `${length.toString(16)}\r\n`;
    if (length > COPIED_BYTES) {
      connection.sendBytes(Buffer.from(size, 'latin1'), 0, size.length);
      connection.sendBytes(bytes, 0, length);
      return connection.sendBytes(CRLF, 0, CRLF.length);
    }
    const chunk = Buffer.allocUnsafe(size.length + length + CRLF.length);
    chunk.write(size, 'latin1');
    chunk.set(bytes, size.length);
    chunk.set(CRLF, size.length + length);
    connection.sendBytes(chunk, 0, chunk.length);
  }

  private finish(how: StreamEnd, error?: unknown): void {
    this.isEnded = true;
    if (how === 'whole' && this.length === -1) {
      this.flusher.schedule(this.connection);
      this.connection.sendBytes(LAST_CHUNK, 0, LAST_CHUNK.length);
    }
    this.ended(how, error);
  }

  private waitForDrain(): Promise<void> {
    return new Promise((resolve) => {
      this.resume = resolve;
    });
  }
}
