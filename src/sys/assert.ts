import { AssertionError } from 'node:assert';

/** Reports a programmer's mistake. Cheap enough for the hot path, which node:assert with its rest arguments is not. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError({ message, stackStartFn: assert });
}
