import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FetchHandler, ServeOptions } from '../../src/index.js';
import { handling } from '../support/handling.js';
import { exchange, RawClient, request } from '../support/raw-client.js';
import { HELLO, makeSite, type Site } from '../support/site.js';

const { start, errors } = handling();

describe('a handler that fails', () => {
  const boom = new Error('boom');
  const odd = Object.create(null);
  Object.defineProperty(odd, 'stack', {
    get: () => {
      throw new Error('no stack');
    },
    enumerable: true,
  });
  const used = (): Response => {
    const response = new Response('x');
    void response.text();
    return response;
  };
  const detached = (): Response => {
    const bytes = new Uint8Array(8);
    structuredClone(bytes, { transfer: [bytes.buffer] });
    return new Response(bytes);
  };
  const FAILURES: [string, FetchHandler, RegExp][] = [
    [
      'throws',
      () => {
        throw boom;
      },
      /Error: boom\n +at .*fetch\/errors\.test\.ts/,
    ],
    ['rejects', () => Promise.reject(boom), /Error: boom\n +at /],
    [
      'throws a string',
      () => {
        throw 'plain';
      },
      /plain/,
    ],
    [
      'throws nothing',
      () => {
        throw undefined;
      },
      /undefined/,
    ],
    [
      'throws a value that cannot be printed',
      () => {
        throw odd;
      },
      /failed/,
    ],
    ['returns nothing', () => undefined as never, /must return a Response/],
    ['resolves to nothing', async () => undefined as never, /must return a Response/],
    ['returns text', () => 'text' as never, /must return a Response/],
    ['returns an error', () => Response.error(), /must return a Response/],
    ['returns a used Response', used, /used up/],
    ['makes a Response of detached memory', detached, /memory that was transferred.*ERR_EPOLLET_RESPONSE/s],
  ];

  test.each(FAILURES)(
    '%s: the response is 500, the cause is on standard error, and the server goes on',
    async (_, handler, cause) => {
      const stderr = errors();
      const server = start((asked, context) =>
        asked.url.endsWith('/ok') ? new Response('ok') : handler(asked, context),
      );
      using client = await RawClient.connect(server.port);
      const response = await client.send(request('/')).response();
      expect([response.status, response.body.toString()]).toEqual([500, 'The server failed to handle this request.\n']);
      expect(stderr.text).toMatch(cause);
      expect((await client.send(request('/ok')).response()).body.toString()).toBe('ok');
    },
  );

  const ERRORS: [string, ServeOptions['error'], string][] = [
    ['responds', (error) => new Response(`sorry: ${(error as Error).message}`, { status: 503 }), '503 sorry: boom'],
    ['responds later', async () => new Response('sorry', { status: 500 }), '500 sorry'],
    [
      'throws too',
      () => {
        throw new Error('second');
      },
      '500 The server',
    ],
    ['rejects too', () => Promise.reject(new Error('second')), '500 The server'],
    ['returns nothing', () => undefined as never, '500 The server'],
    ['resolves to nothing', async () => undefined as never, '500 The server'],
  ];

  test.each(ERRORS)('`error` %s', async (_, error, is) => {
    const stderr = errors();
    const server = start(() => Promise.reject(boom), { error: error! });
    const response = await exchange(server.port, request('/'));
    expect(`${response.status} ${response.body}`).toContain(is);
    expect(stderr.text).toContain('boom');
  });
});

let site: Site;

beforeAll(async () => {
  site = await makeSite();
});

afterAll(() => site.remove());

describe('files and handlers', () => {
  const handler: FetchHandler = (asked) =>
    asked.url.endsWith('/none') || asked.url.endsWith('/hello.txt')
      ? new Response('nothing here', { status: 404 })
      : new Response(`handled ${asked.method}`);

  test.each<[string, boolean, string, string, number, string]>([
    ['a file', false, '/hello.txt', 'GET', 200, HELLO],
    ['no file', false, '/other', 'GET', 200, 'handled GET'],
    ['neither', false, '/none', 'GET', 404, 'nothing here'],
    ['no method of files', false, '/hello.txt2', 'POST', 200, 'handled POST'],
    ['first, a file', true, '/hello.txt', 'GET', 200, HELLO],
    ['first, both', true, '/index.html', 'GET', 200, 'handled GET'],
    ['first, neither', true, '/none', 'GET', 404, 'nothing here'],
    ['first, no method of files', true, '/none', 'POST', 404, 'nothing here'],
  ])('%s', async (_, fetchFirst, target, method, status, body) => {
    for (const how of [handler, async (asked: Request) => handler(asked, {} as never)]) {
      const server = start(how as FetchHandler, { root: site.root, fetchFirst });
      const response = await exchange(server.port, request(target, [], method));
      expect([response.status, response.body.toString()]).toEqual([status, body]);
    }
  });

  test('a file responds to HEAD and to preconditions after the 404 of a handler', async () => {
    const server = start(handler, { root: site.root, fetchFirst: true });
    using client = await RawClient.connect(server.port);
    const head = await client.send(request('/hello.txt', [], 'HEAD')).response('HEAD');
    expect([head.status, head.field('Content-Length')]).toEqual([200, String(HELLO.length)]);
    const fresh = await client.send(request('/hello.txt', [`If-None-Match: ${head.field('ETag')}`])).response();
    expect(fresh.status).toBe(304);
  });

  test('the index of a directory does not call the handler', async () => {
    const server = start(handler, { root: site.root });
    expect((await exchange(server.port, request('/'))).body.toString()).toContain('index');
  });
});
