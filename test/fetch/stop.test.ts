import { describe, expect, test } from 'vitest';
import type { FetchHandler, Server } from '../../src/index.js';
import { TRIGGERS } from '../../src/reactor/interest.js';
import { deferred, handling, Source } from '../support/handling.js';
import { eventually, exchange, RawClient, request, sleep } from '../support/raw-client.js';
import { contentOf, MIB } from '../support/site.js';

const { start, errors } = handling();
/** Far below `stopTimeoutMs`, after which everything is closed anyway. */
const PROMPT_MS = 3000;

const events = { headers: { 'Content-Type': 'text/event-stream' } };

describe.each(TRIGGERS)('%s', (trigger) => {
  const served = (handler: FetchHandler, limits = {}) => start(handler, { trigger, limits });

  test('stop waits for all running handlers of a connection; the last response has Connection: close', async () => {
    const [asked, go] = [deferred(), deferred()];
    let count = 0;
    const server = served(async () => {
      if (++count === 3) asked.resolve();
      await go.promise;
      return new Response('done');
    });
    using client = await RawClient.connect(server.port);
    client.send(request('/').repeat(3));
    await asked.promise;
    const startMs = performance.now();
    const stopped = server.stop();
    await sleep(30);
    client.send(request('/late')); // sent before the client knows of the stop
    await sleep(30);
    go.resolve();
    const fields = [];
    for (let i = 0; i < 3; i++) fields.push((await client.response()).field('Connection'));
    expect(fields).toEqual([null, null, 'close']);
    expect(await client.untilClose()).toHaveLength(0);
    expect(client.failure, 'no reset destroys the response').toBeNull();
    client.close();
    await stopped;
    expect(performance.now() - startMs).toBeLessThan(PROMPT_MS);
    expect(count).toBe(3);
  });

  test('stop ends event streams: running ones, pending ones, and those of later responses', async () => {
    const sources = [new Source(), new Source(), new Source()];
    const go = deferred();
    const server = served(async ({ url }) => {
      if (url.endsWith('/slow')) await go.promise;
      if (url.endsWith('/plain')) {
        await go.promise;
        return new Response('plain');
      }
      return new Response(sources[Number(new URL(url).search.slice(1))]!.stream, events);
    });
    using client = await RawClient.connect(server.port);
    client.send(request('/?0'));
    sources[0]!.write('data: 1\n\n');
    await eventually(() => client.buffered.includes('data: 1'), 'the event has come');
    using second = await RawClient.connect(server.port);
    second.send(request('/plain') + request('/?1') + request('/slow?2'));
    await eventually(() => server.stats().requests === 4, 'all are asked');
    const startMs = performance.now();
    const stopped = server.stop();
    expect((await client.response()).body.toString()).toBe('data: 1\n\n');
    expect(await client.untilClose()).toHaveLength(0);
    go.resolve();
    expect((await second.response()).body.toString()).toBe('plain');
    expect((await second.response()).body.toString()).toBe('');
    const last = await second.response();
    expect([last.body.toString(), last.field('Connection')]).toEqual(['', 'close']);
    expect(await second.untilClose()).toHaveLength(0);
    for (const each of [client, second]) each.close();
    await stopped;
    expect(performance.now() - startMs).toBeLessThan(PROMPT_MS);
    for (const source of sources) expect(source.cancelled).not.toBeNull();
  });

  test('stop waits for other streams and for request bodies', async () => {
    const source = new Source();
    const server = served(async (asked) => new Response(asked.method === 'POST' ? await asked.text() : source.stream));
    using client = await RawClient.connect(server.port);
    client.send(request('/'));
    source.write('first ');
    await eventually(() => client.buffered.includes('first'), 'it has begun');
    using writer = await RawClient.connect(server.port);
    writer.send(`${request('/', ['Content-Length: 6'], 'POST')}abc`);
    await eventually(() => server.stats().requests === 2, 'both are asked');
    const stopped = server.stop();
    await sleep(30);
    source.write('second').end();
    writer.send('def');
    expect((await client.response()).body.toString()).toBe('first second');
    const response = await writer.response();
    expect([response.body.toString(), response.field('Connection')]).toEqual(['abcdef', 'close']);
    for (const each of [client, writer]) {
      expect(await each.untilClose()).toHaveLength(0);
      each.close();
    }
    await stopped;
  });

  test('after stopTimeoutMs the rest is closed, and its handlers are aborted', async () => {
    const stderr = errors();
    const source = new Source();
    const aborted = deferred();
    const server = served(
      async (asked) => {
        if (asked.url.endsWith('/stream')) return new Response(source.stream);
        await new Promise((resolve) => asked.signal.addEventListener('abort', resolve));
        aborted.resolve();
        throw asked.signal.reason;
      },
      { stopTimeoutMs: 150 },
    );
    using client = await RawClient.connect(server.port);
    using other = await RawClient.connect(server.port);
    client.send(request('/'));
    other.send(request('/stream'));
    await eventually(() => server.stats().requests === 2, 'both are asked');
    await server.stop();
    await aborted.promise;
    expect(source.cancelled).not.toBeNull();
    expect(await client.untilClose()).toHaveLength(0);
    await sleep(10);
    expect(stderr.text).toBe('');
  });

  test('stop with force closes at once, also from inside a handler', async () => {
    for (const inside of [false, true]) {
      const asked = deferred();
      const server = served(async (_, context) => {
        asked.resolve();
        if (inside) void (context.server as Server).stop({ force: true });
        await sleep(5000);
        return new Response('');
      });
      using client = await RawClient.connect(server.port);
      client.send(request('/').repeat(3));
      await asked.promise;
      const startMs = performance.now();
      await server.stop({ force: true });
      expect(performance.now() - startMs).toBeLessThan(1000);
      expect(await client.untilClose()).toHaveLength(0);
    }
  });

  test('a handler that stops the server gets its response sent, and no bytes of other connections', async () => {
    const server = served((asked, context) => {
      if (asked.method !== 'POST') return new Response(new URL(asked.url).pathname);
      void (context.server as Server).stop();
      return asked.text().then((text) => new Response(text));
    });
    const others = await Promise.all(Array.from({ length: 5 }, () => RawClient.connect(server.port)));
    for (const other of others) await other.send(request('/warm')).response();
    using client = await RawClient.connect(server.port);
    const body = contentOf(50_000);
    const head = request('/', [`Content-Length: ${body.length}`], 'POST');
    client.send(head.slice(0, 9)); // the rest of the half head is read into the shared buffer when the server stops
    await sleep(30);
    for (const [index, other] of others.entries()) other.send(request(`/other-${index}?${'x'.repeat(2000)}`));
    client.send(head.slice(9)).send(body);
    const response = await client.response();
    expect(response.body.equals(Buffer.from(body.toString()))).toBe(true);
    expect(response.field('Connection')).toBe('close');
    for (const [index, other] of others.entries()) {
      const rest = (await other.untilClose()).toString();
      if (rest !== '') expect(rest).toMatch(new RegExp(`\r\n\r\n/other-${index}$`));
      other.close();
    }
    await client.untilClose();
    client.close();
    await server.stop();
  });
});

test('a large response in progress is sent completely, at the pace of the client', async () => {
  const server = start(() => new Response(contentOf(8 * MIB)));
  using client = await RawClient.connect(server.port);
  client.pause().send(request('/'));
  await eventually(() => server.stats().requests === 1, 'it is asked');
  const stopped = server.stop();
  await sleep(50);
  expect((await client.resume().response()).body.equals(contentOf(8 * MIB))).toBe(true);
  await client.untilClose();
  await stopped;
});

test('events of an event stream are sent at once', async () => {
  const source = new Source();
  const server = start(() => new Response(source.stream, events));
  using client = await RawClient.connect(server.port);
  client.send(request('/', ['Accept: text/event-stream']));
  for (let i = 0; i < 5; i++) {
    source.write(`data: ${i}\n\n`);
    const startMs = performance.now();
    await eventually(() => client.buffered.includes(`data: ${i}\n\n`), 'the event has come');
    expect(performance.now() - startMs).toBeLessThan(2000);
  }
  client.close();
  await eventually(() => source.cancelled !== null, 'it is cancelled');
  expect((await exchange(server.port, 'GET / HTTP/2.0\r\n\r\n')).status).toBe(505);
});
