import type { Connection } from '../../net/connection.js';
import { peerOf } from '../../net/peer.js';
import type { SocketAddress } from '../../sys/kernel.js';
import type { HandlerServer } from './handler-server.js';

/** The second argument of a handler; one object for all requests of a connection. */
export class HandlerContext {
  readonly #connection: Connection;

  constructor(
    connection: Connection,
    readonly server: HandlerServer,
  ) {
    this.#connection = connection;
  }

  /** The client's address, by getpeername(2); null once the client has disconnected. */
  get peer(): SocketAddress | null {
    return peerOf(this.#connection);
  }
}
