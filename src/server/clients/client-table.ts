import { assert } from '../../sys/assert.js';

/** Not a slot: a client that has no limits. */
export const NO_CLIENT = -1;
const NONE = -1;

/**
 * The clients of a server in arrays of fixed size, each in a slot: its open connections, and when its bucket of requests
 * is full again. A client without a connection and with a full bucket is as one that never came, and is removed. Those
 * without a connection are in a list by their last use: when no slot is free, the first of it is evicted, so that a flood of
 * addresses takes neither more memory nor the slot of a client that is connected.
 */
export class ClientTable {
  evictions = 0;
  size = 0;
  /** By slot: when, in ms on the reactor's clock, the bucket is full. A full one was full in the past. */
  readonly fullMs: Float64Array;
  readonly connections: Int32Array;
  private readonly high: Int32Array;
  private readonly low: Int32Array;
  private readonly heads: Int32Array;
  /** The next slot with the same hash, or the next free one. */
  private readonly next: Int32Array;
  private readonly before: Int32Array;
  private readonly after: Int32Array;
  /** The list of those without a connection. */
  private oldest = NONE;
  private newest = NONE;
  private free = NONE;
  /** Slots from here on were never used. */
  private unused = 0;

  /**
   * @param capacity a power of two; more than there are connections
   * @param seed an odd number that clients do not know, so that they cannot choose addresses with the same hash
   */
  constructor(
    private readonly capacity: number,
    private readonly seed: number,
  ) {
    assert((capacity & (capacity - 1)) === 0, 'the capacity is not a power of two');
    this.fullMs = new Float64Array(capacity);
    this.connections = new Int32Array(capacity);
    this.high = new Int32Array(capacity);
    this.low = new Int32Array(capacity);
    this.heads = new Int32Array(capacity).fill(NONE);
    this.next = new Int32Array(capacity);
    this.before = new Int32Array(capacity);
    this.after = new Int32Array(capacity);
  }

  /** The slot of a client, found or made. Without a connection it is the newest of its list. Valid until the next call. */
  slotOf(high: number, low: number, nowMs: number): number {
    const at = this.hash(high, low);
    for (let slot = this.heads[at]!; slot !== NONE; slot = this.next[slot]!) {
      if (this.high[slot] !== high || this.low[slot] !== low) continue;
      if (this.connections[slot] === 0) {
        this.unlink(slot);
        this.append(slot);
      }
      return slot;
    }
    this.removeIdle(nowMs);
    const slot = this.take();
    this.size++;
    this.high[slot] = high;
    this.low[slot] = low;
    this.fullMs[slot] = 0;
    this.connections[slot] = 0;
    this.next[slot] = this.heads[at]!;
    this.heads[at] = slot;
    this.append(slot);
    return slot;
  }

  /** The slot stays the client's until `disconnect`. */
  connect(slot: number): void {
    if (this.connections[slot]!++ === 0) this.unlink(slot);
  }

  disconnect(slot: number, nowMs: number): void {
    assert(this.connections[slot]! > 0, 'a client has fewer than 0 connections');
    if (--this.connections[slot]! > 0) return;
    this.append(slot);
    if (this.fullMs[slot]! <= nowMs) this.remove(slot);
  }

  /** Two at a time, since one comes: the list becomes shorter as its buckets become full. */
  private removeIdle(nowMs: number): void {
    for (let i = 0; i < 2 && this.oldest !== NONE && this.fullMs[this.oldest]! <= nowMs; i++) this.remove(this.oldest);
  }

  private take(): number {
    if (this.free === NONE && this.unused < this.capacity) return this.unused++;
    if (this.free === NONE) {
      assert(this.oldest !== NONE, 'there are more connections than slots');
      this.evictions++;
      this.remove(this.oldest);
    }
    const slot = this.free;
    this.free = this.next[slot]!;
    return slot;
  }

  private remove(slot: number): void {
    this.unlink(slot);
    const at = this.hash(this.high[slot]!, this.low[slot]!);
    if (this.heads[at] === slot) this.heads[at] = this.next[slot]!;
    else {
      let previous = this.heads[at]!;
      while (this.next[previous] !== slot) previous = this.next[previous]!;
      this.next[previous] = this.next[slot]!;
    }
    this.next[slot] = this.free;
    this.free = slot;
    this.size--;
  }

  private append(slot: number): void {
    this.before[slot] = this.newest;
    this.after[slot] = NONE;
    if (this.newest === NONE) this.oldest = slot;
    else this.after[this.newest] = slot;
    this.newest = slot;
  }

  private unlink(slot: number): void {
    const before = this.before[slot]!;
    const after = this.after[slot]!;
    if (before === NONE) this.oldest = after;
    else this.after[before] = after;
    if (after === NONE) this.newest = before;
    else this.before[after] = before;
  }

  /** The finalizer of MurmurHash3, each half multiplied by the seed before. */
  private hash(high: number, low: number): number {
    let hash = Math.imul(high ^ this.seed, 0x85ebca6b) ^ Math.imul(low + this.seed, this.seed);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) & (this.capacity - 1);
  }
}
