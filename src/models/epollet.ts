import { serve } from '../server/server.js';
import type { ModelOptions, RunningModel } from './shared/program.js';

/**
 * What `epollet serve` starts: epoll-level and all that a server needs beside it. Deadlines for those who say nothing,
 * limits, conditional and range requests, files that are watched and not read again, large ones by sendfile(2), and a
 * reactor inside libuv's loop, so that timers, promises and signals go on.
 */
export function start({ root, host, port }: ModelOptions): RunningModel {
  const server = serve({ root, hostname: host, port });
  return { port: server.port, url: server.url.href, stop: () => server.stop({ force: true }) };
}
