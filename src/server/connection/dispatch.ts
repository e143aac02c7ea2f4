import type { Files } from '../../files/files.js';
import { METHODS } from '../../http/request/line.js';
import type { RequestParser } from '../../http/request/parser.js';
import { HttpResponse, NO_BODY, textResponse } from '../../http/response/response.js';
import { isUpgrade } from '../upgrade/pending-upgrade.js';
import type { ServerContext } from './context.js';

const ALLOW = ['Allow', 'GET, HEAD, OPTIONS'] as const;
/** A handler gets every method; those that are registered as an extension are too many to list. */
const ALLOW_ALL = ['Allow', METHODS.filter((method) => method !== 'TRACE').join(', ')] as const;

const OPTIONS = new HttpResponse(204, [ALLOW], NO_BODY);
const OPTIONS_OF_ALL = new HttpResponse(204, [ALLOW_ALL], NO_BODY);
const METHOD_NOT_ALLOWED = textResponse(405, 'Only GET, HEAD and OPTIONS are allowed here.\n', [ALLOW]);
const NOT_FOUND = textResponse(404, 'Not found.\n');
const TRACE_NOT_ALLOWED = textResponse(405, 'TRACE is not allowed here.\n', [ALLOW_ALL]);

/** Whether files respond to a request by anything but a 405; decided before its body is read. */
export const isAllowed = (request: RequestParser): boolean =>
  request.method === 'GET' || request.method === 'HEAD' || request.method === 'OPTIONS';

type Dispatching = Pick<ServerContext, 'parser' | 'files' | 'handlers' | 'routes' | 'webSockets'>;

/**
 * The response of a route, of the files or of the server itself to the request that the parser holds, RFC 9110
 * section 9.3; null if a handler responds: that of the route (`routes.handler`), or fetch, where no file does, or for a
 * WebSocket. TRACE is not echoed: it would reveal fields that a proxy added.
 */
export function dispatch(context: Dispatching, nowMs: number): HttpResponse | null {
  const { parser, files, handlers, routes, webSockets } = context;
  const { method } = parser;
  if (handlers === null) return serveFiles(parser, files!, nowMs);
  if (method === 'TRACE') return TRACE_NOT_ALLOWED;
  if (method === 'OPTIONS' && parser.pathStart === parser.pathEnd) return OPTIONS_OF_ALL; // of the server, section 9.3.7
  if (routes !== null) {
    const response = routes.respond(parser);
    if (response !== null || routes.handler !== null) return response;
    if (!handlers.hasFetch) return files === null ? NOT_FOUND : serveFiles(parser, files, nowMs);
  }
  if (files === null || handlers.fetchFirst || (webSockets !== null && isUpgrade(parser))) return null;
  // A preflight is responded to by the one that would respond to the request it announces.
  if (method === 'OPTIONS') return files.preflightOfFile(parser, nowMs);
  if (method !== 'GET' && method !== 'HEAD') return null;
  return unlessNotFound(files.serve(parser, nowMs));
}

/** The file for a request to which the handler, called first, has responded with 404; null if there is none. */
export function fileOf({ parser, files }: ServerContext, head: Uint8Array, nowMs: number): HttpResponse | null {
  if (files === null) return null;
  parser.restoreHead(head);
  if (parser.method !== 'GET' && parser.method !== 'HEAD') return null;
  return unlessNotFound(files.serve(parser, nowMs));
}

const unlessNotFound = (response: HttpResponse): HttpResponse | null => (response.status === 404 ? null : response);

/** The response of a server without a handler. */
export function serveFiles(request: RequestParser, files: Files, nowMs: number): HttpResponse {
  if (request.method === 'GET' || request.method === 'HEAD') return files.serve(request, nowMs);
  return request.method === 'OPTIONS' ? (files.preflight(request) ?? OPTIONS) : METHOD_NOT_ALLOWED;
}
