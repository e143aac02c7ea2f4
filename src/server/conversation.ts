import type { Reply } from '../fetch/reply.js';
import { LightRequest } from '../fetch/request.js';
import { END } from '../http/chunked.js';
import { NEED_MORE, type RequestParser } from '../http/request-parser.js';
import type { Response } from '../http/response.js';
import type { RefusalStatus } from '../http/status.js';
import type { Connection } from '../net/connection.js';
import { After, Answer, isReply, letGo } from './answer.js';
import { fileOf } from './dispatch.js';
import { HandlerContext, type Handlers, report, serverError } from './handlers.js';
import { HANDLER_BUSY, refusal } from './refusals.js';
import { replyBytes } from './reply-bytes.js';
import type { Service } from './service.js';
import { Transfer, type TransferEnd } from './transfer.js';
import { Upload } from './upload.js';

export const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');
const UNKNOWN_LENGTH = -1;

/** What a conversation asks of the session that it belongs to. */
export interface Speaker {
  /** Queues a response as data, and tells the log. */
  say(answer: Answer, response: Response): void;
  /** Tells the log of a reply. */
  record(answer: Answer, reply: Reply): void;
}

/**
 * The part of a session in which handlers answer: in their own time, and still in the order of the requests. It feeds
 * them the requests' bodies and sends their streams, each at the pace of the slower side.
 */
export class Conversation {
  private readonly context: HandlerContext;
  /** In the order of the requests; the first is being sent, or waited for. */
  private readonly answers: Answer[] = [];
  private upload: Upload | null = null;
  private transfer: Transfer | null = null;
  /** What handlers are told when the peer has left. */
  private departure: DOMException | null = null;
  private isClosed = false;

  constructor(
    private readonly service: Service,
    private readonly handlers: Handlers,
    private readonly connection: Connection,
    private readonly speaker: Speaker,
  ) {
    this.context = new HandlerContext(connection, service.server);
  }

  /** Something is to be said yet. */
  get isBusy(): boolean {
    return this.answers.length > 0;
  }

  /** Nothing is under way. */
  get isAtRest(): boolean {
    return this.answers.length === 0 && this.upload === null;
  }

  get isReading(): boolean {
    return this.upload !== null;
  }

  get wantsInput(): boolean {
    if (this.upload !== null) return !this.upload.feed.isFull;
    const { length } = this.answers;
    if (length === 0) return true;
    return length < this.service.limits.handlersPerConnection && this.answers[length - 1]!.after === After.keep;
  }

  /** The handler has the request that the parser holds. `more`: its body has begun to come. */
  handle(parser: RequestParser, after: After, more: boolean): void {
    const { service } = this;
    const answer = new Answer(parser, service.defaultHost, this.nowMs, after);
    if (parser.contentLength !== 0) {
      const waits = parser.expectContinue && !more;
      this.upload = new Upload(parser, service.limits, answer, waits, (upload) => this.bodyWanted(upload));
      answer.feed = this.upload.feed;
    }
    const request = new LightRequest(parser, answer, answer.feed);
    if (service.log !== null || this.handlers.isFirst) answer.head = LightRequest.headOf(request);
    this.answers.push(answer);
    const reply = this.handlers.call(request, this.context, answer);
    if (reply instanceof Promise) reply.then((later) => this.settle(answer, later, true));
    else this.settle(answer, reply, false);
  }

  /**
   * A response as data, which is said when those before it are.
   * @param head for the log; null when it is told already
   */
  follow(parser: RequestParser, response: Response, after: After, head: Uint8Array | null): void {
    const answer = new Answer(parser, this.service.defaultHost, this.nowMs, after);
    answer.result = response;
    answer.head = head;
    this.answers.push(answer);
    this.go();
  }

  /** Body bytes for the handler. Returns how far they are used up. */
  read(bytes: Uint8Array, start: number, end: number): number {
    const upload = this.upload!;
    const result = upload.read(bytes, start, end, this.nowMs);
    if (result === NEED_MORE) {
      if (upload.isTooMuch && !this.answers.includes(upload.answer)) this.connection.closeWhenSent(true);
    } else if (result === END) {
      this.upload = null;
      upload.feed.end();
    } else {
      this.refuse(upload, result);
      return end;
    }
    return upload.position;
  }

  /** The peer will send no more. Returns whether it is still owed an answer. */
  peerEnded(unread: boolean): boolean {
    if (this.isAtRest) return false;
    const reason = this.leaving();
    if (!unread) this.upload?.feed.fail(reason);
    for (const answer of this.answers) answer.abort(reason);
    this.transfer?.peerEnded();
    return this.isBusy;
  }

  drained(): void {
    this.transfer?.drained();
  }

  /** When a handler, or the peer that is to send it a body, has taken too long. */
  dueMs(): number {
    const { handlerTimeoutMs } = this.service.limits;
    const bodyDueMs = this.upload === null ? Number.POSITIVE_INFINITY : this.upload.dueMs;
    const longest = handlerTimeoutMs === 0 ? undefined : this.answers.find(({ result }) => result === null);
    return longest === undefined ? bodyDueMs : Math.min(bodyDueMs, longest.startMs + handlerTimeoutMs);
  }

  /** That time has come. */
  expire(): void {
    const { upload, nowMs } = this;
    const { handlerTimeoutMs } = this.service.limits;
    for (const answer of this.answers) {
      if (handlerTimeoutMs === 0 || answer.result !== null || answer.startMs + handlerTimeoutMs > nowMs) continue;
      this.service.handlerTimeouts++;
      answer.result = HANDLER_BUSY;
      answer.abort(new DOMException('The handler has taken too long', 'AbortError'));
    }
    if (upload !== null && upload.dueMs <= nowMs) this.refuse(upload, 408);
    this.go();
  }

  /** The server stops: what never ends by itself is ended, and the last answer is the connection's last. */
  drain(): void {
    this.answers.at(-1)?.atMost(After.close);
    const result = this.answers[0]?.result;
    if (result && isReply(result) && result.endless) this.transfer?.end();
  }

  closed(): void {
    this.isClosed = true;
    if (this.isAtRest) return;
    const reason = this.leaving();
    this.upload?.feed.fail(reason);
    for (const answer of this.answers) answer.abort(reason);
    if (this.transfer !== null) this.answers.shift();
    this.transfer?.cancel(reason);
    for (const { result } of this.answers) letGo(result, this.connection.context.kernel);
  }

  private leaving(): DOMException {
    this.departure ??= new DOMException('The peer has left', 'AbortError');
    return this.departure;
  }

  private get nowMs(): number {
    return this.connection.context.reactor.nowMs;
  }

  private bodyWanted(upload: Upload): void {
    if (this.isClosed || upload !== this.upload) return;
    this.service.flusher.later(this.connection);
    if (!upload.waits) return upload.resume(this.nowMs);
    upload.isWanted = !upload.feed.isClosed;
    this.sayContinue();
  }

  /** A peer that waits to be told is told when its body is wanted, and when no answer stands before its own. */
  private sayContinue(): void {
    if (this.upload?.goesOn(this.answers[0], this.nowMs)) this.connection.sendBytes(CONTINUE, 0, CONTINUE.length);
  }

  private settle(answer: Answer, reply: Reply, isLate: boolean): void {
    if (this.isClosed || answer.result !== null) return letGo(reply, this.connection.context.kernel);
    if (isLate) this.service.flusher.later(this.connection);
    const mayBeFile = this.handlers.isFirst && reply.status === 404;
    const file = mayBeFile ? fileOf(this.service, answer.head!, this.nowMs) : null;
    if (file !== null) letGo(reply, this.connection.context.kernel);
    answer.result = file ?? reply;
    if (this.answers[0] === answer) this.go();
  }

  /** Says what can be said, in order. */
  private go(): void {
    while (this.transfer === null && !this.connection.isClosing) {
      const answer = this.answers[0];
      if (answer === undefined) return;
      const { result } = answer;
      if (result === null) return this.sayContinue();
      if (this.service.draining && this.answers.length === 1) answer.atMost(After.close);
      if (isReply(result)) {
        if (!this.send(answer, result)) return; // a stream: on when it is sent
      } else {
        this.leaveUpload(answer);
        this.speaker.say(answer, result);
      }
      this.finish(answer);
    }
  }

  /** False when it goes out as a stream. */
  private send(answer: Answer, reply: Reply): boolean {
    const { body, length } = reply;
    const { connection, service } = this;
    const stream = body instanceof ReadableStream && !answer.isHead && length !== 0 ? body : null;
    if (stream?.locked) return this.send(answer, serverError()); // somebody else has begun to read it
    if (reply.close) answer.atMost(After.close);
    // A peer that knows no chunks is told the end by the connection's, RFC 9112 section 6.3.
    const isToTheEnd = stream !== null && length === UNKNOWN_LENGTH && answer.isOld;
    if (isToTheEnd) answer.atMost(After.close);
    // A handler may read while its answer is sent. Whoever waits to be told is told before, for then it is too late.
    const { feed } = answer;
    if (stream === null || feed?.isUsed !== true || feed.isClosed) this.leaveUpload(answer);
    else if (this.upload?.answer === answer && this.upload.waits) this.bodyWanted(this.upload);
    const bytes = replyBytes(reply, answer, service.clock);
    connection.sendBytes(bytes, 0, bytes.length);
    this.speaker.record(answer, reply);
    if (stream === null) {
      if (body instanceof ReadableStream) letGo(reply, connection.context.kernel);
      return true;
    }
    const sent = (how: TransferEnd, error: unknown): void => this.sent(answer, how, error);
    const promised = isToTheEnd ? Number.NaN : length;
    this.transfer = new Transfer(connection, stream, promised, service.limits, service.flusher, sent);
    if (service.draining && reply.endless) this.transfer.end();
    else void this.transfer.run();
    return false;
  }

  /** A stream has come to its end. Only the connection's can tell the peer that it was not the right one. */
  private sent(answer: Answer, how: TransferEnd, error: unknown): void {
    this.transfer = null;
    if (how === 'whole') {
      this.finish(answer);
      this.go();
    } else {
      if (!answer.hasCaused(error)) report('the stream of a response', error);
      this.connection.closeWhenSent(this.upload !== null || this.connection.hasUnread);
    }
    this.service.flusher.later(this.connection);
  }

  /** The answer is said. */
  private finish(answer: Answer): void {
    this.leaveUpload(answer);
    this.answers.shift();
    if (answer.after === After.keep) return;
    // A server that stops has told nobody before: a further request may be on its way already.
    const mayLoseAnswer = this.upload !== null || this.service.draining || this.connection.hasUnread;
    this.connection.closeWhenSent(answer.after === After.linger || mayLoseAnswer);
  }

  /** What nobody reads of the answer's body is read and thrown away if it is short; else the connection ends. */
  private leaveUpload(answer: Answer): void {
    const { upload } = this;
    if (upload === null || upload.answer !== answer) return;
    // Whether a body that waited comes after a final answer is the peer's choice: nothing that follows can be told apart.
    if (upload.waits) this.upload = null;
    if (!upload.leave()) answer.atMost(After.linger);
  }

  /** The body is not in order: that is what its request is answered, unless another answer has begun. */
  private refuse(upload: Upload, status: RefusalStatus): void {
    const { answer, feed } = upload;
    const reason = new DOMException('The body of the request was refused', 'AbortError');
    const response = refusal(this.service, status);
    this.upload = null;
    feed.fail(reason);
    answer.abort(reason);
    answer.after = After.linger;
    if (!this.answers.includes(answer)) return this.connection.closeWhenSent(true);
    if (this.answers[0] === answer && this.transfer !== null) return;
    letGo(answer.result, this.connection.context.kernel);
    answer.result = response;
    this.go();
  }
}
