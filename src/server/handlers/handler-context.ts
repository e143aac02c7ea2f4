import type { Connection } from '../../net/connection.js';
import { peerOf } from '../../net/peer.js';
import type { SocketAddress } from '../../sys/kernel.js';
import type { HandlerServer } from './handler-server.js';

/** The second argument of a handler; one object for all requests of a connection, or one for each if a proxy sends them. */
export class HandlerContext {
  readonly #connection: Connection;
  readonly #client: SocketAddress | null;

  /** @param client null if it is the peer of the connection */
  constructor(
    connection: Connection,
    readonly server: HandlerServer,
    client: SocketAddress | null = null,
  ) {
    this.#connection = connection;
    this.#client = client;
  }

  /** The context of a request; this one if its client is the peer of the connection. */
  static of(context: HandlerContext, client: SocketAddress | undefined): HandlerContext {
    return client === undefined ? context : new HandlerContext(context.#connection, context.server, client);
  }

  /** The client's address, by getpeername(2), which is null once the client has disconnected; or by a trusted proxy. */
  get peer(): SocketAddress | null {
    return this.#client ?? peerOf(this.#connection);
  }
}
