import { optionError } from '../files/rules/option-type.js';
import { checkedWorkers } from '../server/checked-options.js';
import type { ServeOptions, WorkersOptions } from '../server/options.js';
import { type Server, serve as serveInThisThread } from '../server/server.js';
import { assertLoop } from '../sys/runtime.js';
import { usableCores } from './cpu-count.js';
import { Supervisor } from './supervisor.js';

export type InWorkers = WorkersOptions & ({ workers: number | 'auto' } | { app: string });

/**
 * Serves in this thread, or with `workers` or `app` in others.
 * @throws as `serve` of the admin door does
 */
export function serve(options: ServeOptions | InWorkers): Server | Supervisor {
  assertLoop();
  const { workers, accept, app, plain } = checkedWorkers(options);
  if ((options as WorkersOptions).workers === undefined && app === null) {
    if ((options as WorkersOptions).accept !== undefined)
      throw optionError('accept needs workers: give their number too');
    return serveInThisThread(options);
  }
  return new Supervisor(plain, app, workers === 'auto' ? usableCores() : workers, accept);
}
