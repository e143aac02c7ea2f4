import './prepared.js';
import { describe, expect, test } from 'vitest';
import { toHttpResponse } from '../../../src/fetch/handler-response.js';
import { type BodySource, type HeadersSource, NativeResponse } from '../../../src/fetch/native.js';
import type { HttpResponse } from '../../../src/http/response/response.js';
import { Light, type ResponseClass } from './both.js';

const TEXT = 'text/plain;charset=UTF-8';

interface Sent {
  status: number;
  reason: string;
  /** In order of their names, which are in lower case. */
  fields: string[];
  body: string | null;
  closesConnection: boolean;
  isEndless: boolean;
}

async function textOf({ body }: HttpResponse): Promise<string | null> {
  if (body.kind === 'text') return Buffer.from(body.text).toString();
  if (body.kind === 'bytes') return Buffer.from(body.bytes).toString();
  if (body.kind === 'stream') return new NativeResponse(body.stream).text();
  expect(body.kind).toBe('none');
  return null;
}

/** What the client receives, whatever the class. */
async function sentOf(response: Response): Promise<Sent> {
  const converted = toHttpResponse(response);
  const { status, reason, fieldLines, closesConnection, body } = converted;
  expect(fieldLines === '' || fieldLines.endsWith('\r\n')).toBe(true);
  const fields = fieldLines
    .split('\r\n')
    .slice(0, -1)
    .map((line) => line.replace(/^[^:]*/, (name) => name.toLowerCase()));
  const isEndless = body.kind === 'stream' && body.isEndless;
  return { status, reason, fields: fields.sort(), body: await textOf(converted), closesConnection, isEndless };
}

const bytes = (...values: number[]) => new Uint8Array(values);

describe('a response is sent as Node’s class would be', () => {
  const rows: [name: string, make: (Class: ResponseClass) => Response, expected: Partial<Sent>][] = [
    [
      'text',
      (Class) => new Class('Hällo'),
      { status: 200, reason: 'OK', fields: [`content-type: ${TEXT}`], body: 'Hällo' },
    ],
    ['half a character', (Class) => new Class('\ud800'), { body: '\ufffd' }],
    ['nothing', (Class) => new Class(), { fields: [], body: null }],
    [
      'nothing with a type',
      (Class) => new Class(null, { headers: { 'Content-Type': 'a/b' } }),
      { fields: ['content-type: a/b'] },
    ],
    ['bytes', (Class) => new Class(bytes(65, 66)), { fields: [], body: 'AB' }],
    ['an ArrayBuffer', (Class) => new Class(bytes(65, 66).buffer), { fields: [], body: 'AB' }],
    ['a part of memory', (Class) => new Class(new DataView(bytes(65, 66, 67).buffer, 1, 1)), { fields: [], body: 'B' }],
    [
      'a form',
      (Class) => new Class(new URLSearchParams({ a: 'b c' })),
      { fields: ['content-type: application/x-www-form-urlencoded;charset=UTF-8'], body: 'a=b+c' },
    ],
    ['a Blob', (Class) => new Class(new Blob(['x'], { type: 'a/b' })), { fields: ['content-type: a/b'], body: 'x' }],
    ['a Blob without a type', (Class) => new Class(new Blob(['x'])), { fields: [], body: 'x' }],
    ['a stream', (Class) => new Class(new Blob(['x']).stream()), { fields: [], body: 'x' }],
    ['JSON', (Class) => Class.json({ a: 1 }), { fields: ['content-type: application/json'], body: '{"a":1}' }],
    [
      'JSON with a status',
      (Class) => Class.json([], { status: 404 }),
      { status: 404, reason: 'Not Found', fields: ['content-type: application/json'] },
    ],
    [
      'JSON with headers',
      (Class) => Class.json([], { headers: { a: 'b' } }),
      { fields: ['a: b', 'content-type: application/json'] },
    ],
    [
      'JSON with a type',
      (Class) => Class.json([], { headers: { 'Content-Type': 'a/b' } }),
      { fields: ['content-type: a/b'] },
    ],
    [
      'a redirection',
      (Class) => Class.redirect('http://a/b', 308),
      { status: 308, reason: 'Permanent Redirect', fields: ['location: http://a/b'], body: null },
    ],
    ['a reason phrase', (Class) => new Class('', { status: 404, statusText: 'No Such' }), { reason: 'No Such' }],
    ['a status without a reason phrase', (Class) => new Class('', { status: 299 }), { status: 299, reason: '' }],
    ['204', (Class) => new Class(null, { status: 204 }), { status: 204, reason: 'No Content', fields: [], body: null }],
    ['304', (Class) => new Class(null, { status: 304, headers: { ETag: '"a"' } }), { fields: ['etag: "a"'] }],
    [
      'headers',
      (Class) => new Class('x', { headers: { A: 'b', 'X-Y': ' c ', Empty: '' } }),
      { fields: ['a: b', `content-type: ${TEXT}`, 'empty: ', 'x-y: c'] },
    ],
    [
      'pairs',
      (Class) =>
        new Class('x', {
          headers: [
            ['A', 'b'],
            ['B', 'c'],
          ],
        }),
      { fields: ['a: b', 'b: c', `content-type: ${TEXT}`] },
    ],
    ['a type', (Class) => new Class('x', { headers: { 'Content-Type': 'a/b' } }), { fields: ['content-type: a/b'] }],
    [
      'a type in another case',
      (Class) => new Class('x', { headers: { 'cONTENT-tYPE': 'a/b' } }),
      { fields: ['content-type: a/b'] },
    ],
    [
      'a type that is empty',
      (Class) => new Class('x', { headers: { 'Content-Type': '' } }),
      { fields: ['content-type: '] },
    ],
    [
      'a name twice',
      (Class) => new Class('x', { headers: { 'Content-Type': 'a/b', 'content-type': 'c/d' } }),
      { fields: ['content-type: a/b, c/d'] },
    ],
    [
      'a name twice in pairs',
      (Class) =>
        new Class('x', {
          headers: [
            ['A', 'b'],
            ['a', 'c'],
          ],
        }),
      { fields: ['a: b, c', `content-type: ${TEXT}`] },
    ],
    [
      'cookies',
      (Class) =>
        new Class('', {
          headers: [
            ['Set-Cookie', 'a=b, c'],
            ['set-cookie', 'd=e'],
          ],
        }),
      { fields: [`content-type: ${TEXT}`, 'set-cookie: a=b, c', 'set-cookie: d=e'] },
    ],
    [
      'latin1',
      (Class) => new Class('', { headers: { a: '\xe4\xff\t' } }),
      { fields: ['a: \xe4\xff', `content-type: ${TEXT}`] },
    ],
    [
      'fields that belong to the server',
      (Class) =>
        new Class('x', {
          headers: {
            Date: 'x',
            'Transfer-Encoding': 'chunked',
            'Keep-Alive': 'a',
            TE: 'b',
            Upgrade: 'c',
            'Proxy-Connection': 'd',
            'Content-Length': '99',
          },
        }),
      { fields: [`content-type: ${TEXT}`] },
    ],
    [
      'close',
      (Class) => new Class('x', { headers: { Connection: 'Close' } }),
      { closesConnection: true, fields: [`content-type: ${TEXT}`] },
    ],
    [
      'close in a list',
      (Class) => new Class('x', { headers: { Connection: 'a , close' } }),
      { closesConnection: true },
    ],
    [
      'no close',
      (Class) => new Class('x', { headers: { Connection: 'keep-alive, closed' } }),
      { closesConnection: false },
    ],
    [
      'an event stream',
      (Class) =>
        new Class(new Blob(['']).stream(), { headers: { 'Content-Type': 'Text/Event-Stream; charset=utf-8' } }),
      { isEndless: true },
    ],
    [
      'headers that were set',
      (Class) => {
        const response = new Class('x', { headers: { A: 'b' } });
        response.headers.set('a', 'c');
        response.headers.append('Set-Cookie', 'd');
        response.headers.append('Set-Cookie', 'e');
        return response;
      },
      { fields: ['a: c', `content-type: ${TEXT}`, 'set-cookie: d', 'set-cookie: e'] },
    ],
    [
      'a type that was deleted',
      (Class) => {
        const response = new Class('x');
        response.headers.delete('content-type');
        return response;
      },
      { fields: [], body: 'x' },
    ],
    [
      'a type that was deleted from Headers',
      (Class) => {
        const response = new Class('x', { headers: new Headers({ a: 'b' }) });
        response.headers.delete('content-type');
        return response;
      },
      { fields: ['a: b'] },
    ],
    [
      'Headers',
      (Class) => new Class('x', { headers: new Headers({ a: 'b' }) }),
      { fields: ['a: b', `content-type: ${TEXT}`] },
    ],
    [
      'headers set after access to the body',
      (Class) => {
        const response = new Class('x');
        void response.body;
        response.headers.set('a', 'b');
        return response;
      },
      { fields: ['a: b', `content-type: ${TEXT}`], body: 'x' },
    ],
    [
      'a clone',
      (Class) => {
        const response = new Class('x');
        response.headers.delete('content-type');
        return response.clone();
      },
      { fields: [], body: 'x' },
    ],
    [
      'a response that was cloned',
      (Class) => {
        const response = new Class('x');
        response.clone();
        return response;
      },
      { body: 'x' },
    ],
    ['a clone of a stream', (Class) => new Class(new Blob(['x']).stream()).clone(), { body: 'x' }],
    [
      'the body of another response',
      (Class) => new Class(new Class('x').body, new Class('', { status: 404, headers: { a: 'b' } })),
      { status: 404, body: 'x' },
    ],
    [
      'a subclass',
      (Class) => {
        class Missing extends Class {}
        Object.defineProperty(Missing.prototype, 'status', { get: () => 404 });
        return new Missing('x');
      },
      { status: 404, reason: 'Not Found', body: 'x' },
    ],
  ];
  test.each(rows)('%s', async (_, make, expected) => {
    const light = await sentOf(make(Light));
    expect(light).toMatchObject(expected);
    expect(light).toEqual(await sentOf(make(NativeResponse)));
  });
});

describe('a FastResponse', () => {
  test.each<[name: string, body: BodySource, length: number]>([
    ['text', 'Hällo', 6],
    ['no text', '', 0],
    ['half a character', '\ud800', 3],
    ['nothing', null, -1],
    ['bytes', bytes(1, 2, 3), 3],
    ['an ArrayBuffer', bytes(1, 2).buffer, 2],
    ['a form', new URLSearchParams('a=b'), 3],
    ['a Blob', new Blob(['abc']), 3],
    ['a stream', new Blob(['abc']).stream(), -1],
  ])('has the length of %s', async (_, body, length) => {
    for (const headers of [{}, { 'Content-Length': '99' }, { 'Content-Length': 'x' }]) {
      const response = toHttpResponse(
        new Light(body instanceof ReadableStream ? new Blob(['abc']).stream() : body, { headers }),
      );
      const isUnknown = headers['Content-Length'] === '99' && (body === null || body instanceof ReadableStream);
      expect(response.contentLength).toBe(isUnknown ? 99 : length);
      await textOf(response);
    }
  });

  test('sends text and bytes without a stream', () => {
    const text = (value: string) => ({ kind: 'text', text: value, length: value.length });
    for (const [response, body] of [
      [new Light('x'), text('x')],
      [new Light(new URLSearchParams('a=b')), text('a=b')],
      [new Light(bytes(1)), { kind: 'bytes', bytes: bytes(1) }],
      [new Light(bytes(1).buffer), { kind: 'bytes', bytes: bytes(1) }],
      [new Light('x').clone(), text('x')],
      [Light.json([]), text('[]')],
    ] as const) {
      expect(toHttpResponse(response).body).toEqual(body);
      expect(response.body).not.toBe(null);
      expect(toHttpResponse(response).body).toEqual(body); // it was accessed, and not read
    }
  });

  test('keeps the case and the order of names', () => {
    const { fieldLines } = toHttpResponse(new Light('x', { headers: { 'X-B': 'c', 'X-A': 'd' } }));
    expect(fieldLines).toBe(`X-B: c\r\nX-A: d\r\nContent-Type: ${TEXT}\r\n`);
  });
});

describe('toHttpResponse throws ERR_EPOLLET_RESPONSE for', () => {
  test.each([
    undefined,
    null,
    5,
    'x',
    {},
    [],
    () => {},
    new Error('x'),
    new Request('http://a'),
    { status: 200 },
    { status: '200', headers: [] },
    { headers: new Headers() },
  ])('%o, which is not a Response', (value) => {
    expect(() => toHttpResponse(value)).toThrow(TypeError);
    expect(() => toHttpResponse(value)).toThrow(/^A handler must return a Response/);
  });

  test.each([Response.error(), { status: 101, headers: [] }, { status: 600, headers: [] }])(
    'a status that cannot be sent',
    (value) => {
      expect(() => toHttpResponse(value)).toThrow(
        /^A handler must return a Response that can be sent, not one of status \d+$/,
      );
    },
  );

  test.each<[string, (response: Response) => unknown]>([
    ['read', (response) => response.text()],
    ['read in a clone of a stream', async (response) => response.body!.pipeTo(new WritableStream())],
    ['locked', (response) => response.body!.getReader()],
    ['cancelled', (response) => response.body!.cancel()],
    [
      'partly read',
      async (response) => {
        const reader = response.body!.getReader();
        await reader.read();
        reader.releaseLock();
      },
    ],
  ])('a body that is %s', async (_, use) => {
    for (const Class of [Light, NativeResponse])
      for (const body of ['x', bytes(1), new Blob(['x'])]) {
        const response = new Class(body);
        const using = use(response);
        expect(() => toHttpResponse(response)).toThrow(/used up/);
        await using;
        expect(() => toHttpResponse(response)).toThrow(/used up/);
      }
  });

  test('fields that are not valid as bytes', () => {
    const values = ['a\r\nb: c', 'a\nb', 'a\rb', 'a\0', 'a\x01', 'a\x7f', '\u010d\u010ab: c', '\u0100'];
    for (const value of values) {
      const alien = { status: 200, headers: new Map([['x', value]]), body: null, bodyUsed: false };
      expect(() => toHttpResponse(alien)).toThrow(/^The field "x" of the Response cannot be sent/);
    }
    for (const name of ['', 'a b', 'a:', 'a\r\nb', 'ä', '\u010a'])
      expect(() => toHttpResponse({ status: 200, headers: [[name, 'x']], body: null })).toThrow(/cannot be sent/);
    for (const Class of [Light, NativeResponse]) {
      expect(() => toHttpResponse(new Class('', { headers: { a: 'b\x01' } }))).toThrow(/cannot be sent/);
      const response = new Class('');
      response.headers.set('a', 'b\x7f');
      expect(() => toHttpResponse(response)).toThrow(/cannot be sent/);
    }
  });
});

describe('a response of another class', () => {
  const alien = (more: object) => ({
    status: 200,
    statusText: '',
    headers: new Map([['a', 'b']]),
    body: null,
    bodyUsed: false,
    ...more,
  });

  test('is sent if it is like a Response', async () => {
    expect(await sentOf(alien({ status: 404 }) as never)).toMatchObject({
      status: 404,
      reason: 'Not Found',
      fields: ['a: b'],
      body: null,
    });
    const { body } = new NativeResponse('x');
    expect(await sentOf(alien({ body }) as never)).toMatchObject({ body: 'x' });
  });

  test('may have a body of its own kind', async () => {
    async function* pieces() {
      yield Buffer.from('He');
      yield Buffer.from('llo');
    }
    const response = toHttpResponse(alien({ body: pieces() }));
    expect(response.body.kind).toBe('stream');
    expect(await textOf(response)).toBe('Hello');
    expect(() => toHttpResponse(alien({ body: 5 }))).toThrow(TypeError);
  });

  test.each(['a\r\nb: c', 'a\0', '\u010d\u010a', 5, null, undefined])(
    'may have an invalid reason, which is ignored: %j',
    (statusText) => {
      expect(toHttpResponse(alien({ statusText })).reason).toBe('OK');
    },
  );

  test('has no body with 205 and 304', () => {
    const body = new NativeResponse('x').body;
    const headers = [['content-length', '5']];
    expect(toHttpResponse(alien({ status: 205, body, headers }))).toMatchObject({
      body: { kind: 'none' },
      contentLength: -1,
    });
    expect(toHttpResponse(alien({ status: 304, body, headers }))).toMatchObject({
      body: { kind: 'none' },
      contentLength: 5,
    });
  });
});

describe('a response from fetch', () => {
  /** As `fetch` returns it, which decodes the body. */
  const got = (headers: HeadersSource, body: string | null = 'x') =>
    Object.defineProperty(new NativeResponse(body, { headers }), 'url', { value: 'http://a/' });

  test.each([
    ['gzip', true],
    ['GZIP, br', true],
    ['deflate', true],
    ['x-gzip', true],
    ['identity', false],
    ['gzip, mine', false],
  ])('with content coding %s is decoded: %s', (coding, isPlain) => {
    const response = toHttpResponse(got({ 'content-encoding': coding, 'content-length': '99', etag: 'a' }));
    expect(response.fieldLines.includes('content-encoding')).toBe(!isPlain);
    expect(response.contentLength).toBe(isPlain ? -1 : 99);
    expect(response.fieldLines).toContain('etag: a\r\n');
  });

  test.each<[HeadersSource, string, number, boolean]>([
    [{ 'content-encoding': 'gzip', 'content-length': '99' }, '', -1, true],
    [{ 'content-encoding': 'mine', 'content-length': '99' }, 'content-encoding: mine\r\n', 99, false],
    [{ 'content-length': '0' }, '', 0, false],
    [{ etag: 'a' }, 'etag: a\r\n', -1, true],
  ])('to HEAD with %o is that to GET without its body', (headers, lines, length, isStreamed) => {
    const { fieldLines, contentLength, isStreamedForGet } = toHttpResponse(got(headers, null));
    expect([fieldLines, contentLength, isStreamedForGet]).toEqual([lines, length, isStreamed]);
  });

  test('closes the connection of the upstream, not that of the client', () => {
    expect(toHttpResponse(got({ connection: 'close' })).closesConnection).toBe(false);
    expect(toHttpResponse(new NativeResponse('x', { headers: { connection: 'close' } })).closesConnection).toBe(true);
  });

  test('made by the program itself keeps its content coding', () => {
    const response = toHttpResponse(new NativeResponse('x', { headers: { 'content-encoding': 'gzip' } }));
    expect(response.fieldLines).toContain('content-encoding: gzip\r\n');
  });
});

test('fields of one hop, which a Connection field names, are not sent', () => {
  const headers = { A: '1', Connection: 'x-hop, Close', 'X-Hop': '2', B: '3' };
  for (const response of [new Light('x', { headers }), new NativeResponse('x', { headers })]) {
    const { fieldLines, closesConnection } = toHttpResponse(response);
    expect(fieldLines.toLowerCase()).toMatch(/^a: 1\r\nb: 3\r\n(?:content-type: [^\r]+\r\n)$/);
    expect(closesConnection).toBe(true);
  }
});

describe('a Response of another implementation', () => {
  /** As node-fetch has it: iterated, the values of a name are joined. */
  class JoinedHeaders {
    constructor(private readonly fields: Record<string, string[]>) {}
    *[Symbol.iterator](): Generator<[string, string]> {
      for (const [name, values] of Object.entries(this.fields)) yield [name, values.join(', ')];
    }
    raw(): Record<string, string[]> {
      return this.fields;
    }
  }
  const cookies = ['a=1; Expires=Thu, 01 Jan 2026 00:00:00 GMT', 'b=2'];
  const joined = new JoinedHeaders({ 'set-cookie': cookies, x: ['1', '2'] }) as never;
  const lines = `x: 1, 2\r\n${cookies.map((cookie) => `set-cookie: ${cookie}\r\n`).join('')}`;

  test('keeps its several Set-Cookie', () => {
    const without = new JoinedHeaders({ x: ['1'] }) as never;
    expect(toHttpResponse({ status: 200, headers: joined, body: null }).fieldLines).toBe(lines);
    expect(toHttpResponse({ status: 200, headers: without, body: null }).fieldLines).toBe('x: 1\r\n');
    const copy = new Light(null, { headers: joined });
    expect(copy.headers.getSetCookie()).toEqual(cookies);
    expect(toHttpResponse(copy).fieldLines.split('\r\n').sort()).toEqual(lines.split('\r\n').sort());
  });

  /** Another text each time. */
  const changing = (...texts: string[]): string => ({ toString: () => texts.shift() ?? 'a\r\nInjected: 1' }) as never;

  test('has each of its values turned into text once', () => {
    const pairs = [
      [changing('X-A'), changing('one')],
      ['X-B', changing('two')],
    ];
    expect(toHttpResponse({ status: 200, headers: pairs, body: null }).fieldLines).toBe('X-A: one\r\nX-B: two\r\n');
    expect(() => toHttpResponse({ status: 200, headers: [['X', changing()]], body: null })).toThrow('cannot be sent');
    const statuses = [200, 99];
    const changed = {
      headers: [],
      body: null,
      get status() {
        return statuses.shift();
      },
    };
    expect(toHttpResponse(changed).status).toBe(200);
    expect(
      toHttpResponse(new Light('x', { statusText: changing('Fine'), headers: { X: changing('y') } })),
    ).toMatchObject({
      reason: 'Fine',
      fieldLines: expect.stringContaining('x: y\r\n'),
    });
  });
});
