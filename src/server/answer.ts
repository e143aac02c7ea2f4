import type { BodyFeed } from '../fetch/body-feed.js';
import type { Reply } from '../fetch/reply.js';
import type { RequestContext } from '../fetch/request.js';
import type { RequestParser } from '../http/request-parser.js';
import { Response } from '../http/response.js';
import type { Kernel } from '../sys/kernel.js';
import type { Caller } from './handlers.js';

/** How the connection goes on behind an answer. */
export const After = { keep: 0, close: 1, linger: 2 } as const;
export type After = (typeof After)[keyof typeof After];

/** A request from its head to the last byte of its answer, which a handler is yet to give or others stand before. */
export class Answer implements RequestContext, Caller {
  readonly isHead: boolean;
  readonly isOld: boolean;
  /** Known at last: a handler's reply, or a response as data. */
  result: Reply | Response | null = null;
  /** The request's body on its way to the handler; null when it has none. */
  feed: BodyFeed | null = null;
  /** The request's head, for who has to know of it later. */
  head: Uint8Array | null = null;
  private controller: AbortController | null = null;
  private aborted: DOMException | null = null;

  /** @param startMs on the reactor's clock */
  constructor(
    parser: RequestParser,
    readonly defaultHost: string,
    readonly startMs: number,
    public after: After,
  ) {
    this.isHead = parser.method === 'HEAD';
    this.isOld = parser.minorVersion === 0;
  }

  onSignal(controller: AbortController): void {
    this.controller = controller;
    if (this.aborted !== null) controller.abort(this.aborted);
  }

  /** The connection goes on no better than this. */
  atMost(after: After): void {
    this.after = Math.max(this.after, after) as After;
  }

  /** The handler need not go on. */
  abort(reason: DOMException): void {
    if (this.aborted !== null) return;
    this.aborted = reason;
    this.controller?.abort(reason);
  }

  hasCaused(error: unknown): boolean {
    return error === this.aborted && error !== null;
  }
}

export const isReply = (result: Reply | Response): result is Reply => !(result instanceof Response);

/** What was to be said will not be: a stream is told that nobody will read it, a descriptor has one user less. */
export function letGo(result: Reply | Response | null, kernel: Kernel): void {
  if (result === null) return;
  if (!isReply(result)) result.lastUse?.release(kernel);
  else if (result.body instanceof ReadableStream) result.body.cancel().catch(() => {});
}
