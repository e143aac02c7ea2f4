import { poll } from './polling.js';
import type { ModelContext } from './shared/model-context.js';

/**
 * Polling again, with one change: a connection stays open after a response. Content-Length delimits the body, so the
 * client need not wait for the end of the connection and may send another request: a page with ten images costs one
 * handshake instead of eleven, and TCP has left slow start by then. But now the list is long: it contains every client
 * that is reading a page, and all of them are polled, round after round.
 */
export function serve(context: ModelContext): void {
  poll(context, 'keep-alive');
}
