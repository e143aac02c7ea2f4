import type { Connection } from '../../net/connection.js';

/** Sends what handlers have queued outside the turns: once for all that they do in one round of promises. */
export class FlushQueue {
  private connections = new Set<Connection>();
  private isScheduled = false;

  /** @param onRound called first in a round: the last turn, which has read the clocks, may be long ago */
  constructor(private readonly onRound: () => void) {}

  /** Of this round: called before anything is queued that has a date or begins a deadline. */
  schedule(connection: Connection): void {
    this.connections.add(connection);
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.onRound();
    queueMicrotask(() => this.flush());
  }

  private flush(): void {
    this.isScheduled = false;
    const connections = this.connections;
    this.connections = new Set();
    const thrown: unknown[] = [];
    for (const connection of connections) {
      try {
        connection.resume();
      } catch (error) {
        thrown.push(error); // the others have something to send all the same
      }
    }
    if (thrown.length > 0) throw new AggregateError(thrown, 'a connection threw');
  }
}
