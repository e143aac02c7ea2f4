/** No deadline. */
export const NEVER = Number.POSITIVE_INFINITY;

/**
 * One deadline per slot, in one heap instead of a timer each. Moving a deadline back, as every request does, stores one
 * number: the heap still has the earlier time, and a slot that surfaces too early is pushed again. So a slot costs the
 * heap about one operation per timeout that passes, however busy it is.
 */
export class Deadlines {
  private due = new Float64Array(64).fill(NEVER);
  /** The earliest time at which the slot surfaces in the heap. */
  private surfacing = new Float64Array(64).fill(NEVER);
  private times = new Float64Array(64);
  private slots = new Int32Array(64);
  private length = 0;

  /** @param dueMs on the clock of `expired`; NEVER clears */
  set(slot: number, dueMs: number): void {
    if (slot >= this.due.length) this.widen(slot);
    this.due[slot] = dueMs;
    if (dueMs < this.surfacing[slot]!) {
      this.surfacing[slot] = dueMs;
      this.push(dueMs, slot);
    }
  }

  clear(slot: number): void {
    if (slot < this.due.length) this.due[slot] = NEVER;
  }

  /** When to call `expired` next; may be earlier than any deadline. NEVER if there is none. */
  nextMs(): number {
    return this.length === 0 ? NEVER : this.times[0]!;
  }

  /** Returns the next slot whose deadline has passed and clears it, earliest first; -1 if there is none. */
  expired(nowMs: number): number {
    while (this.length > 0 && this.times[0]! <= nowMs) {
      const time = this.times[0]!;
      const slot = this.slots[0]!;
      this.pop();
      if (this.surfacing[slot] !== time) continue; // superseded by an earlier entry of the same slot
      const due = this.due[slot]!;
      if (due === time) {
        this.due[slot] = NEVER;
        this.surfacing[slot] = NEVER;
        return slot;
      }
      this.surfacing[slot] = due;
      if (due !== NEVER) this.push(due, slot);
    }
    return -1;
  }

  private push(time: number, slot: number): void {
    if (this.length === this.times.length) this.makeRoom();
    let at = this.length++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.times[parent]! <= time) break;
      this.times[at] = this.times[parent]!;
      this.slots[at] = this.slots[parent]!;
      at = parent;
    }
    this.times[at] = time;
    this.slots[at] = slot;
  }

  /** Removes superseded entries, which far deadlines leave behind; doubles the heap if more than half of it remains. */
  private makeRoom(): void {
    const { times, slots, length } = this;
    const kept = new Set<number>();
    for (let at = 0; at < length; at++) if (this.surfacing[slots[at]!] === times[at]) kept.add(slots[at]!);
    const capacity = kept.size * 2 > length ? length * 2 : length;
    this.times = new Float64Array(capacity);
    this.slots = new Int32Array(capacity);
    this.length = 0;
    for (const slot of kept) this.push(this.surfacing[slot]!, slot);
  }

  private pop(): void {
    const last = --this.length;
    const time = this.times[last]!;
    const slot = this.slots[last]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= last) break;
      if (child + 1 < last && this.times[child + 1]! < this.times[child]!) child++;
      if (this.times[child]! >= time) break;
      this.times[at] = this.times[child]!;
      this.slots[at] = this.slots[child]!;
      at = child;
    }
    this.times[at] = time;
    this.slots[at] = slot;
  }

  private widen(slot: number): void {
    const capacity = Math.max(slot + 1, this.due.length * 2);
    this.due = widened(this.due, capacity, NEVER);
    this.surfacing = widened(this.surfacing, capacity, NEVER);
  }
}

function widened(column: Float64Array, capacity: number, fill: number): Float64Array<ArrayBuffer> {
  const copy = new Float64Array(capacity).fill(fill, column.length);
  copy.set(column);
  return copy;
}
