import { createConnection, type Socket } from 'node:net';
import { throwIfCancelled } from '../base/interruption.js';

/** How many are begun before the first of them has to be there; fewer than any listener's queue holds. */
const AT_ONCE = 64;
const TIMEOUT_MS = 3000;

/** Connections that are open and say nothing. */
export class IdleConnections implements Disposable {
  private readonly sockets = new Set<Socket>();
  /** Why the last one could not be opened; null when all were. */
  failure: string | null = null;

  constructor(private readonly port: number) {}

  /** Those that are open now, of all that were opened: a server may have closed some. */
  get open(): number {
    return this.sockets.size;
  }

  /** Opens until there are `count`, or one is refused. Says whether it got there. */
  async growTo(count: number, signal: AbortSignal): Promise<boolean> {
    while (this.open < count && this.failure === null) {
      throwIfCancelled(signal);
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - this.open) }, () => this.add()));
    }
    return this.failure === null;
  }

  [Symbol.dispose](): void {
    for (const socket of this.sockets) socket.resetAndDestroy(); // no TIME_WAIT: ports are scarce, tcp(7)
    this.sockets.clear();
  }

  private add(): Promise<void> {
    return new Promise((resolve) => {
      const socket = createConnection({ host: '127.0.0.1', port: this.port });
      const refuse = (why: string): void => {
        this.failure = why;
        socket.destroy();
        resolve();
      };
      socket.setTimeout(TIMEOUT_MS, () => refuse(`a connection was not accepted within ${TIMEOUT_MS / 1000} s`));
      socket.once('error', (error) => refuse(`a connection failed with ${(error as NodeJS.ErrnoException).code}`));
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
