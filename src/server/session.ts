import type { Files } from '../files/serve.js';
import { END } from '../http/chunked.js';
import type { DateClock } from '../http/date.js';
import { Exchange } from '../http/exchange.js';
import type { Limits } from '../http/limits.js';
import { COMPLETE, NEED_MORE, type RequestParser } from '../http/request-parser.js';
import { type Response, textResponse } from '../http/response.js';
import { headOf, Persistence } from '../http/response-head.js';
import type { RefusalStatus } from '../http/status.js';
import type { Connection } from '../net/connection.js';
import type { Protocol } from '../net/protocol.js';
import type { AccessLog } from './access-log.js';
import { dispatch, isAllowed } from './dispatch.js';

const LF = 0x0a;
const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');

const REFUSALS: Readonly<Record<RefusalStatus, Response>> = {
  400: textResponse(400, 'The request is not valid HTTP/1.1.\n'),
  408: textResponse(408, 'The request took too long to arrive.\n'),
  413: textResponse(413, 'The request body is larger than this server accepts.\n'),
  414: textResponse(414, 'The request target is longer than this server accepts.\n'),
  417: textResponse(417, 'The only expectation that can be met is 100-continue.\n'),
  431: textResponse(431, 'The request has more or longer fields than this server accepts.\n'),
  501: textResponse(501, 'The method or the transfer coding is not implemented.\n'),
  505: textResponse(505, 'Only HTTP/1.0 and HTTP/1.1 are spoken here.\n'),
};

/** What the sessions of one server share. */
export interface Service {
  readonly limits: Limits;
  readonly parser: RequestParser;
  readonly clock: DateClock;
  readonly files: Files;
  readonly log: AccessLog | null;
  /** The server stops: every answer is its connection's last. */
  draining: boolean;
  requests: number;
  readonly refusals: Map<number, number>;
  /** The session's connection is closed. */
  ended(session: Session): void;
}

/** Where a connection meets HTTP: bytes become requests, requests become answers, in order. */
export class Session implements Protocol {
  /** The peer's address for the log, asked for once. */
  private peer: string | null = null;
  /** A request whose body is being read. */
  private exchange: Exchange | null = null;
  private bodyStartMs = 0;
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

  dueMs(sinceMs: number): number {
    const { limits } = this.service;
    if (this.exchange !== null) {
      const earnedMs = (this.exchange.receivedBytes / limits.bodyBytesPerSecond) * 1000;
      return this.bodyStartMs + limits.bodyTimeoutMs + earnedMs;
    }
    if (this.headDueMs !== 0) return this.headDueMs;
    // At stop nobody waits for the peer's next request.
    return this.service.draining && this.connection.isIdle ? sinceMs : sinceMs + limits.idleTimeoutMs;
  }

  expire(): void {
    const { parser } = this.service;
    if (this.exchange !== null) this.exchange.restore(parser);
    else if (this.scannedBytes > 0) parser.forget();
    else if (this.service.draining) return this.connection.closeWhenIdle();
    else return this.connection.close(); // who has said nothing more is not waiting for an answer
    this.refuse(408, 0);
  }

  /** The server stops: a connection on which nothing of a request is under way ends now, the others with their answer. */
  drain(): void {
    // A body that is read and let go leaves the connection idle, but not the session.
    if (this.exchange === null) this.connection.closeWhenIdle();
  }

  closed(): void {
    this.service.ended(this);
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
    const { parser, limits } = this.service;
    if (parser.expectContinue && !hasBegun) {
      // The peer waits to be told: a final answer spares it the body, RFC 9110 section 10.1.1.
      if (!isAllowed(parser)) return this.answer(true, true);
      this.connection.sendBytes(CONTINUE, 0, CONTINUE.length);
    }
    this.exchange = new Exchange(parser, limits);
    this.bodyStartMs = this.connection.context.reactor.nowMs;
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

  /** Answers the request that the parser holds. `more`: bytes of the peer are left that nobody will read. */
  private answer(more: boolean, last = false): void {
    const { service, connection } = this;
    const { parser } = service;
    service.requests++;
    const response = dispatch(parser, service.files, connection.context.reactor.nowMs);
    if (parser.keepAlive && !service.draining && !last) {
      this.send(response, parser.minorVersion === 1 ? Persistence.kept : Persistence.keptOld);
    } else {
      this.send(response, Persistence.close);
      // A server that stops has told nobody before: a further request may be on its way already.
      connection.closeWhenSent(more || service.draining);
    }
    this.log(response);
  }

  /** HTTP's no: what follows on this connection cannot be trusted to be a request. Uses up all bytes, up to `end`. */
  private refuse(status: RefusalStatus, end: number): number {
    const { service } = this;
    this.exchange = null;
    service.refusals.set(status, (service.refusals.get(status) ?? 0) + 1);
    this.send(REFUSALS[status], Persistence.close);
    this.connection.closeWhenSent(true);
    this.log(REFUSALS[status]);
    return end;
  }

  private send(response: Response, persistence: Persistence): void {
    const { connection } = this;
    const head = headOf(response, persistence, this.service.clock);
    const { body } = response;
    const bodiless = this.service.parser.method === 'HEAD' || body.kind === 'none';
    connection.sendBytes(head.bytes, 0, bodiless ? head.headBytes : head.bytes.length, head.headBytes);
    if (bodiless || head.hasBody) return;
    if (body.kind === 'file') connection.sendFile(body.fd, body.offset, body.offset + body.length);
    else connection.sendBytes(body.bytes, 0, body.bytes.length);
  }

  private log(response: Response): void {
    const { log, parser } = this.service;
    if (log === null) return;
    this.peer ??= this.connection.peer?.address ?? '-';
    log.record(this.peer, parser, response);
  }
}
