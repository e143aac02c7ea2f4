import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import {
  type RequestMessage,
  type RouteHandler,
  type Routes,
  type ServeOptions,
  type Server,
  serve,
} from '../../src/index.js';
import { handling, Source } from '../support/handling.js';
import { eventually, exchange, RawClient, request, withoutDate } from '../support/raw-client.js';

const directory = mkdtempSync(join(tmpdir(), 'epollet-routes-'));
mkdirSync(join(directory, 'private'));
writeFileSync(join(directory, 'index.html'), 'index file');
writeFileSync(join(directory, 'about'), 'about file');
writeFileSync(join(directory, 'private', 'secret.txt'), 'secret file');
afterAll(() => rmSync(directory, { recursive: true }));

const { errors } = handling();
const servers: Server[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.stop({ force: true }))));

function start(routes: Routes, options: ServeOptions = {}): Server {
  const server = serve({ port: 0, ...options, routes });
  servers.push(server);
  return server;
}

const bodyOf = async (server: Server, target: string, method = 'GET', fields: string[] = []): Promise<string> => {
  const { status, body } = await exchange(server.port, request(target, fields, method));
  return status === 200 ? body.toString() : String(status);
};

/** Responds with the name of its route, and the parameters. */
const named =
  (name: string): RouteHandler =>
  ({ params }) => {
    const values = Object.values(params);
    return new Response(values.length === 0 ? name : `${name} ${JSON.stringify(params)}`);
  };

/** The routes that were given to Bun 1.4.5, too: `bun` is what its server responded with, where that differs. */
const PATHS = [
  '/static',
  '/users/me',
  '/users/:id',
  '/users/:id/posts/:post',
  '/users/*',
  '/files/*',
  '/caf%C3%A9',
  '/q/:x/end',
  '/q/lit/*',
  '/p/:a/:a2',
];
const MATCHES: [target: string, ours: string, bun?: string][] = [
  ['/static', '/static'],
  ['/static?x', '/static'],
  ['/static/', 'fetch'],
  ['/STATIC', 'fetch'],
  ['/users/1', '/users/:id {"id":"1"}'],
  ['/users/me', '/users/me'],
  ['/users/me/', '/users/*'],
  ['/users/', '/users/*'],
  ['/users', 'fetch'],
  ['/users/1/', '/users/*'],
  ['/users/1/posts/2', '/users/:id/posts/:post {"id":"1","post":"2"}'],
  ['/users/1/posts', '/users/*'],
  ['/users/1/2/3', '/users/*'],
  ['/users/a%20b', '/users/:id {"id":"a b"}'],
  ['/users/a%2Fb', '/users/:id {"id":"a/b"}'],
  ['/users/a%2fb', '/users/:id {"id":"a/b"}'],
  ['/users/%ff', '/users/:id {"id":"\ufffd"}'],
  ['/users/caf%C3%A9', '/users/:id {"id":"caf\u00e9"}'],
  ['/users/a+b', '/users/:id {"id":"a+b"}'],
  ['/users/x?y=1', '/users/:id {"id":"x"}'],
  ['/files', 'fetch'],
  ['/files/', '/files/*'],
  ['/files/a', '/files/*'],
  ['/files/a/b', '/files/*'],
  ['/caf%C3%A9', '/caf%C3%A9'],
  ['/q/lit/end', '/q/lit/*'],
  ['/q/lit/more', '/q/lit/*'],
  ['/q/z/end', '/q/:x/end {"x":"z"}'],
  ['/q/z/nope', 'fetch'],
  ['/p/1/2', '/p/:a/:a2 {"a":"1","a2":"2"}'],
  ['/__proto__', 'fetch'],
  ['http://other/users/7', '/users/:id {"id":"7"}'],
  // All spellings of a path are one, as for files, and dot segments are resolved as in `request.url`.
  ['/users/m%65', '/users/me', '/users/:id {"id":"me"}'],
  ['//users/1', '/users/:id {"id":"1"}', 'fetch'],
  ['/users//1', '/users/:id {"id":"1"}', '/users/*'],
  ['/st%61tic', '/static', 'fetch'],
  ['/caf%c3%a9', '/caf%C3%A9', 'fetch'],
  ['/caf\xc3\xa9', '/caf%C3%A9', 'fetch'],
  ['/files/../users/1', '/users/:id {"id":"1"}', '/files/*'],
  ['/files/%2e%2e/users/1', '/users/:id {"id":"1"}', '/files/*'],
  ['/files/./a', '/files/*'],
  ['/users/%zz', 'fetch', '/users/:id {"id":"\ufffd"}'],
];

test.each(MATCHES)('%s is for %s', async (target, expected) => {
  const routes = Object.fromEntries(PATHS.map((path) => [path, named(path)]));
  const server = start(routes, { fetch: () => new Response('fetch') });
  expect(await bodyOf(server, target)).toBe(expected);
});

/** [method, path, ours, by Bun 1.4.5 where that differs] */
const METHODS: [method: string, path: string, ours: string, bun?: string][] = [
  ...['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'].flatMap((method): [string, string, string][] => [
    [method, '/response', 'response'],
    [method, '/handler', `handler ${method}`],
  ]),
  ['HEAD', '/response', ''],
  ['HEAD', '/handler', ''],
  ['GET', '/methods', 'GET'],
  ['POST', '/methods', 'POST'],
  ['HEAD', '/methods', ''],
  ['PUT', '/methods', '405', 'fetch'],
  ['OPTIONS', '/methods', 'fetch'],
  ['PROPFIND', '/methods', '405', 'fetch'],
  ['GET', '/post', '405', 'fetch'],
  ['HEAD', '/post', '405', ''],
  ['GET', '/mixed', 'get response'],
  ['HEAD', '/mixed', ''],
  ['POST', '/mixed', 'POST'],
  ['POST', '/a/1', '405', '/a/*'],
  ['OPTIONS', '/own-options', 'OPTIONS'],
  ['GET', '/false', 'fetch'],
  ['GET', '/nothing', 'fetch'],
  ['TRACE', '/response', '405'],
];
const BY_METHOD: Routes = {
  '/response': new Response('response'),
  '/handler': ({ method }) => new Response(`handler ${method}`),
  '/methods': { GET: () => new Response('GET'), POST: () => new Response('POST') },
  '/post': { POST: () => new Response('POST') },
  '/mixed': { GET: new Response('get response'), POST: () => new Response('POST') },
  '/a/:x': { GET: named('/a/:x') },
  '/a/*': named('/a/*'),
  '/own-options': { GET: named('GET'), OPTIONS: named('OPTIONS') },
  '/*': named('/*'),
  '/false': false,
  '/nothing': false,
};

test.each(METHODS)('%s %s: %s', async (method, path, expected) => {
  const server = start(BY_METHOD, { fetch: () => new Response('fetch') });
  const { status, body } = await exchange(server.port, request(path, [], method));
  expect(status === 200 ? body.toString() : String(status)).toBe(expected);
});

test('405 and OPTIONS have the methods of the route in Allow', async () => {
  const server = start(BY_METHOD);
  const notAllowed = await exchange(server.port, request('/methods', [], 'DELETE'));
  expect([notAllowed.status, notAllowed.field('allow')]).toEqual([405, 'GET, HEAD, POST, OPTIONS']);
  const options = await exchange(server.port, request('/post', [], 'OPTIONS'));
  expect([options.status, options.field('allow')]).toEqual([204, 'POST, OPTIONS']);
});

describe('a Response', () => {
  const TEXT = 'HTTP/1.1 200 OK\r\nDate: *\r\nX-A: b\r\nContent-Type: text/plain;charset=UTF-8\r\n';
  const source = new Source().write('str').write('eam');
  source.end();
  const streamed = new Response(source.stream);
  /** [what, the Response, its status, fields (null: absent), its body] */
  const ROWS: [string, () => Response, number, Record<string, string | null>, string][] = [
    [
      'text',
      () => new Response('hello', { headers: { 'X-A': 'b' } }),
      200,
      { 'X-A': 'b', 'Content-Length': '5' },
      'hello',
    ],
    ['text beyond ASCII', () => new Response('\u00e9\u20ac'), 200, { 'Content-Length': '5' }, '\u00e9\u20ac'],
    ['bytes', () => new Response(new Uint8Array([65, 66])), 200, { 'Content-Type': null }, 'AB'],
    ['JSON', () => Response.json({ a: 1 }), 200, { 'Content-Type': 'application/json' }, '{"a":1}'],
    ['nothing', () => new Response(), 200, { 'Content-Length': '0' }, ''],
    ['no content', () => new Response(null, { status: 204 }), 204, { 'Content-Length': null, ETag: null }, ''],
    ['a redirect', () => Response.redirect('http://b/c', 302), 302, { Location: 'http://b/c', ETag: null }, ''],
    ['an error', () => new Response('no', { status: 404 }), 404, { ETag: null }, 'no'],
    ['a tag of its own', () => new Response('x', { headers: { ETag: '"mine"' } }), 200, { ETag: '"mine"' }, 'x'],
    ['a blob', () => new Response(new Blob(['blob'], { type: 'text/x' })), 200, { 'Content-Type': 'text/x' }, 'blob'],
    ['a stream that ends', () => streamed, 200, { 'Content-Length': '6' }, 'stream'],
    [
      'cookies',
      () =>
        new Response('x', {
          headers: [
            ['Set-Cookie', 'a=1'],
            ['Set-Cookie', 'b=2'],
          ],
        }),
      200,
      { 'Set-Cookie': 'a=1, b=2' },
      'x',
    ],
    [
      'fields of the connection',
      () => new Response('x', { headers: { 'Transfer-Encoding': 'chunked' } }),
      200,
      { 'Transfer-Encoding': null },
      'x',
    ],
  ];

  test.each(ROWS)(
    'of %s is sent to each, twice on a connection, to HEAD and HTTP/1.0',
    async (_, made, status, fields, body) => {
      const server = start({ '/x': made() });
      using client = await RawClient.connect(server.port);
      for (const method of ['GET', 'HEAD', 'GET']) {
        const response = await client.send(request('/x', [], method)).response(method);
        expect([response.status, response.body.toString()]).toEqual([status, method === 'HEAD' ? '' : body]);
        for (const [name, value] of Object.entries(fields)) expect(response.field(name), name).toBe(value);
      }
      const old = await exchange(server.port, 'GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
      expect([old.status, old.body.toString(), old.field('connection')]).toEqual([status, body, 'keep-alive']);
      const last = await exchange(server.port, request('/x', ['Connection: close']));
      expect([last.status, last.body.toString(), last.field('connection')]).toEqual([status, body, 'close']);
    },
  );

  test('may be that of several routes and of several servers, and is read when the server is made', async () => {
    const shared = new Response(new Blob(['shared']));
    const headers = new Headers({ 'X-A': 'before' });
    const plain = new Response('plain', { headers });
    const one = start({ '/a': shared, '/b': shared, '/c': plain });
    plain.headers.set('X-A', 'after');
    const two = start({ '/a': shared });
    expect([await bodyOf(one, '/a'), await bodyOf(one, '/b'), await bodyOf(two, '/a')]).toEqual(
      Array(3).fill('shared'),
    );
    expect((await exchange(one.port, request('/c'))).field('x-a')).toBe('before');
  });

  /** [fields, with TAG for its tag, status to GET; by Bun 1.4.5 the same] */
  const CONDITIONS: [fields: string[], status: number][] = [
    [[], 200],
    [['If-None-Match: TAG'], 304],
    [['If-None-Match: W/TAG'], 304],
    [['If-None-Match: *'], 304],
    [['If-None-Match: "x", TAG'], 304],
    [['If-None-Match: "x"'], 200],
    [['If-Match: "x"'], 412],
    [['If-Match: TAG'], 200],
    [['Range: bytes=0-1'], 200],
    [['If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT'], 304],
    [['If-Modified-Since: Wed, 31 Dec 2025 23:59:59 GMT'], 200],
  ];

  test.each(CONDITIONS)('with %j has status %i, twice', async (lines, status) => {
    const dated = new Response('hello', { headers: { 'Last-Modified': 'Thu, 01 Jan 2026 00:00:00 GMT', 'X-A': 'b' } });
    const server = start({ '/x': dated });
    using client = await RawClient.connect(server.port);
    const tag = (await client.send(request('/x')).response()).field('etag')!;
    const fields = lines.map((line) => line.replace('TAG', tag));
    for (const method of ['GET', 'HEAD', 'GET']) {
      const response = await client.send(request('/x', fields, method)).response(method);
      expect(response.status).toBe(status);
      if (status !== 304) continue;
      expect([response.field('etag'), response.field('x-a'), response.field('content-type')]).toEqual([tag, 'b', null]);
    }
    const posted = await client.send(request('/x', fields, 'POST')).response();
    expect(posted.status).toBe(status === 412 || (status === 304 && lines[0]!.startsWith('If-None')) ? 412 : 200);
  });

  test('is one send of the same bytes, whose tag does not depend on the server', async () => {
    const head = async (): Promise<string> => {
      const server = start({ '/x': new Response('hello', { headers: { 'X-A': 'b' } }) });
      const response = await exchange(server.port, request('/x'));
      const { systemCalls } = server.stats();
      expect((systemCalls['send'] ?? 0) + (systemCalls['sendmsg'] ?? 0)).toBeLessThanOrEqual(1);
      return withoutDate(response.head);
    };
    const first = await head();
    expect(first.startsWith(TEXT)).toBe(true);
    expect(await head()).toBe(first);
  });

  test('of 1 MiB gets to a slow client whole, and with a body in the request', async () => {
    const text = 'x'.repeat(1_048_576);
    const server = start({ '/x': new Response(text) });
    using client = await RawClient.connect(server.port);
    client.pause().send(request('/x').repeat(3));
    client.resume();
    for (let i = 0; i < 3; i++) expect((await client.response()).body.length).toBe(text.length);
    client.send(`${request('/x', ['Content-Length: 4'], 'POST')}body${request('/x', [], 'HEAD')}`);
    expect((await client.response()).body.length).toBe(text.length);
    expect((await client.response('HEAD')).status).toBe(200);
  });

  test('with Connection: close closes the connection', async () => {
    const server = start({ '/x': new Response('x', { headers: { Connection: 'close' } }) });
    using client = await RawClient.connect(server.port);
    expect((await client.send(request('/x')).response()).field('connection')).toBe('close');
    expect((await client.untilClose()).length).toBe(0);
  });

  test('of a stream is waited for, in the order of the requests; one that fails is a 500', async () => {
    const source = new Source();
    const failing = new ReadableStream({ pull: () => Promise.reject(new Error('broken')) });
    const captured = errors();
    const server = start({
      '/late': new Response(source.stream),
      '/fails': new Response(failing),
      '/x': new Response('x'),
    });
    using client = await RawClient.connect(server.port);
    client.send(request('/late') + request('/x') + request('/late', ['If-None-Match: *']));
    await eventually(() => server.pendingRequests === 3, 'the requests');
    source.write('late').end();
    expect((await client.response()).body.toString()).toBe('late');
    expect((await client.response()).body.toString()).toBe('x');
    expect((await client.response()).status).toBe(304);
    expect((await exchange(server.port, request('/fails'))).status).toBe(500);
    expect(captured.text).toContain('epollet: the body of routes["/fails"] failed: Error: broken');
  });
});

describe('with files', () => {
  test('routes come first, then files, then fetch; without fetch the files respond to the rest', async () => {
    const routes: Routes = {
      '/about': named('about'),
      '/private/*': new Response('no', { status: 403 }),
      '/private/index.html': false,
    };
    const server = start(routes, { root: directory, fetch: () => new Response('fetch') });
    expect(await bodyOf(server, '/about')).toBe('about');
    expect(await bodyOf(server, '/')).toBe('index file');
    expect(await bodyOf(server, '/x')).toBe('fetch');
    const alone = start(routes, { root: directory });
    expect(await bodyOf(alone, '/')).toBe('index file');
    expect(await bodyOf(alone, '/x')).toBe('404');
    expect(await bodyOf(alone, '/x', 'POST')).toBe('405');
  });

  test.each([
    '/private/secret.txt',
    '//private/secret.txt',
    '/private//secret.txt',
    '/%70rivate/secret.txt',
    '/private/secret%2Etxt',
    '/./private/secret.txt',
    '/x/../private/secret.txt',
    '/x/%2e%2e/private/secret.txt',
    'http://a/private/secret.txt',
  ])('no spelling of a path gets past its route to the file: %s', async (target) => {
    const server = start({ '/private/*': new Response('no', { status: 403 }) }, { root: directory });
    expect(await bodyOf(server, target)).toBe('403');
  });

  test('a server of routes alone has 404 for the rest', async () => {
    const server = start({ '/x': new Response('x') });
    const { status, body } = await exchange(server.port, request('/y'));
    expect([status, body.toString()]).toEqual([404, 'Not found.\n']);
  });

  test('fetchFirst: a 404 of a route stays', async () => {
    const routes: Routes = { '/about': () => new Response('no', { status: 404 }) };
    const server = start(routes, { root: directory, fetchFirst: true, fetch: () => new Response('', { status: 404 }) });
    expect(await bodyOf(server, '/about')).toBe('404');
    expect(await bodyOf(server, '/')).toBe('index file');
  });
});

test('the handler of a route has its body, its context, and the error handler', async () => {
  const routes: Routes = {
    '/echo/:name': async (asked, { peer, server }) =>
      Response.json([
        asked.params,
        await asked.text(),
        peer?.address,
        server.requestIP(asked)?.address,
        asked instanceof Request,
      ]),
    '/throws': () => {
      throw new Error('boom');
    },
    '/rejects': () => Promise.reject(new Error('boom')),
    '/undefined': () => undefined,
  };
  errors();
  const server = start(routes, { error: (error) => new Response(`error: ${(error as Error).message}`) });
  const echoed = await exchange(server.port, `${request('/echo/x', ['Content-Length: 4'], 'POST')}body`);
  expect(JSON.parse(echoed.body.toString())).toEqual([{ name: 'x' }, 'body', '127.0.0.1', '127.0.0.1', true]);
  expect([await bodyOf(server, '/throws'), await bodyOf(server, '/rejects')]).toEqual(['error: boom', 'error: boom']);
  expect(await bodyOf(server, '/undefined')).toMatch(/^error: A handler must return a Response/);
  expect(server.stats().requests).toBe(4);
});

test('params are one object of own properties, and those of a clone or of fetch are absent', async () => {
  const server = start(
    {
      '/:__proto__/:x': (asked) =>
        Response.json([Object.keys(asked.params), Object.is(asked.params, asked.params), 'params' in asked.clone()]),
    },
    { fetch: (asked) => Response.json('params' in asked) },
  );
  expect(await bodyOf(server, '/a/b')).toBe('[["__proto__","x"],true,false]');
  expect(await bodyOf(server, '/')).toBe('false');
});

test('a handler upgrades its request to a WebSocket, with its parameters as data', async () => {
  const server = start(
    {
      '/rooms/:room': (asked, { server: own }) =>
        own.upgrade(asked, { data: asked.params }) ? undefined : new Response('no', { status: 426 }),
    },
    {
      websocket: { open: (socket) => void socket.send(JSON.stringify(socket.data)), message: () => {} },
    },
  );
  const client = new WebSocket(`${server.url.href.replace('http', 'ws')}rooms/a%20b`);
  const message = await new Promise((resolve) => client.once('message', resolve));
  expect(String(message)).toBe('{"room":"a b"}');
  client.terminate();
  expect(await bodyOf(server, '/rooms/x')).toBe('426');
});

test('subscribers of the tracing channel see requests for routes, and the status of the final response', async () => {
  const seen: [string, number | null, number, boolean][] = [];
  const onEnd = (message: unknown): void => {
    const { target, status, bytes, isComplete } = message as RequestMessage;
    seen.push([target, status, bytes, isComplete]);
  };
  subscribe('tracing:epollet.request:asyncEnd', onEnd);
  onTestFinished(() => void unsubscribe('tracing:epollet.request:asyncEnd', onEnd));
  const server = start({
    '/static': new Response('static'),
    '/:id': (_asked, info) => {
      info.informational(103);
      return new Response('called');
    },
  });
  await bodyOf(server, '/static');
  expect((await exchange(server.port, request('/x'))).status).toBe(103);
  await eventually(() => seen.length === 2, 'the messages');
  expect(seen).toEqual([
    ['/static', 200, 6, true],
    ['/x', 200, 6, true],
  ]);
});

/** [routes or further options, the error] */
const MISTAKES: [Record<string, unknown>, string][] = [
  [{ x: named('x') }, 'routes.x must be a path that begins with a slash'],
  [{ '/a?b': named('x') }, 'routes["/a?b"] must be a path without a query'],
  [{ '/a/*/b': named('x') }, 'routes["/a/*/b"] has a * in its middle'],
  [{ '/:a/:a': named('x') }, 'routes["/:a/:a"] has two parameters :a'],
  [{ '/:': named('x') }, 'routes["/:"] has a parameter with an invalid name'],
  [{ '/:1': named('x') }, 'routes["/:1"] has a parameter with an invalid name'],
  [{ '/:a.b': named('x') }, 'routes["/:a.b"] has a parameter with an invalid name'],
  [{ '/a//b': named('x') }, 'routes["/a//b"] has a segment that no request has, ""'],
  [{ '/../b': named('x') }, 'routes["/../b"] has a segment that no request has, ".."'],
  [{ '/%zz': named('x') }, 'routes["/%zz"] has a segment that no request has'],
  [{ '/a': named('x'), '/%61': named('y') }, 'routes["/%61"] has the same requests as a route before it'],
  [{ '/:a': named('x'), '/:b': named('y') }, 'routes["/:b"] has the same requests as a route before it'],
  [{ '/a': { get: named('x') } }, 'routes["/a"].get must be a method in upper case'],
  [{ '/a': { TRACE: named('x') } }, 'routes["/a"].TRACE has no effect'],
  [{ '/a': {} }, 'routes["/a"] has no method'],
  [{ '/a': 'text' }, 'routes["/a"] must be a Response, a function, or an object of these by method, not "text"'],
  [{ '/a': null }, 'routes["/a"] must be a Response'],
  [{ '/a': { GET: 1 } }, 'routes["/a"].GET must be a Response'],
];

test.each(MISTAKES)('%j is an error', (routes, message) => {
  expect(() => start(routes as Routes)).toThrow(message);
  expect(() => start(routes as Routes)).toThrow(expect.objectContaining({ code: 'ERR_EPOLLET_OPTION' }));
});

test('routes that are no object, whose Response is used, or that workers cannot have, are errors', async () => {
  const used = new Response(new Blob(['x']));
  await used.text();
  expect(() => start({ '/a': used })).toThrow('routes["/a"] cannot be sent');
  expect(() => serve({ port: 0, routes: [] as never })).toThrow('routes must be an object such as');
  expect(() => serve({ port: 0, routes: {}, workers: 2 } as never)).toThrow(
    'routes consists of functions and Responses, which cannot be sent to workers: put it into a module with export default { routes }, and give its path as app',
  );
  expect(() => start({ '/a': new Response('') }, { fetchFirst: true })).toThrow('fetchFirst needs a handler');
});
