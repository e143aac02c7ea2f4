import type { Connection } from '../../net/connection.js';

/** Flushes the connections on which handlers queue bytes outside the turns: once per round of microtasks. */
export class FlushQueue {
  private connections = new Set<Connection>();
  private isScheduled = false;

  /** @param onRound called at the start of a round, to read the clocks: the last turn may be long ago */
  constructor(private readonly onRound: () => void) {}

  /** To be called before anything is queued that has a Date or starts a deadline. */
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
        thrown.push(error); // the other connections are flushed all the same
      }
    }
    if (thrown.length > 0) throw new AggregateError(thrown, 'a connection threw');
  }
}
