/** Who has something to do when all of a batch have been told. */
export interface BatchEndHandler {
  onBatchEnd(): void;
}

/** The order within a batch beyond the kernel's: who is told first, and who asked to be called when everybody has been told. */
export class BatchEndQueue {
  /** The first `count` of them wait. Counted, since a new length costs an array a call into the runtime. */
  private readonly handlers: BatchEndHandler[] = [];
  private count = 0;

  get isEmpty(): boolean {
    return this.count === 0;
  }

  add(settler: BatchEndHandler): void {
    this.handlers[this.count++] = settler;
  }

  /** Calls them, and those who join meanwhile. What they throw is added to `thrown`. */
  run(thrown: unknown[]): void {
    const { handlers } = this;
    for (let i = 0; i < this.count; i++) {
      try {
        handlers[i]!.onBatchEnd();
      } catch (error) {
        thrown.push(error);
      }
    }
    this.count = 0;
  }
}

/** Exchanges the events of these slots, those that are among a batch, with the ones that stand first. */
export function bringForward(events: Uint32Array, count: number, slots: readonly number[]): void {
  let to = 0;
  for (let i = 0; i < slots.length; i++) {
    for (let at = to; at < 3 * count; at += 3) {
      if (events[at + 1] !== slots[i]) continue;
      for (let word = 0; word < 3; word++) {
        const moved = events[at + word]!;
        events[at + word] = events[to + word]!;
        events[to + word] = moved;
      }
      to += 3;
      break;
    }
  }
}
