import { Connection } from '../net/connection.js';
import type { ConnectionContext } from '../net/context.js';
import type { ServerContext } from './connection/context.js';
import { HttpConnection } from './connection/http-connection.js';

/** The open connections of a server. */
export class Connections {
  private readonly byDescriptor: (HttpConnection | null)[] = []; // a third of the memory of a Set

  constructor(
    private readonly connectionContext: ConnectionContext,
    private readonly context: ServerContext,
  ) {}

  /** Begins to read from an accepted socket, which it owns from here on. */
  accept(fd: number): void {
    const connection = new Connection(this.connectionContext, fd);
    const httpConnection = new HttpConnection(this.context, connection);
    this.byDescriptor[fd] = httpConnection;
    try {
      httpConnection.start();
    } catch (error) {
      connection.close();
      // The kernel cannot watch another descriptor (ENOMEM, ENOSPC): only this client is affected.
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    }
  }

  /** One that is closed. */
  remove(connection: HttpConnection): void {
    const { fd } = connection.connection; // which may be another connection's already
    if (this.byDescriptor[fd] === connection) this.byDescriptor[fd] = null;
  }

  /** Requests whose responses are not sent. Counted when it is asked for, in time proportional to the connections. */
  get pendingRequests(): number {
    return this.byDescriptor.reduce(
      (sum, connection) => sum + (connection === null ? 0 : connection.pendingRequests),
      0,
    );
  }

  /** The server stops: each ends when its client has got what it has requested. */
  drain(): void {
    for (const connection of this.byDescriptor) connection?.drain();
  }

  /** The limits of clients, or who is a proxy, have changed. */
  rejoinClients(): void {
    for (const connection of this.byDescriptor) connection?.rejoinClient();
  }

  closeAll(reason: string): void {
    for (const connection of this.byDescriptor) connection?.close(reason);
  }
}
