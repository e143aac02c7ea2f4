import { optionError } from '../files/rules/option-type.js';
import type { ServeOptions } from '../server/options.js';

/** Options that are functions, or have them. */
const FUNCTIONS = ['fetch', 'routes', 'error', 'upgrade'] as const;

/** @throws TypeError ERR_EPOLLET_OPTION for what cannot be sent to a thread, or has no effect there */
export function rejectFunctions(options: ServeOptions): void {
  if (options.kernel !== undefined) throw optionError('kernel has no effect in workers');
  const name = FUNCTIONS.find((each) => options[each] !== undefined);
  if (name === undefined) return;
  const what = name === 'routes' ? 'consists of functions and Responses, which' : 'is a function, which';
  const member = name === 'error' || name === 'upgrade' ? `fetch, ${name}` : name;
  throw optionError(
    `${name} ${what} cannot be sent to workers: put it into a module with export default { ${member} }, and give its path as app`,
  );
}
