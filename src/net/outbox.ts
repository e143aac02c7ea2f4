import { assert } from '../sys/assert.js';
import { constants } from '../sys/binding.js';
import { EAGAIN, ENODATA } from '../sys/errno.js';
import type { Kernel } from '../sys/kernel.js';

const { MSG_MORE } = constants;

/** What `flush` has come to; below zero it is the kernel's refusal. */
export const SENT = 0;
/** The socket takes no more for now. */
export const BLOCKED = 1;
/** The turn's budget is spent; the socket may take more. */
export const SPENT = 2;

/** Pieces of memory that go out together are copied into one: below this the copy is cheaper than a second send. */
const GATHER_BYTES = 65536;

/** Borrowed by whoever flushes; nothing is left in it between calls. */
const gathered = Buffer.allocUnsafeSlow(GATHER_BYTES);

/**
 * What is not sent yet: segments of bytes and of files, in order. It is the only closer of the descriptors in it.
 * Bytes are not copied when they are pushed; those that may change later (a head's date) are, should they have to wait.
 */
export class Outbox {
  /** Bytes not sent yet. */
  queuedBytes = 0;

  // Columns, one entry a segment, from `first` to `count`; a file has null for its bytes.
  private readonly sources: (Uint8Array | null)[] = [];
  private readonly files: number[] = [];
  private readonly offsets: number[] = [];
  private readonly ends: number[] = [];
  /** From this offset on the bytes never change. */
  private readonly settled: number[] = [];
  private first = 0;
  private count = 0;

  get isEmpty(): boolean {
    return this.first === this.count;
  }

  pushBytes(bytes: Uint8Array, offset: number, end: number, settledFrom = 0): void {
    if (offset === end) return;
    const at = this.count++;
    this.sources[at] = bytes;
    this.files[at] = -1;
    this.offsets[at] = offset;
    this.ends[at] = end;
    this.settled[at] = settledFrom;
    this.queuedBytes += end - offset;
  }

  /** Takes the descriptor over, and closes it when it is sent, or with the outbox. */
  pushFile(fd: number, offset: number, end: number): void {
    const at = this.count++;
    this.sources[at] = null;
    this.files[at] = fd;
    this.offsets[at] = offset;
    this.ends[at] = end;
    this.settled[at] = 0;
    this.queuedBytes += end - offset;
  }

  /**
   * Sends until nothing is left, the socket is full or `budgetBytes` of files are sent.
   * @returns SENT, BLOCKED, SPENT, or -errno; ENODATA for a file that is shorter than it was
   */
  flush(kernel: Kernel, socketFd: number, budgetBytes: number): number {
    let budget = budgetBytes;
    while (this.first < this.count) {
      const result =
        this.sources[this.first] === null ? this.sendFile(kernel, socketFd, budget) : this.sendBytes(kernel, socketFd);
      if (result < 0) {
        if (result !== EAGAIN) return result;
        this.settle();
        return BLOCKED;
      }
      budget -= result;
      if (budget <= 0 && this.first < this.count) {
        this.settle();
        return SPENT;
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

  private sendBytes(kernel: Kernel, socketFd: number): number {
    const { first } = this;
    let bytes = this.sources[first]!;
    let offset = this.offsets[first]!;
    let end = this.ends[first]!;
    let next = first + 1;
    if (
      next < this.count &&
      this.sources[next] !== null &&
      end - offset + this.ends[next]! - this.offsets[next]! <= GATHER_BYTES
    ) {
      end = this.gather();
      bytes = gathered;
      offset = 0;
      next = this.gatheredTo;
    }
    // The head waits for the file behind it, so that both fill packets, send(2). For an empty one it would wait in vain.
    const beforeFile = next < this.count && this.sources[next] === null && this.offsets[next]! < this.ends[next]!;
    const flags = beforeFile ? MSG_MORE : 0;
    const sent = kernel.send(socketFd, bytes, offset, end - offset, flags);
    if (sent < 0) return sent;
    this.advance(kernel, sent);
    return sent < end - offset ? EAGAIN : 0;
  }

  private gatheredTo = 0;

  private gather(): number {
    let length = 0;
    let at = this.first;
    for (; at < this.count && this.sources[at] !== null; at++) {
      const bytes = this.sources[at]!;
      const offset = this.offsets[at]!;
      const end = this.ends[at]!;
      if (length + end - offset > GATHER_BYTES) break;
      gathered.set(offset === 0 && end === bytes.length ? bytes : bytes.subarray(offset, end), length);
      length += end - offset;
    }
    this.gatheredTo = at;
    return length;
  }

  private sendFile(kernel: Kernel, socketFd: number, budget: number): number {
    const at = this.first;
    const offset = this.offsets[at]!;
    const wanted = Math.min(this.ends[at]! - offset, budget);
    const sent = wanted === 0 ? 0 : kernel.sendfile(socketFd, this.files[at]!, offset, wanted);
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
      const length = this.ends[this.first]! - this.offsets[this.first]!;
      if (left < length) {
        this.offsets[this.first]! += left;
        return;
      }
      left -= length;
      this.shift(kernel);
      if (left === 0) return;
    }
    assert(left === 0, 'more was sent than there was');
  }

  private shift(kernel: Kernel): void {
    const at = this.first++;
    this.sources[at] = null;
    if (this.files[at]! >= 0) kernel.close(this.files[at]!);
    this.files[at] = -1;
  }

  /** What stays queued must not change under way: its unsettled part becomes a copy of its own. */
  private settle(): void {
    for (let at = this.first; at < this.count; at++) {
      const offset = this.offsets[at]!;
      const settled = this.settled[at]!;
      const bytes = this.sources[at]!;
      if (bytes === null || offset >= settled) continue;
      this.sources[at] = Buffer.from(bytes.subarray(offset, this.ends[at]!));
      this.ends[at]! -= offset;
      this.offsets[at] = 0;
      this.settled[at] = 0;
    }
  }
}

/** Outboxes that nobody needs at the moment: a connection has one only while it has something to send. */
export class OutboxPool {
  private readonly free: Outbox[] = [];

  take(): Outbox {
    return this.free.pop() ?? new Outbox();
  }

  give(outbox: Outbox): void {
    assert(outbox.isEmpty, 'an outbox was given back that is not empty');
    if (this.free.length < 64) this.free.push(outbox);
  }
}
