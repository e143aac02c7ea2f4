import type { FilesStats } from '../../files/files.js';
import type { ReactorStats } from '../../reactor/options.js';
import type { Measurements } from '../measure/meter.js';
import type { BinaryMessage } from '../websocket/server-web-socket.js';
import type { WebSocketUpgradeOptions } from '../websocket/web-socket-options.js';
import type { WebSocketStats } from '../websocket/web-sockets.js';

/** Counters since the start of the server, except `connections.open` and `.queued`. */
export interface ServerStats {
  /**
   * `acceptPauses`: how often accepting was paused, because of `maxConnections` or for lack of descriptors (EMFILE);
   * `queued`: how many wait in the accept queues; those of Unix sockets do not count.
   */
  connections: { open: number; accepted: number; acceptPauses: number; queued: number };
  /** Requests that the files responded to or that a handler was called with; those in `errorResponses` only if one was. */
  requests: number;
  /** By status: responses to requests that were not valid, too large, slow or many (400, 408, 413, 414, 417, 429, 431, 501, 505). */
  errorResponses: Record<number, number>;
  /** Bytes received from and sent to clients, with the heads. */
  bytes: { in: number; out: number };
  /** Null for a server without a root. */
  files: FilesStats | null;
  /** Expired deadlines: of heads, of bodies, of handlers, of idle connections, and the two below of responses. */
  timeouts: number;
  /** Handlers that had not responded within `handlerTimeoutMs`, and whose requests got a 503. */
  handlerTimeouts: number;
  /** Connections closed because their clients did not read a response for `writeTimeoutMs`. */
  writeTimeouts: number;
  /** Connections closed because their clients had shut down their side, and no response came for `halfCloseTimeoutMs`. */
  halfCloseTimeouts: number;
  /** Events that the kernel reported per epoll_wait(2), on average; 0 before the first. */
  eventsPerTurn: number;
  reactor: ReactorStats;
  /** System calls of this server, by their names in strace(1); only those made at least once. */
  systemCalls: Record<string, number>;
  /** Connections closed because their client address had `maxConnectionsPerClient`. */
  rejectedConnections: number;
  /** Requests beyond the `clientRequestsPerSecond` of their client address, which got a 429. */
  rejectedRequests: number;
  /** Connections of trusted proxies that were closed because they did not begin with a PROXY header. */
  invalidProxyHeaders: number;
  /** Lines of the access log that were lost: there was no space, no reader, or a slow one. */
  accessLogDropped: number;
  /** Milliseconds since the start in which the server's thread did not wait for events. */
  busyMs: number;
  /** The longest time between two waits so far, in milliseconds. */
  longestTurnMs: number;
  /** Null without a `websocket`. */
  webSockets: WebSocketStats | null;
  /** Null unless the server measures: `measure`, or `admin`. */
  measurements: Measurements | null;
}

export interface StopOptions {
  /** Close every connection at once, even in mid-response. @default false */
  force?: boolean;
}

/** The address of a client, in Bun's shape. */
export interface ClientAddress {
  address: string;
  port: number;
  family: 'IPv4' | 'IPv6';
}

/** The server as its handlers see it: a Server, whose class is on a floor above theirs. */
export interface HandlerServer {
  readonly hostname: string;
  readonly port: number;
  readonly url: URL;
  readonly addresses: readonly string[];
  /** Requests that have come, and whose responses are not sent to their end. Counted when it is read, over all connections. */
  readonly pendingRequests: number;
  stats(): ServerStats;
  /**
   * The address of the client that has sent a request, also by a trusted proxy; null for a Request that did not come from
   * a client, for one over a Unix socket, and once the client has disconnected.
   */
  requestIP(request: Request): ClientAddress | null;
  /**
   * Gives a request a time of its own, in place of `handlerTimeoutMs`, and of `bodyTimeoutMs` for its body: so long it may
   * go without a byte received or sent, from this call to the end of its response. Then it gets a 503, or if its response
   * has begun, the connection is closed. The limits of a client that does not read, or has shut down its side, stay.
   * @param seconds 0 or more, also fractions; 0 is without limit
   * @throws TypeError or RangeError ERR_EPOLLET_ARGUMENT for another number, and for a Request that did not come from a
   * client
   */
  timeout(request: Request, seconds: number): void;
  /**
   * Makes a WebSocket of a request that asks for one, RFC 6455, once the handshake is valid: the response with status 101
   * is sent, `websocket.open` is called, and the handler returns nothing.
   * @returns false if the request does not ask for a WebSocket, or not correctly, or its client has disconnected, or
   *   earlier responses to it are not sent; the handler then responds as to any request, for instance with 426
   * @throws TypeError ERR_EPOLLET_OPTION without a `websocket`; ERR_EPOLLET_ARGUMENT for a Request of another kind
   */
  upgrade<Data = undefined>(request: Request, options?: WebSocketUpgradeOptions<Data>): boolean;
  /**
   * Sends a message to all WebSockets that are subscribed to the topic.
   * @returns its bytes; 0 without a subscriber
   */
  publish(topic: string, message: string | BinaryMessage, compress?: boolean): number;
  /** How many WebSockets are subscribed to the topic. */
  subscriberCount(topic: string): number;
  /** WebSockets that are open. */
  readonly pendingWebSockets: number;
  /** A handler must not await it: it resolves once every response is sent, the one of that handler too. */
  stop(options?: StopOptions): Promise<void>;
}
