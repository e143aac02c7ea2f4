import { assert } from '../sys/assert.js';
import { constants } from '../sys/binding.js';
import { EAGAIN, ENODATA } from '../sys/errno.js';
import type { Kernel } from '../sys/kernel.js';
import type { SharedFd } from '../sys/shared-fd.js';

const { MSG_MORE } = constants;

/** What `flush` has come to; below zero it is the kernel's refusal. */
export const SENT = 0;
/** The socket takes no more for now. */
export const BLOCKED = 1;
/** The turn's budget is spent; the socket may take more. */
export const BUDGET_SPENT = 2;

/** Pieces of memory that go out together are copied into one: below this the copy is cheaper than a second send. */
const GATHER_BYTES = 65536;

/** Borrowed by whoever flushes; nothing is left in it between calls. */
const gathered = Buffer.allocUnsafeSlow(GATHER_BYTES);

/** A piece of what is not sent: bytes, or a range of a file. Used again and again by its outbox. */
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
 * What is not sent yet: segments of bytes and of files, in order. It is a user of the descriptors in it.
 * Bytes are not copied when they are pushed; those that may change later (a head's date) are, should they have to wait.
 */
export class WriteQueue {
  /** Bytes not sent yet. */
  queuedBytes = 0;
  /** Those from `first` to `count` are in use. */
  private readonly chunks: Chunk[] = [new Chunk()];
  private first = 0;
  private count = 0;
  private gatheredTo = 0;

  get isEmpty(): boolean {
    return this.first === this.count;
  }

  pushBytes(bytes: Uint8Array, offset: number, end: number, settledFrom = 0): void {
    if (offset === end) return;
    const segment = this.push(offset, end);
    segment.bytes = bytes;
    segment.immutableFrom = settledFrom;
  }

  /** Uses the descriptor until the range is sent, or the outbox closed. */
  pushFile(file: SharedFd, offset: number, end: number): void {
    this.push(offset, end).file = file.retain();
  }

  /**
   * Sends until nothing is left, the socket is full or `budgetBytes` of files are sent.
   * @returns SENT, BLOCKED, SPENT, or -errno; ENODATA for a file that is shorter than it was
   */
  flush(kernel: Kernel, socketFd: number, budgetBytes: number): number {
    let budget = budgetBytes;
    while (this.first < this.count) {
      const segment = this.chunks[this.first]!;
      const result =
        segment.bytes === null
          ? this.sendFile(kernel, socketFd, segment, budget)
          : this.sendBytes(kernel, socketFd, segment);
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

  /** Lets everything go unsent. */
  close(kernel: Kernel): void {
    while (this.first < this.count) this.shift(kernel);
    this.first = this.count = 0;
    this.queuedBytes = 0;
  }

  private push(offset: number, end: number): Chunk {
    const at = this.count++;
    if (at === this.chunks.length) this.chunks.push(new Chunk());
    const segment = this.chunks[at]!;
    segment.offset = offset;
    segment.end = end;
    this.queuedBytes += end - offset;
    return segment;
  }

  private sendBytes(kernel: Kernel, socketFd: number, segment: Chunk): number {
    let bytes = segment.bytes!;
    let { offset, end } = segment;
    let next = this.first + 1;
    if (
      next < this.count &&
      this.chunks[next]!.bytes !== null &&
      segment.length + this.chunks[next]!.length <= GATHER_BYTES
    ) {
      offset = 0;
      end = this.gather();
      bytes = gathered;
      next = this.gatheredTo;
    }
    // The head waits for the file behind it, so that both fill packets, send(2). For an empty one it would wait in
    // vain.
    const flags = next < this.count && this.isWorthWaiting(this.chunks[next]!) ? MSG_MORE : 0;
    const sent = kernel.send(socketFd, bytes, offset, end - offset, flags);
    if (sent < 0) return sent;
    this.advance(kernel, sent);
    return sent < end - offset ? EAGAIN : 0;
  }

  private isWorthWaiting(segment: Chunk): boolean {
    return segment.bytes === null && segment.length > 0;
  }

  /** Copies segments of bytes behind each other, as many as fit. Returns their length. */
  private gather(): number {
    let length = 0;
    let at = this.first;
    for (; at < this.count; at++) {
      const { bytes, offset, end } = this.chunks[at]!;
      if (bytes === null || length + end - offset > GATHER_BYTES) break;
      gathered.set(offset === 0 && end === bytes.length ? bytes : bytes.subarray(offset, end), length);
      length += end - offset;
    }
    this.gatheredTo = at;
    return length;
  }

  private sendFile(kernel: Kernel, socketFd: number, segment: Chunk, budget: number): number {
    const wanted = Math.min(segment.length, budget);
    const sent = wanted === 0 ? 0 : kernel.sendfile(socketFd, segment.file!.fd, segment.offset, wanted);
    if (sent < 0) return sent;
    // The length is promised already: only the connection's end can tell the peer that it is not kept.
    if (sent === 0 && wanted > 0) return ENODATA;
    this.advance(kernel, sent);
    return sent;
  }

  /** Moves on by `sent` bytes and drops what is done. */
  private advance(kernel: Kernel, sent: number): void {
    this.queuedBytes -= sent;
    let left = sent;
    while (this.first < this.count) {
      const segment = this.chunks[this.first]!;
      if (left < segment.length) {
        segment.offset += left;
        return;
      }
      left -= segment.length;
      this.shift(kernel);
      if (left === 0) return;
    }
    assert(left === 0, 'more was sent than there was');
  }

  private shift(kernel: Kernel): void {
    const segment = this.chunks[this.first++]!;
    segment.bytes = null;
    segment.immutableFrom = 0;
    if (segment.file === null) return;
    segment.file.release(kernel);
    segment.file = null;
  }

  /** What stays queued must not change under way: where it may, it becomes a copy of its own. */
  private copyMutableBytes(): void {
    for (let at = this.first; at < this.count; at++) {
      const segment = this.chunks[at]!;
      const { bytes, offset, end, immutableFrom } = segment;
      if (bytes === null || offset >= immutableFrom) continue;
      segment.bytes = Buffer.from(bytes.subarray(offset, end));
      segment.offset = 0;
      segment.end = end - offset;
      segment.immutableFrom = 0;
    }
  }
}

/** Outboxes that nobody needs at the moment: a connection has one only while it has something to send. */
export class WriteQueuePool {
  private readonly free: WriteQueue[] = [];

  take(): WriteQueue {
    return this.free.pop() ?? new WriteQueue();
  }

  putBack(outbox: WriteQueue): void {
    assert(outbox.isEmpty, 'an outbox was given back that is not empty');
    if (this.free.length < 64) this.free.push(outbox);
  }
}
