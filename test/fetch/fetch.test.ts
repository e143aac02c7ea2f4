import { describe, expect, test } from 'vitest';
import type { FetchHandler } from '../../src/index.js';
import { handling } from '../support/handling.js';
import { exchange, RawClient, request, sleep } from '../support/raw-client.js';

const { start } = handling();

const bytes = new Uint8Array([0, 1, 255]);
const streamOf = (...pieces: string[]): ReadableStream =>
  new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(Buffer.from(piece));
      controller.close();
    },
  });

/** What a library may return in the place of a promise. */
class Thenable {
  constructor(private readonly response: Response) {}

  // biome-ignore lint/suspicious/noThenProperty: it is what this is about
  then(resolve: (response: Response) => void): void {
    resolve(this.response);
  }
}

/** [what, its response, status, fields with their values (null: absent), body]; those of HTTP/1.0 and HEAD follow. */
const RESPONSES: [string, () => Response, number, Record<string, string | null>, string | Uint8Array][] = [
  [
    'text',
    () => new Response('Hello, World!'),
    200,
    { 'Content-Length': '13', 'Content-Type': 'text/plain;charset=UTF-8' },
    'Hello, World!',
  ],
  ['text beyond ASCII', () => new Response('é€'), 200, { 'Content-Length': '5' }, 'é€'],
  ['nothing', () => new Response(), 200, { 'Content-Length': '0', 'Content-Type': null }, ''],
  ['an empty text', () => new Response(''), 200, { 'Content-Length': '0' }, ''],
  ['bytes', () => new Response(bytes), 200, { 'Content-Length': '3', 'Content-Type': null }, bytes],
  ['a buffer', () => new Response(bytes.buffer), 200, {}, bytes],
  ['a blob', () => new Response(new Blob(['ab'], { type: 'text/x' })), 200, { 'Content-Type': 'text/x' }, 'ab'],
  [
    'parameters',
    () => new Response(new URLSearchParams({ a: 'b c' })),
    200,
    { 'Content-Type': 'application/x-www-form-urlencoded;charset=UTF-8' },
    'a=b+c',
  ],
  [
    'JSON',
    () => Response.json({ a: 1 }),
    200,
    { 'Content-Length': '7', 'Content-Type': 'application/json' },
    '{"a":1}',
  ],
  [
    'a redirect',
    () => Response.redirect('http://b/c', 303),
    303,
    { Location: 'http://b/c', 'Content-Length': '0' },
    '',
  ],
  ['a status and its reason', () => new Response('', { status: 418, statusText: 'Short and stout' }), 418, {}, ''],
  [
    'fields',
    () =>
      new Response('', {
        headers: [
          ['X-A', 'b'],
          ['x-a', 'c'],
        ],
      }),
    200,
    { 'X-A': 'b, c' },
    '',
  ],
  [
    'fields set later',
    () => {
      const made = new Response('');
      made.headers.set('x-a', 'b');
      return made;
    },
    200,
    { 'X-A': 'b' },
    '',
  ],
  ['204', () => new Response(null, { status: 204 }), 204, { 'Content-Length': null, 'Transfer-Encoding': null }, ''],
  [
    '205',
    () => new Response(null, { status: 205, headers: { 'Content-Length': '5' } }),
    205,
    { 'Content-Length': '0' },
    '',
  ],
  [
    '304',
    () => new Response(null, { status: 304, headers: { ETag: '"x"' } }),
    304,
    { 'Content-Length': null, ETag: '"x"' },
    '',
  ],
  [
    'a stream',
    () => new Response(streamOf('a', '', 'bc')),
    200,
    { 'Transfer-Encoding': 'chunked', 'Content-Length': null },
    'abc',
  ],
  ['an empty stream', () => new Response(streamOf()), 200, { 'Transfer-Encoding': 'chunked' }, ''],
  [
    'a stream with a Content-Length',
    () => new Response(streamOf('a', 'bc'), { headers: { 'Content-Length': '3' } }),
    200,
    { 'Transfer-Encoding': null, 'Content-Length': '3' },
    'abc',
  ],
  [
    'a stream longer than its Content-Length',
    () => new Response(streamOf('a', 'bcd'), { headers: { 'Content-Length': '3' } }),
    200,
    { 'Content-Length': '3' },
    'abc',
  ],
  [
    'a stream with Content-Length 0',
    () => new Response(new ReadableStream(), { headers: { 'Content-Length': '0' } }),
    200,
    { 'Content-Length': '0' },
    '',
  ],
  [
    'a text with a wrong Content-Length',
    () => new Response('abc', { headers: { 'Content-Length': '9' } }),
    200,
    { 'Content-Length': '3' },
    'abc',
  ],
  [
    'no body with a Content-Length',
    () => new Response(null, { headers: { 'Content-Length': '9' } }),
    200,
    { 'Content-Length': '0' },
    '',
  ],
  [
    'framing fields, which belong to the server',
    () => new Response('abc', { headers: { 'Transfer-Encoding': 'gzip', Date: 'x', Connection: 'upgrade' } }),
    200,
    { 'Transfer-Encoding': null, Connection: null, 'Content-Length': '3' },
    'abc',
  ],
  ['a clone', () => new Response('abc').clone(), 200, {}, 'abc'],
];

const HOW: [string, (response: () => Response) => FetchHandler][] = [
  ['at once', (response) => response],
  ['by a promise', (response) => async () => response()],
  ['later', (response) => () => sleep(1).then(response)],
  ['by a thenable that is not a Promise', (response) => () => new Thenable(response()) as never],
];

describe.each(HOW)('a handler responds %s', (_, how) => {
  test.each(RESPONSES)('%s', async (_, make, status, fields, body) => {
    const server = start(how(make));
    using client = await RawClient.connect(server.port);
    const response = await client.send(request('/')).response();
    expect([response.status, response.body]).toEqual([status, Buffer.from(body as string)]);
    for (const [name, value] of Object.entries(fields)) expect([name, response.field(name)]).toEqual([name, value]);
    expect(response.field('Date')).toMatch(/ GMT$/);

    // HEAD: the same without the body, and the connection is persistent.
    const head = await client.send(request('/', [], 'HEAD')).response('HEAD', undefined, false);
    expect(head.status).toBe(status);
    // For a response without a body, the body of a GET is unknown.
    if (response.field('Content-Length') !== '0')
      expect(head.field('Content-Length')).toBe(response.field('Content-Length'));
    expect(head.field('Transfer-Encoding')).toBe(response.field('Transfer-Encoding'));
    expect((await client.send(request('/')).response()).status).toBe(status);

    // HTTP/1.0 has no chunks: the body ends with the connection.
    using old = await RawClient.connect(server.port);
    const all = (await old.send('GET / HTTP/1.0\r\nHost: a\r\n\r\n').untilClose()).toString('latin1');
    expect(all).not.toMatch(/^transfer-encoding/im);
    expect(all.slice(all.indexOf('\r\n\r\n') + 4)).toBe(Buffer.from(body as string).toString('latin1'));
  });
});

test('several cookies are sent as several fields', async () => {
  const server = start(() => {
    const headers = new Headers({ 'Set-Cookie': 'a=1; Path=/' });
    headers.append('Set-Cookie', 'b=2');
    return new Response('', { headers });
  });
  const { fields } = await exchange(server.port, request('/'));
  expect(fields.filter(([name]) => name.toLowerCase() === 'set-cookie').map(([, value]) => value)).toEqual([
    'a=1; Path=/',
    'b=2',
  ]);
});

test('a response of Node’s own class, made before the server, is sent', async () => {
  const { NativeResponse } = await import('../../src/fetch/native.js');
  const server = start(() => new NativeResponse('native', { headers: { 'x-a': 'b' } }));
  const response = await exchange(server.port, request('/'));
  expect([response.body.toString(), response.field('X-A')]).toEqual(['native', 'b']);
});
