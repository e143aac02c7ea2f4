import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type HandlerServer, type ServeOptions, serve } from '../../src/index.js';
import { deferred, handling, Source } from '../support/handling.js';
import { eventually, exchange, RawClient, request } from '../support/raw-client.js';

const { start, errors } = handling();

const bodyOf = async (port: number, target = '/'): Promise<string> =>
  (await exchange(port, request(target))).body.toString();

describe('requestIP', () => {
  test('has the address, the port and the family of the client, as in Bun', async () => {
    const server = start((asked, info) => Response.json(info.server.requestIP(asked)));
    using client = await RawClient.connect(server.port);
    const { body } = await client.send(request('/')).response();
    expect(JSON.parse(body.toString())).toEqual({
      address: '127.0.0.1',
      family: 'IPv4',
      port: (client.socket.address() as { port: number }).port,
    });
  });

  test('has the client behind a trusted proxy', async () => {
    const server = start((asked, info) => Response.json(info.server.requestIP(asked)), { trustedProxies: '127.0.0.1' });
    const { body } = await exchange(server.port, request('/', ['X-Forwarded-For: 2001:db8::7']));
    expect(JSON.parse(body.toString())).toEqual({ address: '2001:db8::7', family: 'IPv6', port: 0 });
  });

  test('of a clone, of another Request and of anything else is null', async () => {
    const server = start((asked, info) => {
      const others = [asked.clone(), new Request('http://a/'), new Request(asked), {}, null, undefined, 1];
      return Response.json(others.map((each) => info.server.requestIP(each as Request)));
    });
    expect(JSON.parse(await bodyOf(server.port))).toEqual(Array(7).fill(null));
  });

  test('is null over a Unix socket, and once the client has disconnected', async () => {
    const path = join(tmpdir(), `epollet-${process.pid}-ip.sock`);
    let seen: unknown = 'nothing';
    const server = start(
      async (asked, info) => {
        if (asked.url.endsWith('/unix')) return Response.json(info.server.requestIP(asked));
        await new Promise((resolve) => asked.signal.addEventListener('abort', resolve));
        seen = info.server.requestIP(asked);
        return new Response('late');
      },
      { port: undefined, listen: ['0', `unix:${path}`] } as never,
    );
    const client = await RawClient.connect(server.port);
    client.send(request('/'));
    await eventually(() => server.pendingRequests === 1, 'the handler');
    client.reset();
    await eventually(() => seen !== 'nothing', 'the abort');
    expect(seen).toBeNull();
    const { createConnection } = await import('node:net');
    const text = await new Promise<string>((resolve) => {
      const socket = createConnection(path, () => socket.write(request('/unix', ['Connection: close'])));
      let received = '';
      socket.on('data', (bytes) => (received += bytes)).on('close', () => resolve(received));
    });
    expect(text.endsWith('\r\n\r\nnull')).toBe(true);
  });
});

describe('pendingRequests', () => {
  test('counts requests until their responses are sent, on all connections', async () => {
    const gates = [deferred(), deferred(), deferred()];
    let at = 0;
    const counts: number[] = [];
    const server = start(async (_asked, info) => {
      counts.push(info.server.pendingRequests);
      await gates[at++]!.promise;
      return new Response('x');
    });
    expect(server.pendingRequests).toBe(0);
    using one = await RawClient.connect(server.port);
    using two = await RawClient.connect(server.port);
    one.send(request('/') + request('/'));
    await eventually(() => at === 2, 'two handlers');
    two.send(request('/'));
    await eventually(() => at === 3, 'three handlers');
    expect([...counts, server.pendingRequests]).toEqual([1, 2, 3, 3]);
    for (const gate of gates) gate.resolve();
    await one.response();
    await one.response();
    await two.response();
    expect(server.pendingRequests).toBe(0);
  });

  test('counts a stream until its end, a body that is awaited, and a response that a client does not read', async () => {
    const source = new Source();
    const large = new Response('x'.repeat(8_388_608));
    const server = start(() => new Response(source.stream), {
      routes: { '/large': large, '/post': new Response('x') },
    });
    using streamed = await RawClient.connect(server.port);
    streamed.send(request('/'));
    await eventually(() => server.pendingRequests === 1, 'the stream');
    source.end();
    await eventually(() => server.pendingRequests === 0, 'its end');
    using posting = await RawClient.connect(server.port);
    posting.send(request('/post', ['Content-Length: 2'], 'POST'));
    await eventually(() => server.pendingRequests === 1, 'the body');
    posting.send('ab');
    await eventually(() => server.pendingRequests === 0, 'the response');
    using slow = await RawClient.connect(server.port);
    slow.pause().send(request('/large'));
    await eventually(() => server.pendingRequests === 1, 'the large response');
    slow.resume();
    await eventually(() => server.pendingRequests === 0, 'its end');
  });
});

describe('timeout', () => {
  const never = (): Promise<Response> => new Promise(() => {});

  const limited =
    (seconds: number) =>
    (asked: Request, server: HandlerServer): Promise<Response> => {
      server.timeout(asked, seconds);
      return never();
    };

  /** [what, the handler, limits, the status] */
  const ENDS: [
    string,
    (asked: Request, server: HandlerServer) => Response | Promise<Response>,
    ServeOptions['limits'],
    number,
  ][] = [
    ['a handler that never responds', limited(0.03), {}, 503],
    ['one with less time than the limit', limited(0.03), { handlerTimeoutMs: 60_000 }, 503],
    [
      'the last of several times',
      (asked, server) => {
        for (const seconds of [0, 60, 0.03]) server.timeout(asked, seconds);
        return never();
      },
      {},
      503,
    ],
  ];

  test.each(ENDS)('ends %s, and aborts the signal', async (_, handler, limits = {}, status) => {
    let reason: unknown;
    const server = start(
      (asked, info) => {
        asked.signal.addEventListener('abort', () => {
          reason = asked.signal.reason;
        });
        return handler(asked, info.server);
      },
      { limits },
    );
    const response = await exchange(server.port, request('/'));
    expect([response.status, (reason as Error).name]).toEqual([status, 'AbortError']);
    expect(server.stats().handlerTimeouts).toBe(1);
  });

  test('0 and more than the limit give a handler more time than the limit', async () => {
    const server = start(
      async (asked, info) => {
        info.server.timeout(asked, Number(new URL(asked.url).searchParams.get('s')));
        await new Promise((resolve) => setTimeout(resolve, 80));
        return new Response('late');
      },
      { limits: { handlerTimeoutMs: 20 } },
    );
    expect([await bodyOf(server.port, '/?s=0'), await bodyOf(server.port, '/?s=60')]).toEqual(['late', 'late']);
    expect(server.stats().handlerTimeouts).toBe(0);
  });

  test('given late, by a handler of an idle server, counts from then on', async () => {
    const server = start(async (asked, info) => {
      await new Promise((resolve) => setTimeout(resolve, 60));
      info.server.timeout(asked, 0.04);
      await new Promise((resolve) => setTimeout(resolve, 5));
      return new Response('in time');
    });
    expect(await bodyOf(server.port)).toBe('in time');
  });

  test('a stream without a chunk for so long is cut off; each chunk gives it the time anew', async () => {
    const source = new Source();
    const server = start((asked, info) => {
      info.server.timeout(asked, 0.25);
      return new Response(source.stream);
    });
    using client = await RawClient.connect(server.port);
    client.send(request('/'));
    for (let i = 0; i < 6; i++) {
      await new Promise((resolve) => setTimeout(resolve, 60));
      source.write(`chunk ${i}`);
    }
    await eventually(() => client.closed || client.ended || client.failure !== null, 'the end');
    const text = client.buffered.toString();
    expect(text).toContain('chunk 5');
    expect(text.endsWith('0\r\n\r\n')).toBe(false);
    expect(source.cancelled).not.toBeNull();
  });

  test('a body has the time of its request in place of bodyTimeoutMs', async () => {
    const server = start(
      async (asked, info) => {
        info.server.timeout(asked, 0);
        return new Response(await asked.text());
      },
      { limits: { bodyTimeoutMs: 30 } },
    );
    using client = await RawClient.connect(server.port);
    client.send(request('/', ['Content-Length: 2'], 'POST'));
    await new Promise((resolve) => setTimeout(resolve, 90));
    client.send('ab');
    expect((await client.response()).body.toString()).toBe('ab');
  });

  /** [arguments after the request, or a request, the error] */
  const MISTAKES: [(asked: Request) => unknown[], string][] = [
    [(asked) => [asked, -1], 'RangeError ERR_EPOLLET_ARGUMENT'],
    [(asked) => [asked, Number.NaN], 'RangeError ERR_EPOLLET_ARGUMENT'],
    [(asked) => [asked, 1e9], 'RangeError ERR_EPOLLET_ARGUMENT'],
    [(asked) => [asked, '1'], 'TypeError ERR_EPOLLET_ARGUMENT'],
    [(asked) => [asked], 'TypeError ERR_EPOLLET_ARGUMENT'],
    [() => [{}, 1], 'TypeError ERR_EPOLLET_ARGUMENT'],
    [() => [null, 1], 'TypeError ERR_EPOLLET_ARGUMENT'],
    [(asked) => [asked.clone(), 1], 'TypeError ERR_EPOLLET_ARGUMENT'],
  ];

  test.each(MISTAKES)('%s is an error', async (args, expected) => {
    const server = start((asked, info) => {
      try {
        info.server.timeout(...(args(asked) as [Request, number]));
        return new Response('no error');
      } catch (error) {
        const { name, code } = error as NodeJS.ErrnoException;
        return new Response(`${name} ${code}`);
      }
    });
    expect(await bodyOf(server.port)).toBe(expected);
  });

  test('after the response it changes nothing', async () => {
    const asked: Request[] = [];
    const server = start((each) => {
      asked.push(each);
      return new Response('x');
    });
    using client = await RawClient.connect(server.port);
    await client.send(request('/')).response();
    server.timeout(asked[0]!, 0.001);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await client.send(request('/')).response()).status).toBe(200);
  });

  test('of a request for an upgrade: 503', async () => {
    errors();
    const server = start(() => new Response('fetch'), {
      upgrade: async (asked, { server: own }) => {
        own.timeout(asked, 0.03);
        await never();
      },
    });
    const fields = ['Connection: upgrade', 'Upgrade: x'];
    expect((await exchange(server.port, request('/', fields))).status).toBe(503);
  });
});

describe('reload', () => {
  test('replaces what it is given, and leaves the rest; undefined is the default', async () => {
    const fails = (): never => {
      throw new Error('x');
    };
    errors();
    const server = serve({
      port: 0,
      routes: { '/r': new Response('old route') },
      fetch: () => new Response('old fetch'),
      error: () => new Response('old error'),
    });
    using client = await RawClient.connect(server.port);
    const both = async (): Promise<string[]> => {
      const bodies: string[] = [];
      for (const path of ['/r', '/x']) {
        const { status, body } = await client.send(request(path)).response();
        bodies.push(status === 200 ? body.toString() : String(status));
      }
      return bodies;
    };
    expect(await both()).toEqual(['old route', 'old fetch']);
    /** The changes, what is served then; Bun 1.4.5 does the same, but removes routes that are left out. */
    const changes: [Parameters<typeof server.reload>[0], string[]][] = [
      [{ fetch: () => new Response('new fetch') }, ['old route', 'new fetch']],
      [{ fetch: fails }, ['old route', 'old error']],
      [{ routes: { '/r': new Response('new route') } }, ['new route', 'old error']],
      [{}, ['new route', 'old error']],
      [{ error: () => new Response('new error') }, ['new route', 'new error']],
      [{ routes: { '/x': new Response('x') } }, ['new error', 'x']],
      [{ error: undefined }, ['500', 'x']],
      [{ fetch: undefined }, ['404', 'x']],
      [{ routes: undefined, fetch: () => new Response('fetch') }, ['fetch', 'fetch']],
    ];
    for (const [change, expected] of changes) {
      await server.reload(change);
      expect(await both()).toEqual(expected);
    }
    await expect(server.reload({ fetch: 1 as never })).rejects.toThrow('fetch must be a function');
    await expect(server.reload({ port: 1 })).rejects.toThrow('port cannot change in a reload');
    expect(await both()).toEqual(['fetch', 'fetch']);
    await server.stop({ force: true });
  });

  test('a handler that has begun responds to its request, the next one to the next, on the same connection', async () => {
    const gate = deferred();
    const old = async (): Promise<Response> => {
      await gate.promise;
      return new Response('old');
    };
    const server = start(old, { routes: { '/r/:id': old } });
    using one = await RawClient.connect(server.port);
    using two = await RawClient.connect(server.port);
    one.send(request('/'));
    two.send(request('/r/1'));
    await eventually(() => server.pendingRequests === 2, 'the handlers');
    await server.reload({ fetch: () => new Response('new'), routes: { '/r/:id': new Response('new route') } });
    one.send(request('/'));
    two.send(request('/r/1'));
    gate.resolve();
    const bodies: string[] = [];
    for (const client of [one, one, two, two]) bodies.push((await client.response()).body.toString());
    expect(bodies).toEqual(['old', 'new', 'old', 'new route']);
    expect(server.stats().connections.accepted).toBe(2);
  });
});
