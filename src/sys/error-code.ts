import { inspect } from 'node:util';

/**
 * The codes of epollet's own errors: stable, unlike their messages. Errors of the kernel carry its errno's name.
 *
 * - `ERR_EPOLLET_APP`: the app module cannot be loaded or has the wrong shape.
 * - `ERR_EPOLLET_ARGUMENT`: an argument of a library call, such as a descriptor, has the wrong type or range.
 * - `ERR_EPOLLET_ASSERTION`: a programmer's mistake, in epollet or in its caller.
 * - `ERR_EPOLLET_BODY`: a request's body was cancelled before its end; a disconnect is an AbortError.
 * - `ERR_EPOLLET_CLOSED`: the Epoll, reactor or server is closed already.
 * - `ERR_EPOLLET_LAB`: an experiment of the lab cannot run or was measured wrongly, or an optional package is not installed.
 * - `ERR_EPOLLET_OPTION`: an option of `serve()`, of a site or of the limits is invalid.
 * - `ERR_EPOLLET_PLATFORM`: the addon is not built, no prebuilt one runs on this system, or the runtime lacks a part of Node.
 * - `ERR_EPOLLET_RESPONSE`: a handler returned something that cannot be sent, or made a Response of detached or shared memory.
 * - `ERR_EPOLLET_STREAM`: a response stream broke its Content-Length or gave something other than bytes or text.
 * - `ERR_EPOLLET_USAGE`: the command line or a configuration file is wrong.
 */
export type ErrorCode =
  | 'ERR_EPOLLET_APP'
  | 'ERR_EPOLLET_ARGUMENT'
  | 'ERR_EPOLLET_ASSERTION'
  | 'ERR_EPOLLET_BODY'
  | 'ERR_EPOLLET_CLOSED'
  | 'ERR_EPOLLET_LAB'
  | 'ERR_EPOLLET_OPTION'
  | 'ERR_EPOLLET_PLATFORM'
  | 'ERR_EPOLLET_RESPONSE'
  | 'ERR_EPOLLET_STREAM'
  | 'ERR_EPOLLET_USAGE';

/** Gives an error its code; its class stays what it is. */
export function withCode<E extends Error>(code: ErrorCode, error: E): E & { code: ErrorCode } {
  return Object.assign(error, { code });
}

export const argumentTypeError = (message: string) => withCode('ERR_EPOLLET_ARGUMENT', new TypeError(message));
export const argumentRangeError = (message: string) => withCode('ERR_EPOLLET_ARGUMENT', new RangeError(message));

/** The longest text of a rejected argument in an error: enough to recognize it, and still one line. */
const SHOWN_LENGTH = 100;

/** A rejected argument as an error's text shows it: short, strings in quotes, and never throwing as `String` may. */
export function shown(value: unknown): string {
  const text = inspect(value, {
    depth: 0,
    customInspect: false,
    breakLength: Number.POSITIVE_INFINITY,
    maxArrayLength: 3,
    maxStringLength: 40,
  });
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
}
