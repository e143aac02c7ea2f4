import { assert } from '../sys/assert.js';
import type { Kernel } from '../sys/kernel.js';

/** What is longer goes out from where it is: to copy it would cost more than a crossing of its own. */
const COPIED_BYTES_MAX = 4096;
const CAPACITY_BYTES = 131_072;
/** A batch is sent in two when less than this is left, in which one connection has sixteen pipelined answers of the longest. */
const RESERVED_BYTES = 65_536;

/** Who has short answers to send. */
export interface BatchWritable {
  readonly fd: number;
  /**
   * What send(2) has come to for its part, [start, end) of the bytes: a count that may be short, or -errno. The bytes are
   * valid during the call.
   */
  onWritten(bytes: Buffer, start: number, end: number, result: number): void;
}

/**
 * Sends the short answers of a batch of connections in one crossing: each has one part of the bytes, and the answers to
 * pipelined requests stand in it one behind the other.
 */
export class WriteBatch {
  private readonly bytes = Buffer.allocUnsafeSlow(CAPACITY_BYTES);
  private readonly fds: Int32Array;
  private readonly ends: Int32Array;
  private readonly connections: (BatchWritable | null)[];
  private count = 0;
  private end = 0;
  /** Whose answers are taken; null for nobody's. */
  current: BatchWritable | null = null;

  /** @param batch how many have their turn, between two flushes, at most */
  constructor(
    private readonly kernel: Kernel,
    batch: number,
  ) {
    this.fds = new Int32Array(batch);
    this.ends = new Int32Array(batch);
    this.connections = new Array(batch).fill(null);
  }

  /** Too little room for whoever comes next. */
  get isFull(): boolean {
    return this.end > CAPACITY_BYTES - RESERVED_BYTES;
  }

  /** Copies an answer, behind what it has of the same sender. False when it does not take it: then it must be queued. */
  append(one: BatchWritable, bytes: Uint8Array, offset: number, end: number): boolean {
    const length = end - offset;
    if (one !== this.current || length > COPIED_BYTES_MAX || this.end + length > CAPACITY_BYTES) return false;
    if (this.count === 0 || this.connections[this.count - 1] !== one) {
      assert(this.count < this.connections.length, 'more senders than a batch has');
      this.connections[this.count] = one;
      this.fds[this.count++] = one.fd;
    }
    this.bytes.set(offset === 0 && end === bytes.length ? bytes : bytes.subarray(offset, end), this.end);
    this.end += length;
    this.ends[this.count - 1] = this.end;
    return true;
  }

  /** Gives back what it has of this one: it is closed, or something follows that is sent in another way. */
  remove(one: BatchWritable): Buffer {
    const at = this.connections.indexOf(one);
    assert(at >= 0, 'nothing is here to be withdrawn');
    this.connections[at] = null;
    this.fds[at] = -1;
    return Buffer.from(this.bytes.subarray(at === 0 ? 0 : this.ends[at - 1], this.ends[at]));
  }

  /** Sends everything, and tells everybody what came of it. What they throw is added to `thrown`. */
  flush(thrown: unknown[]): void {
    const { kernel, fds, ends, connections, bytes, count } = this;
    if (count === 0) return;
    this.count = this.end = 0;
    kernel.sendEach(fds, ends, count, bytes);
    for (let i = 0, start = 0; i < count; start = ends[i++]!) {
      const one = connections[i];
      connections[i] = null;
      try {
        one?.onWritten(bytes, start, ends[i]!, fds[i]!);
      } catch (error) {
        thrown.push(error);
      }
    }
  }
}
