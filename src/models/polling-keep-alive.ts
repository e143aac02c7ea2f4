import { walk } from './polling.js';
import type { Stage } from './shared/stage.js';

/**
 * Polling again, with one thing changed: an answer does not end its connection. Content-Length says where its body
 * ends, so the client need not wait for the end of the connection to know, and may ask again: a page with ten images
 * costs one handshake and not eleven, and TCP has found out by then how fast it may send. But now the list is long:
 * it has everybody in it who reads a page, and all of them are asked, round after round.
 */
export function serve(stage: Stage): void {
  walk(stage, 'kept');
}
