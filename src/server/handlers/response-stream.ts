import type { Connection } from '../../net/connection.js';
import { withCode } from '../../sys/error-code.js';
import type { LogEntry } from '../log/log-entry.js';
import type { FlushQueue } from './flush-queue.js';

const ZERO = Buffer.from('0');
/** The end of the chunked coding without trailers, RFC 9112 section 7.1. */
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const CRLF = Buffer.from('\r\n');
/** Up to here a chunk and its framing are copied into one piece of memory, which is cheaper than gathering three. */
const COPIED_BYTES = 16_384;
/** The cost of a chunk apart from its bytes, so that many small ones count as work too. */
const CHUNK_COST_BYTES = 1024;

export type StreamEnd = 'complete' | 'broken';

export interface ResponseStreamLimits {
  writeHighWaterBytes: number;
  sendBytesPerTurn: number;
}

/**
 * Sends a stream at the pace of the slower side: a chunk is read when little enough of the ones before is queued. If a
 * length was promised, it sends no byte more, and is broken if the stream gives fewer.
 */
export class ResponseStream {
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private isEnded = false;
  private isProbed = false;
  private resume: (() => void) | null = null;

  /**
   * @param entry is given each chunk of the chunked coding; null without an access log
   * @param length promised by Content-Length; -1 for the chunked coding, NaN for up to the end of the connection
   * @param onEnded called once, unless `cancel` is called before; `error` is the reason for `broken`
   */
  constructor(
    private readonly connection: Connection,
    stream: ReadableStream<Uint8Array>,
    private readonly length: number,
    private readonly limits: ResponseStreamLimits,
    private readonly flushQueue: FlushQueue,
    private readonly entry: LogEntry | null,
    private readonly onEnded: (end: StreamEnd, error: unknown) => void,
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
          if (this.length >= 0) throw streamError(`The stream has ended ${left} bytes before its Content-Length`);
          return this.finish('complete');
        }
        const bytes = value instanceof Uint8Array ? value : bytesOf(value);
        this.send(bytes.length <= left ? bytes : bytes.subarray(0, left));
        left -= bytes.length;
        if (left <= 0) {
          this.reader.cancel().catch(() => {});
          return this.finish('complete');
        }
        if (this.connection.queuedBytes > writeHighWaterBytes) await this.waitForDrain();
        spent += bytes.length + CHUNK_COST_BYTES;
        if (spent < sendBytesPerTurn) continue;
        // A stream that always has more, to a client that always has room, would starve all others.
        spent = 0;
        await new Promise((resolve) => setImmediate(resolve));
      }
    } catch (error) {
      if (this.isEnded) return;
      this.reader.cancel(error).catch(() => {});
      this.finish('broken', error);
    }
  }

  onDrain(): void {
    this.resume?.();
    this.resume = null;
  }

  /**
   * The client will send no more: it has disconnected, or waits for the rest, and only a send shows which. A zero in
   * front of the next chunk's size changes nothing, and causes a reset if the client has gone. Without chunks there is
   * nothing to send but content: the connection has its deadline for that.
   */
  onEnd(): void {
    if (this.isEnded || this.isProbed || this.length !== -1) return;
    this.isProbed = true;
    this.connection.sendBytes(ZERO, 0, ZERO.length);
  }

  /** Ends an endless stream: when the server stops, or the client has left. */
  end(reason?: Error): void {
    if (this.isEnded) return;
    this.reader.cancel(reason).catch(() => {});
    this.finish(this.length >= 0 ? 'broken' : 'complete', reason);
  }

  /** The connection is closed. */
  cancel(reason: Error): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.reader.cancel(reason).catch(() => {});
    this.onDrain();
  }

  private send(bytes: Uint8Array): void {
    const { connection } = this;
    const { length } = bytes;
    if (length === 0) return; // an empty chunk would be the last
    this.flushQueue.schedule(connection);
    if (this.length !== -1) return connection.sendBytes(bytes, 0, length);
    const size = `${length.toString(16)}\r\n`;
    if (length > COPIED_BYTES) {
      connection.sendBytes(Buffer.from(size, 'latin1'), 0, size.length);
      connection.sendBytes(bytes, 0, length);
      this.entry?.addChunk(connection.queuedBytes, length);
      return connection.sendBytes(CRLF, 0, CRLF.length);
    }
    const chunk = Buffer.allocUnsafe(size.length + length + CRLF.length);
    chunk.write(size, 'latin1');
    chunk.set(bytes, size.length);
    chunk.set(CRLF, size.length + length);
    connection.sendBytes(chunk, 0, chunk.length);
    this.entry?.addChunk(connection.queuedBytes - CRLF.length, length);
  }

  private finish(end: StreamEnd, error?: unknown): void {
    this.isEnded = true;
    if (end === 'complete' && this.length === -1) {
      this.flushQueue.schedule(this.connection);
      this.connection.sendBytes(LAST_CHUNK, 0, LAST_CHUNK.length);
    }
    this.onEnded(end, error);
  }

  private waitForDrain(): Promise<void> {
    return new Promise((resolve) => {
      this.resume = resolve;
    });
  }
}

/** Node's Response takes streams of Uint8Arrays alone; others, and Bun's server, take these too. */
function bytesOf(chunk: unknown): Uint8Array {
  if (typeof chunk === 'string') return Buffer.from(chunk);
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw streamError('A stream of a response must give Uint8Arrays or strings');
}

const streamError = (message: string): TypeError => withCode('ERR_EPOLLET_STREAM', new TypeError(message));
