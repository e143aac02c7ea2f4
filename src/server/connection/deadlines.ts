import { debug, tracing } from '../../sys/debug.js';
import { HANDLER_TIMEOUT } from './error-responses.js';
import type { PendingResponse } from './pending-response.js';
import type { RequestBody } from './request-body.js';

/**
 * When the response to a request is due: its begin, and with a time of its own also its end.
 * @param isFirst nothing else is to be sent before it
 */
export function responseDueMs(
  { response, startMs, time }: PendingResponse,
  isFirst: boolean,
  handlerTimeoutMs: number,
  sinceMs: number,
): number {
  if (response !== null && (time === null || !isFirst)) return Number.POSITIVE_INFINITY;
  if (time !== null) return time.dueMs(sinceMs);
  return handlerTimeoutMs === 0 ? Number.POSITIVE_INFINITY : startMs + handlerTimeoutMs;
}

/** When a body is due; it has the time of its request, if that has one, until the response is sent. */
export function bodyDueMs(body: RequestBody | null, pending: readonly PendingResponse[]): number {
  if (body === null) return Number.POSITIVE_INFINITY;
  const request = body.pending;
  const isTimed = request !== null && request.time !== null && pending.includes(request);
  return isTimed ? Number.POSITIVE_INFINITY : body.deadlineMs;
}

/**
 * Aborts a request whose time is over, and responds to it.
 * @returns false if its response has begun, so that only the end of the connection shows the client that it is cut off
 */
export function timeOut(pending: PendingResponse, body: RequestBody | null, nowMs: number): boolean {
  if (tracing) debug('handler timeout after %d ms', nowMs - pending.startMs);
  const reason = new DOMException('The handler timed out', 'AbortError');
  pending.abort(reason);
  if (pending.response !== null) return false;
  pending.response = HANDLER_TIMEOUT;
  if (body?.pending === pending) body.cancel(reason);
  return true;
}
