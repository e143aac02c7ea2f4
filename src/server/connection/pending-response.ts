import type { BodyQueue } from '../../fetch/body-queue.js';
import { markAsClients } from '../../fetch/client-errors.js';
import type { FastRequestContext } from '../../fetch/request.js';
import type { Scheme } from '../../http/forwarded.js';
import type { RequestParser } from '../../http/request/parser.js';
import type { ConnectionAction } from '../../http/response/connection-action.js';
import type { HttpResponse } from '../../http/response/response.js';
import type { Kernel } from '../../sys/kernel.js';
import type { AbortCheck } from '../handlers/handler-runner.js';
import type { LogEntry } from '../log/log-entry.js';

/**
 * A request that waits for its response: for the handler to make it, or for the responses before it to be sent. It keeps
 * what sending and logging need, for the parser holds another request by then.
 */
export class PendingResponse implements FastRequestContext, AbortCheck {
  readonly isHead: boolean;
  readonly isHttp10: boolean;
  /** Null until the handler has responded. */
  response: HttpResponse | null = null;
  /** The request's body on its way to the handler; null without one. */
  body: BodyQueue | null = null;
  scheme: Scheme | null = null;
  /** A copy of the request's head, for the files if the handler's response is a 404; null if they are not asked. */
  head: Uint8Array | null = null;
  private controller: AbortController | null = null;
  private abortReason: DOMException | null = null;

  /**
   * @param startMs on the reactor's clock
   * @param action what happens to the connection after the response; becomes stricter, never laxer
   * @param logEntry null without an access log
   */
  constructor(
    parser: RequestParser,
    readonly defaultHost: string,
    readonly startMs: number,
    public action: ConnectionAction,
    readonly logEntry: LogEntry | null,
  ) {
    this.isHead = parser.method === 'HEAD';
    this.isHttp10 = parser.minorVersion === 0;
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
