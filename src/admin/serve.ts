import type { ServeOptions } from '../server/options.js';
import { type Server, serve as serveAlone } from '../server/server.js';
import { AdminDoor } from './door.js';

/**
 * Serves a directory, a handler, or both, over HTTP/1.1, and with `admin` an admin door that stops with it. The server
 * listens when the call returns.
 * @throws TypeError or RangeError ERR_EPOLLET_OPTION for an invalid option; a system error with `code` and `syscall`, and
 * the culprit in `address` and `port` (EADDRINUSE, EACCES, EADDRNOTAVAIL) or `path` (ENOENT, ENOTDIR, EACCES);
 * ERR_EPOLLET_PLATFORM under Bun and Deno
 */
export function serve(options: ServeOptions): Server {
  const server = serveAlone(options);
  const { admin, trigger = 'level' } = options;
  if (admin === undefined) return server;
  try {
    server.companion = new AdminDoor({
      admin,
      trigger,
      collect: async () => [{ worker: 0, stats: server.stats() }],
    });
  } catch (error) {
    void server.stop({ force: true });
    throw error;
  }
  return server;
}
