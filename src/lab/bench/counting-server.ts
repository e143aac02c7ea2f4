import { serve } from '../../server/server.js';

/** A server of files that tells its counters at /stats: the lab starts it as a process of its own. */
const server = serve({
  root: process.argv[2]!,
  hostname: '127.0.0.1',
  port: 0,
  fetch: () => Response.json(server.stats()),
});
process.once('SIGTERM', () => void server.stop({ force: true }));
process.stdout.write(`${server.url.href}\n`);
