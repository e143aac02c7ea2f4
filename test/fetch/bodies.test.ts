import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FetchHandler, Limits } from '../../src/index.js';
import { TRIGGERS } from '../../src/reactor/interest.js';
import { constants, kernel as realKernel } from '../../src/sys/binding.js';
import { ENOMEM } from '../../src/sys/errno.js';
import { kernelWith } from '../support/counting-kernel.js';
import { deferred, handling } from '../support/handling.js';
import { eventually, RawClient, request, sleep } from '../support/raw-client.js';
import { contentOf, KIB, MIB, makeSite, type Site } from '../support/site.js';

const { start, errors } = handling();
let site: Site;

beforeAll(async () => {
  site = await makeSite();
});

afterAll(() => site.remove());

const sized = (length: number, fields: string[] = []): string =>
  request('/', [`Content-Length: ${length}`, ...fields], 'POST');
const CHUNKED = request('/', ['Transfer-Encoding: chunked'], 'POST');
const NEXT = request('/next');
const chunk = (data: string): string => `${data.length.toString(16)}\r\n${data}\r\n`;

const echo: FetchHandler = async (asked) => new Response(await asked.arrayBuffer());
const deaf: FetchHandler = () => new Response('deaf');
/** Reads the first piece, and responds. */
const hasty: FetchHandler = async (asked) => {
  const { value } = await asked.body!.getReader().read();
  return new Response(`first ${value!.length}`);
};

describe.each(TRIGGERS)('%s', (trigger) => {
  const served = (handler: FetchHandler, limits: Partial<Limits> = {}) =>
    start((asked, context) => (asked.url.endsWith('/next') ? new Response('next') : handler(asked, context)), {
      trigger,
      limits,
    });

  test('a body that is not read pauses at the high-water mark, and is complete when it is read', async () => {
    const [asked, go] = [deferred(), deferred()];
    const server = served(
      async (request) => {
        asked.resolve();
        await go.promise;
        return echo(request, undefined as never);
      },
      { bodyBytes: 16 * MIB, bodyHighWaterBytes: 128 * KIB },
    );
    using client = await RawClient.connect(server.port);
    const body = contentOf(8 * MIB);
    client.send(sized(body.length)).send(body);
    await asked.promise;
    await sleep(150);
    // The mark, and as much as one read can add.
    expect(server.stats().bytes.in).toBeLessThan(256 * KIB);
    expect(server.stats().bytes.in).toBeGreaterThan(64 * KIB);
    const { turns } = server.stats().reactor;
    await sleep(100);
    expect(server.stats().reactor.turns - turns, 'no event is reported again and again').toBeLessThan(20);
    go.resolve();
    expect((await client.response()).body.equals(body)).toBe(true);
    expect((await client.send(NEXT).response()).body.toString()).toBe('next');
  });

  test('a slow handler paces a fast client', async () => {
    const server = served(
      async (asked) => {
        let [read, most] = [0, 0];
        for await (const piece of asked.body as unknown as AsyncIterable<Uint8Array>) {
          read += piece.length;
          most = Math.max(most, server.stats().bytes.in - read);
          if (read % 7 === 0) await sleep(1);
        }
        return Response.json([read, most]);
      },
      { bodyBytes: 16 * MIB, bodyHighWaterBytes: 64 * KIB },
    );
    using client = await RawClient.connect(server.port);
    client.send(sized(4 * MIB)).send(contentOf(4 * MIB));
    const [read, most] = JSON.parse((await client.response()).body.toString());
    expect(read).toBe(4 * MIB);
    expect(most).toBeLessThan(256 * KIB);
  });

  test('a body in small pieces is complete, with a length and chunked', async () => {
    const server = served(echo);
    using client = await RawClient.connect(server.port);
    await client.sendPieces([...sized(9), ...'some body'].map(String), 0);
    expect((await client.response()).body.toString()).toBe('some body');
    await client.sendPieces([CHUNKED, '4', '\r', '\nsom', 'e\r\n5\r\n', ' bod', 'y\r', '\n0', '\r\n', '\r\n']);
    expect((await client.response()).body.toString()).toBe('some body');
  });

  test('many small chunks reach the handler as few pieces', async () => {
    const server = served(async (asked) => {
      let pieces = 0;
      for await (const _ of asked.body as unknown as AsyncIterable<Uint8Array>) pieces++;
      return Response.json(pieces);
    });
    using client = await RawClient.connect(server.port);
    client.send(`${CHUNKED}${'1\r\nx\r\n'.repeat(10_000)}0\r\n\r\n`);
    expect(Number((await client.response()).body)).toBeLessThan(40);
  });

  test('a FIN behind a body that is not read yet loses nothing of it', async () => {
    const server = served(
      async (asked) => {
        await sleep(50); // the FIN is reported while the body is still before it
        return echo(asked, undefined as never);
      },
      { bodyHighWaterBytes: 16 * KIB },
    );
    using client = await RawClient.connect(server.port);
    const body = contentOf(100_000); // it fits into the receive buffer of the socket, so that the FIN has arrived
    client.send(sized(body.length)).send(body).end();
    const response = await client.response();
    expect([response.status, response.body.equals(body)]).toEqual([200, true]);
    expect(await client.untilClose(1500)).toHaveLength(0);
  });

  test.each(['reading', 'waiting'] as const)(
    'a client that disconnects in the middle of a body fails a handler that is %s',
    async (how) => {
      const stderr = errors();
      const [asked, failed] = [deferred(), deferred<unknown>()];
      const server = served(
        async (request) => {
          asked.resolve();
          if (how === 'waiting') await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
          try {
            return new Response(await request.text());
          } catch (error) {
            failed.resolve(error);
            throw error;
          }
        },
        { bodyHighWaterBytes: 64 * KIB },
      );
      using client = await RawClient.connect(server.port);
      client.send(sized(MIB)).send(contentOf(how === 'waiting' ? 512 * KIB : 100));
      await asked.promise;
      await sleep(30);
      client.reset();
      expect(await failed.promise).toMatchObject({ name: 'AbortError' });
      await eventually(() => server.stats().connections.open === 0, 'it is closed');
      expect(stderr.text, 'a client that disconnects is not a failure of the handler').toBe('');
    },
  );

  const TOO_MUCH = { bodyBytes: 1000 };
  test.each<[string, string, string, number]>([
    ['a length over the limit', sized(1001), 'x', 413],
    ['chunks over the limit', CHUNKED, chunk('x'.repeat(600)).repeat(2), 413],
    ['a chunk that is not valid', CHUNKED, `${chunk('abc')}nonsense\r\n`, 400],
  ])('%s gets one error response, and the connection ends', async (_, head, body, status) => {
    const stderr = errors();
    for (const [cut, handler] of [
      [true, echo],
      [false, echo],
      [true, hasty],
    ] as const) {
      const server = served(handler, TOO_MUCH);
      using client = await RawClient.connect(server.port);
      if (handler === hasty && status !== 413) continue;
      await client.sendPieces(cut ? [head, body] : [head + body], 20);
      const response = await client.response();
      if (handler === echo || head.includes('1001'))
        expect([response.status, response.field('Connection')]).toEqual([status, 'close']);
      client.send(NEXT);
      expect(await client.untilClose(3000), 'no second response').toHaveLength(0);
      expect(client.failure).toBeNull();
      if (handler === echo) expect(server.stats().errorResponses).toEqual({ [status]: 1 });
    }
    expect(stderr.text).toBe('');
  });

  test('an error in a body after the response ends the connection without a second response', async () => {
    const server = served(deaf);
    using client = await RawClient.connect(server.port);
    client.send(CHUNKED + chunk('abc'));
    expect((await client.response()).body.toString()).toBe('deaf');
    client.send('nonsense\r\n');
    expect(await client.untilClose(3000)).toHaveLength(0);
    expect(client.failure).toBeNull();
  });

  test.each<[string, FetchHandler, string, string, boolean]>([
    ['short', deaf, sized(1000), 'x'.repeat(1000), true],
    ['chunked and short', deaf, CHUNKED, `${chunk('x'.repeat(500)).repeat(4)}0\r\n\r\n`, true],
    ['read in part', hasty, sized(100_000), 'x'.repeat(100_000), true],
    ['long', deaf, sized(500_000), 'x'.repeat(500_000), false],
    ['chunked and long', deaf, CHUNKED, chunk('x'.repeat(5000)).repeat(100), false],
  ])('a body that the handler does not read: %s', async (_, handler, head, body, isKept) => {
    for (const [pieces, pauseMs] of [
      [[head + body], 0],
      [[head, body], 20],
    ] as const) {
      const server = served(handler, { lingerTimeoutMs: 300 });
      using client = await RawClient.connect(server.port);
      const sent = client.sendPieces(pieces, pauseMs);
      const response = await client.response();
      expect(response.body.toString()).toMatch(/^(deaf|first \d+)$/);
      await sent;
      client.send(NEXT);
      if (isKept) expect((await client.response()).body.toString()).toBe('next');
      else expect(await client.untilClose(3000)).toHaveLength(0);
      if (head.includes('500000')) expect(response.field('Connection')).toBe('close');
    }
  });

  test('the body deadline counts the time of the client, not that of the handler', async () => {
    const limits = { bodyTimeoutMs: 200, minBodyBytesPerSecond: 1e9, bodyHighWaterBytes: 64 * KIB };
    const server = served(async (asked) => {
      await sleep(500);
      return echo(asked, undefined as never);
    }, limits);
    using client = await RawClient.connect(server.port);
    client.send(sized(512 * KIB)).send(contentOf(512 * KIB));
    expect((await client.response()).body.length).toBe(512 * KIB);

    const stderr = errors();
    const startMs = performance.now();
    using slow = await RawClient.connect(served(echo, limits).port);
    const response = await slow.send(`${sized(10)}abc`).response();
    expect([response.status, response.field('Connection')]).toEqual([408, 'close']);
    expect(performance.now() - startMs).toBeGreaterThan(180);
    expect(stderr.text).toBe('');
  });

  test('a body for a file is discarded, and the file released', async () => {
    const server = start(deaf, { trigger, root: site.root, limits: { cacheBytes: 0 } });
    using client = await RawClient.connect(server.port);
    const { close } = server.stats().systemCalls;
    for (let i = 0; i < 5; i++) {
      client.send(`${request(`/${MIB}.bin`, ['Content-Length: 3'])}abc`);
      expect((await client.response()).body.length).toBe(MIB);
    }
    // The file is closed: the descriptor guard at the end of this file counts the open ones.
    expect(server.stats().systemCalls['close']! - (close ?? 0)).toBeGreaterThanOrEqual(10);
  });
});

test('a paused connection is closed if the kernel cannot watch for its end', async () => {
  let refuses = false;
  const [asked, aborted] = [deferred(), deferred()];
  const server = start(
    async ({ method, signal }) => {
      if (method === 'GET') return new Response('next');
      refuses = true;
      signal.addEventListener('abort', () => aborted.resolve());
      asked.resolve();
      await aborted.promise;
      return new Response('unsent');
    },
    {
      limits: { bodyHighWaterBytes: 1000 },
      kernel: kernelWith({
        epollCtl: (...args) => (refuses && args[1] === constants.EPOLL_CTL_ADD ? ENOMEM : realKernel.epollCtl(...args)),
      }),
    },
  );
  using client = await RawClient.connect(server.port);
  client.send(sized(100_000)).send(contentOf(50_000));
  await asked.promise;
  client.send(contentOf(20_000));
  await aborted.promise;
  await eventually(() => server.stats().connections.open === 0, 'it is closed');
  refuses = false;
  using other = await RawClient.connect(server.port);
  expect((await other.send(NEXT).response()).body.toString()).toBe('next');
});
