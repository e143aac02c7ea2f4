import { assert } from '../sys/assert.js';
import type { Kernel } from '../sys/kernel.js';

/** Longer bytes are sent from where they are: copying them would cost more than a native call of their own. */
const COPIED_BYTES_MAX = 4096;
const CAPACITY_BYTES = 131_072;
/** A batch with less free space than this is flushed early: it fits sixteen pipelined responses of COPIED_BYTES_MAX. */
const RESERVED_BYTES = 65_536;

/** A connection whose short responses are sent in a batch. */
export interface BatchWritable {
  readonly fd: number;
  /**
   * Takes the result of send(2) for this connection's part, [start, end) of the bytes: a count, which may be short, or
   * -errno. The bytes are valid during the call.
   */
  onWritten(bytes: Buffer, start: number, end: number, result: number): void;
}

/**
 * Sends the short responses of a batch of connections in one native call. Each connection has one part of the bytes, in
 * which the responses to its pipelined requests follow each other.
 */
export class WriteBatch {
  private readonly bytes = Buffer.allocUnsafeSlow(CAPACITY_BYTES);
  private readonly fds: Int32Array;
  private readonly ends: Int32Array;
  private readonly connections: (BatchWritable | null)[];
  private count = 0;
  private end = 0;
  /** The only connection that may append; null outside a batch. */
  current: BatchWritable | null = null;

  /** @param capacity the most connections between two flushes */
  constructor(
    private readonly kernel: Kernel,
    capacity: number,
  ) {
    this.fds = new Int32Array(capacity);
    this.ends = new Int32Array(capacity);
    this.connections = new Array(capacity).fill(null);
  }

  /** Whether the next connection might find too little space. */
  get isFull(): boolean {
    return this.end > CAPACITY_BYTES - RESERVED_BYTES;
  }

  /** Copies a response behind the earlier ones of the same connection. Returns false if it must be queued instead. */
  append(connection: BatchWritable, bytes: Uint8Array, offset: number, end: number): boolean {
    const length = end - offset;
    if (connection !== this.current || length > COPIED_BYTES_MAX || this.end + length > CAPACITY_BYTES) return false;
    if (this.count === 0 || this.connections[this.count - 1] !== connection) {
      assert(this.count < this.connections.length, 'the batch has more connections than its capacity');
      this.connections[this.count] = connection;
      this.fds[this.count++] = connection.fd;
    }
    this.bytes.set(offset === 0 && end === bytes.length ? bytes : bytes.subarray(offset, end), this.end);
    this.end += length;
    this.ends[this.count - 1] = this.end;
    return true;
  }

  /** Removes a connection that is closed, or has more to send than a batch takes. Returns a copy of its bytes. */
  remove(connection: BatchWritable): Buffer {
    const at = this.connections.indexOf(connection);
    assert(at >= 0, 'the connection is not in the batch');
    this.connections[at] = null;
    this.fds[at] = -1;
    return Buffer.from(this.bytes.subarray(at === 0 ? 0 : this.ends[at - 1], this.ends[at]));
  }

  /** Sends everything and gives each connection its result. What a connection throws is added to `thrown`. */
  flush(thrown: unknown[]): void {
    const { kernel, fds, ends, connections, bytes, count } = this;
    if (count === 0) return;
    this.count = this.end = 0;
    kernel.sendEach(fds, ends, count, bytes);
    for (let i = 0, start = 0; i < count; start = ends[i++]!) {
      const connection = connections[i];
      connections[i] = null;
      try {
        connection?.onWritten(bytes, start, ends[i]!, fds[i]!);
      } catch (error) {
        thrown.push(error);
      }
    }
  }
}
