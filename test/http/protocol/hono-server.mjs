import { serve } from '@hono/node-server';
import { handle } from './same-handlers.mjs';

// In a process of its own: it replaces the global Request and Response, as the other server does.
const server = serve({ fetch: handle, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
  console.log(`http://127.0.0.1:${port}/`);
});
process.on('SIGTERM', () => server.close());
