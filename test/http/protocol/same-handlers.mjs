import { Hono } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { streamSSE, streamText } from 'hono/streaming';

/**
 * Handlers that several servers run, by path. They use only the platform's global classes, which a server may have
 * replaced.
 */
const encoder = new TextEncoder();

const streamOf = (...pieces) =>
  new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(encoder.encode(piece));
      controller.close();
    },
  });

const slowStreamOf = (...pieces) =>
  new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (pieces.length === 0) controller.close();
      else controller.enqueue(encoder.encode(pieces.shift()));
    },
  });

const cookies = () => {
  const headers = new Headers({ 'Set-Cookie': 'a=1; Path=/; HttpOnly' });
  headers.append('Set-Cookie', 'b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT');
  headers.append('X-Many', 'one');
  headers.append('X-Many', 'two');
  return new Response('cookies', { headers });
};

const changed = () => {
  const response = new Response('changed', { headers: { 'X-A': '1', 'X-B': '2' } });
  response.headers.set('X-A', '3');
  response.headers.delete('X-B');
  response.headers.append('X-C', '4');
  return response;
};

const form = async (request) => {
  const fields = [];
  for (const [name, value] of await request.formData()) {
    fields.push([name, typeof value === 'string' ? value : [value.name, value.type, await value.text()]]);
  }
  return Response.json(fields);
};

const HANDLERS = {
  '/text': () => new Response('Hello, World!'),
  '/async': async () => new Response('later'),
  '/unicode': () => new Response('żółć € 😀'),
  '/empty': () => new Response(''),
  '/nothing': () => new Response(null),
  '/undefined': () => new Response(),
  '/bytes': () => new Response(new Uint8Array([0, 1, 2, 255])),
  '/buffer': () => new Response(new Uint8Array([9, 8, 7]).buffer),
  '/blob': () => new Response(new Blob(['blob'], { type: 'text/x-blob' })),
  '/blob-untyped': () => new Response(new Blob(['blob'])),
  '/params': () => new Response(new URLSearchParams({ a: 'b c', ü: '&' })),
  '/json': () => Response.json({ a: [1, 'zwei', null], b: { c: true } }),
  '/json-created': () => Response.json('made', { status: 201, headers: { 'X-A': 'b' } }),
  '/html': () => new Response('<p>hi', { headers: { 'Content-Type': 'text/html; charset=utf-8' } }),
  '/big': () => new Response('x'.repeat(3_000_000)),
  '/big-bytes': () => new Response(new Uint8Array(1_000_000).fill(7)),
  '/cookies': cookies,
  '/changed': changed,
  '/headers-list': () =>
    new Response('', {
      headers: [
        ['X-One', '1'],
        ['x-one', '2'],
        ['X-Two', '  padded\t'],
      ],
    }),
  '/latin1': () => new Response('', { headers: { 'X-Latin': 'caf\xe9' } }),
  '/teapot': () => new Response('short', { status: 418, statusText: 'Stout' }),
  '/created': () => new Response(null, { status: 201, headers: { Location: '/new' } }),
  '/no-content': () => new Response(null, { status: 204, headers: { 'X-A': 'b' } }),
  '/reset-content': () => new Response(null, { status: 205 }),
  '/not-modified': () => new Response(null, { status: 304, headers: { ETag: '"v1"' } }),
  '/not-found': () => new Response('nothing', { status: 404 }),
  '/unavailable': () => new Response('later', { status: 503, headers: { 'Retry-After': '3' } }),
  '/redirect': () => Response.redirect('http://b.example/c?d=e', 307),
  '/redirect-relative': () => new Response(null, { status: 302, headers: { Location: '/text' } }),
  '/stream': () => new Response(streamOf('one', 'two', 'three')),
  '/stream-slow': () => new Response(slowStreamOf('one', 'two'), { headers: { 'Content-Type': 'text/plain' } }),
  '/stream-empty': () => new Response(streamOf()),
  '/stream-sized': () => new Response(streamOf('12345'), { headers: { 'Content-Length': '5' } }),
  '/events': () => new Response(streamOf('data: 1\n\n'), { headers: { 'Content-Type': 'text/event-stream' } }),
  '/tee': () => {
    const response = new Response('twice');
    return response.clone();
  },
  '/wrapped': () => new Response(new Response('inner').body, { headers: { 'X-Outer': '1' } }),
  '/throws': () => {
    throw new Error('thrown');
  },
  '/rejects': async () => {
    throw new Error('rejected');
  },
  '/length-wrong': () => new Response('four', { headers: { 'Content-Length': '4' } }),
  '/echo': async (request) => new Response(await request.arrayBuffer()),
  '/echo-stream': (request) => new Response(request.body),
  '/echo-text': async (request) => new Response(await request.text()),
  '/echo-json': async (request) => Response.json(await request.json()),
  '/echo-blob': async (request) => {
    const blob = await request.blob();
    return Response.json([blob.size, blob.type, await blob.text()]);
  },
  '/form': form,
  '/unread': () => new Response('unread'),
  '/headers': (request) => Response.json([...request.headers]),
  '/method': (request) => new Response(request.method),
  '/request': (request) =>
    Response.json({
      url: request.url,
      method: request.method,
      hasBody: request.body !== null,
      bodyUsed: request.bodyUsed,
      isRequest: request instanceof Request,
      aborted: request.signal.aborted,
    }),
  '/clone': async (request) => {
    const copy = request.clone();
    return Response.json([await request.text(), await copy.text()]);
  },
  '/new-request': async (request) => {
    const made = new Request('http://other.example/x', request);
    return Response.json([made.url, made.method, made.headers.get('x-a'), await made.text()]);
  },
};

/** The same by a framework, as most will write them. */
const app = new Hono()
  .get('/hono/text/:name', (c) => c.text(`Hello, ${c.req.param('name')}!`, 202, { 'X-A': 'b' }))
  .get('/hono/json', (c) => c.json({ query: c.req.query(), agent: c.req.header('user-agent') ?? null }))
  .get('/hono/html', (c) => c.html('<p>hi'))
  .get('/hono/redirect', (c) => c.redirect('/hono/html'))
  .get('/hono/cookies', (c) => {
    setCookie(c, 'seen', getCookie(c, 'seen') ?? 'never', { httpOnly: true });
    setCookie(c, 'other', 'b');
    return c.body(null, 204);
  })
  .get('/hono/stream', (c) =>
    streamText(c, async (stream) => {
      await stream.writeln('one');
      await stream.write('two');
    }),
  )
  .get('/hono/events', (c) => streamSSE(c, (stream) => stream.writeSSE({ data: 'x', event: 'y', id: '1' })))
  .get('/hono/throws', () => {
    throw new Error('thrown');
  })
  .post('/hono/json', async (c) => c.json({ got: await c.req.json() }))
  .post('/hono/form', async (c) => c.json(await c.req.parseBody()));

/** Other paths respond with the URL as the handler sees it. */
export async function handle(request) {
  const { pathname } = new URL(request.url);
  if (pathname.startsWith('/hono/')) return app.fetch(request);
  const handler = HANDLERS[pathname];
  return handler === undefined ? new Response(request.url, { status: 404 }) : handler(request);
}
