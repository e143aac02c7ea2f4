import type { Reply } from '../../fetch/reply.js';
import { copyHead } from '../../fetch/request.js';
import { END } from '../../http/request/chunked.js';
import { DiscardedBody } from '../../http/request/discarded-body.js';
import { COMPLETE, NEED_MORE } from '../../http/request/parser.js';
import { headOf, Persistence } from '../../http/response/head.js';
import type { Body, HttpResponse } from '../../http/response/response.js';
import type { ErrorStatus } from '../../http/status.js';
import type { Connection } from '../../net/connection.js';
import { peerOf } from '../../net/connection.js';
import type { Protocol } from '../../net/protocol.js';
import type { HandlerRunner } from '../handlers/handler.js';
import { ConnectionAction, discard, type PendingResponse } from '../handlers/pending-response.js';
import type { ServerContext } from './context.js';
import { dispatch, isAllowed } from './dispatch.js';
import { errorResponse } from './error-responses.js';
import { CONTINUE, ResponseQueue, type ResponseWriter } from './response-queue.js';

const LF = 0x0a;

/** Where a connection meets HTTP: bytes become requests, requests become answers, in order. */
export class HttpConnection implements Protocol, ResponseWriter {
  /** The peer's address for the log, asked for once. */
  private peer: string | null = null;
  /** A request whose body is being read. */
  private discardedBody: DiscardedBody | null = null;
  private bodyStartMs = 0;
  /** With the server's handlers, once one of them was asked. */
  private responseQueue: ResponseQueue | null = null;
  /** When the head that is under way must be whole; 0 between requests. A fresh connection owes one at once. */
  private headDueMs: number;
  /** How much of a head is known to be no head yet, and how much there must be for that to change without a line's end. */
  private scannedBytes = 0;
  private minBytesToRetry = 0;

  constructor(
    private readonly service: ServerContext,
    readonly connection: Connection,
  ) {
    this.headDueMs = connection.context.reactor.nowMs + service.limits.headTimeoutMs;
  }

  onData(bytes: Uint8Array, start: number, end: number): number {
    const { parser, limits } = this.service;
    let at = start;
    let budget = limits.requestsPerTurn;
    while (at < end) {
      if (this.discardedBody !== null) {
        at = this.readBody(this.discardedBody, bytes, at, end);
        continue;
      }
      if (this.responseQueue !== null && !this.responseQueue.isIdle) {
        if (!this.responseQueue.wantsInput) return at;
        if (this.responseQueue.isReadingBody) {
          at = this.responseQueue.read(bytes, at, end);
          if (this.connection.isClosing) return end;
          continue;
        }
      }
      if (budget-- === 0 || this.connection.queuedBytes > limits.writeHighWaterBytes) {
        this.connection.deferInput();
        return at;
      }
      if (this.isStillPartial(bytes, at, end)) return at;
      const answer = parser.parse(bytes, at, end);
      if (answer === NEED_MORE) {
        this.beginHead(at, end);
        return at;
      }
      this.scannedBytes = 0;
      this.headDueMs = 0;
      if (answer !== COMPLETE) return this.respondWithError(answer, end);
      at = parser.headEnd;
      if (parser.contentLength !== 0) this.beginBody(at < end);
      else this.respond(at < end);
      if (this.connection.isClosing) return end;
    }
    return at;
  }

  get wantsInput(): boolean {
    return this.responseQueue === null || this.responseQueue.wantsInput;
  }

  onEnd(unread: boolean): boolean {
    return this.responseQueue?.onEnd(unread) === true;
  }

  onDrain(): void {
    this.responseQueue?.onDrain();
  }

  deadlineMs(sinceMs: number): number {
    const { limits } = this.service;
    const isBusy = this.responseQueue !== null && !this.responseQueue.isIdle;
    if (this.discardedBody !== null) {
      const bodyDueMs = this.bodyDueMs(this.discardedBody);
      return isBusy ? Math.min(bodyDueMs, this.responseQueue!.deadlineMs()) : bodyDueMs;
    }
    if (isBusy) return this.responseQueue!.deadlineMs();
    if (this.headDueMs !== 0) return this.headDueMs;
    // At stop nobody waits for the peer's next request.
    return this.service.draining && this.connection.isIdle ? sinceMs : sinceMs + limits.idleTimeoutMs;
  }

  onTimeout(): void {
    this.service.timeouts++;
    const { parser } = this.service;
    const { discardedBody, responseQueue } = this;
    const isBodyDue = discardedBody !== null && this.bodyDueMs(discardedBody) <= this.connection.context.reactor.nowMs;
    if (responseQueue !== null && !responseQueue.isIdle && !isBodyDue) return responseQueue.onTimeout();
    if (discardedBody !== null) discardedBody.restore(parser);
    else if (this.scannedBytes > 0) parser.reset();
    else if (this.service.draining) return this.connection.closeWhenIdle();
    else return this.connection.close(); // who has said nothing more is not waiting for an answer
    this.respondWithError(408, 0);
  }

  /** The server stops: a connection on which nothing of a request is under way ends now, the others with their answer. */
  drain(): void {
    // A body that is read and let go leaves the connection idle, but not the session.
    if (this.responseQueue !== null && !this.responseQueue.isIdle) this.responseQueue.drain();
    else if (this.discardedBody === null) this.connection.closeWhenIdle();
  }

  onClose(): void {
    this.responseQueue?.onClose();
    this.service.onConnectionClosed(this);
  }

  write(answer: PendingResponse, response: HttpResponse): void {
    const persistence =
      answer.action !== ConnectionAction.keepAlive
        ? Persistence.close
        : answer.isHttp10
          ? Persistence.keepAliveHttp10
          : Persistence.keepAlive;
    this.send(response, persistence, answer.isHead);
    if (this.restoreRequest(answer)) this.logRequest(response.status, sizeOf(response, answer.isHead));
  }

  log(answer: PendingResponse, reply: Reply): void {
    if (this.service.log !== null && this.restoreRequest(answer))
      this.logRequest(reply.status, answer.isHead ? 0 : Math.max(0, reply.length));
  }

  private bodyDueMs(exchange: DiscardedBody): number {
    const { bodyTimeoutMs, minBodyBytesPerSecond } = this.service.limits;
    return this.bodyStartMs + bodyTimeoutMs + (exchange.receivedBytes / minBodyBytesPerSecond) * 1000;
  }

  /** Half a head that comes in small pieces is not parsed again for each of them. */
  private isStillPartial(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.scannedBytes === 0 || end - start >= this.minBytesToRetry) return false;
    for (let at = start + this.scannedBytes; at < end; at++) if (bytes[at] === LF) return false;
    this.scannedBytes = end - start;
    return true;
  }

  private beginHead(start: number, end: number): void {
    this.scannedBytes = end - start;
    this.minBytesToRetry = this.service.parser.minBytesToRetry - start;
    if (this.headDueMs === 0)
      this.headDueMs = this.connection.context.reactor.nowMs + this.service.limits.headTimeoutMs;
  }

  private beginBody(hasBegun: boolean): void {
    const { service, connection } = this;
    const { parser, limits, handlers } = service;
    const { reactor, kernel } = connection.context;
    if (handlers !== null) {
      const response = dispatch(service, reactor.nowMs);
      if (response === null) return this.callHandler(handlers, hasBegun);
      discard(response, kernel); // asked for again when the body is read
    }
    if (parser.expectContinue && !hasBegun) {
      // The peer waits to be told: a final answer spares it the body, RFC 9110 section 10.1.1. Told before the answers
      // that are under way it would take it for one of them.
      if (!isAllowed(parser) || this.responseQueue?.isBusy) return this.respond(true, true);
      connection.sendBytes(CONTINUE, 0, CONTINUE.length);
    }
    this.discardedBody = new DiscardedBody(parser, limits);
    this.bodyStartMs = reactor.nowMs;
  }

  private readBody(exchange: DiscardedBody, bytes: Uint8Array, start: number, end: number): number {
    const result = exchange.read(bytes, start, end);
    if (result === NEED_MORE) return end;
    this.discardedBody = null;
    exchange.restore(this.service.parser);
    if (result !== END) return this.respondWithError(result, end);
    this.respond(exchange.position < end);
    return this.connection.isClosing ? end : exchange.position;
  }

  /** The request that the parser holds is the handlers'. */
  private callHandler(handlers: HandlerRunner, more: boolean): void {
    const { service } = this;
    service.requests++;
    const keeps = service.parser.keepAlive && !service.draining;
    this.responseQueue ??= new ResponseQueue(service, handlers, this.connection, this);
    this.responseQueue.handle(
      service.parser,
      keeps ? ConnectionAction.keepAlive : more ? ConnectionAction.linger : ConnectionAction.close,
      more,
    );
  }

  /** Answers the request that the parser holds. `more`: bytes of the peer are left that nobody will read. */
  private respond(more: boolean, last = false): void {
    const { service, connection } = this;
    const { parser } = service;
    const response = dispatch(service, connection.context.reactor.nowMs);
    if (response === null) return this.callHandler(service.handlers!, more);
    service.requests++;
    const keeps = parser.keepAlive && !service.draining && !last;
    if (this.responseQueue?.isBusy) {
      const after = keeps ? ConnectionAction.keepAlive : more ? ConnectionAction.linger : ConnectionAction.close;
      return this.responseQueue.enqueue(parser, response, after, service.log === null ? null : copyHead(parser));
    }
    const isHead = parser.method === 'HEAD';
    if (keeps) {
      this.send(response, parser.minorVersion === 1 ? Persistence.keepAlive : Persistence.keepAliveHttp10, isHead);
    } else {
      this.send(response, Persistence.close, isHead);
      // A server that stops has told nobody before: a further request may be on its way already.
      connection.closeWhenSent(more || service.draining);
    }
    if (service.log !== null) this.logRequest(response.status, sizeOf(response, isHead));
  }

  /** HTTP's no: what follows on this connection cannot be trusted to be a request. Uses up all bytes, up to `end`. */
  private respondWithError(status: ErrorStatus, end: number): number {
    const { service } = this;
    this.discardedBody = null;
    const response = errorResponse(service, status);
    const isHead = service.parser.method === 'HEAD';
    // Logged now, for what there is of the request is gone when those before it are answered.
    this.logRequest(response.status, sizeOf(response, isHead));
    if (this.responseQueue?.isBusy) {
      this.responseQueue.enqueue(service.parser, response, ConnectionAction.linger, null);
      return end;
    }
    this.send(response, Persistence.close, isHead);
    this.connection.closeWhenSent(true);
    return end;
  }

  private send(response: HttpResponse, persistence: Persistence, isHead: boolean): void {
    const { connection } = this;
    const head = headOf(response, persistence, this.service.clock);
    const { headBytes } = head;
    if (isHead) connection.sendBytes(head.bytes, 0, headBytes, headBytes);
    else if (head.hasBody || response.body.kind === 'none') connection.sendBytes(head.bytes, 0, head.length, headBytes);
    else {
      connection.sendAhead(head.bytes, 0, headBytes, headBytes);
      this.sendBody(response.body);
    }
    response.ownedFile?.release(connection.context.kernel);
  }

  private sendBody(body: Body): void {
    if (body.kind === 'bytes') this.connection.sendBytes(body.bytes, 0, body.bytes.length);
    else if (body.kind === 'file') this.connection.sendFile(body.file, body.offset, body.offset + body.length);
    else if (body.kind === 'parts') for (const part of body.parts) this.sendBody(part);
  }

  /** Makes the parser hold the answer's request again. False when nobody has kept it. */
  private restoreRequest({ head }: PendingResponse): boolean {
    if (head !== null) this.service.parser.parse(head, 0, head.length - 1);
    return head !== null;
  }

  private logRequest(status: number, bytes: number): void {
    const { log, parser } = this.service;
    if (log === null) return;
    this.peer ??= peerOf(this.connection)?.address ?? '-';
    log.record(this.peer, parser, status, bytes);
  }
}

const sizeOf = (response: HttpResponse, isHead: boolean): number =>
  isHead || response.body.kind === 'none' ? 0 : response.contentLength;
