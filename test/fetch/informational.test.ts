import { expect, test } from 'vitest';
import { deferred, handling } from '../support/handling.js';
import { eventually, exchange, RawClient, request } from '../support/raw-client.js';

const { start, errors } = handling();

type Init = NonNullable<ResponseInit['headers']>;

const LINK = '</style.css>; rel=preload; as=style';

/** [what, headers, the fields of the interim response] */
const HEADERS: [string, Init | undefined, string][] = [
  ['none', undefined, ''],
  ['a record', { Link: LINK }, `Link: ${LINK}\r\n`],
  ['pairs', [['X-A', '1']], 'X-A: 1\r\n'],
  [
    'Headers, repeated',
    new Headers([
      ['Link', '</a>'],
      ['Link', '</b>'],
    ]),
    'link: </a>, </b>\r\n',
  ],
  [
    'framing and the connection',
    { 'Content-Length': '5', 'Transfer-Encoding': 'chunked', Connection: 'close', 'X-A': '1' },
    'X-A: 1\r\n',
  ],
];

test.each(HEADERS)('an interim response with %s', async (_, headers, fields) => {
  const server = start((_request, info) => new Response(String(info.informational(103, headers))));
  using client = await RawClient.connect(server.port);
  client.send(request('/'));
  expect((await client.response()).head).toBe(`HTTP/1.1 103 Early Hints\r\n${fields}\r\n`);
  const response = await client.response();
  expect([response.status, response.body.toString()]).toEqual([200, 'true']);
});

test('several, by status, of a handler that awaits in between, and on HEAD', async () => {
  const server = start(async (_request, info) => {
    for (const status of [102, 103, 103, 104, 199]) {
      info.informational(status);
      await null;
    }
    return new Response('end');
  });
  using client = await RawClient.connect(server.port);
  for (const method of ['GET', 'HEAD']) {
    client.send(request('/', [], method));
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push((await client.response(method)).status);
    expect(statuses).toEqual([102, 103, 103, 104, 199, 200]);
  }
});

/** [status or headers, the error] */
const MISTAKES: [status: number, headers: Init | undefined, error: string][] = [
  [100, undefined, 'ERR_EPOLLET_ARGUMENT'],
  [101, undefined, 'ERR_EPOLLET_ARGUMENT'],
  [200, undefined, 'ERR_EPOLLET_ARGUMENT'],
  [99, undefined, 'ERR_EPOLLET_ARGUMENT'],
  [103.5, undefined, 'ERR_EPOLLET_ARGUMENT'],
  [Number.NaN, undefined, 'ERR_EPOLLET_ARGUMENT'],
  [103, { 'X-A': 'a\r\n\r\nHTTP/1.1 200 OK' }, 'TypeError'],
  [103, { 'X-A\r\nX-B': 'a' }, 'TypeError'],
  [103, [['X-A', 'a\nb']], 'TypeError'],
  [103, { 'X-A': '\u20ac' }, 'TypeError'],
];

test.each(MISTAKES)('%s with %j is refused', async (status, headers, error) => {
  const server = start((_request, info) => {
    try {
      return new Response(`sent ${info.informational(status, headers)}`);
    } catch (caught) {
      const { code, name } = caught as NodeJS.ErrnoException;
      return new Response(code ?? name);
    }
  });
  expect((await exchange(server.port, request('/'))).body.toString()).toBe(error);
});

test('after the handler has returned its response it is an error', async () => {
  const late = deferred<unknown>();
  const server = start((_request, info) => {
    setImmediate(() => {
      try {
        late.resolve(info.informational(103));
      } catch (error) {
        late.resolve((error as NodeJS.ErrnoException).code);
      }
    });
    return new Response('first');
  });
  expect((await exchange(server.port, request('/'))).body.toString()).toBe('first');
  expect(await late.promise).toBe('ERR_EPOLLET_RESPONSE');
});

test('a client of HTTP/1.0 gets none', async () => {
  const server = start((_request, info) => new Response(String(info.informational(103))));
  using client = await RawClient.connect(server.port);
  client.send('GET / HTTP/1.0\r\n\r\n');
  expect((await client.response()).body.toString()).toBe('false');
});

test('on a pipelined connection they wait for the responses before, and are bounded meanwhile', async () => {
  const first = deferred<Response>();
  const informed: boolean[] = [];
  const server = start((asked, info) => {
    const path = new URL(asked.url).pathname;
    if (path === '/first') return first.promise;
    for (let i = 0; i < 3; i++)
      informed.push(info.informational(103, { 'X-N': String(i), 'X-Long': 'a'.repeat(7000) }));
    return new Response(path);
  });
  using client = await RawClient.connect(server.port);
  client.send(request('/first') + request('/second') + request('/third'));
  await eventually(() => informed.length === 6, 'the calls');
  expect(informed).toEqual([true, true, false, true, true, false]);
  expect(client.buffered.length).toBe(0);
  first.resolve(new Response('first'));
  const seen: string[] = [];
  for (let i = 0; i < 7; i++) {
    const { status, field, body } = await client.response();
    seen.push(status === 103 ? `103 ${field('X-N')}` : body.toString());
  }
  expect(seen).toEqual(['first', '103 0', '103 1', '/second', '103 0', '103 1', '/third']);
});

test('one that the handler sends late is sent at once, when its response is the next', async () => {
  const [first, second] = [deferred<Response>(), deferred<Response>()];
  const infos = new Map<string, { informational(status: number): boolean }>();
  const server = start((asked, info) => {
    const path = new URL(asked.url).pathname;
    infos.set(path, info);
    return path === '/first' ? first.promise : second.promise;
  });
  using client = await RawClient.connect(server.port);
  client.send(request('/first') + request('/second'));
  await eventually(() => infos.size === 2, 'the calls');
  expect(infos.get('/second')!.informational(102)).toBe(true);
  expect(infos.get('/first')!.informational(103)).toBe(true);
  expect((await client.response()).status).toBe(103);
  first.resolve(new Response('first'));
  expect((await client.response()).status).toBe(200);
  expect((await client.response()).status).toBe(102);
  expect(infos.get('/second')!.informational(103)).toBe(true);
  expect((await client.response()).status).toBe(103);
  second.resolve(new Response('second'));
  expect((await client.response()).body.toString()).toBe('second');
});

test('100 (Continue) is the server’s own, before or behind those of the handler', async () => {
  const server = start(async (asked, info) => {
    info.informational(103);
    const text = await asked.text();
    info.informational(102);
    return new Response(text);
  });
  using client = await RawClient.connect(server.port);
  client.send(request('/', ['Content-Length: 2', 'Expect: 100-continue'], 'POST'));
  expect([(await client.response()).status, (await client.response()).status]).toEqual([103, 100]);
  client.send('hi');
  expect((await client.response()).status).toBe(102);
  expect((await client.response()).body.toString()).toBe('hi');
});

test('it is false once the client has disconnected, or the handler has taken too long', async () => {
  const results: boolean[] = [];
  const captured = errors();
  const server = start(
    async (asked, info) => {
      await new Promise((resolve) => asked.signal.addEventListener('abort', resolve));
      results.push(info.informational(103));
      return new Response('late');
    },
    { limits: { handlerTimeoutMs: 30 } },
  );
  using client = await RawClient.connect(server.port);
  client.send(request('/'));
  expect((await client.response()).status).toBe(503);
  await eventually(() => results.length === 1, 'the handler');
  const gone = await RawClient.connect(server.port);
  gone.send(request('/'));
  await eventually(() => server.pendingRequests === 1, 'the second handler');
  gone.reset();
  await eventually(() => results.length === 2, 'the second handler');
  expect(results).toEqual([false, false]);
  expect(captured.text).toBe('');
});

test('the access log and the body count only the final response', async () => {
  const server = start((_request, info) => {
    info.informational(103, { Link: LINK });
    return new Response('x');
  });
  using client = await RawClient.connect(server.port);
  client.send(request('/'));
  const interim = await client.response();
  const final = await client.response();
  expect(server.stats().bytes.out).toBe(interim.head.length + final.head.length + 1);
  expect(server.stats().requests).toBe(1);
});
