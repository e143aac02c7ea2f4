import { inspect } from 'node:util';
import { installGlobals } from '../../fetch/globals.js';
import { toHttpResponse } from '../../fetch/handler-response.js';
import type { FastRequest } from '../../fetch/request.js';
import { HttpResponse, NO_BODY, textResponse } from '../../http/response/response.js';
import { guardProcess } from './client-failures.js';
import type { HandlerContext } from './handler-context.js';

/**
 * Responds to a request, at once or later. If it throws, rejects, or returns anything that cannot be sent, the error is
 * written to standard error and the response is the error handler's, by default a 500.
 */
export type FetchHandler = (request: Request, context: HandlerContext) => Handled | Promise<Handled>;
/** Undefined if the handler has made a WebSocket of the request. */
type Handled = Response | undefined;
/** Responds in place of a handler that has failed with `error`. If it fails too, the response is a 500. */
export type ErrorHandler = (error: unknown) => Response | Promise<Response>;

/** For a handler and an error handler that have failed. */
export const SERVER_ERROR = textResponse(500, 'The server failed to handle this request.\n');

/** In place of the response of a handler that has made a WebSocket of its request. */
export const UPGRADED = new HttpResponse(101, [], NO_BODY);

export interface AbortCheck {
  /** Whether the handler has made a WebSocket of its request, so that its response comes to nothing. */
  readonly isUpgraded: boolean;
  /** Whether an error is the reason that the request was aborted with, and so not a failure of the handler. */
  isAbortReason(error: unknown): boolean;
  /** The handler has failed. */
  onFailure(error: unknown): void;
}

/** Calls the program's handlers, and responds for them when they fail. */
export class HandlerRunner {
  constructor(
    private readonly fetch: FetchHandler | null,
    private readonly error: ErrorHandler | null,
    /** The handler is called before the files, which respond if its response is a 404. */
    readonly fetchFirst: boolean,
  ) {
    installGlobals();
    guardProcess(report);
  }

  /** False if only routes have handlers. */
  get hasFetch(): boolean {
    return this.fetch !== null;
  }

  /**
   * The handler's response. Neither throws nor rejects.
   * @param ofRoute in place of `fetch`; null for `fetch`
   */
  call(
    request: FastRequest,
    context: HandlerContext,
    check: AbortCheck,
    ofRoute: FetchHandler | null,
  ): HttpResponse | Promise<HttpResponse> {
    const handler = ofRoute ?? this.fetch!; // without this object as its `this`
    try {
      const result = handler(request as unknown as Request, context);
      if (isPromise(result)) return this.await(result, check);
      return result === undefined && check.isUpgraded ? UPGRADED : toHttpResponse(result as Response);
    } catch (error) {
      return this.onError(error, check);
    }
  }

  private async await(result: Promise<Response | undefined>, check: AbortCheck): Promise<HttpResponse> {
    try {
      const response = await result;
      return response === undefined && check.isUpgraded ? UPGRADED : toHttpResponse(response as Response);
    } catch (error) {
      return this.onError(error, check);
    }
  }

  private onError(failure: unknown, check: AbortCheck): HttpResponse | Promise<HttpResponse> {
    if (!check.isAbortReason(failure)) report('a handler', failure);
    check.onFailure(failure);
    const { error } = this;
    if (error === null) return SERVER_ERROR;
    try {
      const result = error(failure);
      return isPromise(result) ? awaitErrorHandler(result) : toHttpResponse(result);
    } catch (second) {
      return onErrorHandlerFailure(second);
    }
  }
}

async function awaitErrorHandler(result: Promise<Response>): Promise<HttpResponse> {
  try {
    return toHttpResponse(await result);
  } catch (error) {
    return onErrorHandlerFailure(error);
  }
}

function onErrorHandlerFailure(error: unknown): HttpResponse {
  report('the error handler', error);
  return SERVER_ERROR;
}

/**
 * Writes a failure to standard error, with its stack. The client does not get to see it.
 * @param culprit in words, such as `a handler`
 */
export function report(culprit: string, error: unknown): void {
  let text: string;
  try {
    text = inspect(error);
  } catch {
    text = 'with a value that cannot be printed'; // its own inspect method throws
  }
  process.stderr.write(`epollet: ${culprit} failed: ${text}\n`);
}

const isPromise = (value: unknown): value is Promise<Response> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
