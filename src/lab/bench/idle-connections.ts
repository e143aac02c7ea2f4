import { createConnection, type Socket } from 'node:net';
import { throwIfCancelled } from '../base/errors.js';

/** Connections opened concurrently; fewer than any listener's accept queue holds. */
const CONCURRENCY = 64;
const TIMEOUT_MS = 3000;

export class IdleConnections implements Disposable {
  private readonly sockets = new Set<Socket>();
  /** The reason why the last one could not be opened, or null. */
  failure: string | null = null;

  constructor(private readonly port: number) {}

  /** The number of open connections, without those that the server has closed. */
  get open(): number {
    return this.sockets.size;
  }

  /** Opens connections until there are `count`, or until one fails. Returns whether it reached the count. */
  async growTo(count: number, signal: AbortSignal): Promise<boolean> {
    while (this.open < count && this.failure === null) {
      throwIfCancelled(signal);
      await Promise.all(Array.from({ length: Math.min(CONCURRENCY, count - this.open) }, () => this.add()));
    }
    return this.failure === null;
  }

  [Symbol.dispose](): void {
    for (const socket of this.sockets) socket.resetAndDestroy(); // avoids TIME_WAIT, which occupies ports, tcp(7)
    this.sockets.clear();
  }

  private add(): Promise<void> {
    return new Promise((resolve) => {
      const socket = createConnection({ host: '127.0.0.1', port: this.port });
      const fail = (reason: string): void => {
        this.failure = reason;
        socket.destroy();
        resolve();
      };
      socket.setTimeout(TIMEOUT_MS, () => fail(`a connection was not accepted within ${TIMEOUT_MS / 1000} s`));
      socket.once('error', (error) => fail(`a connection failed with ${(error as NodeJS.ErrnoException).code}`));
      socket.once('connect', () => {
        socket.setTimeout(0);
        socket.removeAllListeners('error').on('error', () => {});
        socket.on('close', () => this.sockets.delete(socket)).resume();
        this.sockets.add(socket);
        resolve();
      });
    });
  }
}
