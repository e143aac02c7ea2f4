import type { Files } from '../../files/files.js';
import type { RequestParser } from '../../http/request/parser.js';
import { HttpResponse, NO_BODY, textResponse } from '../../http/response/response.js';
import type { ServerContext } from './context.js';

const ALLOW = ['Allow', 'GET, HEAD, OPTIONS'] as const;

const OPTIONS = new HttpResponse(204, [ALLOW], NO_BODY);
const METHOD_NOT_ALLOWED = textResponse(405, 'Only GET, HEAD and OPTIONS are answered here.\n', [ALLOW]);

/** Whether files can answer a request otherwise than by 405; asked before its body is waited for. */
export const isAllowed = (request: RequestParser): boolean =>
  request.method === 'GET' || request.method === 'HEAD' || request.method === 'OPTIONS';

type Dispatching = Pick<ServerContext, 'parser' | 'files' | 'handlers'>;

/**
 * Who answers the request that the parser holds, RFC 9110 section 9.3: null for the handlers, who have what no file
 * answers. TRACE is not echoed: what it would show is for nobody else.
 */
export function dispatch({ parser, files, handlers }: Dispatching, nowMs: number): HttpResponse | null {
  const { method } = parser;
  if (handlers === null) return serveFiles(parser, files!, nowMs);
  if (method === 'TRACE') return METHOD_NOT_ALLOWED;
  if (method === 'OPTIONS' && parser.pathStart === parser.pathEnd) return OPTIONS; // of the server, section 9.3.7
  if (files === null || handlers.fetchFirst) return null;
  // Who would answer the request that is asked for says whether it may be sent.
  if (method === 'OPTIONS') return files.preflightOfFile(parser, nowMs);
  if (method !== 'GET' && method !== 'HEAD') return null;
  return unlessNotFound(files.serve(parser, nowMs));
}

/** The file that answers a request for which the handler, asked first, has nothing; null when there is none. */
export function fileOf({ parser, files }: ServerContext, head: Uint8Array, nowMs: number): HttpResponse | null {
  if (files === null) return null;
  parser.parse(head, 0, head.length - 1);
  if (parser.method !== 'GET' && parser.method !== 'HEAD') return null;
  return unlessNotFound(files.serve(parser, nowMs));
}

const unlessNotFound = (response: HttpResponse): HttpResponse | null => (response.status === 404 ? null : response);

/** For a server of files alone. */
export function serveFiles(request: RequestParser, files: Files, nowMs: number): HttpResponse {
  if (request.method === 'GET' || request.method === 'HEAD') return files.serve(request, nowMs);
  return request.method === 'OPTIONS' ? (files.preflight(request) ?? OPTIONS) : METHOD_NOT_ALLOWED;
}
