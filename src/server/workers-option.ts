import { integer, type OptionType, quoted } from '../files/rules/option-type.js';
import { withCode } from '../sys/error-code.js';

/** How connections get to workers: each has a socket of its own, or all accept from one. */
export type AcceptMode = 'reuseport' | 'shared';
export const ACCEPT_MODES: readonly AcceptMode[] = ['reuseport', 'shared'];

export const MAX_WORKERS = 1024;
const WORKER_COUNT = integer(1, MAX_WORKERS);
export const WORKERS: OptionType<number | 'auto'> = {
  schema: { anyOf: [WORKER_COUNT.schema, { const: 'auto' }] },
  check(name, value) {
    if (
      value === 'auto' ||
      (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_WORKERS)
    )
      return value;
    throw withCode(
      'ERR_EPOLLET_OPTION',
      new RangeError(`${name} must be an integer from 1 to ${MAX_WORKERS}, or auto, not ${quoted(value)}`),
    );
  },
};
