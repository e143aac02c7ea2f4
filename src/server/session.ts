import type { Reply } from '../fetch/reply.js';
import { headCopy } from '../fetch/request.js';
import { END } from '../http/chunked.js';
import { Exchange } from '../http/exchange.js';
import { COMPLETE, NEED_MORE } from '../http/request-parser.js';
import type { Body, Response } from '../http/response.js';
import { headOf, Persistence } from '../http/response-head.js';
import type { RefusalStatus } from '../http/status.js';
import type { Connection } from '../net/connection.js';
import { peerOf } from '../net/peer.js';
import type { Protocol } from '../net/protocol.js';
import { After, type Answer, letGo } from './answer.js';
import { CONTINUE, Conversation, type Speaker } from './conversation.js';
import { dispatch, isAllowed } from './dispatch.js';
import type { Handlers } from './handlers.js';
import { refusal } from './refusals.js';
import type { Service } from './service.js';

const LF = 0x0a;

/** Where a connection meets HTTP: bytes become requests, requests become answers, in order. */
export class Session implements Protocol, Speaker {
  /** The peer's address for the log, asked for once. */
  private peer: string | null = null;
  /** A request whose body is being read. */
  private exchange: Exchange | null = null;
  private bodyStartMs = 0;
  /** With the server's handlers, once one of them was asked. */
  private conversation: Conversation | null = null;
  /** When the head that is under way must be whole; 0 between requests. A fresh connection owes one at once. */
  private headDueMs: number;
  /** How much of a head is known to be no head yet, and how much there must be for that to change without a line's end. */
  private scannedBytes = 0;
  private enoughBytes = 0;

  constructor(
    private readonly service: Service,
    readonly connection: Connection,
  ) {
    this.headDueMs = connection.context.reactor.nowMs + service.limits.headTimeoutMs;
  }

  receive(bytes: Uint8Array, start: number, end: number): number {
    const { parser, limits } = this.service;
    let at = start;
    let budget = limits.requestsPerTurn;
    while (at < end) {
      if (this.exchange !== null) {
        at = this.readBody(this.exchange, bytes, at, end);
        continue;
      }
      if (this.conversation !== null && !this.conversation.isAtRest) {
        if (!this.conversation.wantsInput) return at;
        if (this.conversation.isReading) {
          at = this.conversation.read(bytes, at, end);
          if (this.connection.isClosing) return end;
          continue;
        }
      }
      if (budget-- === 0 || this.connection.queuedBytes > limits.outboxHighWaterBytes) {
        this.connection.holdBack();
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
      if (answer !== COMPLETE) return this.refuse(answer, end);
      at = parser.headEnd;
      if (parser.contentLength !== 0) this.beginBody(at < end);
      else this.answer(at < end);
      if (this.connection.isClosing) return end;
    }
    return at;
  }

  get wantsInput(): boolean {
    return this.conversation === null || this.conversation.wantsInput;
  }

  peerEnded(unread: boolean): boolean {
    return this.conversation?.peerEnded(unread) === true;
  }

  drained(): void {
    this.conversation?.drained();
  }

  dueMs(sinceMs: number): number {
    const { limits } = this.service;
    const isBusy = this.conversation !== null && !this.conversation.isAtRest;
    if (this.exchange !== null) {
      const bodyDueMs = this.bodyDueMs(this.exchange);
      return isBusy ? Math.min(bodyDueMs, this.conversation!.dueMs()) : bodyDueMs;
    }
    if (isBusy) return this.conversation!.dueMs();
    if (this.headDueMs !== 0) return this.headDueMs;
    // At stop nobody waits for the peer's next request.
    return this.service.draining && this.connection.isIdle ? sinceMs : sinceMs + limits.idleTimeoutMs;
  }

  expire(): void {
    this.service.timeouts++;
    const { parser } = this.service;
    const { exchange, conversation } = this;
    const isBodyDue = exchange !== null && this.bodyDueMs(exchange) <= this.connection.context.reactor.nowMs;
    if (conversation !== null && !conversation.isAtRest && !isBodyDue) return conversation.expire();
    if (exchange !== null) exchange.restore(parser);
    else if (this.scannedBytes > 0) parser.forget();
    else if (this.service.draining) return this.connection.closeWhenIdle();
    else return this.connection.close(); // who has said nothing more is not waiting for an answer
    this.refuse(408, 0);
  }

  /** The server stops: a connection on which nothing of a request is under way ends now, the others with their answer. */
  drain(): void {
    // A body that is read and let go leaves the connection idle, but not the session.
    if (this.conversation !== null && !this.conversation.isAtRest) this.conversation.drain();
    else if (this.exchange === null) this.connection.closeWhenIdle();
  }

  closed(): void {
    this.conversation?.closed();
    this.service.ended(this);
  }

  say(answer: Answer, response: Response): void {
    const persistence =
      answer.after !== After.keep ? Persistence.close : answer.isOld ? Persistence.keptOld : Persistence.kept;
    this.send(response, persistence, answer.isHead);
    if (this.recall(answer)) this.log(response.status, sizeOf(response, answer.isHead));
  }

  record(answer: Answer, reply: Reply): void {
    if (this.service.log !== null && this.recall(answer))
      this.log(reply.status, answer.isHead ? 0 : Math.max(0, reply.length));
  }

  private bodyDueMs(exchange: Exchange): number {
    const { bodyTimeoutMs, bodyBytesPerSecond } = this.service.limits;
    return this.bodyStartMs + bodyTimeoutMs + (exchange.receivedBytes / bodyBytesPerSecond) * 1000;
  }

  /** Half a head that comes in small pieces is not parsed again for each of them. */
  private isStillPartial(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.scannedBytes === 0 || end - start >= this.enoughBytes) return false;
    for (let at = start + this.scannedBytes; at < end; at++) if (bytes[at] === LF) return false;
    this.scannedBytes = end - start;
    return true;
  }

  private beginHead(start: number, end: number): void {
    this.scannedBytes = end - start;
    this.enoughBytes = this.service.parser.enough - start;
    if (this.headDueMs === 0)
      this.headDueMs = this.connection.context.reactor.nowMs + this.service.limits.headTimeoutMs;
  }

  private beginBody(hasBegun: boolean): void {
    const { service, connection } = this;
    const { parser, limits, handlers } = service;
    const { reactor, kernel } = connection.context;
    if (handlers !== null) {
      const response = dispatch(service, reactor.nowMs);
      if (response === null) return this.converse(handlers, hasBegun);
      letGo(response, kernel); // asked for again when the body is read
    }
    if (parser.expectContinue && !hasBegun) {
      // The peer waits to be told: a final answer spares it the body, RFC 9110 section 10.1.1. Told before the answers
      // that are under way it would take it for one of them.
      if (!isAllowed(parser) || this.conversation?.isBusy) return this.answer(true, true);
      connection.sendBytes(CONTINUE, 0, CONTINUE.length);
    }
    this.exchange = new Exchange(parser, limits);
    this.bodyStartMs = reactor.nowMs;
  }

  private readBody(exchange: Exchange, bytes: Uint8Array, start: number, end: number): number {
    const result = exchange.read(bytes, start, end);
    if (result === NEED_MORE) return end;
    this.exchange = null;
    exchange.restore(this.service.parser);
    if (result !== END) return this.refuse(result, end);
    this.answer(exchange.position < end);
    return this.connection.isClosing ? end : exchange.position;
  }

  /** The request that the parser holds is the handlers'. */
  private converse(handlers: Handlers, more: boolean): void {
    const { service } = this;
    service.requests++;
    const keeps = service.parser.keepAlive && !service.draining;
    this.conversation ??= new Conversation(service, handlers, this.connection, this);
    this.conversation.handle(service.parser, keeps ? After.keep : more ? After.linger : After.close, more);
  }

  /** Answers the request that the parser holds. `more`: bytes of the peer are left that nobody will read. */
  private answer(more: boolean, last = false): void {
    const { service, connection } = this;
    const { parser } = service;
    const response = dispatch(service, connection.context.reactor.nowMs);
    if (response === null) return this.converse(service.handlers!, more);
    service.requests++;
    const keeps = parser.keepAlive && !service.draining && !last;
    if (this.conversation?.isBusy) {
      const after = keeps ? After.keep : more ? After.linger : After.close;
      return this.conversation.follow(parser, response, after, service.log === null ? null : headCopy(parser));
    }
    const isHead = parser.method === 'HEAD';
    if (keeps) {
      this.send(response, parser.minorVersion === 1 ? Persistence.kept : Persistence.keptOld, isHead);
    } else {
      this.send(response, Persistence.close, isHead);
      // A server that stops has told nobody before: a further request may be on its way already.
      connection.closeWhenSent(more || service.draining);
    }
    if (service.log !== null) this.log(response.status, sizeOf(response, isHead));
  }

  /** HTTP's no: what follows on this connection cannot be trusted to be a request. Uses up all bytes, up to `end`. */
  private refuse(status: RefusalStatus, end: number): number {
    const { service } = this;
    this.exchange = null;
    const response = refusal(service, status);
    const isHead = service.parser.method === 'HEAD';
    // Logged now, for what there is of the request is gone when those before it are answered.
    this.log(response.status, sizeOf(response, isHead));
    if (this.conversation?.isBusy) {
      this.conversation.follow(service.parser, response, After.linger, null);
      return end;
    }
    this.send(response, Persistence.close, isHead);
    this.connection.closeWhenSent(true);
    return end;
  }

  private send(response: Response, persistence: Persistence, isHead: boolean): void {
    const { connection } = this;
    const head = headOf(response, persistence, this.service.clock);
    const { headBytes } = head;
    if (isHead) connection.sendBytes(head.bytes, 0, headBytes, headBytes);
    else if (head.hasBody || response.body.kind === 'none') connection.sendBytes(head.bytes, 0, head.length, headBytes);
    else {
      connection.sendAhead(head.bytes, 0, headBytes, headBytes);
      this.sendBody(response.body);
    }
    response.lastUse?.release(connection.context.kernel);
  }

  private sendBody(body: Body): void {
    if (body.kind === 'bytes') this.connection.sendBytes(body.bytes, 0, body.bytes.length);
    else if (body.kind === 'file') this.connection.sendFile(body.file, body.offset, body.offset + body.length);
    else if (body.kind === 'parts') for (const part of body.parts) this.sendBody(part);
  }

  /** Makes the parser hold the answer's request again. False when nobody has kept it. */
  private recall({ head }: Answer): boolean {
    if (head !== null) this.service.parser.parse(head, 0, head.length - 1);
    return head !== null;
  }

  private log(status: number, bytes: number): void {
    const { log, parser } = this.service;
    if (log === null) return;
    this.peer ??= peerOf(this.connection)?.address ?? '-';
    log.record(this.peer, parser, status, bytes);
  }
}

const sizeOf = (response: Response, isHead: boolean): number =>
  isHead || response.body.kind === 'none' ? 0 : response.contentLength;
