import { serve } from '../server/server.js';
import type { ModelOptions, RunningModel } from './shared/running-model.js';

/**
 * The server of `epollet serve`: epoll-level plus what a real server needs. Timeouts for idle clients, limits,
 * conditional and range requests, files that are watched and not reread, sendfile(2) for large ones, and a reactor inside
 * libuv's loop, so that timers, promises and signals keep working.
 */
export function start({ root, host, port }: ModelOptions): RunningModel {
  const server = serve({ root, hostname: host, port });
  return { port: server.port, url: server.url.href, stop: () => server.stop({ force: true }) };
}
