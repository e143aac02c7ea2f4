/** A handler that has something to do when all events of a batch are dispatched. */
export interface BatchEndHandler {
  onBatchEnd(): void;
}

/** The handlers to call at the end of a batch. */
export class BatchEndQueue {
  /** The first `count` are in use. Counted, since setting an array's length is a call into V8's runtime. */
  private readonly handlers: BatchEndHandler[] = [];
  private count = 0;

  add(handler: BatchEndHandler): void {
    this.handlers[this.count++] = handler;
  }

  /** Calls the handlers, and those that are added meanwhile. What they throw is added to `thrown`. */
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

/** Moves the events of these slots to the front of the batch, by swapping. */
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
