import {
  createEventStream,
  defineWebSocketHandler,
  deleteCookie,
  fromNodeHandler,
  getCookie,
  getQuery,
  getRequestIP,
  getRequestURL,
  getRouterParam,
  H3,
  HTTPError,
  handleCors,
  html,
  iterable,
  noContent,
  parseCookies,
  readBody,
  redirect,
  setCookie,
} from 'h3';
import { fetchNodeHandler } from 'srvx/node';

/** An app of h3, which several servers run: REST calls, streams, errors, cookies, redirects, WebSockets. */
const notes = new Map([['1', { text: 'Buy milk' }]]);

const settled = [];

const nodeHandler = (request, response) => {
  response.setHeader('X-Node', request.method);
  response.end(`node ${request.url}`);
};

const chat = defineWebSocketHandler({
  upgrade(request) {
    const { searchParams } = new URL(request.url);
    if (searchParams.has('denied')) return new Response('Not you.', { status: 403, headers: { 'X-Why': 'denied' } });
    return { headers: { 'X-Room': 'open' } };
  },
  open(peer) {
    peer.subscribe('room');
    peer.send(`welcome ${new URL(peer.request.url).pathname} ${peer.remoteAddress}`);
    peer.publish('room', 'joined');
  },
  message(peer, message) {
    const data = message.uint8Array();
    if (typeof message.rawData !== 'string') return peer.send(data);
    const text = message.text();
    if (text === 'close me') return peer.close(4002, 'done');
    if (text === 'how long') return peer.send(String(data.length));
    peer.send(`you: ${text}`);
    return peer.publish('room', text);
  },
  close(peer, { code, reason }) {
    peer.publish('room', `left ${code} ${reason}`);
  },
});

export const app = new H3({ silent: true })
  .use((event) => {
    event.res.headers.set('X-Middleware', '1');
  })
  .get('/', () => 'Hello, World!')
  .get('/html', () => html`<p>hi`)
  .get('/json', (event) => ({ query: getQuery(event), ip: getRequestIP(event), url: getRequestURL(event).href }))
  .get('/bytes', () => new Uint8Array([0, 1, 2, 255]))
  .get('/big', () => 'x'.repeat(300_000))
  .get('/nothing', () => null)
  .get('/no-content', () => noContent())
  .get('/notes/:id', (event) => {
    const note = notes.get(getRouterParam(event, 'id'));
    if (note === undefined) throw new HTTPError({ status: 404, message: 'No such note', data: { searched: 1 } });
    return note;
  })
  .put('/notes/:id', async (event) => {
    const note = await readBody(event);
    notes.set(getRouterParam(event, 'id'), note);
    event.res.status = 201;
    return note;
  })
  .delete('/notes/:id', (event) => {
    notes.delete(getRouterParam(event, 'id'));
    return noContent();
  })
  .post('/echo', async (event) => new Response(await event.req.arrayBuffer(), { headers: { 'X-Echo': 'yes' } }))
  .post('/echo-stream', (event) => new Response(event.req.body, { headers: { 'Content-Type': 'text/plain' } }))
  .post('/form', async (event) => Object.fromEntries(await event.req.formData()))
  .get('/cookies', (event) => {
    setCookie(event, 'seen', 'yes', { httpOnly: true, maxAge: 60 });
    deleteCookie(event, 'old');
    return { cookies: parseCookies(event), seen: getCookie(event, 'seen') ?? null };
  })
  .get('/redirect', () => redirect('/notes/1', 303))
  .get('/teapot', () => {
    throw new HTTPError({ status: 418, statusText: 'Stout', message: 'short', headers: { 'X-Tea': 'none' } });
  })
  .get('/throws', () => {
    throw new Error('a secret');
  })
  .get('/rejects', async () => {
    throw new TypeError('another');
  })
  .get(
    '/stream',
    () =>
      new ReadableStream({
        start(controller) {
          for (const piece of ['one', 'two']) controller.enqueue(new TextEncoder().encode(piece));
          controller.close();
        },
      }),
  )
  .get('/iterable', () => iterable(['a', 'b', 'c']))
  .get('/events', (event) => {
    const stream = createEventStream(event);
    stream
      .push('first')
      .then(() => stream.push({ id: '2', data: 'second' }))
      .then(() => stream.close());
    return stream.send();
  })
  .get('/later', (event) => {
    event.waitUntil(Promise.resolve().then(() => settled.push('done')));
    return 'soon';
  })
  .get('/settled', () => settled)
  .all('/cors', (event) => {
    const response = handleCors(event, { origin: ['http://b.example'], methods: ['GET', 'PUT'] });
    return response === false ? 'cors' : response;
  })
  .get('/node', (event) => fetchNodeHandler(nodeHandler, event.req))
  .get('/from-node', fromNodeHandler(nodeHandler))
  .get('/chat/:room', chat);
