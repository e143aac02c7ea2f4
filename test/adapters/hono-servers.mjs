import { makeApp } from './hono-app.mjs';

/** Runs the app on the server that the first argument names, and prints where. */
const [, , name, root] = process.argv;

if (name === 'epollet') {
  const { serve } = await import('epollet');
  const { websocket, ...helpers } = await import('epollet/hono');
  const server = serve({ port: 0, fetch: makeApp({ ...helpers, root }).fetch, websocket });
  console.log(server.url.href);
} else {
  const { serve, upgradeWebSocket } = await import('@hono/node-server');
  const { getConnInfo } = await import('@hono/node-server/conninfo');
  const { serveStatic } = await import('@hono/node-server/serve-static');
  const { WebSocketServer } = await import('ws');
  const { fetch } = makeApp({ getConnInfo, serveStatic, upgradeWebSocket, root });
  const websocket = { server: new WebSocketServer({ noServer: true }) };
  serve({ fetch, port: 0, hostname: '127.0.0.1', websocket }, ({ port }) => console.log(`http://127.0.0.1:${port}/`));
}
