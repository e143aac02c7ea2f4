import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { afterEach, describe, expect, test } from 'vitest';
import { type RequestMessage, type ServeOptions, type Server, serve } from '../../src/index.js';
import { eventually, RawClient, request } from '../support/raw-client.js';
import { HELLO, makeSite, type Site } from '../support/site.js';

const channel = tracingChannel<unknown, RequestMessage>('epollet.request');

type Event = [name: string, target: string, ...details: unknown[]];

let server: Server | null = null;
let site: Site | null = null;
let events: Event[] = [];
let messages: RequestMessage[] = [];

const note =
  (name: string) =>
  (message: RequestMessage): void => {
    const { target, status, bytes, isComplete, error } = message;
    if (name === 'start') messages.push(message);
    const details = name === 'asyncEnd' ? [status, bytes, isComplete] : name === 'asyncStart' ? [status] : [];
    events.push([name, target, ...(name === 'error' ? [(error as Error).message] : details)]);
  };

const subscribers = {
  start: note('start'),
  end: note('end'),
  asyncStart: note('asyncStart'),
  asyncEnd: note('asyncEnd'),
  error: note('error'),
};

afterEach(async () => {
  channel.unsubscribe(subscribers);
  await server?.stop({ force: true });
  site?.remove();
  server = site = null;
  events = [];
  messages = [];
});

async function start(options: Partial<ServeOptions>): Promise<RawClient> {
  server = serve({ port: 0, ...options });
  channel.subscribe(subscribers);
  return RawClient.connect(server.port);
}

const ended = (count = 1): Promise<void> =>
  eventually(() => events.filter(([name]) => name === 'asyncEnd').length >= count, 'the end of the requests');

/** The events of a request whose response is complete. */
const complete = (target: string, status: number, bytes: number): Event[] => [
  ['start', target],
  ['end', target],
  ['asyncStart', target, status],
  ['asyncEnd', target, status, bytes, true],
];

describe('the events of a request', () => {
  test('to a handler, at once, later, as a stream, with a body', async () => {
    using client = await start({
      fetch: async (request) => {
        if (request.url.endsWith('/late')) await new Promise((resolve) => setImmediate(resolve));
        if (request.url.endsWith('/stream')) return new Response(new Blob(['a'.repeat(5000)]).stream());
        return new Response(await request.text(), { status: 201 });
      },
    });
    for (const path of ['/late', '/stream']) await client.send(request(path)).response();
    await client.send('POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody').response();
    await ended(3);
    expect(events).toEqual([
      ...complete('/late', 201, 0),
      ...complete('/stream', 200, 5000),
      ...complete('/body', 201, 4),
    ]);
  });

  test('to files, from the disk and from the cache, with and without a body, pipelined', async () => {
    site = await makeSite();
    using client = await start({ root: site.root });
    for (let i = 0; i < 3; i++) await client.send(request('/hello.txt')).response();
    await client.send('GET /hello.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody').response();
    await client.send(request('/missing?q=1')).response();
    await ended(5);
    const file = complete('/hello.txt', 200, HELLO.length);
    expect(events.slice(0, 16)).toEqual([file, file, file, file].flat());
    expect(events.slice(16, 19)).toEqual(complete('/missing?q=1', 404, 0).slice(0, 3));
  });

  test('whose handler fails, with and without an error handler', async () => {
    using client = await start({
      fetch: (request) => {
        if (request.url.endsWith('/sync')) throw new Error('no');
        return Promise.reject(new Error('late'));
      },
      error: () => new Response('sorry', { status: 503 }),
    });
    await client.send(request('/sync')).response();
    await client.send(request('/async')).response();
    await ended(2);
    expect(events).toEqual([
      ['start', '/sync'],
      ['error', '/sync', 'no'],
      ...complete('/sync', 503, 5).slice(1),
      ...complete('/async', 503, 5).slice(0, 2),
      ['error', '/async', 'late'],
      ...complete('/async', 503, 5).slice(2),
    ]);
  });

  test('whose client disconnects before the response, and during it', async () => {
    const client = await start({
      fetch: (request) =>
        request.url.endsWith('/never')
          ? new Promise(() => {})
          : new Response(new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from('part')) })),
    });
    client.send(request('/never'));
    await eventually(() => events.length === 2, 'the handler to be called');
    client.socket.resetAndDestroy();
    await ended();
    using other = await RawClient.connect(server!.port);
    other.send(request('/part'));
    await eventually(() => other.buffered.includes('part'), 'a part of the response');
    other.socket.resetAndDestroy();
    await ended(2);
    expect(events).toEqual([
      ['start', '/never'],
      ['end', '/never'],
      ['asyncStart', '/never', null],
      ['asyncEnd', '/never', null, 0, false],
      ['start', '/part'],
      ['end', '/part'],
      ['asyncStart', '/part', 200],
      ['asyncEnd', '/part', 200, 4, false],
    ]);
  });
});

test('the message is one object, with method, headers, peer and server', async () => {
  using client = await start({ fetch: () => new Response('') });
  await client
    .send('HEAD /x HTTP/1.1\r\nHost: h\r\nX-A:  1 \r\nx-a: 2\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n')
    .response('HEAD');
  await ended();
  expect(messages).toHaveLength(1);
  const { method, headers, peer } = messages[0]!;
  expect([method, { ...headers }]).toEqual(['HEAD', { host: 'h', 'x-a': '1, 2', cookie: 'a=1; b=2' }]);
  expect(peer).toMatchObject({ family: 'IPv4', address: '127.0.0.1' });
  expect(messages[0]!.server).toBe(server);
});

test('a store bound to the start is that of the handler, and of what it awaits', async () => {
  const store = new AsyncLocalStorage<string>();
  channel.start.bindStore(store, (message) => (message as RequestMessage).target);
  try {
    using client = await start({
      fetch: async () => {
        const before = store.getStore();
        await new Promise((resolve) => setImmediate(resolve));
        return new Response(`${before} ${store.getStore()}`);
      },
    });
    client.send(request('/1') + request('/2'));
    expect(`${(await client.response()).body}`).toBe('/1 /1');
    expect(`${(await client.response()).body}`).toBe('/2 /2');
    await ended(2);
  } finally {
    channel.start.unbindStore(store);
  }
});

test('requests are traced only while there is a subscriber', async () => {
  site = await makeSite();
  using client = await start({ root: site.root });
  channel.unsubscribe(subscribers);
  await client.send(request('/hello.txt')).response();
  channel.subscribe(subscribers);
  await client.send(request('/hello.txt?2')).response();
  await ended();
  channel.unsubscribe(subscribers);
  expect(`${(await client.send(request('/hello.txt')).response()).body}`).toBe(HELLO);
  expect(events).toEqual(complete('/hello.txt?2', 200, HELLO.length));
});
