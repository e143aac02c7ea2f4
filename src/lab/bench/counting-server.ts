import { serve } from '../../server/server.js';

/** A program: serves a directory, and its own counters at /stats. */
const server = serve({
  root: process.argv[2]!,
  hostname: '127.0.0.1',
  port: 0,
  fetch: () => Response.json(server.stats()),
});
process.once('SIGTERM', () => void server.stop({ force: true }));
process.stdout.write(`${server.url.href}\n`);
