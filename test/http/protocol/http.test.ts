import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Server, serve } from '../../../src/index.js';
import { TRIGGERS } from '../../../src/reactor/interest.js';
import {
  eventually,
  exchange,
  RawClient,
  type RawResponse,
  request,
  sleep,
  withoutDate,
} from '../../support/raw-client.js';
import { contentOf, HELLO, KIB, MIB, makeSite, SIZES, type Site } from '../../support/site.js';

const ALLOW = 'GET, HEAD, OPTIONS';

/** Requests that are rejected by their bytes: no other parser may read them differently. */
const REJECTED: [subject: string, status: number, request: string][] = [
  ['no host', 400, 'GET / HTTP/1.1\r\n\r\n'],
  ['two hosts', 400, 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'],
  ['two spaces', 400, 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['no version', 400, 'GET /\r\n\r\n'],
  ['a bare LF', 400, 'GET / HTTP/1.1\nHost: a\n\n'],
  ['a bare CR', 400, 'GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n'],
  ['a space before the colon', 400, 'GET / HTTP/1.1\r\nHost : a\r\n\r\n'],
  ['a folded field', 400, 'GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n'],
  ['a NUL in a field', 400, 'GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n'],
  ['a fragment', 400, 'GET /#a HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['GET *', 400, 'GET * HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['both lengths', 400, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['two lengths', 400, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc'],
  ['a length of +3', 400, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc'],
  ['a chunk without size', 400, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n'],
  ['chunks with 1.0', 400, 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['TLS', 400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['a long body', 413, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n'],
  [
    'a long chunk',
    413,
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n${'a'.repeat(MIB + 1)}`,
  ],
  ['a long target', 414, `GET /${'a'.repeat(8192)} HTTP/1.1\r\nHost: a\r\n\r\n`],
  ['an expectation', 417, 'GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n'],
  ['a long head', 431, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(16 * KIB)}\r\n\r\n`],
  ['many fields', 431, `GET / HTTP/1.1\r\nHost: a\r\n${'X: a\r\n'.repeat(100)}\r\n`],
  [
    'long trailers',
    431,
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${'X: a\r\n'.repeat(5000)}\r\n`,
  ],
  ['an unknown method', 501, 'BREW / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['CONNECT', 501, 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a transfer coding before chunked', 501, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
  ['HTTP/2.0', 505, 'GET / HTTP/2.0\r\nHost: a\r\n\r\n'],
  ['the preface of HTTP/2', 501, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
];

/** Paths of directories without their slash, and where they are redirected; a path must never become a host. */
const REDIRECTS: [target: string, location: string][] = [
  ['/sub', '/sub/'],
  ['/sub?a=b&c', '/sub/?a=b&c'],
  ['/sub??x#'.slice(0, -1), '/sub/??x'],
  ['//sub', '/sub/'],
  ['//evil.example', '/evil.example/'],
  ['///evil.example?x', '/evil.example/?x'],
  ['/%65vil.example', '/evil.example/'],
  ['/sub/inner', '/sub/inner/'],
  ['//sub///inner', '/sub/inner/'],
  ['/&odd%20dir%25', '/&odd%20dir%25/'],
  ['/sub?\xe9', '/sub/?%E9'],
  ['http://evil.example/sub?q', '/sub/?q'],
  ['/.well-known', '/.well-known/'],
];

const NO_REDIRECT: [target: string, status: number][] = [
  ['/\\evil.example', 404],
  ['/\\/evil.example', 404],
  ['/%5Cevil.example', 404],
  ['/%2Fevil.example', 404],
  ['/%2F%2Fevil.example', 404],
  ['/%0d%0aLocation:%20http://evil.example', 404],
  ['/sub/../sub', 404],
  ['/sub%00', 400],
];

let site: Site;

beforeAll(async () => {
  site = await makeSite();
});

afterAll(() => site.remove());

describe.each(TRIGGERS)('%s', (trigger) => {
  let server: Server;
  let port: number;

  beforeAll(() => {
    server = serve({ port: 0, root: site.root, trigger, limits: { lingerTimeoutMs: 1000 } });
    port = server.port;
  });

  afterAll(async () => {
    await server.stop({ force: true });
  });

  const get = (target: string, fields: string[] = []): Promise<RawResponse> => exchange(port, request(target, fields));

  describe('responses', () => {
    test.each(SIZES)('a file of %i bytes is sent, and HEAD has the same head', async (size) => {
      using client = await RawClient.connect(port);
      for (let round = 0; round < 2; round++) {
        const whole = await client.send(request(`/${size}.bin`)).response();
        expect(whole.status).toBe(200);
        expect(whole.body.equals(contentOf(size))).toBe(true);
        expect(whole.field('Content-Type')).toBe('application/octet-stream');
        expect(whole.field('ETag')).toMatch(/^"[^"]+"$/);
        expect(whole.field('Last-Modified')).toMatch(/ GMT$/);
        expect(whole.field('Connection')).toBeNull();
        const head = await client.send(request(`/${size}.bin`, [], 'HEAD')).response('HEAD');
        expect(withoutDate(head.head)).toBe(withoutDate(whole.head));
      }
      expect(client.buffered.length).toBe(0);
    });

    test.each(['/', '/sub', '/nothing', '/.hidden', '/fifo', '/%zz'])('HEAD %s has the head of GET', async (target) => {
      const whole = await get(target);
      using client = await RawClient.connect(port);
      const head = await client.send(request(target, [], 'HEAD')).response('HEAD');
      expect(withoutDate(head.head)).toBe(withoutDate(whole.head));
      const next = await client.send(request('/hello.txt')).response();
      expect(next.body.toString()).toBe(HELLO);
    });

    test.each([
      ['/', 'index'],
      ['//', 'index'],
      ['/?a', 'index'],
      ['http://a', 'index'],
      ['http://a?b', 'index'],
      ['/sub/', 'sub'],
      ['/sub//', 'sub'],
      ['/dir-link/', 'sub'],
    ])('%s sends the index of its directory', async (target, title) => {
      const response = await get(target);
      expect([response.status, response.field('Content-Type')]).toEqual([200, 'text/html; charset=utf-8']);
      expect(response.body.toString()).toContain(`<title>${title}</title>`);
    });

    test.each(REDIRECTS)('%s redirects to %s', async (target, location) => {
      const response = await get(target);
      expect([response.status, response.field('Location')]).toEqual([301, location]);
      const there = new URL(location, 'http://here.example/x/y');
      expect(there.host).toBe('here.example');
    });

    test.each(NO_REDIRECT)('%s is %i, not a redirect', async (target, status) => {
      const response = await get(target);
      expect([response.status, response.field('Location')]).toEqual([status, null]);
    });

    test('the validators of the 200 get a 304 without a body', async () => {
      using client = await RawClient.connect(port);
      for (const target of ['/hello.txt', `/${MIB}.bin`]) {
        const whole = await client.send(request(target)).response();
        for (const field of [
          `If-None-Match: ${whole.field('ETag')}`,
          `If-Modified-Since: ${whole.field('Last-Modified')}`,
        ]) {
          const same = await client.send(request(target, [field])).response();
          expect([same.status, same.field('ETag'), same.body.length]).toEqual([304, whole.field('ETag'), 0]);
          const head = await client.send(request(target, [field], 'HEAD')).response('HEAD');
          expect(withoutDate(head.head)).toBe(withoutDate(same.head));
        }
        const changed = await client.send(request(target, ['If-None-Match: "other"'])).response();
        expect(changed.status).toBe(200);
      }
    });

    test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE'])('%s is 405 with Allow', async (method) => {
      using client = await RawClient.connect(port);
      const response = await client.send(request('/hello.txt', ['X-Secret: 1234'], method)).response();
      expect([response.status, response.field('Allow')]).toEqual([405, ALLOW]);
      expect(response.head + response.body.toString()).not.toContain('1234');
      expect((await client.send(request('/')).response()).status).toBe(200);
    });

    test.each(['*', '/', '/nothing', '/hello.txt'])('OPTIONS %s sends Allow', async (target) => {
      using client = await RawClient.connect(port);
      const response = await client.send(request(target, [], 'OPTIONS')).response();
      expect([response.status, response.field('Allow'), response.body.length]).toEqual([204, ALLOW, 0]);
      expect((await client.send(request('/')).response()).status).toBe(200);
    });
  });

  describe('error responses', () => {
    test.concurrent.each(REJECTED)('%s: %i', async (_, status, bytes) => {
      using client = await RawClient.connect(port);
      const response = await client.send(bytes).response();
      expect([response.status, response.field('Connection')]).toEqual([status, 'close']);
      expect(response.field('Content-Type')).toBe('text/plain; charset=utf-8');
      expect(response.body.length).toBeGreaterThan(0);
      expect(await client.untilClose()).toHaveLength(0);
    });

    test.concurrent.each(REJECTED)(
      'the response to %s can be read although the client sends more',
      async (_, status, bytes) => {
        using client = await RawClient.connect(port);
        client.pause();
        client.send(bytes);
        for (let i = 0; i < 8; i++) {
          client.send(Buffer.alloc(8 * KIB, 'x'));
          await sleep(3);
        }
        client.resume();
        const response = await client.response();
        expect([response.status, await client.untilClose()]).toEqual([status, Buffer.alloc(0)]);
        expect(client.failure).toBeNull();
      },
    );

    test('an error response is whole, whatever other clients requested before', async () => {
      using other = await RawClient.connect(port);
      await other.send(request('/', [], 'HEAD')).response('HEAD');
      for (const bytes of ['nonsense\r\n\r\n', 'BREW / HTTP/1.1\r\n\r\n', '\r\r', `${'A'.repeat(40)}`]) {
        await other.send(request('/', [], 'HEAD')).response('HEAD');
        const response = await exchange(port, bytes);
        expect(response.body.length).toBe(Number(response.field('Content-Length')));
      }
    });

    test('error responses are counted by status', async () => {
      const before = server.stats().errorResponses[505] ?? 0;
      await exchange(port, 'GET / HTTP/3.0\r\n\r\n');
      expect(server.stats().errorResponses[505]).toBe(before + 1);
    });
  });

  describe('connections', () => {
    test('HTTP/1.1 is persistent', async () => {
      using client = await RawClient.connect(port);
      for (let i = 0; i < 5; i++) {
        const response = await client.send(request('/hello.txt')).response();
        expect([response.status, response.field('Connection')]).toEqual([200, null]);
      }
      expect(client.ended).toBe(false);
    });

    test.each(['close', 'Close', 'TE, close', 'keep-alive, close'])('Connection: %s closes it', async (value) => {
      using client = await RawClient.connect(port);
      const response = await client.send(request('/hello.txt', [`Connection: ${value}`])).response();
      expect([response.status, response.field('Connection'), response.body.toString()]).toEqual([200, 'close', HELLO]);
      expect(await client.untilClose()).toHaveLength(0);
      expect(client.failure).toBeNull();
    });

    test('HTTP/1.0 is not persistent, and needs no Host', async () => {
      using client = await RawClient.connect(port);
      const response = await client.send('GET /hello.txt HTTP/1.0\r\n\r\n').response();
      expect([response.version, response.status, response.field('Connection')]).toEqual(['HTTP/1.1', 200, 'close']);
      expect(await client.untilClose()).toHaveLength(0);
    });

    test('HTTP/1.0 is persistent with Connection: keep-alive', async () => {
      using client = await RawClient.connect(port);
      for (const target of ['/hello.txt', `/${MIB}.bin`, '/nothing', '/hello.txt']) {
        const response = await client.send(`GET ${target} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`).response();
        expect(response.field('Connection')).toBe('keep-alive');
      }
    });

    test('200 mixed requests in one piece get their responses in order', async () => {
      const kinds: [bytes: string, method: string, check: (response: RawResponse) => void][] = [
        [request('/hello.txt'), 'GET', (response) => expect(response.body.toString()).toBe(HELLO)],
        [request('/hello.txt', [], 'HEAD'), 'HEAD', (response) => expect(response.status).toBe(200)],
        [request('/nothing'), 'GET', (response) => expect(response.status).toBe(404)],
        [
          request(`/${64 * KIB + 1}.bin`),
          'GET',
          (response) => expect(response.body.equals(contentOf(64 * KIB + 1))).toBe(true),
        ],
        [
          request(`/${64 * KIB}.bin`),
          'GET',
          (response) => expect(response.body.equals(contentOf(64 * KIB))).toBe(true),
        ],
        [request('/sub'), 'GET', (response) => expect(response.field('Location')).toBe('/sub/')],
        [
          `${request('/', ['Content-Length: 5'], 'POST')}GET /`,
          'POST',
          (response) => expect(response.status).toBe(405),
        ],
        [
          `${request('/hello.txt', ['Transfer-Encoding: chunked'])}2;x=y\r\nab\r\n0\r\nT: v\r\n\r\n`,
          'GET',
          (response) => expect(response.status).toBe(200),
        ],
        [request('*', [], 'OPTIONS'), 'OPTIONS', (response) => expect(response.status).toBe(204)],
        [
          `\r\n${request('/0.bin')}`,
          'GET',
          (response) => expect([response.status, response.body.length]).toEqual([200, 0]),
        ],
      ];
      const sequence = Array.from({ length: 200 }, (_, index) => kinds[(index * 7 + (index >> 3)) % kinds.length]!);
      using client = await RawClient.connect(port);
      client.send(sequence.map(([bytes]) => bytes).join(''));
      for (const [, method, check] of sequence) check(await client.response(method));
      expect(client.buffered).toHaveLength(0);
    });

    const CUT: [what: string, bytes: string, method: string][] = [
      ['GET', request('/hello.txt', ['X-A: b', 'Connection: keep-alive']), 'GET'],
      ['HEAD', `\r\n${request('/sub/', [], 'HEAD')}`, 'HEAD'],
      ['304', request('/hello.txt', ['If-None-Match: *']), 'GET'],
      ['Content-Length', `${request('/hello.txt', ['Content-Length: 12'])}hello\r\n\r\nGET`, 'GET'],
      [
        'chunks',
        `${request('/x', ['Transfer-Encoding: chunked'], 'POST')}3;a="b"\r\nabc\r\n0A\r\n0123456789\r\n0\r\nT: v\r\n\r\n`,
        'POST',
      ],
      ['a broken chunk', `${request('/x', ['Transfer-Encoding: chunked'], 'POST')}3\r\nabcd\r\n`, 'POST'],
      ['no host', 'GET / HTTP/1.1\r\nAccept: */*\r\n\r\n', 'GET'],
      ['a bad version', 'GET / HTTP/9.1\r\nHost: a\r\n\r\n', 'GET'],
      ['a bad field', 'GET / HTTP/1.1\r\nHost: a\r\n bad\r\n\r\n', 'GET'],
      ['an absolute target', 'GET http://a.example:80/sub?x HTTP/1.1\r\nHost: a\r\n\r\n', 'GET'],
    ];

    test.each(CUT)('%s cut at every byte gets the same response', async (_, bytes, method) => {
      const next = request('/0.bin');
      const responseTo = async (pieces: string[]): Promise<string> => {
        using client = await RawClient.connect(port);
        await client.sendPieces(pieces, 4);
        const first = await client.response(method);
        let all = withoutDate(first.head) + first.body.toString('latin1');
        if (first.field('Connection') !== 'close') all += withoutDate((await client.send(next).response()).head);
        else await client.untilClose();
        return all;
      };
      const whole = await responseTo([bytes]);
      const cuts = Array.from({ length: bytes.length - 1 }, (_, index) => index + 1);
      const responses = await Promise.all(cuts.map((at) => responseTo([bytes.slice(0, at), bytes.slice(at)])));
      for (const [index, response] of responses.entries()) expect(response, `cut at ${cuts[index]}`).toBe(whole);
      expect(await responseTo([...bytes])).toBe(whole);
    });

    test('after a half-close pending requests get their responses, then the connection closes', async () => {
      using client = await RawClient.connect(port);
      client.send(request('/hello.txt') + request(`/${8 * MIB}.bin`) + request('/nothing')).end();
      expect((await client.response()).body.toString()).toBe(HELLO);
      expect((await client.response()).body.equals(contentOf(8 * MIB))).toBe(true);
      expect((await client.response()).status).toBe(404);
      expect(await client.untilClose()).toHaveLength(0);
      expect(client.failure).toBeNull();
    });

    test('half a request and a half-close close the connection', async () => {
      for (const bytes of ['', 'GET / HT', `${request('/', ['Content-Length: 9'], 'POST')}abc`]) {
        using client = await RawClient.connect(port);
        client.send(bytes).end();
        expect(await client.untilClose()).toHaveLength(0);
      }
    });

    test('aborted connections leak nothing', async () => {
      await eventually(() => server.stats().connections.open === 0, 'the connections of the tests before end');
      for (let i = 0; i < 20; i++) {
        const client = await RawClient.connect(port);
        client.pause().send(request(`/${8 * MIB}.bin`) + request(`/${8 * MIB}.bin`));
        await sleep(5);
        if (i % 2) client.reset();
        else client.close();
      }
      await eventually(() => server.stats().connections.open === 0, 'all connections are closed');
      expect((await get('/')).status).toBe(200);
    });
  });

  describe('bodies', () => {
    const BODIES: [subject: string, fields: string, body: string][] = [
      ['Content-Length', 'Content-Length: 10', '0123456789'],
      ['Content-Length: 0', 'Content-Length: 0', ''],
      ['chunks', 'Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n'],
      ['chunks with extensions', 'Transfer-Encoding: chunked', '005;a;b="c d"\r\nhello\r\n00;z\r\n\r\n'],
      [
        'chunks with trailers',
        'Transfer-Encoding: Chunked',
        '5\r\nhello\r\n0\r\nX: y\r\nHost: evil\r\nContent-Length: 7\r\n\r\n',
      ],
      [
        'a body that looks like a request',
        'Content-Length: 37',
        'GET /nothing HTTP/1.1\r\nHost: evil\r\n\r\n'.slice(0, 37),
      ],
      ['a megabyte', `Content-Length: ${MIB}`, 'x'.repeat(MIB)],
      [
        'a megabyte of chunks',
        'Transfer-Encoding: chunked',
        `${`1000\r\n${'x'.repeat(4096)}\r\n`.repeat(256)}0\r\n\r\n`,
      ],
    ];

    test.each(BODIES)('%s is discarded, and the next request gets its response', async (_, field, body) => {
      using client = await RawClient.connect(port);
      for (const [method, status] of [
        ['POST', 405],
        ['GET', 200],
        ['OPTIONS', 204],
      ] as const) {
        client.send(request('/hello.txt', [field], method) + body + request('/sub'));
        expect((await client.response(method)).status).toBe(status);
        expect((await client.response()).field('Location')).toBe('/sub/');
      }
    });

    test('Expect: 100-continue gets a 100 if the body is read', async () => {
      using client = await RawClient.connect(port);
      client.send(request('/hello.txt', ['Expect: 100-continue', 'Content-Length: 5']));
      const interim = await client.response();
      expect(interim.head).toBe('HTTP/1.1 100 Continue\r\n\r\n');
      client.send('hello');
      expect((await client.response()).body.toString()).toBe(HELLO);
      client.send(`${request('/hello.txt', ['Expect: 100-continue', 'Content-Length: 5'])}hello`);
      expect((await client.response()).status).toBe(200);
    });

    test('Expect: 100-continue gets a 405 at once if the method is not allowed', async () => {
      using client = await RawClient.connect(port);
      client.send(request('/hello.txt', ['Expect: 100-continue', 'Content-Length: 5'], 'PUT'));
      const response = await client.response();
      expect([response.status, response.field('Connection')]).toEqual([405, 'close']);
      expect(await client.untilClose()).toHaveLength(0);
    });

    test('Expect: 100-continue with too long a body is 413 without 100', async () => {
      const response = await exchange(
        port,
        request('/', ['Expect: 100-continue', `Content-Length: ${MIB + 1}`], 'PUT'),
      );
      expect([response.status, response.field('Connection')]).toEqual([413, 'close']);
    });

    test('Expect without a body, and in HTTP/1.0, is ignored', async () => {
      using client = await RawClient.connect(port);
      expect((await client.send(request('/', ['Expect: 100-continue'])).response()).status).toBe(200);
      client.send('GET / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\na');
      expect((await client.response()).status).toBe(200);
    });
  });

  describe('backpressure', () => {
    test('a slow reader gets the whole file', async () => {
      using client = await RawClient.connect(port);
      client.pause().send(request(`/${8 * MIB}.bin`));
      const hash = createHash('sha256');
      await sleep(100);
      for (let i = 0; i < 30; i++) {
        client.resume();
        await sleep(1);
        client.pause();
        await sleep(4);
      }
      const response = await client.resume().response();
      expect(hash.update(response.body).digest('hex')).toBe(
        createHash('sha256')
          .update(contentOf(8 * MIB))
          .digest('hex'),
      );
    });

    test('clients that do not read cost little memory and do not delay others', async () => {
      const clients = await Promise.all(Array.from({ length: 40 }, () => RawClient.connect(port)));
      await get('/');
      const before = process.memoryUsage();
      for (const client of clients)
        client.pause().send(request(`/${8 * MIB}.bin`).repeat(50) + request(`/${64 * KIB}.bin`).repeat(50));
      await sleep(200);
      const after = process.memoryUsage();
      expect(after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed).toBeLessThan(24 * MIB);
      const startMs = performance.now();
      expect((await get('/hello.txt')).body.toString()).toBe(HELLO);
      expect(performance.now() - startMs).toBeLessThan(1000);
      for (const client of clients) client.close();
    });
  });

  test('names of special files do not block the server', async () => {
    const odd = [
      '/fifo',
      '/socket',
      ...(site.hasDevice ? ['/device'] : []),
      '/self',
      '/loop-a',
      '/dangling',
      '/abs-proc',
    ];
    const asked = odd.flatMap((target) => [target, `${target}/`, `${target}/x`]);
    const responses = await Promise.all(asked.map((target) => get(target)));
    expect(responses.map(({ status }) => status)).toEqual(asked.map(() => 404));
    expect((await get('/hello.txt')).body.toString()).toBe(HELLO);
  });
});
