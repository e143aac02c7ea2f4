import { describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { type ServeOptions, type Server, serve, type UpgradeHandler } from '../../src/index.js';
import { TRIGGERS } from '../../src/reactor/interest.js';
import { countDescriptors } from '../support/descriptors.js';
import { makeDirectory } from '../support/directory.js';
import { deferred, handling } from '../support/handling.js';
import { eventually, RawClient, request } from '../support/raw-client.js';
import { contentOf, MIB } from '../support/site.js';

const { start, errors } = handling();

const ASKING = ['Connection: Upgrade', 'Upgrade: raw'];
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n';

/** Sends back what it gets. */
const echo: UpgradeHandler = (_, { socket, head }) => {
  socket.write(SWITCHING);
  socket.write(head);
  socket.pipe(socket);
};

const served = (upgrade: UpgradeHandler, options: Partial<ServeOptions> = {}): Server =>
  start(() => new Response('ordinary'), { upgrade, ...options });

async function bytesOf(client: RawClient, count: number): Promise<string> {
  return (await client.bytes(count)).toString('latin1');
}

test.each<[what: string, target: string, fields: string[], status: number, method?: string]>([
  ['an upgrade', '/', ASKING, 101],
  ['one among other options and protocols', '/', ['Connection: keep-alive, Upgrade', 'Upgrade: h2c, raw/2'], 101],
  ['h2c, which is given up', '/', ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAM'], 200],
  ['without the option of Connection', '/', ['Upgrade: raw'], 200],
  ['without the field Upgrade', '/', ['Connection: Upgrade'], 200],
  ['with a body', '/', [...ASKING, 'Content-Length: 0'], 101],
  ['a POST', '/', [...ASKING, 'Content-Length: 0'], 101, 'POST'],
])('%s', async (_, target, fields, status, method = 'GET') => {
  const server = served(echo);
  using client = await RawClient.connect(server.port);
  client.send(request(target, fields, method));
  expect((await client.response()).status).toBe(status);
});

test('a body makes it an ordinary request, as does HTTP/1.0, and a server without the option', async () => {
  const server = served(echo);
  using client = await RawClient.connect(server.port);
  client.send(`${request('/', [...ASKING, 'Content-Length: 4'], 'POST')}body`);
  expect((await client.response()).status).toBe(200);
  client.send(`GET / HTTP/1.0\r\nConnection: upgrade, keep-alive\r\nUpgrade: raw\r\n\r\n`);
  expect((await client.response()).status).toBe(200);
  using other = await RawClient.connect(start(() => new Response('ordinary')).port);
  other.send(request('/', ASKING));
  expect((await other.response()).body.toString()).toBe('ordinary');
});

test('of a server of files, which has no fetch', async () => {
  using directory = makeDirectory({ 'index.html': 'file' });
  await using server = serve({ port: 0, root: directory.root, upgrade: () => Response.json({ declined: true }) });
  using client = await RawClient.connect(server.port);
  client.send(`${request('/', ASKING)}${request('/')}`);
  expect((await client.response()).body.toString()).toBe('{"declined":true}');
  expect((await client.response()).body.toString()).toBe('file');
});

describe.each(TRIGGERS)('%s', (trigger) => {
  const raw = (upgrade: UpgradeHandler, options: Partial<ServeOptions> = {}) =>
    served(upgrade, { trigger, ...options });

  test('bytes behind the request are the head, and come before the rest; each direction ends alone', async () => {
    const server = raw(echo);
    using client = await RawClient.connect(server.port);
    client.send(`${request('/', ASKING)}early `);
    client.send('late');
    expect(await bytesOf(client, SWITCHING.length + 10)).toBe(`${SWITCHING}early late`);
    client.end();
    expect(await client.untilClose()).toHaveLength(0);
    await eventually(() => server.stats().connections.open === 0, 'the connection is closed');
  });

  test('a handler that ends its side first still receives', async () => {
    const received = deferred<string>();
    const server = raw((_, { socket }) => {
      let text = '';
      socket.end(`${SWITCHING}bye`);
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('end', () => received.resolve(text));
    });
    using client = await RawClient.connect(server.port);
    client.send(request('/', ASKING));
    expect((await client.untilClose()).toString('latin1')).toBe(`${SWITCHING}bye`);
    client.send('one ').send('two').end();
    expect(await received.promise).toBe('one two');
  });

  test('a client that writes all before it reads: neither direction waits for the other', async () => {
    const sent = contentOf(8 * MIB);
    const server = raw(echo);
    using client = await RawClient.connect(server.port);
    client.pause().send(request('/', ASKING));
    client.send(sent).end();
    client.resume();
    const got = await client.untilClose();
    expect(Buffer.compare(got.subarray(SWITCHING.length), sent)).toBe(0);
  });

  test('backpressure: a handler that does not read stops the client, and the memory does not grow', async () => {
    const sockets: { bytesRead: number; resume(): unknown }[] = [];
    const server = raw((_, { socket }) => {
      socket.write(SWITCHING);
      socket.once('readable', () => sockets.push(socket));
    });
    using client = await RawClient.connect(server.port);
    client.send(request('/', ASKING));
    await bytesOf(client, SWITCHING.length);
    client.send(Buffer.alloc(32 * MIB)).end();
    await eventually(() => sockets.length === 1, 'bytes to read');
    expect(sockets[0]!.bytesRead).toBeLessThan(MIB);
    sockets[0]!.resume();
    await eventually(() => sockets[0]!.bytesRead === 32 * MIB, 'all bytes');
  });

  test('responses before it are sent first', async () => {
    const server = raw(echo);
    using client = await RawClient.connect(server.port);
    client.send(`${request('/a')}${request('/b')}`);
    for (let i = 0; i < 2; i++) expect((await client.response()).status).toBe(200);
    client.send(`${request('/c')}${request('/', ASKING)}`);
    expect((await client.response()).body.toString()).toBe('ordinary');
  });

  test('declined by a Response, HTTP goes on with the bytes behind the request', async () => {
    const server = raw((asked, { socket }) => {
      expect(socket.destroyed).toBe(false);
      return new Response(`not for ${new URL(asked.url).pathname}`, { status: 403 });
    });
    using client = await RawClient.connect(server.port);
    client.send(`${request('/x', ASKING)}${request('/')}`);
    expect(await client.response()).toMatchObject({ status: 403, body: Buffer.from('not for /x') });
    expect((await client.response()).body.toString()).toBe('ordinary');
  });

  test('ws runs unchanged, with its fragments, pings and close', async () => {
    const sockets = new WebSocketServer({ noServer: true });
    sockets.on('connection', (socket, incoming) => {
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
      socket.send(`${incoming.url} ${incoming.headers['user-agent']} ${incoming.socket.remoteAddress}`);
    });
    const before = countDescriptors();
    const server = raw((_, { incoming, socket, head }) =>
      sockets.handleUpgrade(incoming, socket, head, (client) => sockets.emit('connection', client, incoming)),
    );
    const client = new WebSocket(`ws://127.0.0.1:${server.port}/chat?a=1`, { headers: { 'User-Agent': 'test' } });
    const messages: Buffer[] = [];
    client.on('message', (data) => messages.push(data as Buffer));
    await new Promise((resolve) => client.once('open', resolve));
    const big = contentOf(3 * MIB);
    client.send('part one, ', { fin: false });
    client.send('part two', { fin: true });
    client.send(big);
    await eventually(() => messages.length === 3, 'three messages');
    expect(messages[0]!.toString()).toBe('/chat?a=1 test 127.0.0.1');
    expect(messages[1]!.toString()).toBe('part one, part two');
    expect(Buffer.compare(messages[2]!, big)).toBe(0);
    const pong = new Promise((resolve) => client.once('pong', (data) => resolve(String(data))));
    client.ping('are you there');
    expect(await pong).toBe('are you there');
    const closed = new Promise((resolve) => client.once('close', (code, reason) => resolve([code, String(reason)])));
    client.close(4000, 'bye');
    expect(await closed).toEqual([4000, 'bye']);
    await eventually(() => server.stats().connections.open === 0, 'the connection is closed');
    await server.stop();
    await eventually(() => countDescriptors() === before, 'no descriptor more');
  });
});

test.each<[what: string, upgrade: UpgradeHandler, status: number, printed: string]>([
  ['throws', () => Promise.reject(new Error('broken')), 500, 'the upgrade handler failed: Error: broken'],
  ['returns nothing and leaves the socket', () => {}, 500, 'neither used the socket nor returned a Response'],
])('a handler that %s', async (_, upgrade, status, printed) => {
  const captured = errors();
  const server = served(upgrade);
  using client = await RawClient.connect(server.port);
  client.send(request('/', ASKING));
  expect((await client.response()).status).toBe(status);
  expect(captured.text).toContain(printed);
});

test('a handler may leave the socket to a callback; after handlerTimeoutMs the client gets a 503', async () => {
  const late = served((_, { socket }) => void setTimeout(() => socket.write(SWITCHING), 30));
  using client = await RawClient.connect(late.port);
  client.send(request('/', ASKING));
  expect((await client.response()).status).toBe(101);
  const closed = deferred();
  const never = served((_, { socket }) => void socket.once('close', closed.resolve), {
    limits: { handlerTimeoutMs: 50 },
  });
  using waiting = await RawClient.connect(never.port);
  waiting.send(request('/', ASKING));
  expect((await waiting.response()).status).toBe(503);
  await closed.promise;
});

test('a client that leaves: the signal is aborted before, the socket closed after it is used', async () => {
  const captured = errors();
  const aborted = deferred();
  const server = served((asked, { socket }) => {
    asked.signal.addEventListener('abort', () => aborted.resolve());
    void socket.destroyed;
  });
  const leaving = (await RawClient.connect(server.port)).send(request('/', ASKING));
  await eventually(() => server.stats().requests === 1, 'the request');
  leaving.reset();
  await aborted.promise;
  const closed = deferred();
  const taken = served((_, { socket }) => {
    socket.write(SWITCHING);
    socket.resume().once('close', closed.resolve); // without a listener for 'error'
  });
  const client = (await RawClient.connect(taken.port)).send(request('/', ASKING));
  await client.response();
  client.reset();
  await closed.promise;
  await eventually(() => taken.stats().connections.open === 0, 'the connection is closed');
  expect(captured.text).toBe('');
});

test('the members of a net.Socket: its peer, counts and inactivity', async () => {
  const closed = deferred();
  const seen: unknown[] = [];
  const server = served((_, { socket, peer }) => {
    socket
      .setNoDelay(true)
      .setKeepAlive(true, 60_000)
      .setTimeout(40, () => socket.end());
    seen.push(socket.remoteAddress, socket.remoteFamily, socket.remotePort === (peer as { port: number }).port);
    socket.write(SWITCHING);
    socket.resume().once('close', () => closed.resolve());
  });
  using client = await RawClient.connect(server.port);
  client.send(request('/', ASKING));
  expect((await client.untilClose()).toString('latin1')).toBe(SWITCHING);
  client.end();
  await closed.promise;
  expect(seen).toEqual(['127.0.0.1', 'IPv4', true]);
});

test('a stop waits for upgraded connections, and closes them with force', async () => {
  const server = served(echo);
  using client = await RawClient.connect(server.port);
  client.send(request('/', ASKING));
  await client.response();
  const stopped = server.stop();
  client.send('still here');
  expect(await bytesOf(client, 10)).toBe('still here');
  await server.stop({ force: true });
  await stopped;
  expect(await client.untilClose()).toHaveLength(0);
});

test('a connection that was taken over stays one of its client when a reload changes the limits', async () => {
  const limits = { maxConnectionsPerClient: 2 };
  const server = served(echo, { limits });
  const statusOf = async (client: RawClient): Promise<number> => (await client.send(request('/')).response()).status;
  {
    using taken = await RawClient.connect(server.port);
    expect((await taken.send(request('/', ASKING)).response()).status).toBe(101);
    await server.reload({ fetch: () => new Response('ordinary'), upgrade: echo, limits });
    using second = await RawClient.connect(server.port);
    expect(await statusOf(second)).toBe(200);
    using third = await RawClient.connect(server.port);
    expect(await statusOf(third)).toBe(429);
    expect(await bytesOf(taken.send('still'), 5)).toBe('still');
  }
  await eventually(() => server.stats().connections.open === 0, 'all are closed');
  using client = await RawClient.connect(server.port);
  expect(await statusOf(client)).toBe(200);
});
