import { createConnection } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Limits, type Server, serve } from '../../../src/index.js';
import { TRIGGERS } from '../../../src/reactor/interest.js';
import { eventually, exchange, RawClient, request, sleep } from '../../support/raw-client.js';
import { contentOf, HELLO, MIB, makeSite, type Site } from '../../support/site.js';

/** Far below `stopTimeoutMs`, after which everything is closed anyway. */
const PROMPT_MS = 3000;

let site: Site;

beforeAll(async () => {
  site = await makeSite();
});

afterAll(() => site.remove());

const refusedBy = (port: number): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.on('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
  });

describe.each(TRIGGERS)('%s', (trigger) => {
  const started = (limits: Partial<Limits> = {}): Server => serve({ port: 0, root: site.root, trigger, limits });

  test('idle connections are closed with FIN, new ones are refused, and stop is fast', async () => {
    const server = started();
    const clients = await Promise.all(Array.from({ length: 5 }, () => RawClient.connect(server.port)));
    for (const client of clients) await client.send(request('/')).response();
    const startMs = performance.now();
    const stopped = server.stop();
    expect(await refusedBy(server.port)).toBe('ECONNREFUSED');
    await stopped;
    expect(performance.now() - startMs).toBeLessThan(PROMPT_MS);
    for (const client of clients) {
      expect(await client.untilClose()).toHaveLength(0);
      expect(client.failure).toBeNull();
      client.close();
    }
    expect(server.stats().connections.open).toBe(0);
  });

  test('half a request line, and a client that keeps its rejected connection, do not hold a stop', async () => {
    const server = started({ headTimeoutMs: 60_000, lingerTimeoutMs: 60_000, stopTimeoutMs: 60_000 });
    using half = await RawClient.connect(server.port);
    using rejected = await RawClient.connect(server.port);
    await rejected.send('GET /\r\n').response();
    half.send('GET /hello.txt HT');
    await eventually(() => server.stats().bytes.in === 24, 'both are received');
    const startMs = performance.now();
    const stopped = server.stop();
    expect((await half.response()).status).toBe(408);
    half.close();
    await stopped;
    expect(performance.now() - startMs).toBeLessThan(PROMPT_MS);
  });

  test('half a head that is complete soon after a stop gets its response', async () => {
    const server = started();
    using client = await RawClient.connect(server.port);
    client.send('GET /hello.txt HT');
    await eventually(() => server.stats().bytes.in === 17, 'it is received');
    const stopped = server.stop();
    const response = await client.send('TP/1.1\r\nHost: x\r\n\r\n').response();
    expect([response.status, response.field('Connection')]).toEqual([200, 'close']);
    client.close();
    await stopped;
  });

  test('a transfer in progress completes, then stop resolves', async () => {
    const server = started();
    using client = await RawClient.connect(server.port);
    client.pause().send(request(`/${8 * MIB}.bin`));
    await eventually(() => server.stats().requests === 1, 'the transfer has begun');
    const startMs = performance.now();
    const stopped = server.stop();
    await sleep(100);
    const response = await client.resume().response();
    expect(response.body.equals(contentOf(8 * MIB))).toBe(true);
    await stopped;
    expect(performance.now() - startMs).toBeLessThan(PROMPT_MS);
    expect(await client.untilClose()).toHaveLength(0);
    expect(client.failure).toBeNull();
  });

  test('requests pipelined after a transfer get their responses, the last with Connection: close', async () => {
    const server = started();
    using client = await RawClient.connect(server.port);
    client.pause().send(request(`/${8 * MIB}.bin`) + request('/hello.txt'));
    await eventually(() => server.stats().requests === 1, 'the transfer has begun');
    const stopped = server.stop();
    await sleep(50);
    client.resume();
    expect((await client.response()).body.equals(contentOf(8 * MIB))).toBe(true);
    const last = await client.response();
    expect([last.body.toString(), last.field('Connection')]).toEqual([HELLO, 'close']);
    await stopped;
  });

  test('a body in progress is read, and the response has Connection: close', async () => {
    const server = started();
    using client = await RawClient.connect(server.port);
    client.send(`${request('/hello.txt', ['Content-Length: 6'])}abc`);
    await eventually(() => server.stats().bytes.in > 0, 'it has begun');
    const stopped = server.stop();
    await sleep(50);
    client.send('def');
    const response = await client.response();
    expect([response.body.toString(), response.field('Connection')]).toEqual([HELLO, 'close']);
    await stopped;
  });

  test('a request that arrives before stop gets its response', async () => {
    const server = started();
    const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.connect(server.port)));
    for (const client of clients) await client.send(request('/')).response();
    for (const client of clients) client.send(request('/hello.txt'));
    await Promise.resolve();
    const stopped = new Promise((resolve) => setImmediate(() => resolve(server.stop())));
    for (const client of clients) {
      const response = await client.response();
      expect(response.body.toString()).toBe(HELLO);
      client.close();
    }
    await stopped;
  });

  test('force closes at once, also after a first stop', async () => {
    for (const first of [false, true]) {
      const server = started();
      using client = await RawClient.connect(server.port);
      client.pause().send(request(`/${8 * MIB}.bin`));
      await eventually(() => server.stats().requests === 1, 'the transfer has begun');
      const startMs = performance.now();
      const stopped = first ? Promise.resolve() : server.stop();
      await Promise.all([stopped, server.stop({ force: true })]);
      expect(performance.now() - startMs).toBeLessThan(1000);
      client.resume();
      expect((await client.untilClose()).length).toBeLessThan(8 * MIB);
    }
  });
});

test('stop is idempotent', async () => {
  const server = serve({ port: 0, root: site.root });
  await exchange(server.port, request('/'));
  const first = server.stop();
  expect(server.stop()).toBe(first);
  await first;
  await server.stop();
  await server.stop({ force: true });
  server.ref();
  server.unref();
  expect(server.stats()).toMatchObject({ requests: 1, connections: { open: 0, accepted: 1 } });
});

test('await using stops', async () => {
  let port: number;
  {
    await using server = serve({ port: 0, root: site.root });
    port = server.port;
    expect((await exchange(port, request('/hello.txt'))).body.toString()).toBe(HELLO);
  }
  expect(await refusedBy(port)).toBe('ECONNREFUSED');
});

test('the port can be reused at once', async () => {
  const first = serve({ port: 0, root: site.root });
  await exchange(first.port, request('/', ['Connection: close']));
  await first.stop();
  const second = serve({ port: first.port, root: site.root });
  expect((await exchange(second.port, request('/hello.txt'))).body.toString()).toBe(HELLO);
  await second.stop();
});
