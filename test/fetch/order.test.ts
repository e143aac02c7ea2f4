import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FetchHandler, ServeOptions } from '../../src/index.js';
import { TRIGGERS } from '../../src/reactor/interest.js';
import { deferred, handling } from '../support/handling.js';
import { eventually, RawClient, request, sleep } from '../support/raw-client.js';
import { HELLO, MIB, makeSite, type Site } from '../support/site.js';

const { start } = handling();
let site: Site;

beforeAll(async () => {
  site = await makeSite();
});

afterAll(() => site.remove());

/** Responds to `/30` after 30 ms, with its path. */
const delayed: FetchHandler = async ({ url }) => {
  const path = new URL(url).pathname;
  await sleep(Number(path.slice(1)));
  return new Response(path);
};

const post = (target: string, body: string, fields: string[] = []): string =>
  request(target, [`Content-Length: ${body.length}`, ...fields], 'POST') + body;
const EXPECT = 'Expect: 100-continue';

describe.each(TRIGGERS)('%s', (trigger) => {
  const served = (handler: FetchHandler, options: Omit<ServeOptions, 'fetch' | 'port'> = {}) =>
    start(handler, { trigger, ...options });

  test('responses of handlers that finish out of order are sent in order', async () => {
    const server = served(delayed);
    using client = await RawClient.connect(server.port);
    const paths = ['/300', '/0', '/240', '/1', '/280', '/0', '/220'];
    const startMs = performance.now();
    client.send(paths.map((path) => request(path)).join(''));
    for (const path of paths) expect((await client.response()).body.toString()).toBe(path);
    expect(performance.now() - startMs, 'they work at once').toBeLessThan(1000);
  });

  test('files, error responses, streams and bodies are sent in order among handlers', async () => {
    const stream: FetchHandler = () =>
      new Response(
        new ReadableStream({
          async pull(controller) {
            await sleep(10);
            controller.enqueue(Buffer.from('stream'));
            controller.close();
          },
        }),
      );
    const server = served(
      async (asked, context) => {
        if (asked.url.endsWith('/stream')) return stream(asked, context);
        if (asked.method === 'POST') return new Response(`post ${await asked.text()}`);
        return delayed(asked, context);
      },
      { root: site.root },
    );
    using client = await RawClient.connect(server.port);
    client.send(
      request('/40') +
        request('/hello.txt') +
        request('/stream') +
        request(`/${MIB}.bin`, [], 'HEAD') +
        post('/x', 'body') +
        request('/5') +
        'nonsense\r\n\r\n' +
        request('/0'),
    );
    expect((await client.response()).body.toString()).toBe('/40');
    expect((await client.response()).body.toString()).toBe(HELLO);
    expect((await client.response()).body.toString()).toBe('stream');
    expect((await client.response('HEAD')).field('Content-Length')).toBe(String(MIB));
    expect((await client.response()).body.toString()).toBe('post body');
    expect((await client.response()).body.toString()).toBe('/5');
    expect((await client.response()).status).toBe(400);
    expect(await client.untilClose()).toHaveLength(0);
    expect(server.stats().errorResponses).toEqual({ 400: 1 });
  });

  test('no more handlers of one connection run than maxConcurrentHandlers', async () => {
    let [working, most, asked] = [0, 0, 0];
    const server = served(
      async () => {
        asked++;
        most = Math.max(most, ++working);
        await sleep(2);
        working--;
        return new Response(String(asked));
      },
      { limits: { maxConcurrentHandlers: 3 } },
    );
    using client = await RawClient.connect(server.port);
    client.send(request('/').repeat(50));
    for (let i = 0; i < 50; i++) await client.response();
    expect([most, asked]).toEqual([3, 50]);
  });

  test('requests beyond the buffers wait in the socket, and each gets its response', async () => {
    const go = deferred();
    const server = served(async ({ url }) => {
      await go.promise;
      return new Response(new URL(url).search.slice(0, 6));
    });
    using client = await RawClient.connect(server.port);
    const pad = 'x'.repeat(100);
    const count = 4000; // half a megabyte: more than the buffers hold while the handlers wait
    client.send(Array.from({ length: count }, (_, i) => request(`/?${String(i).padStart(5, '0')}${pad}`)).join(''));
    await sleep(100);
    expect(server.stats().requests).toBe(16);
    expect(server.stats().bytes.in).toBeLessThan(200_000);
    go.resolve();
    for (let i = 0; i < count; i++)
      expect((await client.response()).body.toString()).toBe(`?${String(i).padStart(5, '0')}`);
  });

  test('requests that arrive together with a FIN all get responses, then the connection ends', async () => {
    const server = served(delayed, { limits: { maxConcurrentHandlers: 2 } });
    using client = await RawClient.connect(server.port);
    client.send(request('/5').repeat(7)).end();
    for (let i = 0; i < 7; i++) expect((await client.response()).body.toString()).toBe('/5');
    expect(await client.untilClose(1500)).toHaveLength(0);
    expect(client.failure).toBeNull();
  });

  test('Connection: close, of the client or of the handler, ends the connection after its response', async () => {
    const server = served(async ({ url }) => {
      await sleep(10);
      return new Response('', url.endsWith('/close') ? { headers: { Connection: 'close' } } : {});
    });
    for (const bytes of [request('/', ['Connection: close']), request('/close')]) {
      using client = await RawClient.connect(server.port);
      client.send(request('/') + bytes + request('/ignored'));
      expect((await client.response()).field('Connection')).toBeNull();
      expect((await client.response()).field('Connection')).toBe('close');
      expect(await client.untilClose()).toHaveLength(0);
      expect(client.failure, 'no reset destroys the response').toBeNull();
    }
    using old = await RawClient.connect(server.port);
    const kept = await old.send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n').response();
    expect(kept.field('Connection')).toBe('keep-alive');
    expect((await old.send('GET / HTTP/1.0\r\n\r\n').response()).field('Connection')).toBe('close');
  });

  describe('Expect: 100-continue', () => {
    const HEAD = request('/', ['Content-Length: 4', EXPECT], 'POST');

    test('gets 100 when the handler first reads', async () => {
      const go = deferred();
      const server = served(async (asked) => {
        await go.promise;
        return new Response(await asked.text());
      });
      using client = await RawClient.connect(server.port);
      client.send(HEAD);
      await sleep(40);
      expect(client.buffered).toHaveLength(0);
      go.resolve();
      expect((await client.response()).status).toBe(100);
      expect((await client.send('body').response()).body.toString()).toBe('body');
    });

    test('gets no 100 from a handler that does not read; the connection ends', async () => {
      for (const cancels of [false, true]) {
        const server = served((asked) => {
          if (cancels) void asked.body!.cancel();
          return new Response('no', { status: 403 });
        });
        using client = await RawClient.connect(server.port);
        const response = await client.send(HEAD).response();
        expect([response.status, response.field('Connection')]).toEqual([403, 'close']);
        client.send(`body${request('/')}`); // sent without a 100: it is not a request
        expect(await client.untilClose()).toHaveLength(0);
        expect(client.failure).toBeNull();
      }
    });

    test('gets 100 after the responses before it', async () => {
      const server = served(async (asked, context) =>
        asked.method === 'POST' ? new Response(await asked.text()) : delayed(asked, context),
      );
      using client = await RawClient.connect(server.port);
      client.send(request('/50') + HEAD);
      expect((await client.response()).body.toString()).toBe('/50');
      expect((await client.response()).status).toBe(100);
      expect((await client.send('body').response()).body.toString()).toBe('body');
    });

    test('gets 100 before the response of a handler that reads while it responds', async () => {
      const server = served((asked) => new Response(asked.body));
      using client = await RawClient.connect(server.port);
      expect((await client.send(HEAD).response()).status).toBe(100);
      expect((await client.send('body').response()).body.toString()).toBe('body');
    });

    test('gets no 100 if the body has begun to arrive', async () => {
      const server = served(async (asked) => new Response(await asked.text()));
      using client = await RawClient.connect(server.port);
      expect((await client.send(`${HEAD}body`).response()).body.toString()).toBe('body');
    });

    test('of a file, behind a running handler, gets no 100 that could be taken for the handler’s', async () => {
      const server = served(delayed, { root: site.root });
      using client = await RawClient.connect(server.port);
      client.send(request('/40') + request('/hello.txt', ['Content-Length: 4', EXPECT]));
      expect((await client.response()).body.toString()).toBe('/40');
      const response = await client.response();
      expect([response.status, response.field('Connection')]).toEqual([200, 'close']);
    });
  });

  test('a handler that times out is replaced by a 503 and aborted, the others respond', async () => {
    const aborted = deferred<string>();
    const server = served(
      async (asked, context) => {
        if (!asked.url.endsWith('/stuck')) return delayed(asked, context);
        asked.signal.addEventListener('abort', () => aborted.resolve(asked.signal.reason.message));
        await sleep(3000);
        return new Response('too late');
      },
      { limits: { handlerTimeoutMs: 300 } },
    );
    using client = await RawClient.connect(server.port);
    const startMs = performance.now();
    client.send(request('/20') + request('/stuck') + request('/0'));
    expect((await client.response()).body.toString()).toBe('/20');
    const busy = await client.response();
    expect([busy.status, busy.field('Connection')]).toEqual([503, null]);
    expect(performance.now() - startMs).toBeGreaterThan(280);
    expect(performance.now() - startMs).toBeLessThan(2900);
    expect((await client.response()).body.toString()).toBe('/0');
    expect(await aborted.promise).toMatch(/timed out/);
    await sleep(700);
    expect((await client.send(request('/1')).response()).body.toString()).toBe('/1');
    expect(server.stats().handlerTimeouts).toBe(1);
  });

  test('descriptors of files that are pending behind a handler are released with the connection', async () => {
    const asked = deferred();
    const server = served(
      async () => {
        asked.resolve();
        await sleep(300);
        return new Response('');
      },
      { root: site.root, limits: { cacheBytes: 0 } },
    );
    using client = await RawClient.connect(server.port);
    client.send(request('/slow') + request(`/${MIB}.bin`).repeat(3));
    await eventually(() => server.stats().requests === 4, 'all are asked');
    client.reset();
    await eventually(() => server.stats().connections.open === 0, 'it is closed');
  });
});
