import type { BodyQueue } from '../../fetch/body-queue.js';
import { markAsClients } from '../../fetch/client-errors.js';
import { checkInterimStatus, interimHead } from '../../fetch/interim-head.js';
import type { HeadersSource } from '../../fetch/native.js';
import type { FastRequestContext } from '../../fetch/request.js';
import type { Scheme } from '../../http/forwarded.js';
import type { RequestParser } from '../../http/request/parser.js';
import { ConnectionAction } from '../../http/response/connection-action.js';
import type { HttpResponse } from '../../http/response/response.js';
import type { Connection } from '../../net/connection.js';
import { peerOf } from '../../net/peer.js';
import { withCode } from '../../sys/error-code.js';
import type { Kernel, SocketAddress } from '../../sys/kernel.js';
import type { Exchange } from '../handlers/handler-context.js';
import { type AbortCheck, UPGRADED } from '../handlers/handler-runner.js';
import type { HandlerServer } from '../handlers/handler-server.js';
import type { LogEntry } from '../log/log-entry.js';
import type { ServerContext } from './context.js';
import { RequestTime } from './request-time.js';

/** Of the interim responses to one request that wait for the responses before; a head of hints has a few hundred. */
const INTERIM_BYTES = 16_384;

/** Where a pending response waits: the queue of its connection. */
export interface PendingQueue {
  readonly context: ServerContext;
  readonly connection: Connection;
  /** A request has a time of its own from now on. Reads the clock. */
  onTimeLimited(): void;
  /** Whether nothing else is to be sent before it. */
  isNext(pending: PendingResponse): boolean;
}

/**
 * A request that waits for its response: for the handler to make it, or for the responses before it to be sent. It keeps
 * what sending and logging need, for the parser holds another request by then.
 */
export class PendingResponse implements FastRequestContext, AbortCheck, Exchange {
  readonly isHead: boolean;
  readonly isHttp10: boolean;
  /** Null until the handler has responded. */
  response: HttpResponse | null = null;
  /** The request's body on its way to the handler; null without one. */
  body: BodyQueue | null = null;
  scheme: Scheme | null = null;
  /** A copy of the request's head, for the files if the handler's response is a 404; null if they are not asked. */
  head: Uint8Array | null = null;
  /** Null if the client is the peer of the connection. */
  client: SocketAddress | null = null;
  /** Given by the handler; null if the limits of the server hold. */
  time: RequestTime | null = null;
  /** Interim responses that wait for the responses before; null without any. */
  interim: Buffer | null = null;
  /** Nothing behind it is read until it has its response: it may become a WebSocket. */
  asksForUpgrade = false;
  private controller: AbortController | null = null;
  private abortReason: DOMException | null = null;

  /**
   * @param startMs on the reactor's clock
   * @param action what happens to the connection after the response; becomes stricter, never laxer
   * @param logEntry null without an access log
   */
  constructor(
    parser: RequestParser,
    readonly queue: PendingQueue,
    readonly startMs: number,
    public action: ConnectionAction,
    readonly logEntry: LogEntry | null,
  ) {
    this.isHead = parser.method === 'HEAD';
    this.isHttp10 = parser.minorVersion === 0;
  }

  get defaultHost(): string {
    return this.queue.context.defaultHost;
  }

  get server(): HandlerServer {
    return this.queue.context.server;
  }

  get peer(): SocketAddress | null {
    return this.client ?? peerOf(this.queue.connection);
  }

  get requestId(): string | null {
    return this.logEntry === null ? null : this.logEntry.requestId;
  }

  inform(status: number, headers: HeadersSource | undefined): boolean {
    checkInterimStatus(status);
    if (this.abortReason === null && this.response !== null)
      throw withCode('ERR_EPOLLET_RESPONSE', new Error('An interim response must precede the response of the handler'));
    const bytes = interimHead(status, headers);
    const { connection, context } = this.queue;
    if (this.isHttp10 || this.abortReason !== null || connection.isClosing) return false;
    const waiting = this.interim === null ? bytes : Buffer.concat([this.interim, bytes]);
    const isNext = this.queue.isNext(this);
    if (isNext ? connection.queuedBytes > context.limits.writeHighWaterBytes : waiting.length > INTERIM_BYTES)
      return false;
    this.interim = waiting;
    if (!isNext) return true;
    context.flushQueue.schedule(connection);
    this.sendInterim();
    return true;
  }

  /** To be called when nothing else is to be sent before. */
  sendInterim(): void {
    if (this.interim === null) return;
    this.queue.connection.sendBytes(this.interim, 0, this.interim.length);
    this.interim = null;
  }

  limitTime(ms: number): void {
    this.queue.onTimeLimited();
    this.time = new RequestTime(this.queue.connection.context.reactor.nowMs, ms);
  }

  /** Whether `server.upgrade` may make a WebSocket of it now. */
  get mayUpgrade(): boolean {
    if (!this.asksForUpgrade || this.response !== null || this.abortReason !== null) return false;
    return this.queue.isNext(this) && !this.queue.connection.isClosing;
  }

  get isUpgraded(): boolean {
    return this.response === UPGRADED;
  }

  /** Whether nothing behind it is read until it has its response. */
  get isLast(): boolean {
    return this.asksForUpgrade || this.action !== ConnectionAction.keepAlive;
  }

  /** Whether the handler has used the request's signal. */
  get hasSignal(): boolean {
    return this.controller !== null;
  }

  onSignal(controller: AbortController): void {
    this.controller = controller;
    if (this.abortReason !== null) controller.abort(this.abortReason);
  }

  limitAction(action: ConnectionAction): void {
    this.action = Math.max(this.action, action) as ConnectionAction;
  }

  /** Aborts the request's signal: the response is of no use any more. Only the first reason counts. */
  abort(reason: DOMException): void {
    if (this.abortReason !== null) return;
    this.abortReason = markAsClients(reason);
    this.controller?.abort(reason);
  }

  onFailure(error: unknown): void {
    this.logEntry?.trace?.onError(error);
  }

  isAbortReason(error: unknown): boolean {
    return error === this.abortReason && error !== null;
  }
}

/** Releases what a response that will not be sent holds: its descriptor, or its stream, which is cancelled. */
export function discard(response: HttpResponse | null, kernel: Kernel): void {
  if (response === null) return;
  response.ownedFile?.release(kernel);
  if (response.body.kind === 'stream') response.body.stream.cancel().catch(() => {});
}
