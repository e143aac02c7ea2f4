import type { ReadableByteStreamController } from 'node:stream/web';
import { withCode } from '../sys/error-code.js';
import { markAsClients } from './client-errors.js';

interface UnderlyingByteSource {
  type: 'bytes';
  pull(controller: ReadableByteStreamController): Promise<void>;
  cancel(): void;
}

/** Chunks below this size share blocks of memory: a body may arrive a byte at a time, and an object costs 100 bytes. */
const SMALL_BYTES = 512;
const BLOCK_BYTES = 4096;

/**
 * A request's body on its way from the connection to the handler, with backpressure: the connection stops pushing while it
 * is full, and `onWanted` is called when the reader has emptied it. It is read once: as a stream, or as a whole.
 */
export class BodyQueue {
  /** Received and not yet read. */
  queuedBytes = 0;
  /** Something was read, or waits to be. */
  hasBegun = false;
  private readable: ReadableStream<Uint8Array> | null = null;
  private readonly chunks: Uint8Array[] = [];
  /** The memory of the last chunk, if it aggregates small chunks and can still grow. */
  private block: Uint8Array | null = null;
  private isEnded = false;
  private error: Error | null = null;
  private wake: (() => void) | null = null;

  /**
   * @param highWaterBytes at which it is full
   * @param onWanted called when the reader waits for more than is queued, and when it cancels
   */
  constructor(
    private readonly highWaterBytes: number,
    private readonly onWanted: () => void,
  ) {}

  /** It may be read as a stream, now or later. */
  get hasStream(): boolean {
    return this.readable !== null;
  }

  /** It is being read, or its stream has a reader, which has not begun. */
  get isUsed(): boolean {
    return this.hasBegun || this.readable?.locked === true;
  }

  /** Cancelled or failed: anything pushed is dropped. */
  get isClosed(): boolean {
    return this.error !== null;
  }

  get isFull(): boolean {
    return this.queuedBytes >= this.highWaterBytes;
  }

  /** @param chunk owned by the queue from here on */
  push(chunk: Uint8Array): void {
    if (this.error !== null || chunk.length === 0) return; // a byte stream rejects empty chunks
    this.queuedBytes += chunk.length;
    if (chunk.length < SMALL_BYTES) this.pushSmall(chunk);
    else {
      this.block = null;
      this.chunks.push(chunk);
    }
    this.wakeUp();
  }

  end(): void {
    this.isEnded = true;
    this.wakeUp();
  }

  /** The rest will not come: reading throws the error once the queued chunks are read. */
  fail(error: Error): void {
    if (this.isEnded || this.error !== null) return;
    this.error = markAsClients(error);
    this.wakeUp();
  }

  /** The body as a byte stream that pulls on demand. To be called once, and not after `all`. */
  stream(): ReadableStream<Uint8Array> {
    const source: UnderlyingByteSource = {
      type: 'bytes',
      pull: async (controller) => {
        const chunk = await this.next();
        if (chunk !== null) {
          controller.enqueue(ownMemory(chunk));
          return;
        }
        controller.close();
        controller.byobRequest?.respond(0); // ends the pending read of a BYOB reader
      },
      cancel: () => this.cancel(),
    };
    this.readable = new ReadableStream(source as never, { highWaterMark: 0 });
    return this.readable;
  }

  /**
   * Discards queued and future chunks.
   * @param reason that reading throws
   */
  cancel(reason?: Error): void {
    this.hasBegun = true;
    this.chunks.length = this.queuedBytes = 0;
    this.block = null;
    this.fail(reason ?? withCode('ERR_EPOLLET_BODY', new Error('The body of the request was cancelled')));
    this.onWanted();
  }

  /** The whole body, as a view of memory that may be larger. To be called once, and not after `stream`. */
  async all(): Promise<Buffer> {
    let whole = (await this.next()) ?? new Uint8Array(0);
    let { length } = whole;
    for (let chunk = await this.next(); chunk !== null; chunk = await this.next()) {
      if (length + chunk.length > whole.length) {
        const larger = new Uint8Array(Math.max(2 * length, length + chunk.length + this.queuedBytes));
        larger.set(whole.subarray(0, length));
        whole = larger;
      }
      whole.set(chunk, length);
      length += chunk.length;
    }
    return Buffer.from(whole.buffer, whole.byteOffset, length);
  }

  private pushSmall(chunk: Uint8Array): void {
    const last = this.chunks.at(-1);
    if (this.block !== null && last !== undefined && last.length + chunk.length <= this.block.length) {
      this.block.set(chunk, last.length);
      this.chunks[this.chunks.length - 1] = this.block.subarray(0, last.length + chunk.length);
    } else if (last !== undefined && last.length < SMALL_BYTES) {
      this.block = new Uint8Array(BLOCK_BYTES);
      this.block.set(last);
      this.block.set(chunk, last.length);
      this.chunks[this.chunks.length - 1] = this.block.subarray(0, last.length + chunk.length);
    } else {
      this.block = null;
      this.chunks.push(chunk);
    }
  }

  private async next(): Promise<Uint8Array | null> {
    this.hasBegun = true;
    for (;;) {
      const chunk = this.chunks.shift();
      if (chunk !== undefined) {
        this.queuedBytes -= chunk.length;
        return chunk;
      }
      if (this.error !== null) throw this.error;
      if (this.isEnded) return null;
      const more = new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.onWanted();
      await more;
    }
  }

  private wakeUp(): void {
    this.wake?.();
    this.wake = null;
  }
}

/** The same bytes in memory of their own: a byte stream transfers its memory, and small Buffers share theirs. */
const ownMemory = (chunk: Uint8Array): Uint8Array =>
  chunk.byteLength === chunk.buffer.byteLength ? chunk : new Uint8Array(chunk);
