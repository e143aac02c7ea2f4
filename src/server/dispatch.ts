import type { Files } from '../files/serve.js';
import type { RequestParser } from '../http/request-parser.js';
import { NO_BODY, Response, textResponse } from '../http/response.js';

const ALLOW = ['Allow', 'GET, HEAD, OPTIONS'] as const;

const OPTIONS = new Response(204, [ALLOW], NO_BODY);
const METHOD_NOT_ALLOWED = textResponse(405, 'Only GET, HEAD and OPTIONS are answered here.\n', [ALLOW]);

/** Whether a request can have an answer that is not 405; asked before its body is waited for. */
export const isAllowed = (request: RequestParser): boolean =>
  request.method === 'GET' || request.method === 'HEAD' || request.method === 'OPTIONS';

/** Who answers a request, RFC 9110 section 9.3. TRACE is not echoed: what it would show is for nobody else. */
export function dispatch(request: RequestParser, files: Files, nowMs: number): Response {
  if (request.method === 'GET' || request.method === 'HEAD') return files.serve(request, nowMs);
  return request.method === 'OPTIONS' ? OPTIONS : METHOD_NOT_ALLOWED;
}
