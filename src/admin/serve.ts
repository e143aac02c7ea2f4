import type { Companion } from '../server/handed.js';
import type { ServeOptions, WorkersOptions } from '../server/options.js';
import type { Server } from '../server/server.js';
import { type InWorkers, serve as serveAlone } from '../workers/serve.js';
import { Supervisor } from '../workers/supervisor.js';
import { AdminDoor } from './door.js';
import type { Collect } from './worker-stats.js';

/**
 * Serves a directory, a handler, or both, over HTTP/1.1, and with `admin` an admin door that stops with it. The server
 * listens when the call returns.
 *
 * With `workers` or `app` it serves in threads: `ready` resolves when they do, and `stats()` is asynchronous.
 * @throws TypeError or RangeError ERR_EPOLLET_OPTION for an invalid option; a system error with `code` and `syscall`, and
 * the culprit in `address` and `port` (EADDRINUSE, EACCES, EADDRNOTAVAIL), in `listen` (a Unix socket or a descriptor)
 * or in `path` (ENOENT, ENOTDIR, EACCES);
 * ERR_EPOLLET_PLATFORM under Bun and Deno
 */
export function serve(options: InWorkers): Supervisor;
export function serve<Paths extends string = string>(options: ServeOptions<Paths>): Server;
export function serve(options: ServeOptions | InWorkers): Server | Supervisor {
  const server = serveAlone(options);
  if (options.admin === undefined) return server;
  const collect: Collect =
    server instanceof Supervisor ? () => server.collect() : async () => [{ worker: 0, stats: server.stats() }];
  try {
    server.companion = doorOf(options, collect);
  } catch (error) {
    void server.stop({ force: true });
    throw error;
  }
  return server;
}

function doorOf({ admin, trigger = 'level' }: ServeOptions | WorkersOptions, collect: Collect): Companion {
  return new AdminDoor({ admin: admin!, trigger, collect });
}
