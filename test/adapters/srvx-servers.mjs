import { plugin } from 'crossws/server';
import { error, fetch, hooks, middleware } from './crossws-app.mjs';
import { app } from './h3-app.mjs';

/** Runs the apps on the server that the first argument names, and prints where. */
const { serve } = await import(process.argv[2] === 'epollet' ? 'epollet/srvx' : 'srvx');
const options = { port: 0, hostname: '127.0.0.1', silent: true, gracefulShutdown: {} };
const servers = [
  serve({
    ...options,
    fetch: app.fetch,
    plugins: [plugin({ resolve: async (request) => (await app.fetch(request)).crossws })],
  }),
  serve({ ...options, fetch, middleware, error, plugins: [plugin(hooks)] }),
  serve({ ...options, fetch, maxRequestBodySize: 10 }),
];
for (const server of servers) console.log((await server.ready()).url);
