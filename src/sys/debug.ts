import { debuglog } from 'node:util';

/**
 * Traces to standard error if NODE_DEBUG contains `epollet`, one line per event: accept, request, cache hit, cache
 * miss, evict, resolve, watch, unwatch, invalidate, handler, response, timeout, and close with its reason. Formats as
 * util.format.
 *
 * On a hot path, guard the call by `tracing`: `if (tracing) debug('cache hit %s', path)`. When it is off, that is
 * the test of a constant, and the arguments are not evaluated.
 */
export const debug = debuglog('epollet');

/** Whether `debug` writes anything. NODE_DEBUG is read when the process starts, so this never changes. */
export const tracing = debug.enabled;
