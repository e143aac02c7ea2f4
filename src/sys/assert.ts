import { AssertionError } from 'node:assert';
import { withCode } from './error-code.js';

/** Reports a programmer's mistake. Cheap enough for the hot path, which node:assert with its rest arguments is not. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw withCode('ERR_EPOLLET_ASSERTION', new AssertionError({ message, stackStartFn: assert }));
}
