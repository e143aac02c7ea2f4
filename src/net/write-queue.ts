import { assert } from '../sys/assert.js';
import { constants } from '../sys/binding.js';
import { EAGAIN, ENODATA } from '../sys/errno.js';
import type { Kernel } from '../sys/kernel.js';
import type { SharedFd } from '../sys/shared-fd.js';

const { MSG_MORE, SIOCOUTQ } = constants;

/** Results of `flush`, which may also be -errno: everything is sent. */
export const SENT = 0;
/** The socket's send buffer is full. */
export const BLOCKED = 1;
/** The turn's budget is spent; the socket may accept more. */
export const BUDGET_SPENT = 2;

/** Adjacent chunks of bytes are copied into one buffer up to this size: the copy is cheaper than a second send. */
const GATHER_BYTES = 65536;

/** Shared by all queues: its contents do not outlive a send. */
const gathered = Buffer.allocUnsafeSlow(GATHER_BYTES);

/** The least rate of a peer, over windows. */
export interface RateLimits {
  /** 0 is without limit. */
  minSendBytesPerSecond: number;
  sendRateWindowMs: number;
}

interface RateContext {
  readonly kernel: Kernel;
  readonly limits: RateLimits;
  readonly reactor: { readonly nowMs: number };
}

/** A part of a queue: bytes, or a range of a file. The queue reuses its chunks. */
class Chunk {
  /** Null for a file. */
  bytes: Uint8Array | null = null;
  file: SharedFd | null = null;
  offset = 0;
  end = 0;
  /** From this offset on the bytes never change. */
  immutableFrom = 0;

  get length(): number {
    return this.end - this.offset;
  }
}

/**
 * What is not sent yet: chunks of bytes and of files, in order. It holds a reference to each file's descriptor. Bytes
 * are not copied when they are pushed; only if they must wait, those that may change (the date in a head) are.
 */
export class WriteQueue {
  queuedBytes = 0;
  /** When the rate of the peer is to be checked, on the reactor's clock; infinite without a least rate. */
  rateDueMs = Number.POSITIVE_INFINITY;
  /** Since the rate is measured. */
  private sentBytes = 0;
  /** What the peer had acknowledged when the present window began, counted from where `sentBytes` is 0. */
  private windowBytes = 0;
  /** The chunks from `first` to `count` are in use. */
  private readonly chunks: Chunk[] = [new Chunk()];
  private first = 0;
  private count = 0;
  private gatheredTo = 0;

  get isEmpty(): boolean {
    return this.first === this.count;
  }

  pushBytes(bytes: Uint8Array, offset: number, end: number, immutableFrom = 0): void {
    if (offset === end) return;
    const chunk = this.push(offset, end);
    chunk.bytes = bytes;
    chunk.immutableFrom = immutableFrom;
  }

  /** Retains the descriptor until the range [offset, end) is sent or the queue is closed. */
  pushFile(file: SharedFd, offset: number, end: number): void {
    this.push(offset, end).file = file.retain();
  }

  /**
   * Sends until the queue is empty, the socket is full or `budgetBytes` of files are sent.
   * @returns SENT, BLOCKED, BUDGET_SPENT or -errno; -ENODATA if a file, or the memory of bytes, has become shorter
   */
  flush(kernel: Kernel, socketFd: number, budgetBytes: number): number {
    let budget = budgetBytes;
    while (this.first < this.count) {
      const chunk = this.chunks[this.first]!;
      const result =
        chunk.bytes === null ? this.sendFile(kernel, socketFd, chunk, budget) : this.sendBytes(kernel, socketFd, chunk);
      if (result < 0) {
        if (result !== EAGAIN) return result;
        this.copyMutableBytes();
        return BLOCKED;
      }
      budget -= result;
      if (budget <= 0 && this.first < this.count) {
        this.copyMutableBytes();
        return BUDGET_SPENT;
      }
    }
    this.first = this.count = 0;
    return SENT;
  }

  /** Measures the peer's rate from now on, in windows. What the kernel has taken is not yet delivered, tcp(7), SIOCOUTQ. */
  beginRate({ kernel, limits, reactor }: RateContext, socketFd: number): this {
    if (limits.minSendBytesPerSecond === 0) return this;
    this.sentBytes = 0;
    this.windowBytes = -Math.max(0, kernel.ioctl(socketFd, SIOCOUTQ) as number);
    this.rateDueMs = reactor.nowMs + limits.sendRateWindowMs;
    return this;
  }

  /** Begins the next window if the peer was fast enough in this one; else `rateDueMs` has passed. */
  checkRate({ kernel, limits, reactor }: RateContext, socketFd: number): void {
    const { nowMs } = reactor;
    if (this.rateDueMs > nowMs) return;
    const { minSendBytesPerSecond, sendRateWindowMs } = limits;
    const delivered = this.sentBytes - Math.max(0, kernel.ioctl(socketFd, SIOCOUTQ) as number);
    const elapsedMs = nowMs - this.rateDueMs + sendRateWindowMs;
    if (((delivered - this.windowBytes) * 1000) / elapsedMs < minSendBytesPerSecond) return;
    this.windowBytes = delivered;
    this.rateDueMs = nowMs + sendRateWindowMs;
  }

  close(kernel: Kernel): void {
    while (this.first < this.count) this.shift(kernel);
    this.first = this.count = 0;
    this.queuedBytes = 0;
  }

  private push(offset: number, end: number): Chunk {
    const at = this.count++;
    if (at === this.chunks.length) this.chunks.push(new Chunk());
    const chunk = this.chunks[at]!;
    chunk.offset = offset;
    chunk.end = end;
    this.queuedBytes += end - offset;
    return chunk;
  }

  private sendBytes(kernel: Kernel, socketFd: number, chunk: Chunk): number {
    let bytes = chunk.bytes!;
    let { offset, end } = chunk;
    // Its owner, a handler, has transferred or shrunk the memory while it waited.
    if (bytes.length < end) return ENODATA;
    let next = this.first + 1;
    if (
      next < this.count &&
      this.chunks[next]!.bytes !== null &&
      chunk.length + this.chunks[next]!.length <= GATHER_BYTES
    ) {
      offset = 0;
      end = this.gather();
      bytes = gathered;
      next = this.gatheredTo;
    }
    // MSG_MORE: the head waits for the file behind it, so that both fill packets, send(2). An empty file sends nothing.
    const flags = next < this.count && this.isNonEmptyFile(this.chunks[next]!) ? MSG_MORE : 0;
    const sent = kernel.send(socketFd, bytes, offset, end - offset, flags);
    if (sent < 0) return sent;
    this.advance(kernel, sent);
    return sent < end - offset ? EAGAIN : 0;
  }

  private isNonEmptyFile(chunk: Chunk): boolean {
    return chunk.bytes === null && chunk.length > 0;
  }

  /** Copies adjacent chunks of bytes into `gathered`, as many as fit. Returns their length. */
  private gather(): number {
    let length = 0;
    let at = this.first;
    for (; at < this.count; at++) {
      const { bytes, offset, end } = this.chunks[at]!;
      if (bytes === null || length + end - offset > GATHER_BYTES || bytes.length < end) break;
      gathered.set(offset === 0 && end === bytes.length ? bytes : bytes.subarray(offset, end), length);
      length += end - offset;
    }
    this.gatheredTo = at;
    return length;
  }

  private sendFile(kernel: Kernel, socketFd: number, chunk: Chunk, budget: number): number {
    const wanted = Math.min(chunk.length, budget);
    const sent = wanted === 0 ? 0 : kernel.sendfile(socketFd, chunk.file!.fd, chunk.offset, wanted);
    if (sent < 0) return sent;
    // Content-Length is sent already: only closing the connection shows the peer that the body is incomplete.
    if (sent === 0 && wanted > 0) return ENODATA;
    this.advance(kernel, sent);
    return sent;
  }

  /** Advances by `sent` bytes, and drops the chunks that are sent. */
  private advance(kernel: Kernel, sent: number): void {
    this.queuedBytes -= sent;
    this.sentBytes += sent;
    let left = sent;
    while (this.first < this.count) {
      const chunk = this.chunks[this.first]!;
      if (left < chunk.length) {
        chunk.offset += left;
        return;
      }
      left -= chunk.length;
      this.shift(kernel);
      if (left === 0) return;
    }
    assert(left === 0, 'more was sent than was queued');
  }

  private shift(kernel: Kernel): void {
    const chunk = this.chunks[this.first++]!;
    chunk.bytes = null;
    chunk.immutableFrom = 0;
    if (chunk.file === null) return;
    chunk.file.release(kernel);
    chunk.file = null;
  }

  private copyMutableBytes(): void {
    for (let at = this.first; at < this.count; at++) {
      const chunk = this.chunks[at]!;
      const { bytes, offset, end, immutableFrom } = chunk;
      if (bytes === null || offset >= immutableFrom) continue;
      chunk.bytes = Buffer.from(bytes.subarray(offset, end));
      chunk.offset = 0;
      chunk.end = end - offset;
      chunk.immutableFrom = 0;
    }
  }
}

/** Unused queues: a connection has one only while it has something to send. */
export class WriteQueuePool {
  private readonly free: WriteQueue[] = [];

  take(): WriteQueue {
    return this.free.pop() ?? new WriteQueue();
  }

  putBack(queue: WriteQueue): void {
    assert(queue.isEmpty, 'a queue was put back that is not empty');
    if (this.free.length < 64) this.free.push(queue);
  }
}
