import { optionError } from '../files/rules/option-type.js';
import type { ServeOptions } from '../server/options.js';

/** Options that are functions, or have them. */
const FUNCTIONS = ['fetch', 'routes', 'error', 'upgrade', 'websocket'] as const;

const WHAT = {
  fetch: 'is a function',
  routes: 'consists of functions and Responses',
  error: 'is a function',
  upgrade: 'is a function',
  websocket: 'consists of functions',
};

/** @throws TypeError ERR_EPOLLET_OPTION for what cannot be sent to a thread, or has no effect there */
export function rejectFunctions(options: ServeOptions): void {
  if (options.kernel !== undefined) throw optionError('kernel has no effect in workers');
  const name = FUNCTIONS.find((each) => options[each] !== undefined);
  if (name === undefined) return;
  const what = WHAT[name];
  const member = name === 'fetch' || name === 'routes' ? name : `fetch, ${name}`;
  throw optionError(
    `${name} ${what}, which cannot be sent to workers: put it into a module with export default { ${member} }, and give its path as app`,
  );
}
