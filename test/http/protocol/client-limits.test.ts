import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { type Limits, type ServeOptions, type Server, serve } from '../../../src/index.js';
import { eventually, RawClient, type RawResponse } from '../../support/raw-client.js';
import { MIB, makeSite, type Site } from '../../support/site.js';
import { stillClock } from './still-clock.js';

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

let server: Server | null = null;
let site: Site | null = null;
let clients: RawClient[] = [];
let clock: ReturnType<typeof stillClock>;

afterEach(async () => {
  for (const client of clients) client[Symbol.dispose]();
  clients = [];
  await server?.stop({ force: true });
  site?.remove();
  server = site = null;
});

function start(limits: Partial<Limits>, options: Partial<ServeOptions> = {}): Server {
  clock = stillClock();
  server = serve({
    port: 0,
    ...(options.root === undefined && { fetch: () => new Response('ok') }),
    limits,
    kernel: clock.kernel,
    ...options,
  });
  return server;
}

async function connect(host = '127.0.0.1'): Promise<RawClient> {
  const client = await RawClient.connect(server!.port, host);
  clients.push(client);
  return client;
}

const statusOf = async (client: RawClient, bytes = GET) => (await client.send(bytes).response()).status;

/** What the client is sent for so many requests, one after the other. */
async function statuses(client: RawClient, count: number, bytes = GET): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < count; i++) all.push(await statusOf(client, bytes));
  return all;
}

describe('requests per second', () => {
  test.each(['files', 'a handler'])('of %s: a burst, then by the rate, on every connection', async (what) => {
    const limits = { clientRequestsPerSecond: 2, clientRequestBurst: 3 };
    site = await makeSite();
    start(limits, what === 'files' ? { root: site.root } : {});
    const client = await connect();
    expect(await statuses(client, 5)).toEqual([200, 200, 200, 429, 429]);
    expect(await statuses(await connect(), 1)).toEqual([429]);
    clock.advance(500);
    expect(await statuses(client, 2)).toEqual([200, 429]);
    clock.advance(60_000);
    expect(await statuses(await connect(), 4)).toEqual([200, 200, 200, 429]);
    expect(server!.stats()).toMatchObject({ requests: 7, rejectedRequests: 5, errorResponses: { 429: 5 } });
  });

  test('a rejected request has Retry-After and keeps its connection, unless it has a body', async () => {
    start({ clientRequestsPerSecond: 1, clientRequestBurst: 1 });
    const client = await connect();
    await client.send(GET).response();
    const rejected: RawResponse = await client.send(GET).response();
    expect([rejected.status, rejected.field('Retry-After'), rejected.field('Connection')]).toEqual([429, '1', null]);
    expect(await statusOf(client, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toBe(429);
    await client.untilClose();
    for (const body of [
      'Content-Length: 5\r\n\r\nhello',
      'Transfer-Encoding: chunked\r\n\r\n',
      'Content-Length: 9\r\nExpect: 100-continue\r\n\r\n',
    ]) {
      const poster = await connect();
      const response = await poster.send(`POST / HTTP/1.1\r\nHost: x\r\n${body}`).response();
      expect([body, response.status, response.field('Connection')]).toEqual([body, 429, 'close']);
    }
  });

  test('pipelined requests have their responses in order', async () => {
    start(
      { clientRequestsPerSecond: 1, clientRequestBurst: 2 },
      { fetch: async (request) => new Response(await Promise.resolve(new URL(request.url).pathname)) },
    );
    const client = await connect();
    client.send(['/1', '/2', '/3', '/4'].map((path) => GET.replace('/', path)).join(''));
    const responses = [];
    for (let i = 0; i < 4; i++) responses.push(await client.response());
    expect(responses.map(({ status, body }) => (status === 200 ? `${body}` : status))).toEqual(['/1', '/2', 429, 429]);
  });

  test('each IPv4 address is a client of its own, through a dual-stack socket too', async () => {
    start({ clientRequestsPerSecond: 1, clientRequestBurst: 1 }, { hostname: '::' });
    expect(await statuses(await connect(), 2)).toEqual([200, 429]);
    const other = createConnection({ port: server!.port, host: '127.0.0.1', localAddress: '127.0.0.2' });
    other.write(GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    expect(await text(other)).toMatch(/^HTTP\/1.1 200 /);
  });
});

describe('the least rate of a slow reader', () => {
  test('applies in windows: a client that reads on is served, one that stops is disconnected', async () => {
    const bytes = 64 * MIB;
    start(
      { minSendBytesPerSecond: 1000, sendRateWindowMs: 1000 },
      { fetch: ({ url }) => new Response(url.endsWith('/big') ? Buffer.alloc(bytes) : 'ok') },
    );
    const reader = await connect();
    const other = await connect();
    let received = 0;
    reader.socket.on('data', (piece) => {
      received += piece.length;
      if (received > wanted) reader.pause();
    });
    let wanted = 0;
    reader.send(GET.replace('/', '/big'));
    for (let window = 1; window <= 5; window++) {
      wanted = window * 8 * MIB;
      reader.resume();
      await eventually(() => {
        if (received <= wanted) reader.resume();
        return received > wanted;
      }, 'a part of the response');
      clock.advance(1001);
      expect(await statusOf(other)).toBe(200); // a turn that notices the time
      expect(server!.stats().writeTimeouts).toBe(0);
    }
    await eventually(() => {
      clock.advance(1001);
      other.send(GET);
      return server!.stats().writeTimeouts === 1;
    }, 'the reader to be disconnected');
    expect(server!.stats().connections.open).toBe(1);
  });
});

describe('connections', () => {
  test('a request on one too many gets 429, and a connection of another address does not', async () => {
    start({ maxConnectionsPerClient: 2 });
    const first = await connect();
    const second = await connect();
    expect([await statusOf(first), await statusOf(second)]).toEqual([200, 200]);
    const third = await connect();
    const response = await third.send(GET).response();
    expect([response.status, response.field('Connection'), response.field('Retry-After')]).toEqual([429, 'close', '1']);
    await third.untilClose();
    expect(third.failure).toBeNull();
    expect([await statusOf(first), await statusOf(second)]).toEqual([200, 200]);
    first.socket.destroy();
    await eventually(() => server!.stats().connections.open === 1, 'a connection to be closed');
    expect(await statusOf(await connect())).toBe(200);
    expect(server!.stats()).toMatchObject({ rejectedConnections: 1, errorResponses: { 429: 1 } });
  });

  test('one too many without a request is closed at once', async () => {
    start({ maxConnectionsPerClient: 1 });
    expect(await statusOf(await connect())).toBe(200);
    for (const bytes of ['', 'GET / HT']) {
      const client = await connect();
      if (bytes !== '') client.send(bytes);
      await client.untilClose();
    }
    expect(server!.stats()).toMatchObject({ rejectedConnections: 2, connections: { open: 1 } });
  });
});
