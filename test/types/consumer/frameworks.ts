import { getConnInfo, type ServeStaticOptions, serveStatic, upgradeWebSocket, websocket } from 'epollet/hono';
import { type SrvxOptions, serve } from 'epollet/srvx';

const options: SrvxOptions = {
  fetch: (request) => new Response(`${request.ip} ${request.runtime?.epollet?.server.port}`),
  plugins: [(server) => void server.node?.server?.on('upgrade', () => {})],
  epollet: { root: 'public', limits: { bodyBytes: 10 } },
};
const server = serve(options);
export const url: Promise<string | undefined> = server.ready().then((ready) => ready.url);

const files: ServeStaticOptions = { root: 'public', cacheControl: [{ match: '*', value: 'no-store' }] };
export const helpers = [
  serveStatic(files),
  getConnInfo,
  upgradeWebSocket(() => ({ onOpen: (_, ws) => ws.raw?.ping() })),
];
export const handlers = { ...websocket, maxPayloadLength: 1 };

// @ts-expect-error: a handler is needed
serve({ port: 0 });
// @ts-expect-error: no such option
serveStatic({ rot: '.' });
