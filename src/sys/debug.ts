import { debuglog } from 'node:util';

/**
 * Traces to standard error when NODE_DEBUG contains `epollet`, one line an event: accept, request, cache hit, cache
 * miss, eviction, resolve, watch, unwatch, invalidate, send, and close with its reason. Formats like util.format.
 *
 * On a hot path, guard the call by `tracing`: `if (tracing) debug('cache hit %s', path)`. Off, it costs the test of a
 * constant, and the arguments are not evaluated.
 */
export const debug = debuglog('epollet');

/** Whether `debug` writes anything. NODE_DEBUG is read when the process starts, so this never changes. */
export const tracing = debug.enabled;
