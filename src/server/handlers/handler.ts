import { inspect } from 'node:util';
import { installGlobals } from '../../fetch/globals.js';
import { type Reply, replyOf } from '../../fetch/reply.js';
import type { FastRequest } from '../../fetch/request.js';
import { FastResponse } from '../../fetch/response.js';
import type { Connection } from '../../net/connection.js';
import { peerOf } from '../../net/connection.js';
import type { SocketAddress } from '../../sys/kernel.js';

/** What a handler is told beside the request. */
export class HandlerContext {
  readonly #connection: Connection;

  constructor(
    connection: Connection,
    /** The server that runs the handler. */
    readonly server: unknown,
  ) {
    this.#connection = connection;
  }

  /** Who has sent the request; null when it is gone already. */
  get peer(): SocketAddress | null {
    return peerOf(this.#connection);
  }
}

/** Answers a request, now or later. What it throws or rejects with is answered by 500. */
export type FetchHandler = (request: Request, context: HandlerContext) => Response | Promise<Response>;
/** Answers in the place of a handler that has failed. */
export type ErrorHandler = (error: unknown) => Response | Promise<Response>;

/** Whose handler it is. */
export interface AbortCheck {
  /** Whether an error is what the handler was told when it was to stop: no failure of its own. */
  isAbortOf(error: unknown): boolean;
}

/** The program's own part of a server: runs its functions, and answers for them when they fail. */
export class HandlerRunner {
  constructor(
    private readonly fetch: FetchHandler,
    private readonly error: ErrorHandler | null,
    /** The handler is asked before the files, which answer what it has nothing for. */
    readonly fetchFirst: boolean,
  ) {
    installGlobals();
  }

  /**
   * The handler's answer; never throws, and never rejects.
   * @param caller knows what the handler was told when it was to stop
   */
  call(request: FastRequest, context: HandlerContext, caller: AbortCheck): Reply | Promise<Reply> {
    const { fetch } = this; // its `this` is none of ours
    try {
      const result = fetch(request as unknown as Request, context);
      return isPromise(result) ? this.await(result, caller) : replyOf(result);
    } catch (error) {
      return this.onError(error, caller);
    }
  }

  private async await(result: Promise<Response>, caller: AbortCheck): Promise<Reply> {
    try {
      return replyOf(await result);
    } catch (error) {
      return this.onError(error, caller);
    }
  }

  private onError(failure: unknown, caller: AbortCheck): Reply | Promise<Reply> {
    if (!caller.isAbortOf(failure)) report('a handler', failure);
    const { error } = this;
    if (error === null) return serverError();
    try {
      const result = error(failure);
      return isPromise(result) ? awaitErrorHandler(result) : replyOf(result);
    } catch (second) {
      return onErrorHandlerFailure(second);
    }
  }
}

export const serverError = (): Reply =>
  replyOf(new FastResponse('The server could not answer this request.\n', { status: 500 }));

async function awaitErrorHandler(result: Promise<Response>): Promise<Reply> {
  try {
    return replyOf(await result);
  } catch (error) {
    return onErrorHandlerFailure(error);
  }
}

/** Who is called when a handler has failed has failed too. */
function onErrorHandlerFailure(error: unknown): Reply {
  report('the error handler', error);
  return serverError();
}

/** On standard error, with its stack: for whoever runs the server, and nobody else. */
export function report(who: string, error: unknown): void {
  let text: string;
  try {
    text = inspect(error);
  } catch {
    text = 'with what cannot be shown'; // whatever is thrown, the server goes on
  }
  process.stderr.write(`epollet: ${who} failed: ${text}\n`);
}

const isPromise = (value: unknown): value is Promise<Response> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
