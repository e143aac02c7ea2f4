import { GROWTH, widened } from './column.js';

/** No deadline. */
export const NEVER = Number.POSITIVE_INFINITY;

const CAPACITY = 64;

/**
 * One deadline per slot, in one heap instead of a timer each. Moving a deadline back, as every request does, stores one
 * number: the heap still has the earlier time, and a slot that surfaces too early sinks again. So a slot costs the
 * heap about one operation per timeout that passes, however busy it is.
 */
export class Deadlines {
  private due = new Float64Array(CAPACITY);
  /** The earliest time at which the slot surfaces in the heap. Valid as long as it is in there. */
  private surfacing = new Float64Array(CAPACITY);
  /** The slot's place in the heap, counted from 1; 0 if it is not in there. */
  private places = new Int32Array(CAPACITY);
  private slots = new Int32Array(CAPACITY);
  private length = 0;

  /** @param dueMs on the clock of `expired`; NEVER clears */
  set(slot: number, dueMs: number): void {
    if (slot >= this.due.length) this.widen(slot);
    this.due[slot] = dueMs;
    const place = this.places[slot]!;
    if (place === 0 ? dueMs !== NEVER : dueMs < this.surfacing[slot]!) {
      this.surfacing[slot] = dueMs;
      this.rise(place === 0 ? this.length++ : place - 1, slot);
    }
  }

  clear(slot: number): void {
    if (slot < this.due.length) this.due[slot] = NEVER;
  }

  /** When to call `expired` next; may be earlier than any deadline. NEVER if there is none. */
  nextMs(): number {
    return this.length === 0 ? NEVER : this.surfacing[this.slots[0]!]!;
  }

  /** Returns the next slot whose deadline has passed and clears it, earliest first; -1 if there is none. */
  expired(nowMs: number): number {
    while (this.nextMs() <= nowMs) {
      const slot = this.slots[0]!;
      const time = this.surfacing[slot]!;
      const due = this.due[slot]!;
      if (due === time || due === NEVER) {
        this.places[slot] = 0;
        if (--this.length > 0) this.sink(this.slots[this.length]!);
        if (due === NEVER) continue;
        this.due[slot] = NEVER;
        return slot;
      }
      this.surfacing[slot] = due;
      this.sink(slot);
    }
    return -1;
  }

  /** Puts the slot at this place, or nearer to the first. */
  private rise(place: number, slot: number): void {
    const time = this.surfacing[slot]!;
    let at = place;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const other = this.slots[parent]!;
      if (this.surfacing[other]! <= time) break;
      this.put(at, other);
      at = parent;
    }
    this.put(at, slot);
  }

  /** Puts the slot at the first place, or farther from it. */
  private sink(slot: number): void {
    const { surfacing, slots, length } = this;
    const time = surfacing[slot]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && surfacing[slots[child + 1]!]! < surfacing[slots[child]!]!) child++;
      if (surfacing[slots[child]!]! >= time) break;
      this.put(at, slots[child]!);
      at = child;
    }
    this.put(at, slot);
  }

  private put(at: number, slot: number): void {
    this.slots[at] = slot;
    this.places[slot] = at + 1;
  }

  private widen(slot: number): void {
    const capacity = Math.max(slot + 1, this.due.length * GROWTH);
    this.due = widened(this.due, capacity);
    this.surfacing = widened(this.surfacing, capacity);
    this.places = widened(this.places, capacity);
    this.slots = widened(this.slots, capacity);
  }
}
