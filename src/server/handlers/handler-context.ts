import type { Connection } from '../../net/connection.js';
import { peerOf } from '../../net/peer.js';
import type { SocketAddress } from '../../sys/kernel.js';
import type { LogEntry } from '../log/log-entry.js';
import type { HandlerServer } from './handler-server.js';

/** The second argument of a handler; one object for all requests of a connection, or one for each if a proxy sends them or they have ids. */
export class HandlerContext {
  readonly #connection: Connection;
  readonly #client: SocketAddress | null;

  /** @param client null if it is the peer of the connection */
  constructor(
    connection: Connection,
    readonly server: HandlerServer,
    client: SocketAddress | null = null,
    /** As the response has it in X-Request-Id; null unless requests have ids. */
    readonly requestId: string | null = null,
  ) {
    this.#connection = connection;
    this.#client = client;
  }

  /** The context of a request; this one if its client is the peer of the connection, and it has no id. */
  static of(context: HandlerContext, client: SocketAddress | undefined, entry: LogEntry | null): HandlerContext {
    const requestId = entry === null ? null : entry.requestId;
    if (client === undefined && requestId === null) return context;
    return new HandlerContext(context.#connection, context.server, client ?? null, requestId);
  }

  /** The client's address, by getpeername(2), which is null once the client has disconnected; or by a trusted proxy. */
  get peer(): SocketAddress | null {
    return this.#client ?? peerOf(this.#connection);
  }
}
