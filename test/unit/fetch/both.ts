import './prepared.js';
import { BodyQueue } from '../../../src/fetch/body-queue.js';
import { FastRequest, type FastRequestContext } from '../../../src/fetch/request.js';
import { FastResponse } from '../../../src/fetch/response.js';
import { resolveLimits } from '../../../src/http/limits.js';
import { COMPLETE, RequestParser } from '../../../src/http/request/parser.js';

export type ResponseClass = typeof Response;
/** FastResponse as programs see it: in place of Node's class. */
export const Light = FastResponse as unknown as ResponseClass;

/** The result of a call, or the name of the error that it throws or rejects with. */
export async function outcomeOf(act: () => unknown): Promise<unknown> {
  try {
    return await act();
  } catch (error) {
    return { error: (error as Error).name };
  }
}

/** The body of a message, as text of one character a byte. */
export async function bytesOf(message: { arrayBuffer(): Promise<ArrayBuffer> }): Promise<string> {
  return Buffer.from(await message.arrayBuffer()).toString('latin1');
}

export interface Incoming {
  /** With Host: and all else, lines without their ends. */
  fields?: readonly string[];
  method?: string;
  target?: string;
  /** In pieces as they come; none for a request without a body. */
  body?: readonly (string | Uint8Array)[];
  /** Whether all of the body has come before it is read. */
  isWhole?: boolean;
  version?: string;
}

export interface Arrived {
  request: Request;
  light: FastRequest;
  feed: BodyQueue;
  /** How often the feed has asked for more. */
  readonly wanted: number;
  abort(reason: Error): void;
}

/** A request as the server gives it to a handler. */
export function arrived({
  fields = ['Host: a'],
  method = 'GET',
  target = '/',
  body = [],
  isWhole = true,
  version = '1.1',
}: Incoming = {}): Arrived {
  const parser = new RequestParser(resolveLimits());
  const head = Buffer.from(`${[`${method} ${target} HTTP/${version}`, ...fields].join('\r\n')}\r\n\r\n`, 'latin1');
  const bytes = Buffer.concat([head, Buffer.from('\0')]);
  const result = parser.parse(bytes, 0, head.length);
  if (result !== COMPLETE) throw new Error(`the parser returns ${result} to ${head}`);
  let controller: AbortController | null = null;
  let aborted: Error | null = null;
  const context: FastRequestContext = {
    scheme: null,
    peer: null,
    limitTime: () => {},
    defaultHost: 'default:8080',
    onSignal: (given) => {
      controller = given;
      if (aborted !== null) given.abort(aborted);
    },
  };
  let wanted = 0;
  const feed = new BodyQueue(65536, () => {
    wanted++;
  });
  for (const piece of body) feed.push(typeof piece === 'string' ? Buffer.from(piece) : piece);
  if (isWhole) feed.end();
  const light = new FastRequest(parser, context, body.length > 0 || !isWhole ? feed : null);
  bytes.fill(0); // they are the next request's
  return {
    request: light as unknown as Request,
    light,
    feed,
    get wanted() {
      return wanted;
    },
    abort: (reason) => {
      aborted = reason;
      controller?.abort(reason);
    },
  };
}
