import type { Connection } from '../net/connection.js';

/** Sends what handlers have queued outside the turns: once for all that they do in one round of promises. */
export class Flusher {
  private waiting = new Set<Connection>();
  private isAwaited = false;

  /** @param onRound called first in a round: the last turn, which has read the clocks, may be long ago */
  constructor(private readonly onRound: () => void) {}

  /** Of this round: called before anything is queued that has a date or begins a deadline. */
  later(connection: Connection): void {
    this.waiting.add(connection);
    if (this.isAwaited) return;
    this.isAwaited = true;
    this.onRound();
    queueMicrotask(() => this.flush());
  }

  private flush(): void {
    this.isAwaited = false;
    const connections = this.waiting;
    this.waiting = new Set();
    const thrown: unknown[] = [];
    for (const connection of connections) {
      try {
        connection.proceed();
      } catch (error) {
        thrown.push(error); // the others have something to send all the same
      }
    }
    if (thrown.length > 0) throw new AggregateError(thrown, 'a connection threw');
  }
}
