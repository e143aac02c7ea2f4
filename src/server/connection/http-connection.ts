import { END } from '../../http/request/chunked.js';
import { COMPLETE, NEED_MORE, type RequestParser } from '../../http/request/parser.js';
import { actionAfter, ConnectionAction } from '../../http/response/connection-action.js';
import { type HttpResponse, LATER, type LaterResponse } from '../../http/response/response.js';
import type { ErrorStatus } from '../../http/status.js';
import { latin1 } from '../../http/text.js';
import type { Connection } from '../../net/connection.js';
import { peerName, peerOf } from '../../net/peer.js';
import { debug, tracing } from '../../sys/debug.js';
import type { SocketAddress } from '../../sys/kernel.js';
import { NO_CLIENT } from '../clients/client-table.js';
import { ForwardedClient } from '../clients/forwarded-client.js';
import { LogEntry } from '../log/log-entry.js';
import { Unlogged } from '../log/unlogged.js';
import { RequestTrace } from '../tracing/request-trace.js';
import { isUpgrade } from '../upgrade/pending-upgrade.js';
import type { UpgradableHttp, Upgraded } from '../upgrade/upgraded.js';
import type { ServerContext } from './context.js';
import { dispatch, isAllowed } from './dispatch.js';
import { errorResponse } from './error-responses.js';
import { PartialHead } from './partial-head.js';
import { discard } from './pending-response.js';
import { type ProxiedProtocol, ProxyProtocol } from './proxy-protocol.js';
import { RequestBody } from './request-body.js';
import { CONTINUE, ResponseQueue } from './response-queue.js';
import { sendResponse } from './send-response.js';
import { type Upgradable, Upgrade } from './upgrade.js';

/** In place of a client's slot: each request has a client of its own. */
const OF_PROXY = -2;
/** When the server stops: time for the rest of a head that is on its way, with a retransmission or two. */
const STOPPING_HEAD_MS = 1000;

/**
 * Where a connection meets HTTP: bytes become requests, requests become responses, in order.
 *
 * 1. Head: bytes are parsed until a head is complete. An error ends the connection with an error response.
 * 2. Body: if the files respond, it is discarded first, and the response is made when it has been read. If a handler
 *    responds, it is called at once and reads the body meanwhile.
 * 3. Dispatch: the files respond with data, at once; a handler responds when it likes, through the ResponseQueue.
 * 4. Send: at once if no response is pending, which is the fast path, else in order through the ResponseQueue.
 * 5. Then the connection is kept, closed, or lingers (ConnectionAction).
 *
 * Rules: the queue is made when a handler is called or a body comes, so a connection of cached GETs has none. Parsing
 * stops while the queue does not want input. One deadline applies at a time: that of the queue while anything is
 * in it, then that of a partial head, then the idle timeout.
 */
export class HttpConnection implements ProxiedProtocol, Upgradable, UpgradableHttp {
  private queue: ResponseQueue | null = null;
  /** Null without an access log and ids, and until a request is traced. */
  private unlogged: Unlogged | null;
  /** Null between requests. A new connection owes one at once. */
  private head: PartialHead | null;
  /** The client's slot among those with limits, or OF_PROXY. */
  private client = NO_CLIENT;
  /** Null unless the peer is a trusted proxy. */
  private forwarded: ForwardedClient | null = null;
  /** From a request for an upgrade on, unless it is declined. */
  private upgrade: Upgraded | null = null;
  /** The client has too many connections: this one gets 429, or nothing. */
  private isSurplus = false;
  /** Whether all responses to the bytes last received were prepared ones, which are made and sent without promises. */
  private allPrepared = false;

  constructor(
    private readonly context: ServerContext,
    readonly connection: Connection,
  ) {
    this.head = new PartialHead(connection.context.reactor.nowMs + context.limits.headTimeoutMs);
    this.unlogged = context.log === null && context.requestIds === null ? null : new Unlogged(context.log);
  }

  /** Reads for the first time. A connection too many ends with that: at most a request that came with it gets a 429. */
  start(): void {
    const { connection, context } = this;
    const { proxies } = context;
    const peer = proxies?.sendHeader ? peerOf(connection) : null;
    if (peer !== null && proxies!.includes(peer)) return connection.start(new ProxyProtocol(context, connection, this));
    this.onProxyHeader(null);
    connection.start(this);
    this.onFirstRead();
  }

  onProxyHeader(source: SocketAddress | null): void {
    this.joinClient(source);
    this.isSurplus = this.context.clients?.isOneTooMany(this.client) === true;
  }

  onFirstRead(): void {
    const { connection } = this;
    if (this.isSurplus && !connection.isClosing) connection.close('too many connections of this client');
  }

  /** By the options of a reload. */
  rejoinClient(): void {
    if (!(this.connection.protocol instanceof ProxyProtocol)) this.joinClient(this.forwarded?.source ?? null);
  }

  /** Counts this connection as one of its client, unless it is that of a proxy. */
  private joinClient(source: SocketAddress | null): void {
    const { connection, context } = this;
    const { clients, proxies } = context;
    const known = source ?? this.forwarded?.peer ?? this.upgrade?.peer;
    const peer = known ?? (clients === null && proxies === null ? null : peerOf(connection));
    const isProxy = peer !== null && proxies?.includes(peer) === true;
    const isForwarded = peer !== null && (isProxy || source !== null);
    this.forwarded = isForwarded ? new ForwardedClient(peer, source, isProxy ? proxies : null) : null;
    if (isProxy) this.client = OF_PROXY;
    else if (clients === null || peer === null) this.client = NO_CLIENT;
    else this.client = clients.connect(peer.address, connection.context.reactor.nowMs);
  }

  onData(bytes: Uint8Array, start: number, end: number): number {
    const { parser, limits } = this.context;
    let at = start;
    let budget = limits.requestsPerTurn;
    this.allPrepared = true;
    while (at < end) {
      const { queue } = this;
      if (queue !== null && !queue.isIdle) {
        if (!queue.wantsInput) return at;
        if (queue.body !== null) {
          at = this.readBody(queue, queue.body, bytes, at, end);
          if (this.connection.isClosing) return end;
          continue;
        }
      }
      if (budget-- === 0 || this.connection.queuedBytes > limits.writeHighWaterBytes) {
        this.connection.deferInput();
        return at;
      }
      if (this.head?.isStillPartial(bytes, at, end)) return at;
      const result = parser.parse(bytes, at, end);
      if (result === NEED_MORE) {
        this.beginHead(at, end);
        return at;
      }
      this.head = null;
      if (result !== COMPLETE) return this.respondWithError(result, end);
      if (tracing) debug('request %s %s', parser.method, latin1(bytes, parser.targetStart, parser.targetEnd));
      at = parser.headEnd;
      if (this.client !== NO_CLIENT && !this.takeRequest()) this.rejectRequest(at < end);
      else if (this.context.isTraced) this.beginTraced(at < end);
      else this.beginRequest(at < end);
      if (this.connection.isClosing) return end;
      if (this.upgrade !== null) return this.upgrade.onData(bytes, at, end);
    }
    return at;
  }

  get wantsInput(): boolean {
    return this.queue === null || this.queue.wantsInput;
  }

  /** Handlers and bodies have a queue; subscribers of the trace do what they like. */
  get isTaskless(): boolean {
    return this.allPrepared && this.queue === null && !this.context.isTraced;
  }

  get isSending(): boolean {
    return this.queue?.isSending === true;
  }

  /** Requests whose responses are not sent. */
  get pendingRequests(): number {
    const { queue, upgrade, connection } = this;
    if (upgrade !== null) return upgrade.isPending ? 1 : 0;
    const pending = queue === null ? 0 : queue.pendingRequests;
    return pending === 0 && connection.queuedBytes > 0 ? 1 : pending;
  }

  onEnd(unread: boolean): boolean {
    return this.queue?.onEnd(unread) === true;
  }

  onSent(bytes: number): void {
    this.unlogged?.onSent(bytes);
  }

  onDrain(): void {
    this.queue?.onDrain();
  }

  deadlineMs(sinceMs: number): number {
    const { queue, context } = this;
    if (queue !== null && !queue.isIdle) return queue.deadlineMs(sinceMs);
    if (this.head !== null) return this.head.dueMs;
    // A server that stops does not wait for the client's next request.
    return context.isDraining && this.connection.isIdle ? sinceMs : sinceMs + context.limits.idleTimeoutMs;
  }

  onTimeout(): void {
    const { context, queue } = this;
    context.timeouts++;
    if (tracing) debug('timeout on fd %d', this.connection.fd);
    if (queue !== null && !queue.isIdle) {
      const { body } = queue;
      if (body === null || body.pending !== null || body.deadlineMs > this.connection.context.reactor.nowMs)
        return queue.onTimeout();
      queue.body = null;
      body.restore(context.parser);
    } else if (this.head?.hasBegun) context.parser.reset();
    else if (context.isDraining) return this.connection.closeWhenIdle();
    else return this.connection.close('idle timeout'); // without a request there is nothing to respond to
    this.respondWithError(408, 0);
  }

  /** Closes at once, in mid-response. */
  close(reason: string): void {
    (this.upgrade ?? this.connection).close(reason);
  }

  /** The server stops: an idle connection is closed, half a head gets little time, anything else ends as it does. */
  drain(): void {
    if (this.upgrade !== null) return this.upgrade.drain();
    if (this.queue !== null && !this.queue.isIdle) this.queue.drain();
    else this.connection.closeWhenIdle();
    const { head } = this;
    if (head !== null) head.dueMs = Math.min(head.dueMs, this.connection.context.reactor.nowMs + STOPPING_HEAD_MS);
    this.connection.resume(); // with the deadlines that apply now
  }

  onClose(): void {
    this.queue?.onClose();
    this.unlogged?.onClose();
    this.context.clients?.disconnect(this.client, this.connection.context.reactor.nowMs);
    this.context.onConnectionClosed(this);
  }

  private beginHead(start: number, end: number): void {
    const { context } = this;
    this.head ??= new PartialHead(this.connection.context.reactor.nowMs + context.limits.headTimeoutMs);
    this.head.scanned(end - start, context.parser.minBytesToRetry - start);
  }

  private beginTraced(hasMore: boolean): void {
    const { context, connection } = this;
    this.unlogged ??= new Unlogged(context.log);
    const entry = this.logEntry()!;
    this.unlogged.begun = entry;
    const client = this.forwarded?.addressOf(context.parser);
    const trace = new RequestTrace(context.parser, connection, context.server, entry.requestId, client);
    entry.trace = trace;
    trace.run(() => this.beginRequest(hasMore));
  }

  private beginRequest(hasMore: boolean): void {
    const { context } = this;
    const { parser } = context;
    if (context.upgrade !== null && isUpgrade(parser) && !context.isDraining && !this.queue?.isBusy)
      this.beginUpgrade();
    else if (parser.contentLength !== 0) this.beginBody(hasMore);
    else this.respond(hasMore);
  }

  private beginUpgrade(): void {
    this.context.requests++;
    this.allPrepared = false;
    this.upgrade = new Upgrade(this.context, this, this.forwarded, this.logEntry());
  }

  onDeclined(response: HttpResponse, entry: LogEntry | null): void {
    const { parser, isDraining } = this.context;
    this.upgrade = null;
    if (this.unlogged !== null) this.unlogged.begun = entry;
    this.send(response, actionAfter(parser.keepAlive && !isDraining, this.connection.hasUnread));
  }

  onUpgraded(upgraded: Upgraded): void {
    this.upgrade = upgraded;
    this.queue = null;
  }

  private beginBody(hasBegun: boolean): void {
    const { context, connection } = this;
    const { parser, limits, handlers } = context;
    const { reactor, kernel } = connection.context;
    if (handlers !== null) {
      const response = dispatch(context, reactor.nowMs);
      if (response === null) return this.callHandler(hasBegun);
      discard(response, kernel); // made again when the body has been read
    }
    if (parser.expectContinue && !hasBegun) {
      // A final response saves the client the body, RFC 9110 section 10.1.1. A 100 (Continue) before the pending
      // responses would be taken for one of them.
      if (!isAllowed(parser) || this.queue?.isBusy) return this.respond(true, true);
      connection.sendBytes(CONTINUE, 0, CONTINUE.length);
    }
    if (this.unlogged !== null) this.unlogged.begun = this.logEntry();
    this.ensureQueue().body = new RequestBody(parser, limits, reactor.nowMs, null);
  }

  private readBody(queue: ResponseQueue, body: RequestBody, bytes: Uint8Array, start: number, end: number): number {
    if (body.pending !== null) return queue.readBody(body, bytes, start, end);
    const result = body.read(bytes, start, end, this.connection.context.reactor.nowMs);
    if (result === NEED_MORE) return end;
    queue.body = null;
    body.restore(this.context.parser);
    if (result !== END) return this.respondWithError(result, end);
    this.respond(body.position < end);
    return body.position;
  }

  private callHandler(hasMore: boolean): void {
    const { context } = this;
    const { parser } = context;
    context.requests++;
    const action = actionAfter(parser.keepAlive && !context.isDraining, hasMore);
    const queue = this.ensureQueue();
    queue.client = this.forwarded;
    queue.callHandler(parser, action, hasMore, this.logEntry());
  }

  /**
   * Responds to the request that the parser holds.
   * @param hasMore bytes have come behind it
   * @param isLast no further request is read
   */
  private respond(hasMore: boolean, isLast = false): void {
    const { context } = this;
    const response = dispatch(context, this.connection.context.reactor.nowMs);
    if (response === null) return this.callHandler(hasMore);
    context.requests++;
    const keeps = context.parser.keepAlive && !context.isDraining && !isLast && !response.closesConnection;
    this.send(response, actionAfter(keeps, hasMore));
  }

  private takeRequest(): boolean {
    const { client, forwarded, isSurplus } = this;
    const { clients, parser } = this.context;
    forwarded?.reset();
    if (clients === null) return true;
    const { nowMs } = this.connection.context.reactor;
    if (client === OF_PROXY) return clients.takeRequestOf(forwarded!.addressOf(parser).address, nowMs);
    return !isSurplus && clients.takeRequest(client, nowMs);
  }

  /** A request too many. The connection is kept, as others do; but its body is not read, and a surplus one ends. */
  private rejectRequest(hasMore: boolean): void {
    const { context, isSurplus } = this;
    const { keepAlive, contentLength } = context.parser;
    const hasBody = contentLength !== 0;
    const keeps = keepAlive && !context.isDraining && !isSurplus && !hasBody;
    const action = actionAfter(keeps, !isSurplus && (hasMore || hasBody));
    this.send(errorResponse(context, 429), action);
  }

  /** An error response ends the connection: the bytes behind it may not be a request. Uses up all of them, up to `end`. */
  private respondWithError(status: ErrorStatus, end: number): number {
    this.forwarded?.reset();
    this.send(errorResponse(this.context, status), ConnectionAction.linger);
    return end;
  }

  /** The response to the request that the parser holds. */
  private send(response: HttpResponse, action: ConnectionAction): void {
    const { context, connection, queue } = this;
    const entry = this.logEntry();
    const { parser } = context;
    if (response.status === LATER)
      return this.ensureQueue().enqueueLater(parser, response as LaterResponse<RequestParser>, action, entry);
    if (queue?.isBusy) return queue.enqueue(parser, response, action, entry);
    if (response.transient && response.body.kind === 'stream')
      return this.ensureQueue().enqueue(parser, response, action, entry);
    if (response.transient || action !== ConnectionAction.keepAlive) this.allPrepared = false;
    sendResponse(context, connection, response, action, parser.minorVersion === 0, parser.method === 'HEAD', entry);
    if (context.meter !== null) context.meter.onSentAtOnce(response.status);
    // A client that does not know of a stop may have sent a further request already.
    if (action !== ConnectionAction.keepAlive)
      connection.closeWhenSent(action === ConnectionAction.linger || context.isDraining);
  }

  private ensureQueue(): ResponseQueue {
    this.queue ??= new ResponseQueue(this.context, this.connection);
    return this.queue;
  }

  private logEntry(): LogEntry | null {
    const { connection, unlogged } = this;
    if (unlogged === null) return null;
    const { begun } = unlogged;
    unlogged.begun = null;
    if (begun !== null) return begun;
    const { log, parser, requestIds } = this.context;
    const made = unlogged.add(new LogEntry(unlogged, connection.context.reactor.nowMs));
    if (requestIds !== null) made.requestId = requestIds.of(parser);
    if (log !== null) log.note(made, parser, unlogged.bytesOf(this.clientName(unlogged)));
    return made;
  }

  /** The client's address as the log has it. */
  private clientName(unlogged: Unlogged): string {
    if (this.forwarded !== null) return peerName(this.forwarded.addressOf(this.context.parser));
    unlogged.peer ??= peerName(peerOf(this.connection));
    return unlogged.peer;
  }
}
