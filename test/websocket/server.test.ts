import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { ServeOptions, Server, ServerWebSocket, WebSocketHandler } from '../../src/index.js';
import { TRIGGERS } from '../../src/reactor/interest.js';
import { makeDirectory } from '../support/directory.js';
import { deferred, handling } from '../support/handling.js';
import { eventually, RawClient, request } from '../support/raw-client.js';
import { clientFrame } from '../support/websocket-frames.js';
import { binary, close, frameOf, got, handshake, text } from './client.js';

const { start, errors } = handling();

type Handlers = Partial<WebSocketHandler>;

/** A server that sends every message back, unless the handlers do otherwise. */
function echo(handlers: Handlers = {}, options: Partial<ServeOptions> = {}, data: unknown = undefined): Server {
  return start((asked, server) => (server.upgrade(asked, { data }) ? undefined : new Response('ordinary')), {
    websocket: { message: (ws, message) => ws.send(message), ...handlers },
    ...options,
  });
}

async function connect(server: Server, fields: string[] = [], target = '/'): Promise<RawClient> {
  const client = await RawClient.connect(server.port);
  client.send(handshake(fields, target));
  expect((await client.response()).status).toBe(101);
  return client;
}

/** The codes and reasons that the `close` handler is called with. */
function closes(): { handlers: Handlers; calls: [code: number, reason: string][] } {
  const calls: [number, string][] = [];
  return { calls, handlers: { close: (_, code, reason) => void calls.push([code, reason]) } };
}

const ASKED = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';

test.each<[what: string, fields: string[], status: number, method?: string]>([
  ['a handshake', [...ASKED, KEY], 101],
  ['without a key', ASKED, 200],
  ['a short key', [...ASKED, 'Sec-WebSocket-Key: abc'], 200],
  ['another version', [...ASKED.slice(0, 2), 'Sec-WebSocket-Version: 8', KEY], 200],
  ['another protocol', ['Connection: Upgrade', 'Upgrade: raw', 'Sec-WebSocket-Version: 13', KEY], 200],
  ['without the option of Connection', [...ASKED.slice(1), KEY], 200],
  ['a POST', [...ASKED, KEY, 'Content-Length: 0'], 200, 'POST'],
  ['h2c', ['Connection: Upgrade', 'Upgrade: h2c', KEY], 200],
])('%s', async (_, fields, status, method = 'GET') => {
  using client = await RawClient.connect(echo().port);
  client.send(request('/', fields, method));
  expect((await client.response()).status).toBe(status);
});

test('what server.upgrade does not take: a Request of the program, a request twice, a server without websocket', async () => {
  const seen: unknown[] = [];
  const server = echo({}, {}, undefined);
  const other = start((asked, info) => {
    expect(() => info.upgrade(asked)).toThrow('server.upgrade needs handlers: give serve a websocket too');
    expect(() => server.upgrade(new Request('http://a/'))).toThrow(
      /^request must be the one that fetch was called with/,
    );
    return new Response('no');
  });
  using client = await RawClient.connect(other.port);
  client.send(handshake());
  expect((await client.response()).status).toBe(200);
  const twice = start(
    (asked, info) => {
      seen.push(info.upgrade(asked), info.upgrade(asked));
      return undefined;
    },
    { websocket: { message() {} } },
  );
  using second = await connect(twice);
  second.close();
  expect(seen).toEqual([true, false]);
});

test('the response has the fields of the handler, and the first subprotocol of the client', async () => {
  const server = start(
    async (asked, info) => {
      await sleep(1); // the bytes behind the request wait
      const headers = new Headers([
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
        ['Connection', 'close'],
      ]);
      return info.upgrade(asked, { headers, data: 'late' }) ? undefined : new Response('no');
    },
    { websocket: { message: (ws, message) => ws.send(`${ws.data} ${message}`) } },
  );
  using client = await RawClient.connect(server.port);
  client.send(handshake(['Sec-WebSocket-Protocol: chat, other'])).send(text('early'));
  const response = await client.response();
  expect(response.field('set-cookie')).toBe('a=1, b=2');
  expect(response.field('connection')).toBe('Upgrade');
  expect(response.field('sec-websocket-protocol')).toBe('chat');
  expect(response.field('sec-websocket-accept')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  expect(await got(client)).toBe('text late early');
});

test('of a site with files, fetch is called before them', async () => {
  using directory = makeDirectory({ 'index.html': 'file' });
  const server = echo({}, { root: directory.root });
  using client = await connect(server);
  client.send(text('hi'));
  expect(await got(client)).toBe('text hi');
  using other = await RawClient.connect(server.port);
  other.send(request('/'));
  expect((await other.response()).body.toString()).toBe('file');
});

test('a handler that declines goes on with HTTP, and what came behind the request is read then', async () => {
  const server = start(() => new Response('no', { status: 403 }), { websocket: { message() {} } });
  using client = await RawClient.connect(server.port);
  client.send(`${handshake()}${request('/')}`);
  expect((await client.response()).status).toBe(403);
  expect((await client.response()).status).toBe(403);
});

describe.each(TRIGGERS)('%s', (trigger) => {
  const served = (handlers: Handlers = {}, options: Partial<ServeOptions> = {}) =>
    echo(handlers, { trigger, ...options });

  test('the library ws: text, binary, pings, and the close frame', async () => {
    const { calls, handlers } = closes();
    const server = served(handlers);
    const client = new WebSocket(server.url.href.replace('http', 'ws'));
    const received: unknown[] = [];
    client.on('message', (data, isBinary) => received.push(isBinary ? data : String(data)));
    client.on('pong', (data) => received.push(`pong ${data}`));
    await new Promise((resolve) => client.once('open', resolve));
    const long = 'ü€😀'.repeat(40_000);
    for (const message of ['hello', '', long, Buffer.from([1, 2]), Buffer.alloc(300_000, 7)]) client.send(message);
    client.ping('x');
    await eventually(() => received.length === 6, 'all messages');
    expect(received).toEqual(['hello', '', long, Buffer.from([1, 2]), Buffer.alloc(300_000, 7), 'pong x']);
    const ended = deferred<[number, string]>();
    client.once('close', (code, reason) => ended.resolve([code, String(reason)]));
    client.close(4001, 'bye');
    expect(await ended.promise).toEqual([4001, '']);
    expect(calls).toEqual([[4001, 'bye']]);
    await eventually(() => server.stats().connections.open === 0, 'the connection is closed');
    expect(server.stats().webSockets).toMatchObject({ open: 0, opened: 1, messagesIn: 5, messagesOut: 5 });
  });

  test('a client that sends much before it reads: neither direction waits for the other', async () => {
    const server = served();
    using client = await connect(server);
    const message = Buffer.alloc(512 * 1024, 'a');
    client.pause();
    for (let i = 0; i < 16; i++) client.send(binary(message));
    await eventually(() => server.stats().webSockets!.messagesIn === 16, 'all messages are received');
    client.resume();
    for (let i = 0; i < 16; i++) expect((await frameOf(client)).payload.equals(message)).toBe(true);
  });

  test('backpressure: -1 while the client does not read, 0 above the limit, then drain', async () => {
    const results: number[] = [];
    const drained = deferred();
    const server = served({
      backpressureLimit: 2 ** 20,
      message(ws) {
        for (let i = 0; i < 200; i++) results.push(ws.send(Buffer.alloc(100_000, i)));
      },
      drain: () => drained.resolve(),
    });
    using client = await connect(server);
    client.pause().send(text('go'));
    await eventually(() => results.length === 200, 'all are sent');
    const [taken, waiting, dropped] = [100_000, -1, 0].map(
      (result) => results.filter((each) => each === result).length,
    );
    expect(taken! > 0 && waiting! > 0 && dropped! > 0, `${taken} ${waiting} ${dropped}`).toBe(true);
    expect(results).toEqual([...results].sort((a, b) => (b || -2) - (a || -2))); // in this order
    expect(server.stats().webSockets!.messagesDropped).toBe(dropped);
    client.resume();
    for (let i = 0; i < taken! + waiting!; i++) expect((await frameOf(client)).payload[0]).toBe(i);
    await drained.promise;
  });

  test('a client that disconnects without a close frame is 1006, by FIN and by RST', async () => {
    const { calls, handlers } = closes();
    const server = served(handlers);
    const first = await connect(server);
    first.send(text('hi')).end();
    expect(await got(first)).toBe('text hi');
    expect(await first.untilClose()).toHaveLength(0);
    const second = await connect(server);
    second.reset();
    await eventually(() => calls.length === 2, 'both are closed');
    expect(calls).toEqual([
      [1006, ''],
      [1006, ''],
    ]);
    expect(server.stats().connections.open).toBe(0);
  });
});

test('the server begins the close: messages that come meanwhile are dropped, and the client has its time', async () => {
  const { calls, handlers } = closes();
  const sockets: ServerWebSocket<unknown>[] = [];
  const server = echo(
    {
      ...handlers,
      open: (ws) => void sockets.push(ws),
      message(ws) {
        ws.close(3000, 'over');
        expect(ws.readyState).toBe(2);
        expect(ws.send('late')).toBe(0);
      },
    },
    { limits: { lingerTimeoutMs: 150 } },
  );
  using client = await connect(server);
  client.send(text('a')).send(text('b'));
  expect(await frameOf(client)).toEqual({ opcode: 8, payload: Buffer.from('\x0b\xb8over', 'latin1') });
  client.send(close(3000));
  expect(await client.untilClose()).toHaveLength(0);
  expect(calls).toEqual([[3000, '']]);
  expect(sockets[0]!.readyState).toBe(3);
  using silent = await connect(server);
  silent.send(text('a'));
  expect(await got(silent)).toBe('close 3000');
  await silent.untilClose();
  expect(calls).toEqual([
    [3000, ''],
    [1006, ''],
  ]);
  expect(server.stats().timeouts).toBe(1);
  expect(() => sockets[0]!.close(1006)).toThrow('code must be that of a close frame, as 1000, not 1006');
});

test('terminate ends the connection at once', async () => {
  const { calls, handlers } = closes();
  using client = await connect(echo({ ...handlers, message: (ws) => ws.terminate() }));
  client.send(Buffer.concat([text('a'), text('b')]));
  expect(await client.untilClose()).toHaveLength(0);
  expect(calls).toEqual([[1006, '']]);
});

test.each<[what: string, frame: Buffer, code: number, reason: string]>([
  ['a message too long', binary(Buffer.alloc(1001)), 1009, 'message too big'],
  ['a frame without a mask', clientFrame({ opcode: 1, payload: 'a', key: null }), 1002, 'frame not masked'],
  ['text that is not UTF-8', clientFrame({ opcode: 1, payload: Buffer.from([0xff]) }), 1007, 'text is not UTF-8'],
])('%s fails the connection, and the handler has the code', async (_, frame, code, reason) => {
  const { calls, handlers } = closes();
  using client = await connect(echo({ ...handlers, maxPayloadLength: 1000 }));
  client.send(frame);
  expect(await got(client)).toBe(`close ${code}`);
  expect(await client.untilClose()).toHaveLength(0);
  expect(calls).toEqual([[code, reason]]);
});

test.each<[name: string, handlers: Handlers, sent: Buffer]>([
  ['open', { open: () => fail() }, Buffer.alloc(0)],
  ['message', { message: () => fail() }, text('a')],
  ['message', { message: async () => fail() }, text('a')],
  ['ping', { ping: () => fail() }, clientFrame({ opcode: 9 })],
  ['pong', { pong: () => fail() }, clientFrame({ opcode: 10 })],
])('a handler %s that throws closes its socket with 1011, and is reported', async (name, handlers, sent) => {
  const captured = errors();
  using client = await connect(echo(handlers));
  client.send(sent);
  let frame = await got(client);
  if (name === 'ping') frame = await got(client); // behind the pong
  expect(frame).toBe('close 1011');
  expect(captured.text).toContain(`epollet: the ${name} handler of a WebSocket failed: Error: broken`);
});

test('with an error handler, it gets the error in place of standard error', async () => {
  const captured = errors();
  const seen: unknown[] = [];
  const server = echo({ message: () => fail(), error: (ws, error) => void seen.push(ws.readyState, String(error)) });
  using client = await connect(server);
  client.send(text('a'));
  expect(await got(client)).toBe('close 1011');
  expect(seen).toEqual([1, 'Error: broken']);
  expect(captured.text).toBe('');
});

test('idle: a ping, then the end; a client that responds stays', async () => {
  const { calls, handlers } = closes();
  const server = echo({ ...handlers, idleTimeout: 0.2 });
  using silent = await connect(server);
  using client = await connect(server);
  const responding = (async () => {
    for (let i = 0; i < 3; i++) {
      expect(await got(client)).toBe('ping ');
      client.send(clientFrame({ opcode: 10 }));
    }
  })();
  expect(await got(silent)).toBe('ping ');
  expect(await silent.untilClose()).toHaveLength(0);
  await responding;
  expect(calls).toEqual([[1006, '']]);
  expect(server.stats().timeouts).toBe(1);
  using second = await connect(echo({ idleTimeout: 0.1, sendPings: false }));
  expect(await second.untilClose()).toHaveLength(0);
});

test('topics: to all but the publishing socket, from the server to all, until unsubscribe or the end', async () => {
  const results: unknown[] = [];
  const server = echo({
    open: (ws) => ws.subscribe('room'),
    message(ws, message) {
      if (message === 'leave') ws.unsubscribe('room');
      else results.push(ws.publish('room', message));
      results.push(ws.isSubscribed('room'), [...ws.subscriptions]);
    },
    close: (ws) => void results.push(ws.publish('room', 'never')),
  });
  using first = await connect(server);
  using second = await connect(server);
  using third = await connect(server);
  expect(server.subscriberCount('room')).toBe(3);
  first.send(text('hello'));
  for (const each of [second, third]) expect(await got(each)).toBe('text hello');
  third.send(text('leave'));
  await eventually(() => server.subscriberCount('room') === 2, 'it has left');
  expect(server.publish('room', Buffer.from('bytes'))).toBe(5);
  expect(server.publish('other', 'x')).toBe(0);
  for (const each of [first, second]) expect(await got(each)).toBe('binary bytes');
  second.close();
  await eventually(() => server.subscriberCount('room') === 1, 'its end');
  expect(results).toEqual([5, true, ['room'], false, [], 0]);
  expect(server.pendingWebSockets).toBe(2);
});

test('publishToSelf, binaryType, cork, remoteAddress, data', async () => {
  const seen: unknown[] = [];
  const server = echo(
    {
      publishToSelf: true,
      open(ws) {
        ws.subscribe('a');
        ws.binaryType = 'arraybuffer';
        seen.push(
          ws.remoteAddress,
          ws.data,
          ws.binaryType,
          ws.cork((each) => each === ws),
          ws.getBufferedAmount() > 0,
        );
        expect(() => ws.ping('x'.repeat(126))).toThrow('the data of a ping or pong must be at most 125 bytes, not 126');
        expect(() => ws.send(1 as never)).toThrow('a message must be a string or bytes, not 1');
      },
      message(ws, message) {
        seen.push(message);
        ws.publish('a', message);
        ws.binaryType = 'uint8array';
      },
    },
    {},
    { user: 1 },
  );
  using client = await connect(server);
  client.send(binary(Buffer.from([1, 2]))).send(binary(Buffer.from([3])));
  expect([await got(client), await got(client)]).toEqual(['binary \x01\x02', 'binary \x03']);
  const bytes = [new Uint8Array([1, 2]).buffer, new Uint8Array([3])];
  expect(seen).toEqual(['127.0.0.1', { user: 1 }, 'arraybuffer', true, expect.any(Boolean), ...bytes]);
});

test('memory that is changed after send is sent as it was', async () => {
  const bytes = Buffer.alloc(100_000);
  const server = echo({
    message(ws) {
      for (let i = 0; i < 60; i++) ws.send(bytes.fill(i));
      for (let i = 60; i < 70; i++) ws.send(bytes.subarray(0, 100).fill(i));
      bytes.fill(255);
    },
  });
  using client = await connect(server);
  client.pause().send(text('go'));
  await eventually(() => server.stats().webSockets!.messagesOut === 70, 'all are sent');
  client.resume();
  for (let i = 0; i < 70; i++) {
    const { payload } = await frameOf(client);
    expect([payload[0], payload.at(-1)]).toEqual([i, i]);
  }
});

test('closeOnBackpressureLimit ends the connection', async () => {
  const { calls, handlers } = closes();
  const server = echo({
    ...handlers,
    backpressureLimit: 1000,
    closeOnBackpressureLimit: true,
    message(ws) {
      while (ws.send(Buffer.alloc(1_000_000)) !== 0);
    },
  });
  using client = await connect(server);
  client.pause().send(text('go'));
  await eventually(() => calls.length === 1, 'the end');
  expect(calls).toEqual([[1006, '']]);
});

test.each([
  [true, 'permessage-deflate; server_no_context_takeover; client_no_context_takeover'],
  [{ compress: 'dedicated', decompress: 'dedicated' }, 'permessage-deflate'],
  [{ compress: false }, 'permessage-deflate; server_no_context_takeover; client_no_context_takeover'],
  [{ decompress: 'disable' }, ''],
  [false, ''],
] as [WebSocketHandler['perMessageDeflate'], string][])(
  'perMessageDeflate: %j',
  async (perMessageDeflate = false, extensions) => {
    const server = echo({
      perMessageDeflate,
      message: (ws, message) => ws.send(message, true),
      open: (ws) => ws.subscribe('a'),
    });
    const client = new WebSocket(server.url.href.replace('http', 'ws'));
    const received: string[] = [];
    client.on('message', (data) => received.push(String(data)));
    await new Promise((resolve) => client.once('open', resolve));
    expect(client.extensions).toBe(extensions === '' ? '' : 'permessage-deflate');
    const messages = ['abc'.repeat(1000), 'abc'.repeat(2000), ''];
    for (const message of messages) client.send(message, { compress: true });
    await eventually(() => received.length === 3, 'all messages');
    server.publish('a', 'abc'.repeat(3000), true);
    await eventually(() => received.length === 4, 'the published one');
    expect(received).toEqual([...messages, 'abc'.repeat(3000)]);
    client.terminate();
    const { bytes } = server.stats();
    const isCompressed = extensions !== '' && (perMessageDeflate as { compress?: boolean }).compress !== false;
    expect(bytes.out < 2000, `${bytes.out} bytes`).toBe(isCompressed);
  },
);

test('a stop closes with 1001 and waits for the client', async () => {
  const { calls, handlers } = closes();
  const server = echo(handlers);
  using client = await connect(server);
  const stopped = server.stop();
  expect(await got(client)).toBe('close 1001');
  client.send(close(1001)).end();
  await stopped;
  expect(calls).toEqual([[1001, '']]);
});

test('a reload replaces the handlers of open sockets; one without websocket leaves them', async () => {
  const server = echo();
  using client = await connect(server);
  const next = (suffix: string): ServeOptions => ({
    port: 0,
    fetch: (asked, info) => (info.upgrade(asked) ? undefined : new Response('no')),
    websocket: { message: (ws, message) => ws.send(`${message}${suffix}`) },
  });
  await server.reload(next(' new'));
  client.send(text('a'));
  expect(await got(client)).toBe('text a new');
  await server.reload({ port: 0, fetch: () => new Response('no') });
  client.send(text('b'));
  expect(await got(client)).toBe('text b new');
});

test('the limits of a client count it', async () => {
  const server = echo({}, { limits: { maxConnectionsPerClient: 1 } });
  using client = await connect(server);
  using second = await RawClient.connect(server.port);
  second.send(handshake());
  expect((await second.response()).status).toBe(429);
  second.end();
  client.send(close(1000)).end();
  await client.untilClose();
  await eventually(() => server.stats().connections.open === 0, 'both are closed');
  using third = await connect(server);
  third.close();
});

test('the access log has a line of the handshake, with the id of the request, and none of messages', async () => {
  using directory = makeDirectory({});
  const accessLogFile = join(directory.root, 'access.log');
  const server = echo({}, { accessLog: 'json', accessLogFile, requestIds: true });
  using client = await RawClient.connect(server.port);
  client.send(handshake(['X-Request-Id: abc'], '/chat?a'));
  expect((await client.response()).field('x-request-id')).toBe('abc');
  client.send(text('hi'));
  expect(await got(client)).toBe('text hi');
  await server.flushLog();
  const lines = readFileSync(accessLogFile, 'utf8').trim().split('\n');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({ status: 101, target: '/chat?a', requestId: 'abc' });
});

test('websocket without fetch, and options that are not valid, are errors', () => {
  const fetch = (): Response => new Response();
  const invalid: [object, string][] = [
    [{ websocket: { message() {} } }, 'websocket needs a handler that calls server.upgrade: give a fetch too'],
    [{ fetch, websocket: {} }, 'websocket must have "message"'],
    [{ fetch, websocket: { message: 1 } }, 'websocket.message must be a function, not 1'],
    [{ fetch, websocket: { message() {}, opened() {} } }, 'websocket.opened is not an option; did you mean open?'],
    [{ fetch, websocket: { message() {}, idleTimeout: -1 } }, 'websocket.idleTimeout must be a number of seconds'],
    [{ fetch, websocket: { message() {}, maxPayloadLength: 0.5 } }, 'websocket.maxPayloadLength must be an integer'],
  ];
  for (const [options, message] of invalid)
    expect(() => start(fetch, { root: '.', fetch: undefined, ...options } as never), message).toThrow(message);
});

function fail(): never {
  throw new Error('broken');
}
