import './prepared.js';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installGlobals } from '../../../src/fetch/globals.js';
import { toHttpResponse } from '../../../src/fetch/handler-response.js';
import { NativeRequest, NativeResponse, type RequestSource } from '../../../src/fetch/native.js';
import { FastRequest } from '../../../src/fetch/request.js';
import { FastResponse } from '../../../src/fetch/response.js';
import { arrived } from './both.js';

interface Received {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Responds with the request it received, in JSON. */
const upstream = createServer((request, response) => {
  const pieces: Buffer[] = [];
  request.on('data', (piece: Buffer) => pieces.push(piece));
  request.on('end', () => {
    const { method, url, headers } = request;
    const text = JSON.stringify({ method, url, headers, body: Buffer.concat(pieces).toString() } satisfies Received);
    const body = gzipSync(text);
    response.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Length': body.length, 'Content-Type': 'a/b' });
    response.end(method === 'HEAD' ? undefined : body);
  });
});
let host = '';
const { fetch: fetchBefore } = globalThis;
const calls: unknown[][] = [];

beforeAll(async () => {
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  host = `127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  // As a program that watches its requests has done, before there is a server.
  globalThis.fetch = (...args) => {
    calls.push(args);
    return fetchBefore(...args);
  };
  installGlobals();
});
afterAll(() => {
  upstream.closeAllConnections();
  return new Promise((resolve) => upstream.close(resolve));
});

test('installGlobals is idempotent', () => {
  const { Response, Request, fetch } = globalThis;
  installGlobals();
  expect([globalThis.Response, globalThis.Request, globalThis.fetch]).toEqual([Response, Request, fetch]);
});

describe('the global classes', () => {
  test('are FastResponse, and a Request that is like Node’s', () => {
    expect(Response).toBe(FastResponse);
    for (const [Class, name] of [
      [Response, 'Response'],
      [Request, 'Request'],
    ] as const) {
      expect(Class.name).toBe(name);
      expect(Object.getOwnPropertyDescriptor(globalThis, name)).toMatchObject({
        enumerable: false,
        writable: true,
        configurable: true,
      });
    }
    expect(new Request('http://a').constructor).toBe(Request);
    expect(new Response().constructor).toBe(Response);
    expect(arrived().request.constructor).toBe(Request);
  });

  test('recognize each other’s objects', () => {
    const { request } = arrived();
    const requests = [request, request.clone(), new Request('http://a'), new NativeRequest('http://a')];
    for (const each of requests) for (const Class of [Request, NativeRequest]) expect(each instanceof Class).toBe(true);
    const responses = [
      new Response(),
      new Response().clone(),
      new NativeResponse(),
      Response.json([]),
      Response.error(),
    ];
    for (const each of responses)
      for (const Class of [Response, NativeResponse]) expect(each instanceof Class).toBe(true);
    expect((request as unknown) instanceof Response).toBe(false);
    expect((responses[0] as unknown) instanceof Request).toBe(false);
  });

  test('can be extended as Node’s can', async () => {
    class Mine extends Request {
      readonly path: string;
      constructor(input: RequestSource, init?: RequestInit) {
        super(input, init);
        this.path = new URL(this.url).pathname;
      }
    }
    const { request } = arrived({ method: 'POST', target: '/a/../b', fields: ['Host: c', 'X: y'], body: ['Hello'] });
    const mine = new Mine(request);
    expect([mine.path, mine.method, mine.headers.get('x')]).toEqual(['/b', 'POST', 'y']);
    expect([mine instanceof Mine, mine instanceof Request, request instanceof Mine]).toEqual([true, true, false]);
    expect(request.bodyUsed).toBe(true);
    expect(await mine.text()).toBe('Hello');

    class Page extends Response {
      static of(text: string) {
        return new this(text, { headers: { 'Content-Type': 'text/html' } });
      }
    }
    expect(toHttpResponse(Page.of('x'))).toMatchObject({
      body: { text: 'x' },
      fieldLines: 'Content-Type: text/html\r\n',
    });
  });

  test('have members that are added to their prototypes', () => {
    const added = { value: () => 'added', configurable: true };
    for (const Class of [Request, Response]) Object.defineProperty(Class.prototype, 'added', added);
    for (const each of [arrived().request, new Request('http://a'), new Response()])
      expect((each as unknown as { added(): string }).added()).toBe('added');
    for (const Class of [Request, Response]) Reflect.deleteProperty(Class.prototype, 'added');
  });
});

describe('new Request of a received request', () => {
  test('is its copy', async () => {
    const { request } = arrived({ method: 'POST', target: '/a?b', fields: ['Host: c', 'X: y'], body: ['Hel', 'lo'] });
    request.headers.set('X', 'z');
    const copy = new Request(request);
    expect([copy.url, copy.method, copy.headers.get('x')]).toEqual(['http://c/a?b', 'POST', 'z']);
    expect(request.bodyUsed).toBe(true);
    expect(await copy.text()).toBe('Hello');
    await expect(request.text()).rejects.toThrow(TypeError);
  });

  test('applies its init', async () => {
    const { request } = arrived({ method: 'POST', fields: ['Host: c', 'X: y'], body: ['Hello'] });
    const copy = new Request(request, { method: 'PUT', headers: { a: 'b' }, body: 'other' });
    expect([copy.method, copy.headers.get('x'), copy.headers.get('a'), await copy.text()]).toEqual([
      'PUT',
      null,
      'b',
      'other',
    ]);
    expect(await request.text()).toBe('Hello');
  });

  test('is aborted with it', () => {
    const { request, abort } = arrived();
    const copy = new Request(request);
    abort(new Error('gone'));
    expect(copy.signal.aborted).toBe(true);
  });

  test('throws for a used one, and takes other inputs as before', async () => {
    const { request } = arrived({ method: 'POST', body: ['x'] });
    await request.text();
    expect(() => new Request(request)).toThrow(TypeError);
    expect(() => new Request('nowhere')).toThrow(TypeError);
    expect(() => new Request(undefined as unknown as string)).toThrow(TypeError);
    expect(new Request(new URL('http://a/b'), { method: 'POST', body: 'x' }).method).toBe('POST');
    expect(new Request(new NativeRequest('http://a/b')).url).toBe('http://a/b');
  });
});

describe('fetch', () => {
  const receivedBy = async (response: Response) => (await response.json()) as Received;
  const hops = ['Connection: keep-alive, Upgrade', 'Keep-Alive: timeout=5', 'Upgrade: h2c', 'X: y'];

  test('behaves as before for other inputs', async () => {
    const before = calls.length;
    expect(await receivedBy(await fetch(`http://${host}/a`, { method: 'PUT', body: 'x' }))).toMatchObject({
      method: 'PUT',
      url: '/a',
      body: 'x',
    });
    expect(await receivedBy(await fetch(new URL(`http://${host}/b`)))).toMatchObject({ url: '/b' });
    expect(await receivedBy(await fetch(new Request(`http://${host}/c`, { headers: { a: 'b' } })))).toMatchObject({
      url: '/c',
    });
    expect(calls.length).toBe(before + 3);
    await expect(fetch('nowhere')).rejects.toThrow(TypeError);
    await expect(fetch(undefined as unknown as string)).rejects.toThrow(TypeError);
  });

  test('sends a received request', async () => {
    const { request } = arrived({ target: '/a?b', fields: [`Host: ${host}`, ...hops] });
    const received = await receivedBy(await fetch(request));
    expect(received).toMatchObject({ method: 'GET', url: '/a?b', body: '' });
    expect(received.headers).toMatchObject({ host, x: 'y' });
    expect([received.headers['keep-alive'], received.headers.upgrade]).toEqual([undefined, undefined]);
  });

  test.each<[string, string[]]>([
    ['of a length', ['Content-Length: 5']],
    ['in chunks', ['Transfer-Encoding: chunked']],
    ['that waits', ['Content-Length: 5', 'Expect: 100-continue']],
    [
      'with fields of one hop',
      ['Content-Length: 5', 'TE: trailers', 'Proxy-Connection: close', 'Connection: X-Hop', 'X-Hop: 1'],
    ],
    ['on a connection that closes', ['Content-Length: 5', 'Connection: close']],
  ])('sends its body on, %s', async (_, fields) => {
    const other = `http://${host}/other`;
    for (const send of [
      (request: Request) => fetch(request),
      (request: Request) => fetch(new Request(other, request)),
      (request: Request) => fetch(other, request),
      (request: Request) => fetch(new URL(other), request),
      ({ method, headers, body }: Request) => fetch(other, { method, headers, body }),
      ({ method, headers, body }: Request) => fetch(other, { method, headers: [...headers], body }),
      ({ method, headers, body }: Request) => fetch(other, { method, headers: Object.fromEntries(headers), body }),
      ({ method, headers, body }: Request) => fetch(new Request(other, { method, headers, body })),
      async (request: Request) =>
        fetch(other, { method: 'POST', headers: request.headers, body: await request.text() }),
    ]) {
      const { request } = arrived({
        method: 'POST',
        fields: [`Host: ${host}`, ...fields, ...hops],
        body: ['Hel', 'lo'],
      });
      const received = await receivedBy(await send(request));
      expect(received).toMatchObject({ method: 'POST', body: 'Hello' });
      for (const name of ['x-hop', 'te', 'proxy-connection']) expect(received.headers).not.toHaveProperty(name);
      expect(received.headers['x']).toBe('y');
      expect(request.bodyUsed).toBe(true);
    }
  });

  test('sends on a GET that had a body, without it', async () => {
    const { request } = arrived({ fields: [`Host: ${host}`, 'Content-Length: 5'], body: ['Hello'] });
    const { headers, body } = request;
    for (const send of [() => fetch(request), () => fetch(`http://${host}/`, { headers, body })]) {
      const received = await receivedBy(await send());
      expect([received.body, received.headers['content-length']]).toEqual(['', undefined]);
    }
  });

  test('sends another body than the received with its own length', async () => {
    const { request } = arrived({ method: 'POST', fields: [`Host: ${host}`, 'Content-Length: 5'], body: ['Hello'] });
    const { method, headers } = request;
    const received = await receivedBy(await fetch(`http://${host}/`, { method, headers, body: 'another' }));
    expect(received.body).toBe('another');
  });

  test('sends what a program has set', async () => {
    const { headers } = await receivedBy(await fetch(`http://${host}/`, { headers: { Connection: 'close', X: 'y' } }));
    expect(headers).toMatchObject({ connection: 'close', x: 'y' });
  });

  test('returns a Response that a handler can return', async () => {
    const { fieldLines, contentLength, body } = toHttpResponse(await fetch(`http://${host}/a`));
    expect([fieldLines, contentLength]).toEqual(['content-type: a/b\r\n', -1]);
    const stream = body.kind === 'stream' ? body.stream : null;
    expect(await new NativeResponse(stream).json()).toMatchObject({ url: '/a' });

    const head = toHttpResponse(await fetch(`http://${host}/a`, { method: 'HEAD' }));
    expect(head.body.kind).toBe('none');
    expect([head.fieldLines, head.contentLength, head.isStreamedForGet]).toEqual([fieldLines, -1, true]);
  });

  test('is aborted when the client disconnects', async () => {
    const { request, abort } = arrived({ fields: [`Host: ${host}`] });
    const reason = new DOMException('The client has disconnected', 'AbortError');
    abort(reason);
    await expect(fetch(request)).rejects.toBe(reason);
  });
});

test('FastRequest.is recognizes a FastRequest', () => {
  expect(FastRequest.is(arrived().request)).toBe(true);
});
