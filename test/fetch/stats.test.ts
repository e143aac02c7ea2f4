import { expect, test } from 'vitest';
import type { ServerStats } from '../../src/index.js';
import { TRIGGERS } from '../../src/reactor/interest.js';
import { handling } from '../support/handling.js';
import { eventually, exchange, RawClient, request, sleep } from '../support/raw-client.js';

const { start } = handling();

test('a new server has counted nothing', () => {
  const { reactor, systemCalls, busyMs, longestTurnMs, ...stats } = start(() => new Response('')).stats();
  expect([busyMs, longestTurnMs]).toEqual([expect.any(Number), expect.any(Number)]);
  expect(stats).toEqual({
    connections: { open: 0, accepted: 0, acceptPauses: 0, queued: 0 },
    requests: 0,
    errorResponses: {},
    bytes: { in: 0, out: 0 },
    files: null,
    timeouts: 0,
    handlerTimeouts: 0,
    rejectedConnections: 0,
    rejectedRequests: 0,
    invalidProxyHeaders: 0,
    writeTimeouts: 0,
    halfCloseTimeouts: 0,
    eventsPerTurn: 0,
    accessLogDropped: 0,
    webSockets: null,
    measurements: null,
  });
  expect(reactor).toMatchObject({ events: 0, stale: 0, spurious: 0, revisits: 0, expired: 0 });
  expect(systemCalls).toMatchObject({ epoll_create1: 1, socket: 1, bind: 1, listen: 1 });
});

test.each(TRIGGERS)('%s: the counters match the requests', async (trigger) => {
  const server = start(async () => new Response('Hello, World!'), { trigger });
  using client = await RawClient.connect(server.port);
  let [sent, received] = [0, 0];
  await client.send(request('/')).response();
  const before = server.stats();
  for (let i = 0; i < 100; i++) {
    const bytes = request(`/${i}`);
    sent += bytes.length;
    const response = await client.send(bytes).response();
    received += response.head.length + response.body.length;
  }
  const after = server.stats();
  const grown = (of: (stats: ServerStats) => number): number => of(after) - of(before);
  expect(grown(({ requests }) => requests)).toBe(100);
  expect(grown(({ bytes }) => bytes.in)).toBe(sent);
  expect(grown(({ bytes }) => bytes.out)).toBe(received);
  expect(after.connections).toEqual({ open: 1, accepted: 1, acceptPauses: 0, queued: 0 });

  // Two system calls a request, and a wait or two: this process is the client too, whose events are libuv's.
  expect(grown(({ systemCalls }) => systemCalls['recvfrom']!)).toBe(100);
  expect(grown(({ systemCalls }) => systemCalls['sendto']!)).toBe(100);
  const waits = grown(({ systemCalls }) => systemCalls['epoll_wait']!);
  expect(waits).toBeGreaterThanOrEqual(grown(({ reactor }) => reactor.turns));
  expect(waits).toBeLessThanOrEqual(300);
  const events = grown(({ reactor }) => reactor.events) / grown(({ reactor }) => reactor.turns);
  expect(events).toBeGreaterThan(0.3);
  expect(events).toBeLessThanOrEqual(1);
  expect(grown(({ reactor }) => reactor.stale + reactor.spurious + reactor.revisits)).toBe(0);
  expect(after.reactor.epollCtlCalls).toBe(after.systemCalls['epoll_ctl']);
  expect(grown(({ systemCalls }) => systemCalls['epoll_ctl']!)).toBe(trigger === 'oneshot' ? 100 : 0);

  client.close();
  await eventually(() => server.stats().connections.open === 0, 'it is closed');
});

test('responses of pipelined requests are one send, also those of asynchronous handlers', async () => {
  for (const handler of [() => new Response('x'), async () => new Response('x')]) {
    const server = start(handler);
    using client = await RawClient.connect(server.port);
    await client.send(request('/')).response();
    const before = server.stats().systemCalls['sendto']!;
    client.send(request('/').repeat(10));
    for (let i = 0; i < 10; i++) await client.response();
    expect(server.stats().systemCalls['sendto']! - before).toBe(1);
  }
});

test('errorResponses counts by status, timeouts counts expired deadlines', async () => {
  const server = start(
    async (asked) => {
      if (asked.url.endsWith('/stuck')) await sleep(200);
      return new Response(await asked.text());
    },
    { limits: { handlerTimeoutMs: 50, bodyBytes: 10, headTimeoutMs: 100 } },
  );
  const statuses = [];
  for (const bytes of [
    'nonsense\r\n\r\n',
    'nonsense\r\n\r\n',
    'GET / HTTP/2.0\r\n\r\n',
    request('/', ['Content-Length: 11'], 'POST'),
    `${request('/', ['Transfer-Encoding: chunked'], 'POST')}b\r\n01234567890\r\n`,
    request('/', ['Expect: miracles']),
    request(`/${'x'.repeat(9000)}`),
    'GET / HT',
    request('/stuck'),
  ])
    statuses.push((await exchange(server.port, bytes)).status);
  expect(statuses).toEqual([400, 400, 505, 413, 413, 417, 414, 408, 503]);
  const { errorResponses, timeouts, handlerTimeouts, eventsPerTurn, reactor, requests } = server.stats();
  expect(errorResponses).toEqual({ 400: 2, 408: 1, 413: 2, 414: 1, 417: 1, 505: 1 });
  expect([timeouts, handlerTimeouts, requests]).toEqual([2, 1, 2]);
  expect(eventsPerTurn).toBe(reactor.events / reactor.turns);
  expect(reactor.expired).toBeGreaterThanOrEqual(2);
});

test('a late response on an idle server has the Date of its own second', async () => {
  const server = start(async () => {
    await sleep(2100); // and nothing else is done meanwhile
    return new Response('');
  });
  const response = await exchange(server.port, request('/'));
  expect(Math.abs(Date.now() - Date.parse(response.field('Date')!))).toBeLessThan(1100);
});
