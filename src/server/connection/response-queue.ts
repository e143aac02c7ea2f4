import { BodyQueue } from '../../fetch/body-queue.js';
import { FastRequest } from '../../fetch/request.js';
import { END } from '../../http/request/chunked.js';
import { NEED_MORE, type RequestParser } from '../../http/request/parser.js';
import { ConnectionAction } from '../../http/response/connection-action.js';
import { type HttpResponse, LATER, type LaterResponse, type StreamBody } from '../../http/response/response.js';
import type { ErrorStatus } from '../../http/status.js';
import type { Connection } from '../../net/connection.js';
import { debug, tracing } from '../../sys/debug.js';
import type { ForwardedClient } from '../clients/forwarded-client.js';
import { HandlerContext } from '../handlers/handler-context.js';
import { SERVER_ERROR } from '../handlers/handler-runner.js';
import type { StreamEnd } from '../handlers/response-stream.js';
import type { LogEntry } from '../log/log-entry.js';
import { requestOf } from '../routes/routed-request.js';
import { isUpgrade } from '../upgrade/pending-upgrade.js';
import type { ServerContext } from './context.js';
import { bodyDueMs, responseDueMs, timeOut } from './deadlines.js';
import { fileOf } from './dispatch.js';
import { errorResponse } from './error-responses.js';
import { discard, type PendingQueue, PendingResponse } from './pending-response.js';
import { RequestBody } from './request-body.js';
import { sendResponse } from './send-response.js';
import { SendingStream } from './sending-stream.js';

export const CONTINUE: Buffer = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');
const UNKNOWN_LENGTH = -1;
type Later = LaterResponse<RequestParser>;

/**
 * The responses of a connection that cannot be sent at once, in the order of their requests, and the body that is being
 * read. A pending response goes through these states:
 *
 * 1. waiting: a handler was called and has not responded. Its request's body, if it has one, is read into its BodyQueue.
 * 2. ready: the response is data, and waits for the responses before it.
 * 3. sending: it is the first of the queue. Data is queued on the connection at once; a stream is sent chunk by chunk by
 *    a ResponseStream, each when the client has taken the one before.
 * 4. sent: the rest of its request's body is read to its end if the handler is reading it, else discarded; then the
 *    connection goes on, closes, or lingers.
 *
 * Rules: a response that begins is never replaced; a body with an error in its framing replaces one that has not begun.
 * If the client disconnects, all requests are aborted whose responses are not sent. A client that has shut down its side
 * may wait for its responses, RFC 9112 section 9.6; but not for one without an end: it has left. A late response flushes
 * the connection outside the turn.
 */
export class ResponseQueue implements PendingQueue {
  /** The body that is being read, for a handler or to be discarded. */
  body: RequestBody | null = null;
  /** Who has sent the requests to a proxy; null if the peer is the client. */
  client: ForwardedClient | null = null;
  /** In the order of the requests; the first is being sent, or waited for. */
  private readonly pending: PendingResponse[] = [];
  /** Of the first pending response. */
  private stream: SendingStream | null = null;
  /** Responses that are queued on the connection, and whose requests have a signal. */
  private unsent: PendingResponse[] = [];
  /** What happens to the connection at the end of a body that is read after its response. */
  private actionAfterBody: ConnectionAction = ConnectionAction.keepAlive;
  private disconnectReason: DOMException | null = null;
  private isClosed = false;
  /** When bytes were last received or sent, for requests with a time of their own. */
  private sinceMs = 0;
  /** Whether a request of this connection has had a time of its own. */
  private hasTimes = false;

  constructor(
    readonly context: ServerContext,
    readonly connection: Connection,
  ) {}

  get isBusy(): boolean {
    return this.pending.length > 0;
  }

  /** No response is pending, and no body is being read. */
  get isIdle(): boolean {
    return this.pending.length === 0 && this.body === null;
  }

  get wantsInput(): boolean {
    if (this.body !== null) return !this.body.isFull;
    const { length } = this.pending;
    if (length === 0) return true;
    return length < this.context.limits.maxConcurrentHandlers && !this.pending[length - 1]!.isLast;
  }

  /**
   * Calls the handler with the request that the parser holds.
   * @param hasMore bytes have come behind its head
   */
  callHandler(parser: RequestParser, action: ConnectionAction, hasMore: boolean, entry: LogEntry | null): void {
    const { context, nowMs } = this;
    const { limits } = context;
    const handlers = context.handlers!;
    const route = context.routes === null ? null : context.routes.handler;
    const pending = new PendingResponse(parser, this, nowMs, action, entry);
    if (this.client !== null) {
      pending.scheme = this.client.schemeOf(parser);
      pending.client = this.client.addressOf(parser);
    }
    pending.asksForUpgrade = context.webSockets !== null && isUpgrade(parser);
    if (parser.contentLength !== 0) {
      pending.body = new BodyQueue(limits.bodyHighWaterBytes, () => this.onBodyWanted(pending));
      this.body = new RequestBody(parser, limits, nowMs, pending);
      if (parser.expectContinue && !hasMore) this.body.awaitContinue(nowMs);
    }
    const request = requestOf(parser, pending, route === null ? null : context.routes!.match);
    if (handlers.fetchFirst && route === null) pending.head = FastRequest.headOf(request);
    this.pending.push(pending);
    if (tracing) debug('handler called, %d pending', this.pending.length);
    const response = handlers.call(request, new HandlerContext(pending), pending, route);
    if (response instanceof Promise) response.then((late) => this.onResponse(pending, late, true));
    else this.onResponse(pending, response, false);
  }

  /** Queues a response as data to the request that the parser holds. */
  enqueue(parser: RequestParser, response: HttpResponse, action: ConnectionAction, entry: LogEntry | null): void {
    const pending = new PendingResponse(parser, this, this.nowMs, action, entry);
    pending.response = response;
    if (entry !== null) entry.status = response.status;
    this.pending.push(pending);
    this.sendReady();
  }

  /** Queues a response of the files to the request that the parser holds, which they are still making. */
  enqueueLater(parser: RequestParser, later: Later, action: ConnectionAction, entry: LogEntry | null): void {
    const pending = new PendingResponse(parser, this, this.nowMs, action, entry);
    pending.head = parser.copyHead();
    this.pending.push(pending);
    void this.onLater(pending, later);
  }

  private async onLater(pending: PendingResponse, later: Later): Promise<void> {
    await later.ready;
    if (this.isClosed || pending.response !== null) return;
    const { parser, files, flushQueue } = this.context;
    parser.restoreHead(pending.head!);
    // A reload may have left no files.
    const response = later.again?.(parser) ?? files?.serve(parser, this.nowMs) ?? SERVER_ERROR;
    if (response.status === LATER) return this.onLater(pending, response as Later);
    pending.response = response;
    if (pending.logEntry !== null) pending.logEntry.status = response.status;
    flushQueue.schedule(this.connection);
    if (this.pending[0] === pending) this.sendReady();
  }

  /** Body bytes for a handler. Returns the offset up to which they were consumed. */
  readBody(body: RequestBody, bytes: Uint8Array, start: number, end: number): number {
    const result = body.read(bytes, start, end, this.nowMs);
    if (result === NEED_MORE) {
      if (body.isTooMuchToDiscard && !this.pending.includes(body.pending!)) this.connection.closeWhenSent(true);
    } else if (result === END) {
      this.body = null;
      body.end();
      this.closeAfterLast(this.actionAfterBody);
    } else {
      this.rejectBody(body, result);
      return end;
    }
    return body.position;
  }

  /** A stream has begun and has not ended. */
  get isSending(): boolean {
    return this.stream !== null;
  }

  /** The client will send no more. Returns whether a response is still to be sent to it. */
  onEnd(unread: boolean): boolean {
    if (this.isIdle) return false;
    if (!unread && this.body !== null) {
      // Half a body: its request will never be complete.
      const reason = this.disconnectError();
      this.body.fail(reason);
      this.body.pending?.abort(reason);
    }
    if (this.stream?.isEndless) this.stream.leave(this.disconnectError());
    else this.stream?.onEnd();
    return this.isBusy || (unread && this.body !== null);
  }

  onDrain(): void {
    if (this.unsent.length > 0) this.unsent = [];
    this.stream?.onDrain();
    if (this.hasTimes) this.sinceMs = this.nowMs;
  }

  /** Requests whose responses are not queued to their end. */
  get pendingRequests(): number {
    return this.pending.length + (this.body !== null && this.body.pending === null ? 1 : 0);
  }

  /** When a handler, or the client with a body, has taken too long. */
  deadlineMs(sinceMs: number): number {
    let dueMs = bodyDueMs(this.body, this.pending);
    if (this.hasTimes) this.sinceMs = Math.max(this.sinceMs, sinceMs);
    else if (this.context.limits.handlerTimeoutMs === 0) return dueMs;
    for (const pending of this.pending) dueMs = Math.min(dueMs, this.responseDueMs(pending));
    return dueMs;
  }

  private responseDueMs(pending: PendingResponse): number {
    return responseDueMs(pending, this.isNext(pending), this.context.limits.handlerTimeoutMs, this.sinceMs);
  }

  onTimeLimited(): void {
    this.hasTimes = true;
    if (!this.isClosed) this.context.flushQueue.schedule(this.connection); // with its deadline
  }

  isNext(pending: PendingResponse): boolean {
    return this.pending[0] === pending;
  }

  /** `deadlineMs` has passed, for a handler or for its request's body. */
  onTimeout(): void {
    const { body, nowMs } = this;
    for (const pending of this.pending) {
      if (this.responseDueMs(pending) > nowMs) continue;
      if (!timeOut(pending, body, nowMs))
        return this.connection.close('no progress of a request with a time of its own');
      this.context.handlerTimeouts++;
    }
    if (body !== null && body.pending !== null && bodyDueMs(body, this.pending) <= nowMs) this.onBodyTimeout(body);
    this.sendReady();
  }

  /** The server stops: the last response closes the connection, and an endless stream ends now. */
  drain(): void {
    this.pending.at(-1)?.limitAction(ConnectionAction.close);
    if (this.stream?.isEndless) this.stream.end();
  }

  onClose(): void {
    this.isClosed = true;
    if (this.isIdle && this.unsent.length === 0) return;
    const reason = this.disconnectError();
    for (const pending of this.unsent) pending.abort(reason);
    this.body?.fail(reason);
    this.body?.pending?.abort(reason);
    for (const pending of this.pending) pending.abort(reason);
    if (this.stream !== null) this.pending.shift();
    this.stream?.cancel(reason);
    for (const { response } of this.pending) discard(response, this.connection.context.kernel);
  }

  private disconnectError(): DOMException {
    this.disconnectReason ??= new DOMException('The client has disconnected', 'AbortError');
    return this.disconnectReason;
  }

  private get nowMs(): number {
    return this.connection.context.reactor.nowMs;
  }

  /** The handler is waiting for more of the request body. */
  private onBodyWanted(pending: PendingResponse): void {
    const { body } = this;
    if (this.isClosed || body === null || body.pending !== pending) return;
    this.context.flushQueue.schedule(this.connection);
    if (!body.awaitsContinue) return body.resume(this.nowMs);
    body.isWanted = !pending.body!.isClosed;
    this.sendContinue();
  }

  private sendContinue(): void {
    if (this.body?.shouldContinue(this.pending[0], this.nowMs)) this.connection.sendBytes(CONTINUE, 0, CONTINUE.length);
  }

  /** The handler has responded. With `fetchFirst`, a file replaces its 404. */
  private onResponse(pending: PendingResponse, response: HttpResponse, isLate: boolean): void {
    const { kernel } = this.connection.context;
    if (this.isClosed || pending.response !== null) return discard(response, kernel);
    if (isLate) this.context.flushQueue.schedule(this.connection);
    const isMissing = pending.head !== null && response.status === 404;
    const file = isMissing ? fileOf(this.context, pending.head!, this.nowMs) : null;
    if (file !== null) discard(response, kernel);
    if (file?.status === LATER) return void this.onLater(pending, file as Later);
    pending.response = file ?? response;
    if (pending.logEntry !== null) pending.logEntry.status = pending.response.status;
    if (this.pending[0] === pending) this.sendReady();
  }

  /** Sends the first responses, as far as they are ready. */
  private sendReady(): void {
    while (this.stream === null && !this.connection.isClosing) {
      const pending = this.pending[0];
      if (pending === undefined) return;
      pending.sendInterim();
      if (pending.response === null) return this.sendContinue();
      if (this.context.isDraining && this.pending.length === 1) pending.limitAction(ConnectionAction.close);
      if (!this.send(pending, pending.response)) return; // a stream: continued at its end
      this.finish(pending);
    }
  }

  /** False if it is a stream, of which only the head is sent. */
  private send(pending: PendingResponse, response: HttpResponse): boolean {
    const { connection, context } = this;
    const stream = response.body.kind === 'stream' ? response.body : null;
    const isSent = stream !== null && !pending.isHead && stream.length !== 0;
    if (isSent && stream.stream.locked) return this.send(pending, SERVER_ERROR); // the handler has begun to read it
    if (response.closesConnection) pending.limitAction(ConnectionAction.close);
    // To a client without chunks the end of the connection is the end of the body, RFC 9112 section 6.3.
    const endsWithConnection = isSent && stream.length === UNKNOWN_LENGTH && pending.isHttp10;
    if (endsWithConnection) pending.limitAction(ConnectionAction.close);
    // A 100 (Continue) has to come before the head, or never.
    if (!this.isReadOn(pending, isSent)) this.discardBody(pending);
    else if (this.body!.awaitsContinue) this.onBodyWanted(pending);
    sendResponse(context, connection, response, pending.action, pending.isHttp10, pending.isHead, pending.logEntry);
    if (isSent) {
      this.startStream(pending, stream, endsWithConnection ? Number.NaN : stream.length);
      return false;
    }
    stream?.stream.cancel().catch(() => {});
    return true;
  }

  private startStream(pending: PendingResponse, body: StreamBody, length: number): void {
    const { connection, context } = this;
    this.stream = new SendingStream(context, connection, pending, body, length, (end) =>
      this.onStreamEnd(pending, end),
    );
    if (body.isEndless && connection.hasPeerEnded) this.stream.leave(this.disconnectError());
    else this.stream.start();
  }

  /** A broken stream has to end the connection: nothing else shows the client that its body is not complete. */
  private onStreamEnd(pending: PendingResponse, end: StreamEnd): void {
    this.stream = null;
    if (end === 'complete') {
      pending.logEntry?.complete(this.connection.queuedBytes);
      this.finish(pending);
      this.sendReady();
    } else {
      this.connection.closeWhenSent(this.body !== null || this.connection.hasUnread);
    }
    this.context.flushQueue.schedule(this.connection);
  }

  private finish(pending: PendingResponse): void {
    const isReadOn = this.isReadOn(pending);
    if (!isReadOn) this.discardBody(pending);
    this.pending.shift();
    this.context.meter?.onFinished(pending.response!.status, pending.startMs);
    if (pending.hasSignal && this.connection.queuedBytes > 0) this.unsent.push(pending);
    if (!isReadOn) return this.closeAfterLast(pending.action);
    this.actionAfterBody = pending.action;
    this.body!.outliveResponse(this.nowMs);
  }

  /** The last response has been sent, and the last body read. */
  private closeAfterLast(action: ConnectionAction): void {
    if (action === ConnectionAction.keepAlive) return;
    // A client that does not know of a stop may have sent a further request already.
    const mayHaveUnread = this.body !== null || this.context.isDraining || this.connection.hasUnread;
    this.connection.closeWhenSent(action === ConnectionAction.linger || mayHaveUnread);
  }

  /**
   * Whether the handler reads the request's body on, while its response is sent and after it.
   * @param isStreaming the response may be made of the body
   */
  private isReadOn({ body }: PendingResponse, isStreaming = false): boolean {
    if (body === null || body.isClosed || this.body?.pending?.body !== body) return false;
    return body.isUsed || (isStreaming && body.hasStream);
  }

  private onBodyTimeout(body: RequestBody): void {
    if (!body.isStalled) return this.rejectBody(body, 408);
    body.cancel(new DOMException('The body of the request was not read on', 'AbortError'));
    this.connection.closeWhenSent(true);
  }

  /** The rest of the request's body is read and discarded if it is short; else the response closes the connection. */
  private discardBody(pending: PendingResponse): void {
    const { body } = this;
    if (body === null || body.pending !== pending) return;
    // Without a 100 (Continue) the client may or may not send it: what follows cannot be distinguished from a request.
    if (body.awaitsContinue) this.body = null;
    if (!body.discard()) pending.limitAction(ConnectionAction.linger);
  }

  /** Responds to an error in a body, unless another response has begun. */
  private rejectBody(body: RequestBody, status: ErrorStatus): void {
    const pending = body.pending!;
    const reason = new DOMException('The body of the request was rejected', 'AbortError');
    const response = errorResponse(this.context, status);
    this.body = null;
    body.fail(reason);
    pending.abort(reason);
    pending.action = ConnectionAction.linger;
    if (!this.pending.includes(pending)) return this.connection.closeWhenSent(true);
    if (this.pending[0] === pending && this.stream !== null) return;
    discard(pending.response, this.connection.context.kernel);
    pending.response = response;
    this.sendReady();
  }
}
