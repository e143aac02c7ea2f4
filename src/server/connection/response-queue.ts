import type { Reply } from '../../fetch/reply.js';
import { FastRequest } from '../../fetch/request.js';
import { END } from '../../http/request/chunked.js';
import { NEED_MORE, type RequestParser } from '../../http/request/parser.js';
import type { HttpResponse } from '../../http/response/response.js';
import type { ErrorStatus } from '../../http/status.js';
import type { Connection } from '../../net/connection.js';
import { HandlerContext, type HandlerRunner, report, serverError } from '../handlers/handler.js';
import { ConnectionAction, discard, isReply, PendingResponse } from '../handlers/pending-response.js';
import { RequestBody } from '../handlers/request-body.js';
import { ResponseStream, type StreamEnd } from '../handlers/response-stream.js';
import { serializeReply } from '../handlers/serialize-reply.js';
import type { ServerContext } from './context.js';
import { fileOf } from './dispatch.js';
import { errorResponse, HANDLER_TIMEOUT } from './error-responses.js';

export const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');
const UNKNOWN_LENGTH = -1;

/** What a conversation asks of the session that it belongs to. */
export interface ResponseWriter {
  /** Queues a response as data, and tells the log. */
  write(answer: PendingResponse, response: HttpResponse): void;
  /** Tells the log of a reply. */
  log(answer: PendingResponse, reply: Reply): void;
}

/**
 * The part of a session in which handlers answer: in their own time, and still in the order of the requests. It feeds
 * them the requests' bodies and sends their streams, each at the pace of the slower side.
 */
export class ResponseQueue {
  private readonly context: HandlerContext;
  /** In the order of the requests; the first is being sent, or waited for. */
  private readonly pending: PendingResponse[] = [];
  private requestBody: RequestBody | null = null;
  private responseStream: ResponseStream | null = null;
  /** What handlers are told when the peer has left. */
  private disconnectReason: DOMException | null = null;
  private isClosed = false;

  constructor(
    private readonly service: ServerContext,
    private readonly handlers: HandlerRunner,
    private readonly connection: Connection,
    private readonly writer: ResponseWriter,
  ) {
    this.context = new HandlerContext(connection, service.server);
  }

  /** Something is to be said yet. */
  get isBusy(): boolean {
    return this.pending.length > 0;
  }

  /** Nothing is under way. */
  get isIdle(): boolean {
    return this.pending.length === 0 && this.requestBody === null;
  }

  get isReadingBody(): boolean {
    return this.requestBody !== null;
  }

  get wantsInput(): boolean {
    if (this.requestBody !== null) return !this.requestBody.queue.isFull;
    const { length } = this.pending;
    if (length === 0) return true;
    return (
      length < this.service.limits.maxConcurrentHandlers &&
      this.pending[length - 1]!.action === ConnectionAction.keepAlive
    );
  }

  /** The handler has the request that the parser holds. `more`: its body has begun to come. */
  handle(parser: RequestParser, after: ConnectionAction, more: boolean): void {
    const { service } = this;
    const answer = new PendingResponse(parser, service.defaultHost, this.nowMs, after);
    if (parser.contentLength !== 0) {
      const waits = parser.expectContinue && !more;
      this.requestBody = new RequestBody(parser, service.limits, answer, waits, (upload) => this.onBodyWanted(upload));
      answer.body = this.requestBody.queue;
    }
    const request = new FastRequest(parser, answer, answer.body);
    if (service.log !== null || this.handlers.fetchFirst) answer.head = FastRequest.headOf(request);
    this.pending.push(answer);
    const reply = this.handlers.call(request, this.context, answer);
    if (reply instanceof Promise) reply.then((later) => this.resolve(answer, later, true));
    else this.resolve(answer, reply, false);
  }

  /**
   * A response as data, which is said when those before it are.
   * @param head for the log; null when it is told already
   */
  enqueue(parser: RequestParser, response: HttpResponse, after: ConnectionAction, head: Uint8Array | null): void {
    const answer = new PendingResponse(parser, this.service.defaultHost, this.nowMs, after);
    answer.result = response;
    answer.head = head;
    this.pending.push(answer);
    this.sendNext();
  }

  /** Body bytes for the handler. Returns how far they are used up. */
  read(bytes: Uint8Array, start: number, end: number): number {
    const upload = this.requestBody!;
    const result = upload.read(bytes, start, end, this.nowMs);
    if (result === NEED_MORE) {
      if (upload.isTooMuchToDiscard && !this.pending.includes(upload.response)) this.connection.closeWhenSent(true);
    } else if (result === END) {
      this.requestBody = null;
      upload.queue.end();
    } else {
      this.rejectBody(upload, result);
      return end;
    }
    return upload.position;
  }

  /** The peer will send no more. Returns whether it is still owed an answer. */
  onEnd(unread: boolean): boolean {
    if (this.isIdle) return false;
    const reason = this.disconnectError();
    if (!unread) this.requestBody?.queue.fail(reason);
    for (const answer of this.pending) answer.abort(reason);
    this.responseStream?.onEnd();
    return this.isBusy;
  }

  onDrain(): void {
    this.responseStream?.onDrain();
  }

  /** When a handler, or the peer that is to send it a body, has taken too long. */
  deadlineMs(): number {
    const { handlerTimeoutMs } = this.service.limits;
    const bodyDueMs = this.requestBody === null ? Number.POSITIVE_INFINITY : this.requestBody.deadlineMs;
    const longest = handlerTimeoutMs === 0 ? undefined : this.pending.find(({ result }) => result === null);
    return longest === undefined ? bodyDueMs : Math.min(bodyDueMs, longest.startMs + handlerTimeoutMs);
  }

  /** That time has come. */
  onTimeout(): void {
    const { requestBody, nowMs } = this;
    const { handlerTimeoutMs } = this.service.limits;
    for (const answer of this.pending) {
      if (handlerTimeoutMs === 0 || answer.result !== null || answer.startMs + handlerTimeoutMs > nowMs) continue;
      this.service.handlerTimeouts++;
      answer.result = HANDLER_TIMEOUT;
      answer.abort(new DOMException('The handler has taken too long', 'AbortError'));
    }
    if (requestBody !== null && requestBody.deadlineMs <= nowMs) this.rejectBody(requestBody, 408);
    this.sendNext();
  }

  /** The server stops: what never ends by itself is ended, and the last answer is the connection's last. */
  drain(): void {
    this.pending.at(-1)?.limitAction(ConnectionAction.close);
    const result = this.pending[0]?.result;
    if (result && isReply(result) && result.endless) this.responseStream?.end();
  }

  onClose(): void {
    this.isClosed = true;
    if (this.isIdle) return;
    const reason = this.disconnectError();
    this.requestBody?.queue.fail(reason);
    for (const answer of this.pending) answer.abort(reason);
    if (this.responseStream !== null) this.pending.shift();
    this.responseStream?.cancel(reason);
    for (const { result } of this.pending) discard(result, this.connection.context.kernel);
  }

  private disconnectError(): DOMException {
    this.disconnectReason ??= new DOMException('The peer has left', 'AbortError');
    return this.disconnectReason;
  }

  private get nowMs(): number {
    return this.connection.context.reactor.nowMs;
  }

  private onBodyWanted(upload: RequestBody): void {
    if (this.isClosed || upload !== this.requestBody) return;
    this.service.flushQueue.schedule(this.connection);
    if (!upload.awaitsContinue) return upload.resume(this.nowMs);
    upload.isWanted = !upload.queue.isClosed;
    this.sendContinue();
  }

  /** A peer that waits to be told is told when its body is wanted, and when no answer stands before its own. */
  private sendContinue(): void {
    if (this.requestBody?.shouldContinue(this.pending[0], this.nowMs))
      this.connection.sendBytes(CONTINUE, 0, CONTINUE.length);
  }

  private resolve(answer: PendingResponse, reply: Reply, isLate: boolean): void {
    if (this.isClosed || answer.result !== null) return discard(reply, this.connection.context.kernel);
    if (isLate) this.service.flushQueue.schedule(this.connection);
    const mayBeFile = this.handlers.fetchFirst && reply.status === 404;
    const file = mayBeFile ? fileOf(this.service, answer.head!, this.nowMs) : null;
    if (file !== null) discard(reply, this.connection.context.kernel);
    answer.result = file ?? reply;
    if (this.pending[0] === answer) this.sendNext();
  }

  /** Says what can be said, in order. */
  private sendNext(): void {
    while (this.responseStream === null && !this.connection.isClosing) {
      const answer = this.pending[0];
      if (answer === undefined) return;
      const { result } = answer;
      if (result === null) return this.sendContinue();
      if (this.service.draining && this.pending.length === 1) answer.limitAction(ConnectionAction.close);
      if (isReply(result)) {
        if (!this.send(answer, result)) return; // a stream: on when it is sent
      } else {
        this.discardBody(answer);
        this.writer.write(answer, result);
      }
      this.finish(answer);
    }
  }

  /** False when it goes out as a stream. */
  private send(answer: PendingResponse, reply: Reply): boolean {
    const { body, length } = reply;
    const { connection, service } = this;
    const stream = body instanceof ReadableStream && !answer.isHead && length !== 0 ? body : null;
    if (stream?.locked) return this.send(answer, serverError()); // somebody else has begun to read it
    if (reply.close) answer.limitAction(ConnectionAction.close);
    // A peer that knows no chunks is told the end by the connection's, RFC 9112 section 6.3.
    const isToTheEnd = stream !== null && length === UNKNOWN_LENGTH && answer.isHttp10;
    if (isToTheEnd) answer.limitAction(ConnectionAction.close);
    // A handler may read while its answer is sent. Whoever waits to be told is told before, for then it is too late.
    const requested = answer.body;
    if (stream === null || requested?.isUsed !== true || requested.isClosed) this.discardBody(answer);
    else if (this.requestBody?.response === answer && this.requestBody.awaitsContinue)
      this.onBodyWanted(this.requestBody);
    const bytes = serializeReply(reply, answer, service.clock);
    connection.sendBytes(bytes, 0, bytes.length);
    this.writer.log(answer, reply);
    if (stream === null) {
      if (body instanceof ReadableStream) discard(reply, connection.context.kernel);
      return true;
    }
    const sent = (how: StreamEnd, error: unknown): void => this.onStreamEnd(answer, how, error);
    const promised = isToTheEnd ? Number.NaN : length;
    this.responseStream = new ResponseStream(connection, stream, promised, service.limits, service.flushQueue, sent);
    if (service.draining && reply.endless) this.responseStream.end();
    else void this.responseStream.run();
    return false;
  }

  /** A stream has come to its end. Only the connection's can tell the peer that it was not the right one. */
  private onStreamEnd(answer: PendingResponse, how: StreamEnd, error: unknown): void {
    this.responseStream = null;
    if (how === 'whole') {
      this.finish(answer);
      this.sendNext();
    } else {
      if (!answer.isAbortOf(error)) report('the stream of a response', error);
      this.connection.closeWhenSent(this.requestBody !== null || this.connection.hasUnread);
    }
    this.service.flushQueue.schedule(this.connection);
  }

  /** The answer is said. */
  private finish(answer: PendingResponse): void {
    this.discardBody(answer);
    this.pending.shift();
    if (answer.action === ConnectionAction.keepAlive) return;
    // A server that stops has told nobody before: a further request may be on its way already.
    const mayLoseAnswer = this.requestBody !== null || this.service.draining || this.connection.hasUnread;
    this.connection.closeWhenSent(answer.action === ConnectionAction.linger || mayLoseAnswer);
  }

  /** What nobody reads of the answer's body is read and thrown away if it is short; else the connection ends. */
  private discardBody(answer: PendingResponse): void {
    const { requestBody } = this;
    if (requestBody === null || requestBody.response !== answer) return;
    // Whether a body that waited comes after a final answer is the peer's choice: nothing that follows can be told apart.
    if (requestBody.awaitsContinue) this.requestBody = null;
    if (!requestBody.discard()) answer.limitAction(ConnectionAction.linger);
  }

  /** The body is not in order: that is what its request is answered, unless another answer has begun. */
  private rejectBody(upload: RequestBody, status: ErrorStatus): void {
    const { response: pending, queue } = upload;
    const reason = new DOMException('The body of the request was refused', 'AbortError');
    const response = errorResponse(this.service, status);
    this.requestBody = null;
    queue.fail(reason);
    pending.abort(reason);
    pending.action = ConnectionAction.linger;
    if (!this.pending.includes(pending)) return this.connection.closeWhenSent(true);
    if (this.pending[0] === pending && this.responseStream !== null) return;
    discard(pending.result, this.connection.context.kernel);
    pending.result = response;
    this.sendNext();
  }
}
