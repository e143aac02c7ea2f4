import { describe, expect, test } from 'vitest';
import type { HandlerContext, ServeOptions } from '../../src/index.js';
import { TRIGGERS } from '../../src/reactor/interest.js';
import { constants, kernel } from '../../src/sys/binding.js';
import { check } from '../../src/sys/errno.js';
import { deferred, handling } from '../support/handling.js';
import { eventually, exchange, RawClient, request, sleep } from '../support/raw-client.js';

const { AF_INET, SHUT_WR, SO_LINGER, SOCK_STREAM, SOL_SOCKET } = constants;
const { start } = handling();

/** A client whose FIN and RST leave in one go: on the thread of the server, which so finds both in one event. */
class ResettingClient {
  private readonly fd = check('socket', kernel.socket(AF_INET, SOCK_STREAM, 0));

  constructor(port: number) {
    check('connect', kernel.connect(this.fd, '127.0.0.1', port));
  }

  send(text: string): void {
    const bytes = Buffer.from(text);
    expect(kernel.send(this.fd, bytes, 0, bytes.length, 0)).toBe(bytes.length);
  }

  /** With SO_LINGER of 0 seconds close(2) sends RST, socket(7). */
  finishAndReset(): void {
    check('shutdown', kernel.shutdown(this.fd, SHUT_WR));
    const linger = new Uint8Array(new Int32Array([1, 0]).buffer);
    check('setsockopt', kernel.setsockoptBytes(this.fd, SOL_SOCKET, SO_LINGER, linger));
    check('close', kernel.close(this.fd));
  }
}

/** What a handler sees, as it responds with it. */
const seenBy = async (of: (request: Request, context: HandlerContext) => unknown, bytes: string): Promise<unknown> => {
  const server = start(async (asked, context) => Response.json((await of(asked, context)) ?? null));
  const response = await exchange(server.port, bytes);
  expect(response.status).toBe(200);
  return JSON.parse(response.body.toString());
};

const form = 'a=1&b=%C3%BC&a=2';
const post = (body: string, fields: string[] = []): string =>
  request('/', [`Content-Length: ${Buffer.byteLength(body, 'latin1')}`, ...fields], 'POST') + body;

const REQUESTS: [
  what: string,
  of: (request: Request, context: HandlerContext) => unknown,
  bytes: string,
  is: unknown,
][] = [
  ['the address', (asked) => asked.url, request('/a/b?c=d&e'), 'http://a/a/b?c=d&e'],
  ['an absolute target', (asked) => asked.url, 'GET http://b:81/x HTTP/1.1\r\nHost: a\r\n\r\n', 'http://b:81/x'],
  [
    'the host of an absolute target',
    (asked) => [asked.headers.get('host'), asked.clone().headers.get('host'), [...asked.headers.keys()]],
    'GET http://b:81/x HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n',
    ['b:81', 'b:81', ['host', 'x']],
  ],
  [
    'the host of an absolute target without a path or a Host field',
    (asked) => [asked.headers.get('host'), asked.url],
    'GET HTTPS://b?c HTTP/1.0\r\n\r\n',
    ['b', 'https://b/?c'],
  ],
  ['a path to be put in order', (asked) => asked.url, request('/a/../b/./c'), 'http://a/b/c'],
  ['the method', (asked) => asked.method, request('/', [], 'DELETE'), 'DELETE'],
  ['OPTIONS', (asked) => asked.method, request('/x', [], 'OPTIONS'), 'OPTIONS'],
  ['a field', (asked) => asked.headers.get('x-a'), request('/', ['X-A:  b c ']), 'b c'],
  ['a field twice', (asked) => asked.headers.get('x-a'), request('/', ['X-A: b', 'x-a: c']), 'b, c'],
  [
    'all fields',
    (asked) => [...asked.headers],
    request('/', ['Z: 1', 'B: 2']),
    Object.entries({ b: '2', host: 'a', z: '1' }),
  ],
  ['no body', async (asked) => [asked.body, await asked.text()], request('/'), [null, '']],
  ['a body as text', (asked) => asked.text(), post('h\xc3\xa9'), 'hé'],
  ['a body as JSON', (asked) => asked.json(), post('{"a":[1]}'), { a: [1] }],
  ['a body as bytes', async (asked) => [...new Uint8Array(await asked.arrayBuffer())], post('\0\xff'), [0, 255]],
  [
    'a body as a form',
    async (asked) => [...(await asked.formData())],
    post(form, ['Content-Type: application/x-www-form-urlencoded']),
    [
      ['a', '1'],
      ['b', 'ü'],
      ['a', '2'],
    ],
  ],
  [
    'a body as a blob',
    async (asked) => {
      const blob = await asked.blob();
      return [blob.size, blob.type, await blob.text()];
    },
    post('abc', ['Content-Type: text/x']),
    [3, 'text/x', 'abc'],
  ],
  [
    'a body as a stream',
    async (asked) => {
      let text = '';
      for await (const piece of asked.body as unknown as AsyncIterable<Uint8Array>) text += Buffer.from(piece);
      return [text, Buffer.from('the pool is whole').toString()]; // which a stream of bytes would have taken over
    },
    post('abc'),
    ['abc', 'the pool is whole'],
  ],
  [
    'a chunked body',
    (asked) => asked.text(),
    `${request('/', ['Transfer-Encoding: chunked'], 'POST')}1\r\na\r\n2;x=y\r\nbc\r\n0\r\nT: x\r\n\r\n`,
    'abc',
  ],
  [
    'a body twice',
    (asked) =>
      asked
        .text()
        .then(() => asked.text())
        .catch((error) => error.name),
    post('a'),
    'TypeError',
  ],
  [
    'the peer',
    (_, { peer }) => [peer?.family, peer?.address, typeof peer?.port],
    request('/'),
    ['IPv4', '127.0.0.1', 'number'],
  ],
  ['the server', (_, { server }) => (server as { hostname: string }).hostname, request('/'), '127.0.0.1'],
  ['the signal', (asked) => asked.signal.aborted, request('/'), false],
  [
    'its own `this`',
    function (this: unknown) {
      return this === undefined;
    },
    request('/'),
    true,
  ],
];

test.each(REQUESTS)('a handler sees %s', async (_, of, bytes, is) => expect(await seenBy(of, bytes)).toEqual(is));

describe.each(TRIGGERS)('%s', (trigger) => {
  test('a FIN of the client does not abort the signal, and the response is still sent', async () => {
    let signal!: AbortSignal;
    const server = start(
      async (asked) => {
        ({ signal } = asked);
        await sleep(50);
        return new Response(String(signal.aborted));
      },
      { trigger },
    );
    using client = await RawClient.connect(server.port);
    client.send(request('/')).end();
    expect((await client.response()).body.toString()).toBe('false');
    expect(await client.untilClose(1500)).toHaveLength(0);
    expect(client.failure).toBeNull();
    await eventually(() => server.stats().connections.open === 0, 'it is closed');
    expect(signal.aborted).toBe(false);
  });

  test.each(['close', 'reset'] as const)('%s of the client aborts the signal', async (how) => {
    const [asked, aborted] = [deferred(), deferred<boolean>()];
    const server = start(
      async ({ signal }) => {
        asked.resolve();
        signal.addEventListener('abort', () => aborted.resolve(signal.aborted));
        await aborted.promise;
        return new Response('unsent');
      },
      { trigger, limits: { halfCloseTimeoutMs: 100 } },
    );
    using client = await RawClient.connect(server.port);
    client.send(request('/'));
    await asked.promise;
    client[how]();
    expect(await aborted.promise).toBe(true);
  });

  /** [when, what the client has sent before, what with the reset, options]; the handler never responds. */
  test.each<[string, string, string, Partial<ServeOptions>]>([
    ['with its request', '', request('/'), {}],
    ['while the handler runs', request('/'), '', {}],
    ['with a further request', request('/'), request('/second'), {}],
    [
      'while no further request is read',
      request('/') + request('/second'),
      '',
      { limits: { maxConcurrentHandlers: 1 } },
    ],
    ['with a request that is not read', request('/'), request('/second'), { limits: { maxConcurrentHandlers: 1 } }],
    ['while its body is read', request('/', ['Content-Length: 9'], 'POST'), 'half', {}],
    ['while a stream waits', request('/stream'), '', {}],
  ])(
    'FIN and RST in one event, %s: the signal is aborted and the connection closed',
    async (_, before, last, options) => {
      const signals: AbortSignal[] = [];
      let aborted = 0;
      const server = start(
        ({ signal, url }) => {
          signals.push(signal);
          signal.addEventListener('abort', () => void aborted++);
          return url.endsWith('/stream') ? new Response(new ReadableStream()) : new Promise<Response>(() => {});
        },
        { trigger, ...options },
      );
      const client = new ResettingClient(server.port);
      if (before !== '') {
        client.send(before);
        await eventually(() => signals.length > 0, 'the handler is called');
        await sleep(5);
      }
      client.send(last);
      client.finishAndReset();
      await eventually(() => server.stats().connections.open === 0 && signals.length > 0, 'it is closed');
      expect(aborted).toBe(signals.length);
    },
  );

  test.each<[string, (asked: Request, context: HandlerContext) => unknown, unknown]>([
    ['the signal is aborted', (asked) => asked.signal.aborted, true],
    ['peer', (_, { peer }) => peer, null],
  ])('after the client has disconnected, a handler sees it in %s', async (_, of, is) => {
    const [asked, gone, seen] = [deferred(), deferred(), deferred<unknown>()];
    const server = start(
      async (request, context) => {
        asked.resolve();
        await gone.promise;
        seen.resolve(of(request, context));
        return new Response('');
      },
      { trigger },
    );
    using client = await RawClient.connect(server.port);
    client.send(request('/'));
    await asked.promise;
    client.reset();
    await eventually(() => server.stats().connections.open === 0, 'it is closed');
    gone.resolve();
    expect(await seen.promise).toBe(is);
  });

  test('a request with a response is not aborted', async () => {
    let signal: AbortSignal | null = null;
    const server = start(
      (asked) => {
        ({ signal } = asked);
        return new Response('');
      },
      { trigger },
    );
    await exchange(server.port, request('/'));
    await sleep(30);
    expect(signal!.aborted).toBe(false);
  });
});
