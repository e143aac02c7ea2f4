import type { BodyQueue } from '../../fetch/body-queue.js';
import type { Reply } from '../../fetch/reply.js';
import type { FastRequestContext } from '../../fetch/request.js';
import type { RequestParser } from '../../http/request/parser.js';
import { HttpResponse } from '../../http/response/response.js';
import type { Kernel } from '../../sys/kernel.js';
import type { AbortCheck } from './handler.js';

/** How the connection goes on behind an answer. */
export const ConnectionAction = { keepAlive: 0, close: 1, linger: 2 } as const;
export type ConnectionAction = (typeof ConnectionAction)[keyof typeof ConnectionAction];

/** A request from its head to the last byte of its answer, which a handler is yet to give or others stand before. */
export class PendingResponse implements FastRequestContext, AbortCheck {
  readonly isHead: boolean;
  readonly isHttp10: boolean;
  /** Known at last: a handler's reply, or a response as data. */
  result: Reply | HttpResponse | null = null;
  /** The request's body on its way to the handler; null when it has none. */
  body: BodyQueue | null = null;
  /** The request's head, for who has to know of it later. */
  head: Uint8Array | null = null;
  private controller: AbortController | null = null;
  private aborted: DOMException | null = null;

  /** @param startMs on the reactor's clock */
  constructor(
    parser: RequestParser,
    readonly defaultHost: string,
    readonly startMs: number,
    public action: ConnectionAction,
  ) {
    this.isHead = parser.method === 'HEAD';
    this.isHttp10 = parser.minorVersion === 0;
  }

  onSignal(controller: AbortController): void {
    this.controller = controller;
    if (this.aborted !== null) controller.abort(this.aborted);
  }

  /** The connection goes on no better than this. */
  limitAction(after: ConnectionAction): void {
    this.action = Math.max(this.action, after) as ConnectionAction;
  }

  /** The handler need not go on. */
  abort(reason: DOMException): void {
    if (this.aborted !== null) return;
    this.aborted = reason;
    this.controller?.abort(reason);
  }

  isAbortOf(error: unknown): boolean {
    return error === this.aborted && error !== null;
  }
}

export const isReply = (result: Reply | HttpResponse): result is Reply => !(result instanceof HttpResponse);

/** What was to be said will not be: a stream is told that nobody will read it, a descriptor has one user less. */
export function discard(result: Reply | HttpResponse | null, kernel: Kernel): void {
  if (result === null) return;
  if (!isReply(result)) result.ownedFile?.release(kernel);
  else if (result.body instanceof ReadableStream) result.body.cancel().catch(() => {});
}
