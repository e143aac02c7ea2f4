import type { HeadersSource } from '../../fetch/native.js';
import type { SocketAddress } from '../../sys/kernel.js';
import type { BinaryMessage } from '../websocket/server-web-socket.js';
import type { WebSocketUpgradeOptions } from '../websocket/web-socket-options.js';
import type { HandlerServer } from './handler-server.js';

/** A request that a handler was called with, and its response. */
export interface Exchange {
  readonly peer: SocketAddress | null;
  readonly requestId: string | null;
  readonly server: HandlerServer;
  inform(status: number, headers: HeadersSource | undefined): boolean;
}

/** The second argument of a handler. */
export class HandlerContext {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** The client's address, by getpeername(2), which is null once the client has disconnected; or by a trusted proxy. */
  get peer(): SocketAddress | null {
    return this.#exchange.peer;
  }

  get server(): HandlerServer {
    return this.#exchange.server;
  }

  /** As the response has it in X-Request-Id; null unless requests have ids. */
  get requestId(): string | null {
    return this.#exchange.requestId;
  }

  /**
   * Sends an interim response, RFC 9110 section 15.2: 103 (Early Hints, RFC 8297) with the `Link` fields that the final
   * response will have, or 102 (Processing). Any number of them, before the handler has returned its response; they are
   * sent in the order of the requests, after the responses to earlier ones.
   * @param status 102 to 199
   * @returns false if it is not sent: the client uses HTTP/1.0, has disconnected, or does not read; or the server has
   * responded in place of the handler, which took too long
   * @throws RangeError ERR_EPOLLET_ARGUMENT for another status; TypeError for a field that cannot be sent; Error
   * ERR_EPOLLET_RESPONSE after the handler has returned its response
   */
  informational(status: number, headers?: HeadersSource): boolean {
    return this.#exchange.inform(status, headers);
  }

  /** As of `server`, so that the second argument of a handler may be called so, as in Bun. */
  upgrade<Data = undefined>(request: Request, options?: WebSocketUpgradeOptions<Data>): boolean {
    return this.server.upgrade(request, options);
  }

  /** As of `server`. */
  publish(topic: string, message: string | BinaryMessage, compress = false): number {
    return this.server.publish(topic, message, compress);
  }

  /** As of `server`. */
  subscriberCount(topic: string): number {
    return this.server.subscriberCount(topic);
  }
}
