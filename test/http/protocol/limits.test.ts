import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DESCRIPTOR_BYTES } from '../../../src/files/cache/entry.js';
import { LIMIT_NAMES } from '../../../src/http/limits.js';
import { type Limits, type Server, type ServerStats, serve } from '../../../src/index.js';
import { kernel as realKernel } from '../../../src/sys/binding.js';
import type { Kernel } from '../../../src/sys/kernel.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { eventually, RawClient, request, sleep } from '../../support/raw-client.js';
import { contentOf, HELLO, MIB, makeSite, type Site } from '../../support/site.js';

/** Long enough for two busy cores, and far below every default. */
const PROMPT_MS = 2500;

let site: Site;

beforeAll(async () => {
  site = await makeSite();
});

afterAll(() => site.remove());

async function withServer(
  limits: Partial<Limits>,
  run: (server: Server) => Promise<void>,
  kernel?: Kernel,
): Promise<void> {
  const server = serve({ port: 0, root: site.root, limits, ...(kernel && { kernel }) });
  try {
    await run(server);
  } finally {
    await server.stop({ force: true });
  }
}

/** The request gets this error response. */
const rejected = (status: number, bytes: string) => async (server: Server) => {
  using client = await RawClient.connect(server.port);
  const response = await client.send(bytes).response();
  expect([response.status, response.field('Connection')]).toEqual([status, 'close']);
  // A request within the limit is served.
  using other = await RawClient.connect(server.port);
  expect((await other.send('GET / HTTP/1.0\r\n\r\n').response()).status).toBe(200);
};

/** Milliseconds until the server closes the connection. */
async function lifetimeMs(client: RawClient): Promise<number> {
  const startMs = performance.now();
  await client.untilClose();
  return performance.now() - startMs;
}

const within = (ms: number, atLeast: number): void => {
  expect(ms).toBeGreaterThan(atLeast / 2); // a busy client starts its clock late
  expect(ms).toBeLessThan(atLeast + PROMPT_MS);
};

/** For limits of a turn: the maximum number of calls between two waits. */
function mostBetweenWaits(
  call: 'accept4' | 'send',
  counts: (result: number) => boolean,
): { kernel: Kernel; most: () => number } {
  let now = 0;
  let most = 0;
  const kernel = kernelWith(
    {
      loopEnclose: (epfd, events, times, onTurn) =>
        realKernel.loopEnclose(epfd, events, times, (count) => {
          now = 0;
          onTurn(count);
        }),
    },
    {
      loopWait: () => {
        now = 0;
      },
      [call]: (_args: readonly unknown[], result: unknown) => {
        if (counts(result as number)) most = Math.max(most, ++now);
      },
    },
  );
  return { kernel, most: () => most };
}

/** Ten requests one by one, so that their sends are not joined. */
const sendsForTen = (limits: Partial<Limits>, expected: number) => async () => {
  let sends = 0;
  const kernel = kernelWith({}, { send: () => sends++ });
  await withServer(
    limits,
    async (server) => {
      using client = await RawClient.connect(server.port);
      client.send(request('/hello.txt').repeat(10));
      for (let i = 0; i < 10; i++) expect((await client.response()).body.toString()).toBe(HELLO);
      expect(sends).toBe(expected);
    },
    kernel,
  );
};

const stats = async (
  limits: Partial<Limits>,
  run: (stats: NonNullable<ServerStats['files']>, body: string) => void,
): Promise<void> =>
  withServer(limits, async (server) => {
    using client = await RawClient.connect(server.port);
    for (let i = 0; i < 4; i++) await client.send(request('/hello.txt')).response();
    site.write('changing.txt', 'before');
    await sleep(40); // old enough to be trusted
    for (let i = 0; i < 2; i++) await client.send(request('/changing.txt')).response();
    site.write('changing.txt', 'after!!!');
    await sleep(40);
    const { body } = await client.send(request('/changing.txt')).response();
    run(server.stats().files!, body.toString());
  });

/** The effect of each limit when it is small. */
const EFFECTS: Record<keyof Limits, () => Promise<void>> = {
  maxConnections: () =>
    withServer({ maxConnections: 1 }, async (server) => {
      using first = await RawClient.connect(server.port);
      await first.send(request('/')).response();
      using second = await RawClient.connect(server.port);
      second.send(request('/hello.txt'));
      await sleep(150);
      expect([second.buffered.length, server.stats().connections]).toMatchObject([0, { open: 1, accepted: 1 }]);
      first.close();
      expect((await second.response()).body.toString()).toBe(HELLO);
    }),

  maxConnectionsPerClient: () =>
    withServer({ maxConnectionsPerClient: 1 }, async (server) => {
      using first = await RawClient.connect(server.port);
      expect((await first.send(request('/')).response()).status).toBe(200);
      using second = await RawClient.connect(server.port);
      expect((await second.send(request('/')).response()).status).toBe(429);
    }),

  clientRequestsPerSecond: () =>
    withServer({ clientRequestsPerSecond: 1, clientRequestBurst: 1 }, async (server) => {
      using client = await RawClient.connect(server.port);
      client.send(request('/').repeat(2));
      expect([(await client.response()).status, (await client.response()).status]).toEqual([200, 429]);
    }),

  clientRequestBurst: () =>
    withServer({ clientRequestsPerSecond: 1, clientRequestBurst: 2 }, async (server) => {
      using client = await RawClient.connect(server.port);
      client.send(request('/').repeat(3));
      for (const status of [200, 200, 429]) expect((await client.response()).status).toBe(status);
    }),

  minSendBytesPerSecond: () =>
    withServer({ minSendBytesPerSecond: MIB, sendRateWindowMs: 100 }, async (server) => {
      using client = await RawClient.connect(server.port);
      client.pause().send(request(`/${8 * MIB}.bin`));
      await eventually(() => server.stats().connections.open === 1, 'it is accepted');
      await eventually(() => server.stats().connections.open === 0, 'it is closed');
      expect(server.stats().writeTimeouts).toBe(1);
    }),

  sendRateWindowMs: () =>
    withServer({ minSendBytesPerSecond: 1, sendRateWindowMs: 60_000 }, async (server) => {
      using client = await RawClient.connect(server.port);
      client.pause().send(request(`/${8 * MIB}.bin`));
      await sleep(250);
      expect(server.stats().connections.open).toBe(1);
    }),

  acceptsPerTurn: async () => {
    const { kernel, most } = mostBetweenWaits('accept4', (fd) => fd >= 0);
    await withServer(
      { acceptsPerTurn: 2 },
      async (server) => {
        const clients = await Promise.all(Array.from({ length: 40 }, () => RawClient.connect(server.port)));
        for (const client of clients) client.send(request('/'));
        for (const client of clients) expect((await client.response()).status).toBe(200);
        for (const client of clients) client.close();
        expect(most()).toBeLessThanOrEqual(2);
      },
      kernel,
    );
  },

  headTimeoutMs: () =>
    withServer({ headTimeoutMs: 150 }, async (server) => {
      using client = await RawClient.connect(server.port);
      await client.send(request('/')).response(); // counted from the first byte, on a connection that is kept
      await sleep(250);
      const startMs = performance.now();
      client.send('GET / HT');
      const response = await client.response();
      expect([response.status, response.field('Connection')]).toEqual([408, 'close']);
      within(performance.now() - startMs, 150);
    }),

  headBytes: () => withServer({ headBytes: 64 }, rejected(431, request('/', [`X: ${'x'.repeat(64)}`]))),
  headFields: () => withServer({ headFields: 1 }, rejected(431, request('/', ['X: y']))),
  targetBytes: () => withServer({ targetBytes: 16 }, rejected(414, request(`/${'x'.repeat(16)}`))),

  bodyBytes: async () => {
    await withServer({ bodyBytes: 0 }, rejected(413, request('/', ['Content-Length: 1'], 'POST')));
    await withServer(
      { bodyBytes: 3 },
      rejected(413, `${request('/', ['Transfer-Encoding: chunked'])}2\r\nab\r\n2\r\nab\r\n`),
    );
    await withServer({ bodyBytes: 0 }, async (server) => {
      using client = await RawClient.connect(server.port);
      expect((await client.send(request('/', ['Content-Length: 0'])).response()).status).toBe(200);
      expect((await client.send(`${request('/', ['Transfer-Encoding: chunked'])}0\r\n\r\n`).response()).status).toBe(
        200,
      );
    });
  },

  bodyTimeoutMs: () =>
    withServer({ bodyTimeoutMs: 150 }, async (server) => {
      using client = await RawClient.connect(server.port);
      const startMs = performance.now();
      client.send(`${request('/', ['Content-Length: 9'], 'POST')}a`);
      const response = await client.response();
      expect([response.status, response.field('Connection')]).toEqual([408, 'close']);
      within(performance.now() - startMs, 150);
    }),

  minBodyBytesPerSecond: () =>
    withServer({ bodyTimeoutMs: 200, minBodyBytesPerSecond: 20 }, async (server) => {
      using client = await RawClient.connect(server.port);
      const startMs = performance.now();
      client.send(request('/', ['Content-Length: 99'], 'POST'));
      for (let i = 0; i < 8; i++) {
        await sleep(50);
        client.send('01234'); // earns a quarter of a second, but no more than 200 ms from now
      }
      expect((await client.response()).status).toBe(408);
      within(performance.now() - startMs, 600);
    }),

  requestsPerTurn: sendsForTen({ requestsPerTurn: 1 }, 10),
  writeHighWaterBytes: sendsForTen({ writeHighWaterBytes: 1 }, 10),

  sendBytesPerTurn: async () => {
    const asked: number[] = [];
    await withServer(
      { sendBytesPerTurn: 4096 },
      async (server) => {
        using client = await RawClient.connect(server.port);
        const { body } = await client.send(request(`/${MIB}.bin`)).response();
        expect(body.equals(contentOf(MIB))).toBe(true);
        expect(Math.max(...asked)).toBe(4096);
      },
      kernelWith({}, { sendfile: (args) => asked.push(args[3] as number) }),
    );
  },

  writeTimeoutMs: () =>
    withServer({ writeTimeoutMs: 200 }, async (server) => {
      using client = await RawClient.connect(server.port);
      const startMs = performance.now();
      client.pause().send(request(`/${8 * MIB}.bin`));
      await eventually(() => server.stats().connections.open === 1, 'it is accepted');
      await eventually(() => server.stats().connections.open === 0, 'it is closed');
      within(performance.now() - startMs, 200);
      expect(server.stats()).toMatchObject({ timeouts: 1, writeTimeouts: 1, halfCloseTimeouts: 0 });
    }),

  halfCloseTimeoutMs: async () => {
    const never = () => new Promise<Response>(() => {});
    await handled(never, { halfCloseTimeoutMs: 150 }, async (client, server) => {
      const startMs = performance.now();
      client.send(request('/')).end();
      expect(await client.untilClose()).toHaveLength(0);
      within(performance.now() - startMs, 150);
      expect(server.stats()).toMatchObject({ timeouts: 1, writeTimeouts: 0, halfCloseTimeouts: 1 });
    });
  },

  idleTimeoutMs: () =>
    withServer({ idleTimeoutMs: 150 }, async (server) => {
      using client = await RawClient.connect(server.port);
      await client.send(request('/')).response();
      within(await lifetimeMs(client), 150);
      expect(client.failure).toBeNull();
    }),

  lingerTimeoutMs: () =>
    withServer({ lingerTimeoutMs: 150 }, async (server) => {
      using client = await RawClient.connect(server.port);
      const startMs = performance.now();
      await client.send('GET /\r\n').response();
      await eventually(() => server.stats().connections.open === 0, 'it lingers no longer');
      within(performance.now() - startMs, 150);
    }),

  maxLingerMs: () =>
    withServer({ maxLingerMs: 300, lingerTimeoutMs: 60_000 }, async (server) => {
      using client = await RawClient.connect(server.port);
      const startMs = performance.now();
      await client.send('GET /\r\n').response();
      await eventually(() => {
        if (!client.closed) client.send('x');
        return server.stats().connections.open === 0;
      }, 'it lingers no longer');
      within(performance.now() - startMs, 300);
    }),

  lingerBytes: () =>
    withServer({ lingerBytes: 1000, lingerTimeoutMs: 60_000 }, async (server) => {
      using client = await RawClient.connect(server.port);
      await client.send('GET /\r\n').response();
      client.send('x'.repeat(900));
      await sleep(100);
      expect(server.stats().connections.open).toBe(1);
      client.send('x'.repeat(200));
      await eventually(() => server.stats().connections.open === 0, 'it lingers no longer', PROMPT_MS);
    }),

  stopDelayMs: () =>
    withServer({ stopDelayMs: 100 }, async (server) => {
      const startMs = performance.now();
      const stopped = server.stop();
      expect(server.isServing).toBe(false);
      using client = await RawClient.connect(server.port);
      expect((await client.send(request('/hello.txt')).response()).status).toBe(200);
      await stopped;
      within(performance.now() - startMs, 100);
    }),

  stopTimeoutMs: () =>
    withServer({ stopTimeoutMs: 200 }, async (server) => {
      using client = await RawClient.connect(server.port);
      client.pause().send(request(`/${8 * MIB}.bin`));
      await eventually(() => server.stats().connections.open === 1, 'it is accepted');
      const startMs = performance.now();
      await server.stop();
      within(performance.now() - startMs, 200);
    }),

  cacheBytes: () => stats({ cacheBytes: 0 }, (files) => expect(files).toMatchObject({ entries: 0, bytes: 0, hits: 0 })),

  maxCachedFileBytes: async () => {
    await stats({ maxCachedFileBytes: 8 }, (files) => {
      expect(files.entries).toBe(2);
      expect(files.bytes).toBeGreaterThan(DESCRIPTOR_BYTES); // hello.txt by its descriptor
      expect(files.bytes).toBeLessThan(2 * DESCRIPTOR_BYTES);
    });
    await stats({ maxCachedFileBytes: 13 }, (files) => expect(files.bytes).toBeLessThan(DESCRIPTOR_BYTES));
  },

  revalidateMs: async () => {
    const byTime = (revalidateMs: number) => ({ revalidateMs, maxWatches: 0 });
    await stats(byTime(0), (files, body) => expect([files.hits, body]).toEqual([0, 'after!!!']));
    await stats(byTime(60_000), (files, body) => expect([files.hits, body]).toEqual([3, 'before']));
  },

  maxWatches: async () => {
    const revalidateMs = 60_000;
    await stats({ revalidateMs, maxWatches: 0 }, (files, body) =>
      expect([files, body]).toMatchObject([{ watches: 0, unwatchedReasons: ['the limit of 0 watches'] }, 'before']),
    );
    await stats({ revalidateMs }, (files, body) =>
      expect([files, body]).toMatchObject([{ unwatchedReasons: [] }, 'after!!!']),
    );
  },

  maxConcurrentHandlers: async () => {
    for (const [limit, most] of [
      [1, 1],
      [3, 3],
    ] as const) {
      let now = 0;
      let seen = 0;
      const fetch = async () => {
        seen = Math.max(seen, ++now);
        await sleep(5);
        now--;
        return new Response('done');
      };
      await handled(fetch, { maxConcurrentHandlers: limit }, async (client) => {
        client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(6));
        for (let i = 0; i < 6; i++) expect((await client.response()).body.toString()).toBe('done');
      });
      expect(seen).toBe(most);
    }
  },

  handlerTimeoutMs: async () => {
    const never = () => new Promise<Response>(() => {});
    await handled(never, { handlerTimeoutMs: 100 }, async (client) => {
      expect((await client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n').response()).status).toBe(503);
    });
  },

  bodyHighWaterBytes: async () => {
    // What the server reads for a handler that does not read; the kernel's buffers come on top.
    const idle = () => new Promise<Response>(() => {});
    await handled(idle, { bodyHighWaterBytes: 100_000, bodyBytes: 16 * MIB }, async (client, server) => {
      client.send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${16 * MIB}\r\n\r\n`).send(Buffer.alloc(16 * MIB));
      await eventually(() => server.stats().bytes.in >= 100_000, 'full');
      await sleep(50);
      expect(server.stats().bytes.in).toBeLessThan(300_000);
    });
  },
};

async function handled(
  fetch: () => Promise<Response>,
  limits: Partial<Limits>,
  run: (client: RawClient, server: Server) => Promise<void>,
): Promise<void> {
  const server = serve({ port: 0, fetch, limits });
  try {
    using client = await RawClient.connect(server.port);
    await run(client, server);
  } finally {
    await server.stop({ force: true });
  }
}

describe('every limit has its effect', () => {
  test.each(LIMIT_NAMES)('%s', (name) => EFFECTS[name]());
});

describe.concurrent('deadlines', () => {
  test('a connection without a request is closed without a response', async () => {
    await withServer({ headTimeoutMs: 150 }, async (server) => {
      using client = await RawClient.connect(server.port);
      expect(await client.untilClose()).toHaveLength(0);
      expect(client.failure).toBeNull();
    });
  });

  test('a slowly sent head gets no more time than none', async () => {
    await withServer({ headTimeoutMs: 400 }, async (server) => {
      using client = await RawClient.connect(server.port);
      const startMs = performance.now();
      let isDone = false;
      const response = client.response().finally(() => {
        isDone = true;
      });
      client.send('GET / HTTP/1.1\r\nHost: a\r\n');
      while (!isDone) {
        client.send('X-A: b\r\n');
        await sleep(25);
      }
      expect((await response).status).toBe(408);
      within(performance.now() - startMs, 400);
    });
  });

  test('idle and head timeouts do not apply during a slow transfer', async () => {
    await withServer({ idleTimeoutMs: 150, headTimeoutMs: 150, writeTimeoutMs: 3000 }, async (server) => {
      using client = await RawClient.connect(server.port);
      client.pause().send(request(`/${8 * MIB}.bin`));
      for (let i = 0; i < 8; i++) {
        await sleep(100);
        client.resume();
        await sleep(1);
        client.pause();
      }
      const { body } = await client.resume().response();
      expect(body.equals(contentOf(8 * MIB))).toBe(true);
      expect(await client.untilClose()).toHaveLength(0);
    });
  });

  test('the write timeout restarts whenever the client reads', async () => {
    await withServer({ writeTimeoutMs: 500 }, async (server) => {
      using client = await RawClient.connect(server.port);
      client.pause().send(request(`/${8 * MIB}.bin`));
      for (let i = 0; i < 8; i++) {
        await sleep(120);
        client.resume();
        await sleep(15);
        client.pause();
      }
      const { body } = await client.resume().response();
      expect(body.equals(contentOf(8 * MIB))).toBe(true);
    });
  });

  test('the idle timeout restarts with each request', async () => {
    await withServer({ idleTimeoutMs: 400 }, async (server) => {
      using client = await RawClient.connect(server.port);
      for (let i = 0; i < 6; i++) {
        expect((await client.send(request('/hello.txt')).response()).status).toBe(200);
        await sleep(150);
      }
      expect(client.ended).toBe(false);
    });
  });

  test('a 408 for half a request is whole, whatever other clients requested before', async () => {
    await withServer({ headTimeoutMs: 200, bodyTimeoutMs: 200 }, async (server) => {
      using other = await RawClient.connect(server.port);
      for (const half of ['GET / HT', `${request('/', ['Content-Length: 5'], 'POST')}ab`]) {
        using client = await RawClient.connect(server.port);
        const response = client.send(half).response();
        await sleep(50);
        await other.send(request('/', [], 'HEAD')).response('HEAD');
        expect((await response).body.length).toBeGreaterThan(0);
      }
    });
  });

  test('connections over the limit are served in turn', async () => {
    await withServer({ maxConnections: 3 }, async (server) => {
      const one = async (): Promise<number> => {
        using client = await RawClient.connect(server.port);
        const response = await client.send(request('/hello.txt')).response();
        await sleep(2);
        return response.status;
      };
      const responses = await Promise.all(Array.from({ length: 60 }, one));
      expect(responses.every((status) => status === 200)).toBe(true);
      expect(server.stats().connections.acceptPauses).toBeGreaterThan(0);
    });
  });
});
