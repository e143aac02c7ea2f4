import { tracingChannel } from 'node:diagnostics_channel';
import { headersOf } from '../../http/request/head-text.js';
import type { RequestParser } from '../../http/request/parser.js';
import { latin1 } from '../../http/text.js';
import type { Connection } from '../../net/connection.js';
import { peerOf } from '../../net/peer.js';
import type { SocketAddress } from '../../sys/kernel.js';
import type { HandlerServer } from '../handlers/handler-server.js';

/** What subscribers of the tracing channel `epollet.request` are given: one object for all events of a request. */
export interface RequestMessage {
  readonly method: string;
  /** As the client sent it, such as `/search?q=x`; a byte a character. */
  readonly target: string;
  /** By lower-case name; values of repeated fields are joined by a comma, those of Cookie by a semicolon. */
  readonly headers: Readonly<Record<string, string>>;
  /** The client's address, also by a trusted proxy; null if it has disconnected before this was first read. */
  readonly peer: SocketAddress | null;
  readonly server: HandlerServer;
  /** As the response has it in X-Request-Id; null unless requests have ids. */
  readonly requestId: string | null;
  /** Of the response; null until `asyncStart`, and if the client has disconnected before. */
  readonly status: number | null;
  /** Of the response's content, sent so far; final in `asyncEnd`. */
  readonly bytes: number;
  /** Whether all of the response has been sent; final in `asyncEnd`. */
  readonly isComplete: boolean;
  /** What the handler has thrown or rejected with. */
  readonly error?: unknown;
}

const channel = tracingChannel<unknown, RequestMessage>('epollet.request');
const { start, end, asyncStart, asyncEnd, error } = channel;

/** Whether a subscriber is there. The property of the whole channel is newer than Node 20. */
export const isTraced = (): boolean =>
  start.hasSubscribers ||
  end.hasSubscribers ||
  asyncStart.hasSubscribers ||
  asyncEnd.hasSubscribers ||
  error.hasSubscribers;

/**
 * Publishes the events of one request, in the order of TracingChannel.tracePromise: `start`, `end` when the handler has
 * returned, `asyncStart` when the response begins, `asyncEnd` when it is sent or cut off; `error` when the handler fails.
 */
export class RequestTrace implements RequestMessage {
  readonly method: string;
  readonly target: string;
  status: number | null = null;
  bytes = 0;
  isComplete = false;
  error?: unknown;
  readonly #head: Buffer;
  readonly #connection: Connection;
  #headers: Record<string, string> | null = null;
  #peer: SocketAddress | null | undefined;
  #isRunning = false;
  #hasBegun = false;
  #hasEnded = false;

  /** @param client undefined if it is the peer of the connection */
  constructor(
    parser: RequestParser,
    connection: Connection,
    readonly server: HandlerServer,
    readonly requestId: string | null,
    client: SocketAddress | undefined,
  ) {
    this.method = parser.method;
    this.target = latin1(parser.bytes, parser.targetStart, parser.targetEnd);
    this.#head = parser.copyHead();
    this.#connection = connection;
    this.#peer = client;
  }

  get headers(): Readonly<Record<string, string>> {
    this.#headers ??= headersOf(this.#head);
    return this.#headers;
  }

  get peer(): SocketAddress | null {
    if (this.#peer === undefined) this.#peer = peerOf(this.#connection);
    return this.#peer;
  }

  /** Starts the request, within the stores that are bound to the channel `start`. */
  run(respond: () => void): void {
    this.#isRunning = true;
    try {
      start.runStores(this, respond);
    } finally {
      this.#isRunning = false;
      end.publish(this);
      if (this.#hasBegun) asyncStart.publish(this);
      if (this.#hasEnded) asyncEnd.publish(this);
    }
  }

  /** The handler has failed; the error handler may still respond. */
  onError(failure: unknown): void {
    this.error = failure;
    error.publish(this);
  }

  /** The response begins. */
  onResponse(status: number): void {
    this.status = status;
    this.#hasBegun = true;
    if (!this.#isRunning) asyncStart.publish(this);
  }

  /** The response is sent, or cut off. */
  onEnd(bytes: number, isComplete: boolean): void {
    this.bytes = bytes;
    this.isComplete = isComplete;
    this.#hasEnded = true;
    if (!this.#hasBegun && !this.#isRunning) asyncStart.publish(this);
    this.#hasBegun = true;
    if (!this.#isRunning) asyncEnd.publish(this);
  }
}
