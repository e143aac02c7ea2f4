import { Hono } from 'hono';
import { compress } from 'hono/compress';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { cors } from 'hono/cors';
import { HTTPException } from 'hono/http-exception';
import { logger } from 'hono/logger';
import { stream, streamSSE, streamText } from 'hono/streaming';

/**
 * An app of Hono, which several servers run: REST calls, streams, errors, cookies, redirects, files, and a chat with rooms.
 * @param helpers of the server's adapter
 */
export function makeApp({ getConnInfo, serveStatic, upgradeWebSocket, root }) {
  const app = new Hono();
  const notes = new Map([['1', 'Buy milk']]);
  const rooms = new Map();

  app.use(
    '/logged',
    logger(() => {}),
  );
  app.use('/cors/*', cors({ origin: 'http://b.example', allowMethods: ['GET', 'PUT'] }));
  app.use('/compressed/*', compress());
  app.use('*', async (c, next) => {
    await next();
    if (c.res.status !== 101) c.header('X-Middleware', '1');
  });

  app.get('/', (c) => c.text('Hello'));
  app.get('/info', (c) => {
    const { address, addressType, port } = getConnInfo(c).remote;
    return c.json({ address, addressType, hasPort: port > 0 });
  });
  app.get('/notes/:id', (c) => {
    const text = notes.get(c.req.param('id'));
    return text === undefined ? c.notFound() : c.json({ text, query: c.req.query(), list: c.req.queries('a') ?? [] });
  });
  app.put('/notes/:id', async (c) => {
    const { text } = await c.req.json();
    notes.set(c.req.param('id'), text);
    return c.json({ text }, 201, { Location: c.req.path });
  });
  app.delete('/notes/:id', (c) => {
    notes.delete(c.req.param('id'));
    return c.body(null, 204);
  });
  app.post('/form', async (c) => c.json(await c.req.parseBody({ all: true })));
  app.post('/echo', async (c) =>
    c.body(await c.req.arrayBuffer(), 200, { 'Content-Type': 'application/octet-stream' }),
  );
  app.get('/cookies', (c) => {
    setCookie(c, 'seen', 'yes', { httpOnly: true, path: '/' });
    deleteCookie(c, 'old');
    return c.json({ seen: getCookie(c, 'seen') ?? null });
  });
  app.get('/redirect', (c) => c.redirect('/notes/1', 303));
  app.get('/denied', () => {
    throw new HTTPException(401, { message: 'Who are you?' });
  });
  app.get('/throws', () => {
    throw new Error('a secret');
  });
  app.get('/logged', (c) => c.html('<p>hi'));
  app.get('/cors/x', (c) => c.text('cors'));
  app.get('/compressed/text', (c) => c.text('x'.repeat(3000)));
  app.get('/text-stream', (c) =>
    streamText(c, async (out) => {
      await out.write('one ');
      await out.write('two');
    }),
  );
  app.get('/stream', (c) =>
    stream(c, async (out) => {
      await out.write(new Uint8Array([1, 2, 3]));
    }),
  );
  app.get('/events', (c) =>
    streamSSE(c, async (out) => {
      await out.writeSSE({ data: 'first', id: '1' });
      await out.writeSSE({ data: 'second', event: 'named' });
    }),
  );

  const onFound = (path, c) => c.header('X-Found', encodeURI(path.slice(path.indexOf('site'))));
  const onNotFound = (_, c) => c.header('X-Not-Found', '1');
  const precompressed = true;
  app.use('/compressed/*', serveStatic({ root, rewriteRequestPath: (path) => path.replace('/compressed', '') }));
  app.use('/static/*', serveStatic({ root, onFound, onNotFound, rewriteRequestPath: (path) => path.slice(7) }));
  app.use('/encoded/*', serveStatic({ root, precompressed, rewriteRequestPath: (path) => path.slice(8) }));
  app.get('/one', serveStatic({ root, path: 'page.html' }));
  app.use('/absent/*', serveStatic({ root: `${root}/absent` }));

  app.get(
    '/ws/:room',
    upgradeWebSocket(
      (c) => {
        const name = c.req.param('room');
        const room = rooms.get(name) ?? new Set();
        rooms.set(name, room);
        const toOthers = (ws, text) => {
          for (const other of room) if (other !== ws) other.send(text);
        };
        return {
          onOpen(_, ws) {
            room.add(ws);
            ws.send(
              `welcome to ${name}, ${room.size} of ${ws.url?.pathname} ${ws.readyState} ${ws.protocol || 'none'}`,
            );
            toOthers(ws, 'joined');
          },
          onMessage({ data }, ws) {
            if (typeof data !== 'string') return ws.send(new Uint8Array(data).reverse());
            if (data === 'close me') return ws.close(4002, 'done');
            if (data === 'fail') throw new Error('a handler failed');
            ws.send(data.length > 1000 ? String(data.length) : `you: ${data}`);
            return toOthers(ws, data);
          },
          onClose({ code, reason }, ws) {
            room.delete(ws);
            toOthers(ws, `left ${code} ${reason}`);
          },
        };
      },
      { onError: () => {} },
    ),
  );
  app.get(
    '/ws-cookie',
    (c, next) => {
      c.header('X-Room', 'yes');
      return next();
    },
    upgradeWebSocket(() => ({ onOpen: (_, ws) => ws.close() })),
  );
  app.get('/ws-denied', (c) => c.text('Not you.', 403, { 'X-Why': 'denied' }));
  app.get(
    '/ws-throws',
    upgradeWebSocket(() => {
      throw new Error('no events');
    }),
  );
  return app;
}
