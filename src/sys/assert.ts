import { AssertionError } from 'node:assert';

/** A programmer's mistake, found where it is made. Cheap enough for the hot path, where node:assert's rest arguments are not. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError({ message, stackStartFn: assert });
}
