import { type HttpResponse, textResponse } from '../../http/response/response.js';
import type { ErrorStatus } from '../../http/status.js';
import type { ServerContext } from './context.js';

/** Responses to requests that are not valid, too large, too slow, or too many. */
export const ERROR_RESPONSES: Readonly<Record<ErrorStatus, HttpResponse>> = {
  400: textResponse(400, 'The request is not valid HTTP/1.1.\n'),
  408: textResponse(408, 'The request took too long to arrive.\n'),
  413: textResponse(413, 'The request body is larger than this server accepts.\n'),
  414: textResponse(414, 'The request target is longer than this server accepts.\n'),
  417: textResponse(417, 'The only expectation that this server can meet is 100-continue.\n'),
  // A token comes within a second, since the least rate is one a second.
  429: textResponse(429, 'This client has sent too many requests.\n', [['Retry-After', '1']]),
  431: textResponse(431, 'The request header is larger than this server accepts.\n'),
  501: textResponse(501, 'The method or transfer coding is not implemented.\n'),
  505: textResponse(505, 'Only HTTP/1.0 and HTTP/1.1 are supported.\n'),
};

/** For a handler that has not responded within `handlerTimeoutMs`. */
export const HANDLER_TIMEOUT = textResponse(503, 'The handler timed out.\n');

/** Counts it, too. */
export function errorResponse({ errorResponses }: ServerContext, status: ErrorStatus): HttpResponse {
  errorResponses.set(status, (errorResponses.get(status) ?? 0) + 1);
  return ERROR_RESPONSES[status];
}
