import type { ReadableByteStreamController } from 'node:stream/web';

interface UnderlyingByteSource {
  type: 'bytes';
  pull(controller: ReadableByteStreamController): Promise<void>;
  cancel(): void;
}

/** Chunks below this share blocks of memory: a peer may send its body a byte at a time, and an object each is 100. */
const SMALL_BYTES = 512;
const BLOCK_BYTES = 4096;

/**
 * A request's body on its way from the connection to the handler. Whoever feeds it stops when it is full, and is told
 * when there is room again; whoever reads it has a stream, or the whole.
 */
export class BodyQueue {
  /** What has come and nobody has read, in bytes. */
  queuedBytes = 0;
  isUsed = false;
  private readonly chunks: Uint8Array[] = [];
  /** The memory of the last of the chunks, if that is one of small ones and may grow. */
  private block: Uint8Array | null = null;
  private isEnded = false;
  private error: Error | null = null;
  private wake: (() => void) | null = null;

  /**
   * @param highWaterBytes above it there is no room
   * @param onWanted called when somebody wants more than there is: at first, and whenever there is room again
   */
  constructor(
    private readonly highWaterBytes: number,
    private readonly onWanted: () => void,
  ) {}

  /** Nothing that comes is of use any more. */
  get isClosed(): boolean {
    return this.error !== null;
  }

  get isFull(): boolean {
    return this.queuedBytes >= this.highWaterBytes;
  }

  /** @param chunk the feed's from here on */
  push(chunk: Uint8Array): void {
    if (this.error !== null || chunk.length === 0) return; // a stream takes no chunk of nothing
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

  /** What is left will not come. */
  fail(error: Error): void {
    if (this.isEnded || this.error !== null) return;
    this.error = error;
    this.wakeUp();
  }

  /** The body as a stream, read at the pace of its reader. Once, and not after `all`. */
  stream(): ReadableStream<Uint8Array> {
    this.isUsed = true;
    const source: UnderlyingByteSource = {
      type: 'bytes',
      pull: async (controller) => {
        const chunk = await this.next();
        if (chunk !== null) {
          controller.enqueue(ownMemory(chunk));
          return;
        }
        controller.close();
        controller.byobRequest?.respond(0); // a reader that waits with its own buffer is told so
      },
      cancel: () => this.cancel(),
    };
    return new ReadableStream(source as never, { highWaterMark: 0 });
  }

  /** Nobody wants the rest. */
  cancel(): void {
    this.chunks.length = this.queuedBytes = 0;
    this.block = null;
    this.isUsed = true;
    this.fail(new Error('The body is not wanted any more'));
    this.onWanted();
  }

  /** The whole body, in memory that may have more in it. Once, and not after `stream`. */
  async all(): Promise<Buffer> {
    this.isUsed = true;
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

/** The same bytes in memory of their own: a byte stream takes the memory away, and small Buffers share theirs. */
const ownMemory = (chunk: Uint8Array): Uint8Array =>
  chunk.byteLength === chunk.buffer.byteLength ? chunk : new Uint8Array(chunk);
