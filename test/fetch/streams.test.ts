import { describe, expect, test } from 'vitest';
import { NativeResponse } from '../../src/fetch/native.js';
import type { FetchHandler } from '../../src/index.js';
import { TRIGGERS } from '../../src/reactor/interest.js';
import { handling, Source } from '../support/handling.js';
import { eventually, RawClient, request, sleep } from '../support/raw-client.js';
import { contentOf, KIB, MIB } from '../support/site.js';

const { start, errors } = handling();

/** What has come so far, once it holds the text. */
async function until(client: RawClient, text: string): Promise<string> {
  await eventually(() => client.buffered.includes(text), `${text} has come`);
  return client.buffered.toString('latin1');
}

describe.each(TRIGGERS)('%s', (trigger) => {
  const served = (handler: FetchHandler, limits = {}) => start(handler, { trigger, limits });
  const streaming = (source: Source, init?: ResponseInit) => served(() => new Response(source.stream, init));

  test('each chunk of a stream is sent when it is given', async () => {
    const source = new Source();
    using client = await RawClient.connect(streaming(source).port);
    client.send(request('/'));
    await until(client, 'chunked\r\n\r\n'); // the head does not wait for the first of them
    for (const piece of ['first', 'second', 'x'.repeat(20_000)]) {
      source.write(piece);
      await until(client, `${piece.length.toString(16)}\r\n${piece}\r\n`);
    }
    source.end();
    expect((await client.response()).body.toString()).toBe(`firstsecond${'x'.repeat(20_000)}`);
  });

  test.each([1, 16 * KIB, 16 * KIB + 1, 300 * KIB, 2 * MIB])('chunks of %i bytes are sent completely', async (size) => {
    const content = contentOf(size);
    for (const length of [null, String(3 * size)]) {
      const source = new Source();
      for (let i = 0; i < 3; i++) source.write(content);
      source.end();
      using client = await RawClient.connect(
        streaming(source, length === null ? {} : { headers: { 'Content-Length': length } }).port,
      );
      const { body } = await client.send(request('/')).response();
      expect(body.equals(Buffer.concat([content, content, content]))).toBe(true);
    }
  });

  test.each<[string, Record<string, string>, string]>([
    ['in chunks', {}, 'h\u00e9llo w\u00f6rld!!\u{1f600}'],
    ['of a length', { 'Content-Length': '10' }, 'h\u00e9llo w\u00f6'],
  ])('text is sent as UTF-8, and every kind of bytes as it is: %s', async (_, headers, text) => {
    const { buffer } = new Uint8Array([0x21]);
    const pieces: unknown[] = ['h\u00e9llo w', '\u00f6rld', '', buffer, new DataView(buffer), '\u{1f600}'];
    const stream = new ReadableStream({
      pull(controller) {
        if (pieces.length === 0) controller.close();
        else controller.enqueue(pieces.shift());
      },
    });
    using client = await RawClient.connect(served(() => new Response(stream, { headers })).port);
    expect((await client.send(request('/')).response()).body.toString()).toBe(text);
  });

  test('a client that does not read pauses the stream, and nothing is lost', async () => {
    let pulls = 0;
    const content = contentOf(64 * KIB);
    const server = served(
      () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              controller.enqueue(content);
              if (++pulls === 512) controller.close();
            },
          }),
        ),
    );
    using client = await RawClient.connect(server.port);
    client.pause().send(request('/'));
    await eventually(() => pulls > 4, 'it is pulled');
    await sleep(150);
    const held = pulls;
    expect(held).toBeLessThan(256);
    await sleep(150);
    expect(pulls).toBe(held);
    const { body } = await client.resume().response();
    expect(body.length).toBe(512 * 64 * KIB);
    for (let i = 0; i < 512; i++) expect(body.subarray(i * 64 * KIB, (i + 1) * 64 * KIB).equals(content)).toBe(true);
  });

  test('the write deadline starts when bytes begin to wait for the client', async () => {
    const source = new Source();
    const server = start(() => new Response(source.stream), { trigger, limits: { writeTimeoutMs: 400 } });
    using client = await RawClient.connect(server.port);
    client.send(request('/'));
    await until(client, '\r\n\r\n');
    client.pause();
    await sleep(600);
    source.write(contentOf(8 * MIB)).end();
    await sleep(250);
    expect((await client.resume().response()).body.length).toBe(8 * MIB);

    const stuck = new Source();
    const other = start(() => new Response(stuck.stream), { trigger, limits: { writeTimeoutMs: 200 } });
    using deaf = await RawClient.connect(other.port);
    deaf.pause().send(request('/'));
    stuck.write(contentOf(16 * MIB));
    await eventually(() => stuck.cancelled !== null, 'it is given up', 3000);
  });

  test.each<[string, Record<string, string>, (source: Source) => void, RegExp]>([
    ['fails', {}, (source) => source.fail(new Error('no more')), /no more/],
    ['fails below its length', { 'Content-Length': '100' }, (source) => source.fail(new Error('no more')), /no more/],
    ['ends below its length', { 'Content-Length': '100' }, (source) => source.end(), /95 bytes before/],
    [
      'gives something other than bytes',
      {},
      (source) => source.write(['text'] as never),
      /must give Uint8Arrays or strings/,
    ],
  ])(
    'a stream that %s half-way ends the connection without a proper end of its body',
    async (_, headers, how, cause) => {
      const stderr = errors();
      const source = new Source();
      using client = await RawClient.connect(streaming(source, { headers }).port);
      client.send(request('/'));
      source.write('hello');
      await until(client, 'hello');
      how(source);
      const all = (await client.untilClose()).toString('latin1');
      expect(all).toMatch(headers['Content-Length'] === undefined ? /\r\n5\r\nhello\r\n$/ : /\r\n\r\nhello$/);
      expect(stderr.text).toMatch(cause);
    },
  );

  test('a stream that has a reader already is a 500', async () => {
    const source = new Source();
    source.stream.getReader();
    const stderr = errors();
    using client = await RawClient.connect(
      served(() => ({ __proto__: null, status: 200, headers: new Headers(), body: source.stream }) as never).port,
    );
    expect((await client.send(request('/')).response()).status).toBe(500);
    expect(stderr.text).toMatch(/used up/);

    // Twice the same, the second while the first waits: found out when it is to be sent.
    const shared = new Source();
    shared.write('once').end();
    const same = new NativeResponse(shared.stream);
    const server = served((asked) => (asked.url.endsWith('/slow') ? sleep(30).then(() => new Response('slow')) : same));
    using pipelining = await RawClient.connect(server.port);
    pipelining.send(request('/slow') + request('/') + request('/'));
    expect((await pipelining.response()).body.toString()).toBe('slow');
    expect((await pipelining.response()).body.toString()).toBe('once');
    expect((await pipelining.response()).status).toBe(500);
  });

  test.each<[string, (client: RawClient) => void, boolean]>([
    ['a reset, the stream silent', (client) => client.reset(), false],
    ['a reset, the stream flowing', (client) => client.reset(), true],
    ['a close, the stream silent', (client) => client.close(), false],
    ['a close, the stream flowing', (client) => client.close(), true],
  ])('a stream is cancelled when the client disconnects by %s', async (_, leave, flows) => {
    const source = new Source();
    const server = streaming(source);
    using client = await RawClient.connect(server.port);
    client.send(request('/'));
    source.write('hello');
    await until(client, 'hello');
    leave(client);
    const timer = flows ? setInterval(() => source.cancelled === null && source.write('more'), 2) : undefined;
    await eventually(() => source.cancelled !== null, 'it is cancelled', 3000);
    clearInterval(timer);
    expect(source.cancelled!.reason).toMatchObject({ name: 'AbortError' });
    await eventually(() => server.stats().connections.open === 0, 'it is closed');
  });

  test('a client that half-closes still receives the rest', async () => {
    const source = new Source();
    using client = await RawClient.connect(streaming(source).port);
    client.send(request('/'));
    source.write('before ');
    await until(client, 'before');
    client.end();
    await sleep(50);
    source.write('after');
    await sleep(50);
    expect(source.cancelled).toBeNull();
    source.end();
    expect((await client.response()).body.toString()).toBe('before after');
    expect(await client.untilClose(1500)).toHaveLength(0);
  });

  test('a stream that is not sent is cancelled: for HEAD, after the last response, and for a client that has disconnected', async () => {
    const sources = Array.from({ length: 4 }, () => new Source());
    const server = served(async (asked) => {
      const path = new URL(asked.url).pathname.slice(1);
      if (path === 'last') return new Response('last', { headers: { Connection: 'close' } });
      if (path === 'slow') await sleep(100);
      return path === 'slow' ? new Response('slow') : new Response(sources[Number(path)]!.stream);
    });
    using client = await RawClient.connect(server.port);
    await client.send(request('/0', [], 'HEAD')).response('HEAD');
    expect(sources[0]!.cancelled).not.toBeNull();

    client.send(request('/last') + request('/1'));
    expect((await client.response()).field('Connection')).toBe('close');
    await client.untilClose();
    client.close();
    await eventually(() => sources[1]!.cancelled !== null, 'it is cancelled');

    using gone = await RawClient.connect(server.port);
    gone.send(request('/slow') + request('/2') + request('/3'));
    await sleep(30);
    gone.reset();
    await eventually(() => sources[2]!.cancelled !== null && sources[3]!.cancelled !== null, 'they are cancelled');
  });

  test('a stream that always has more does not starve other connections', async () => {
    const server = served((asked) =>
      asked.url.endsWith('/next')
        ? new Response('next')
        : new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(0)) })),
    );
    using greedy = await RawClient.connect(server.port);
    greedy.send(request('/'));
    await until(greedy, '\r\n\r\n');
    using client = await RawClient.connect(server.port);
    expect((await client.send(request('/next')).response()).body.toString()).toBe('next');
  });

  test('a request body can be streamed back as the response', async () => {
    const server = served((asked) => new Response(asked.body), { bodyBytes: 64 * MIB, bodyHighWaterBytes: 64 * KIB });
    using client = await RawClient.connect(server.port);
    const body = contentOf(8 * MIB);
    client.send(request('/', [`Content-Length: ${body.length}`], 'POST')).send(body);
    expect((await client.response('POST')).body.equals(body)).toBe(true);
    await client.send(request('/', ['Transfer-Encoding: chunked'], 'POST'));
    for (const piece of ['one', 'two']) {
      client.send(`3\r\n${piece}\r\n`);
      await until(client, `3\r\n${piece}\r\n`);
    }
    client.send('0\r\n\r\n');
    expect((await client.response('POST')).body.toString()).toBe('onetwo');
  });
});

test('a chunk that is transferred while it waits for the client closes the connection', async () => {
  const chunk = new Uint8Array(8 * MIB);
  let isCancelled = false;
  const cancel = (): void => {
    isCancelled = true;
  };
  const server = start(() => new Response(new ReadableStream({ start: (stream) => stream.enqueue(chunk), cancel })));
  using client = await RawClient.connect(server.port);
  client.pause().send(request('/'));
  await eventually(() => server.stats().bytes.out > 0, 'the socket is full');
  structuredClone(chunk, { transfer: [chunk.buffer] });
  client.resume();
  expect((await client.untilClose()).length).toBeLessThan(8 * MIB);
  await eventually(() => isCancelled, 'the stream is cancelled');
});

test('a thousand clients that disconnect in the middle of a stream leave nothing behind', {
  timeout: 60_000,
}, async () => {
  let [begun, cancelled] = [0, 0];
  const server = start(
    ({ url }) => {
      begun++;
      let timer: NodeJS.Timeout | undefined;
      const stream = new ReadableStream({
        start(controller) {
          controller.enqueue(Buffer.from('first'));
          if (url.endsWith('/ticking')) timer = setInterval(() => controller.enqueue(Buffer.from('tick')), 5);
        },
        pull(controller) {
          if (url.endsWith('/flooding')) controller.enqueue(Buffer.alloc(64 * KIB));
        },
        cancel() {
          cancelled++;
          clearInterval(timer);
        },
      });
      const type = url.endsWith('/events') ? 'text/event-stream' : 'text/plain';
      return new Response(stream, { headers: { 'Content-Type': type } });
    },
    { trigger: 'level' },
  );
  const paths = ['/silent', '/ticking', '/flooding', '/events'];
  for (let round = 0; round < 10; round++) {
    const clients = await Promise.all(Array.from({ length: 100 }, () => RawClient.connect(server.port)));
    for (const [index, client] of clients.entries()) client.send(request(paths[index % paths.length]!));
    await Promise.all(clients.map((client) => until(client, 'first')));
    for (const [index, client] of clients.entries()) index % 8 < 4 ? client.close() : client.reset();
  }
  await eventually(() => server.stats().connections.open === 0, 'all are closed');
  await eventually(() => cancelled === 1000, `all are cancelled`);
  expect(begun).toBe(1000);
  expect(server.stats().reactor.registered).toBeLessThanOrEqual(2); // the listener
});
