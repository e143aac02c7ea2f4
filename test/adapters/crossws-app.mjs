import { defineHooks } from 'crossws';

/** A handler and hooks without a framework, which several servers run. */
export const fetch = (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === '/') return new Response(`ip ${request.ip} runtime ${request.runtime.name}`);
  if (pathname === '/wait') {
    request.waitUntil(new Promise((resolve) => setTimeout(resolve, 1)));
    return new Response('waits');
  }
  if (pathname === '/throws') throw new Error('thrown');
  if (pathname === '/undefined') return undefined;
  return new Response('Not found.', { status: 404 });
};

/** Adds a field; and responds itself to one path. */
export const middleware = [
  async (request, next) => {
    if (request.url.endsWith('/middleware')) return new Response('by the middleware');
    const response = await next();
    response?.headers.set('X-Middleware', '1');
    return response;
  },
];

export const error = (thrown) => new Response(`failed: ${thrown.message}`, { status: 500 });

export const hooks = defineHooks({
  upgrade(request) {
    if (request.headers.get('sec-websocket-protocol') === null) return undefined;
    return { headers: { 'Sec-WebSocket-Protocol': 'chat' }, context: { name: 'with a protocol' } };
  },
  open(peer) {
    peer.send(peer.context.name ?? 'without');
  },
  message(peer, message) {
    if (message.text() === 'terminate') return peer.terminate();
    if (message.text() === 'ping') return peer.ping('hello');
    return peer.send(message.text().toUpperCase());
  },
  pong(peer, data) {
    peer.send(`pong ${data}`);
  },
  ping(peer, data) {
    peer.send(`ping ${data}`);
  },
});
