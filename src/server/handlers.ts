import { inspect } from 'node:util';
import { installGlobals } from '../fetch/globals.js';
import { type Reply, replyOf } from '../fetch/reply.js';
import type { LightRequest } from '../fetch/request.js';
import { LightResponse } from '../fetch/response.js';
import type { Connection } from '../net/connection.js';
import { peerOf } from '../net/peer.js';
import type { SocketAddress } from '../sys/kernel.js';

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
export interface Caller {
  /** Whether an error is what the handler was told when it was to stop: no failure of its own. */
  hasCaused(error: unknown): boolean;
}

/** The program's own part of a server: runs its functions, and answers for them when they fail. */
export class Handlers {
  constructor(
    private readonly fetch: FetchHandler,
    private readonly error: ErrorHandler | null,
    /** The handler is asked before the files, which answer what it has nothing for. */
    readonly isFirst: boolean,
  ) {
    installGlobals();
  }

  /**
   * The handler's answer; never throws, and never rejects.
   * @param caller knows what the handler was told when it was to stop
   */
  call(request: LightRequest, context: HandlerContext, caller: Caller): Reply | Promise<Reply> {
    const { fetch } = this; // its `this` is none of ours
    try {
      const result = fetch(request as unknown as Request, context);
      return isPromise(result) ? this.later(result, caller) : replyOf(result);
    } catch (error) {
      return this.failed(error, caller);
    }
  }

  private async later(result: Promise<Response>, caller: Caller): Promise<Reply> {
    try {
      return replyOf(await result);
    } catch (error) {
      return this.failed(error, caller);
    }
  }

  private failed(failure: unknown, caller: Caller): Reply | Promise<Reply> {
    if (!caller.hasCaused(failure)) report('a handler', failure);
    const { error } = this;
    if (error === null) return serverError();
    try {
      const result = error(failure);
      return isPromise(result) ? afterFailure(result) : replyOf(result);
    } catch (second) {
      return secondFailure(second);
    }
  }
}

export const serverError = (): Reply =>
  replyOf(new LightResponse('The server could not answer this request.\n', { status: 500 }));

async function afterFailure(result: Promise<Response>): Promise<Reply> {
  try {
    return replyOf(await result);
  } catch (error) {
    return secondFailure(error);
  }
}

/** Who is called when a handler has failed has failed too. */
function secondFailure(error: unknown): Reply {
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
