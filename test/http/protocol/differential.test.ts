import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Server } from '../../../src/index.js';
import { serve } from '../../../src/index.js';
import { Command } from '../../support/command.js';
import { RawClient, request } from '../../support/raw-client.js';
import { handle } from './same-handlers.mjs';

const OTHER = fileURLToPath(new URL('./hono-server.mjs', import.meta.url));

let ours: Server;
let other: Command;
let otherPort: number;
const { write } = process.stderr;

beforeAll(async () => {
  other = new Command(spawn(process.execPath, [OTHER], { stdio: ['ignore', 'pipe', 'pipe'] }));
  ours = serve({ port: 0, fetch: handle });
  otherPort = await other.port();
  process.stderr.write = (() => true) as typeof write; // errors of handlers are printed there
});

afterAll(async () => {
  process.stderr.write = write;
  await ours.stop({ force: true });
  await other[Symbol.asyncDispose]();
});

const get = (target: string, fields: string[] = []): string => request(target, fields);
const send = (method: string, target: string, body: string, fields: string[] = []): string =>
  request(target, [`Content-Length: ${Buffer.byteLength(body, 'latin1')}`, ...fields], method) + body;
const chunked = (target: string, ...pieces: string[]): string =>
  request(target, ['Transfer-Encoding: chunked'], 'POST') +
  [...pieces, ''].map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('');
const utf8 = (text: string): string => Buffer.from(text).toString('latin1');

const JSON_BODY = ['Content-Type: application/json'];
const FORM = ['Content-Type: application/x-www-form-urlencoded'];
const MULTIPART = ['Content-Type: multipart/form-data; boundary=xYz'];
const parts =
  '--xYz\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' +
  '--xYz\r\nContent-Disposition: form-data; name="f"; filename="f.txt"\r\nContent-Type: text/plain\r\n\r\nfile\r\n' +
  '--xYz--\r\n';

/** Requests that differ in their path only. */
const PATHS = [
  '/text /async /unicode /empty /nothing /undefined /bytes /buffer /blob /blob-untyped /params /json /json-created',
  '/html /big /big-bytes /cookies /changed /headers-list /latin1 /teapot /created /no-content /reset-content',
  '/not-modified /not-found /unavailable /redirect /redirect-relative /stream /stream-slow /stream-empty /stream-sized',
  '/events /tee /wrapped /throws /rejects /length-wrong /none',
].flatMap((line) => line.split(' '));

/** The method of the request decides how the response is framed. */
const CASES: [subject: string, bytes: string][] = [
  ...PATHS.map((path): [string, string] => [`GET ${path}`, get(path)]),
  ...PATHS.map((path): [string, string] => [`HEAD ${path}`, request(path, [], 'HEAD')]),
  ...['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((method): [string, string] => [
    `${method} without a body`,
    request('/method', method === 'GET' ? [] : ['Content-Length: 0'], method),
  ]),
  ...['POST', 'PUT', 'PATCH', 'DELETE'].map((method): [string, string] => [
    `${method} with a body`,
    send(method, '/echo', 'body'),
  ]),
  ['an echo of bytes', send('POST', '/echo', '\0\xff\x80abc')],
  ['an echo of nothing', send('POST', '/echo', '')],
  ['an echo of much', send('POST', '/echo', 'x'.repeat(900_000))],
  ['an echo of chunks', chunked('/echo', 'one', 'two', 'x'.repeat(70_000))],
  ['an echo of no chunks', chunked('/echo')],
  ['an echo as a stream', send('POST', '/echo-stream', 'streamed')],
  ['an echo of chunks as a stream', chunked('/echo-stream', 'one', 'two')],
  ['an echo of text', send('POST', '/echo-text', utf8('żółć €'))],
  ['an echo of text with a mark', send('POST', '/echo-text', utf8('\ufeffmarked'))],
  ['an echo of invalid UTF-8', send('POST', '/echo-text', 'caf\xe9')],
  ['an echo of JSON', send('POST', '/echo-json', utf8('{"ż":[1,2.5,null]}'), JSON_BODY)],
  ['an echo of invalid JSON', send('POST', '/echo-json', '{', JSON_BODY)],
  ['an echo of a blob', send('POST', '/echo-blob', 'blob', ['Content-Type: text/x-blob'])],
  ['a form', send('POST', '/form', 'a=1&b=%C3%BC&a=2+3', FORM)],
  ['a form in parts', send('POST', '/form', parts, MULTIPART)],
  ['a form of another type', send('POST', '/form', 'a=1', ['Content-Type: text/plain'])],
  ['an unread body', send('POST', '/unread', 'x'.repeat(1000))],
  ['a clone', send('POST', '/clone', 'twice')],
  ['a new request', send('POST', '/new-request', 'moved', ['X-A: b'])],
  ['fields', get('/headers', ['X-A: b', 'Accept: */*', 'Cookie: a=1; b=2', 'User-Agent: me'])],
  ['fields twice', get('/headers', ['X-A: b', 'x-a: c', 'Accept: a', 'Accept: b'])],
  ['cookies twice', get('/headers', ['Cookie: a=1', 'Cookie: b=2'])],
  ['fields with whitespace', get('/headers', ['X-A:   b  c\t', 'X-Empty:', 'X-Comma: a,,b'])],
  ['fields of latin1', get('/headers', ['X-A: caf\xe9'])],
  ['a request', get('/request')],
  ['a request with a body', send('POST', '/request', 'x')],
  ['a query', get('/request?a=b&c=d%20e&f')],
  ['an empty query', get('/request?')],
  ['a port', 'GET /request HTTP/1.1\r\nHost: a.example:8080\r\n\r\n'],
  ['the port of HTTP', 'GET /request HTTP/1.1\r\nHost: a.example:80\r\n\r\n'],
  ['a host in capitals', 'GET /request HTTP/1.1\r\nHost: A.Example\r\n\r\n'],
  ['an absolute target', 'GET http://b.example/request HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['dots', get('/a/../request')],
  ['dots, encoded', get('/a/%2e%2E/none')],
  ['dots to above', get('/../../none')],
  ['two slashes', get('//none//x')],
  ['a slash, encoded', get('/none%2Fx')],
  ['a space, encoded', get('/none%20x')],
  ['half an escape', get('/none%2')],
  ['unicode, encoded', get('/none/%C5%BC')],
  ['unicode, raw', get(`/none/${utf8('ż')}`)],
  ['signs', get("/none/!$&'()*+,;=:@-._~")],
  ['signs to be encoded', get('/none/"<>^`{|}')],
  ['a backslash', get('/none\\x')],
  ['signs in the query', get(`/none?a="b"&c='d'&e={f}|^`)],
  ['a question mark in the query', get('/none?a?b')],
  ...'text/you%20there json?a=1&b html redirect stream events throws missing'
    .split(' ')
    .map((path): [string, string] => [`Hono: ${path}`, get(`/hono/${path}`, ['User-Agent: me'])]),
  ['Hono: cookies', get('/hono/cookies', ['Cookie: seen=before'])],
  ['Hono: HEAD', request('/hono/html', [], 'HEAD')],
  ['Hono: a body as JSON', send('POST', '/hono/json', '{"a":1}', JSON_BODY)],
  ['Hono: a body as a form', send('POST', '/hono/form', parts, MULTIPART)],
  ['a target of 4000 bytes', get(`/none/${'x'.repeat(4000)}`)],
];

interface Summary {
  status: number;
  reason: string;
  fields: string[];
  body: string;
}

const of = (...paths: string[]) => {
  const known = new Set(paths.flatMap((line) => line.split(' ')));
  return (path: string): boolean => known.has(path);
};
const withField = (response: Summary, field: string): Summary => ({
  ...response,
  fields: [...response.fields, field].sort(),
});
const THEIR_TYPE = 'content-type: text/plain; charset=UTF-8';
const untyped = of('/bytes /buffer /blob-untyped /big-bytes /stream /stream-empty /echo /echo-stream');
const SERVER_ERROR = 'The server failed to handle this request.\n';
const TEXT = 'content-type: text/plain;charset=UTF-8';

/** [why the difference is intended, where it applies, their response turned into ours]; applied in this order. */
const DIFFERENCES: [
  why: string,
  where: (path: string, theirs: Summary) => boolean,
  as: (theirs: Summary, path: string, method: string) => Summary,
][] = [
  [
    'a body has the type that the Fetch standard gives it, section 6.2: they call bytes, streams and blobs plain text',
    (path, { fields }) => fields.includes(THEIR_TYPE) && !path.startsWith('/hono/'),
    (theirs, path) => {
      const bare = { ...theirs, fields: theirs.fields.filter((field) => field !== THEIR_TYPE) };
      if (path === '/blob') return withField(bare, 'content-type: text/x-blob');
      return untyped(path) ? bare : withField(bare, TEXT);
    },
  ],
  [
    'text with other fields is still text',
    of('/latin1 /unavailable /length-wrong'),
    (theirs) => withField(theirs, TEXT),
  ],
  [
    'an empty body has Content-Length: 0, for HEAD only if its status has none, RFC 9110 section 8.6, and no chunks',
    of('/nothing /undefined /created /reset-content /redirect /redirect-relative /hono/redirect'),
    (theirs, path, method) =>
      method === 'HEAD' && path !== '/reset-content' ? theirs : withField(theirs, 'content-length: 0'),
  ],
  ['the reason is the handler’s, if it has one', of('/teapot'), (theirs) => ({ ...theirs, reason: 'Stout' })],
  [
    'a 500 has a description',
    (path, { status }) => status === 500 && !path.startsWith('/hono/'),
    (theirs) => ({
      ...theirs,
      fields: [`content-length: ${SERVER_ERROR.length}`, 'content-type: text/plain; charset=utf-8'],
      body: SERVER_ERROR,
    }),
  ],
  [
    'a URL is parsed as in the URL standard, like `new Request`: non-ASCII is encoded',
    of('/none/\xc5\xbc'),
    () => notFound('http://a/none/%C5%BC'),
  ],
  ['and a backslash is a slash', of('/none\\x'), () => notFound('http://a/none/x')],
];

const notFound = (body: string): Summary => ({
  status: 404,
  reason: 'Not Found',
  fields: [`content-length: ${body.length}`, TEXT],
  body,
});

const HOP_BY_HOP = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding']);

async function summaryOf(port: number, bytes: string): Promise<Summary> {
  using client = await RawClient.connect(port);
  client.send(bytes);
  const method = bytes.slice(0, bytes.indexOf(' '));
  const { status, reason, fields, body } = await client.response(method, undefined, false);
  const kept = fields.map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    status,
    reason,
    fields: kept.flatMap(([name, value]) => (HOP_BY_HOP.has(name) ? [] : [`${name}: ${value}`])).sort(),
    body: body.toString('latin1'),
  };
}

const met = new Set<string>();

test.each(CASES)('%s', async (_, bytes) => {
  const [actual, theirs] = await Promise.all([summaryOf(ours.port, bytes), summaryOf(otherPort, bytes)]);
  const path = bytes.split(' ')[1]!.replace(/\?.*$/, '');
  let expected = theirs;
  for (const [why, where, as] of DIFFERENCES) {
    if (!where(path, expected)) continue;
    met.add(why);
    expected = as(expected, path, bytes.slice(0, bytes.indexOf(' ')));
  }
  if (bytes.startsWith('HEAD ')) expected = { ...expected, body: '' };
  expect(actual).toEqual(expected);
});

test('every intended difference occurs', () => {
  expect(CASES.length).toBeGreaterThan(100);
  expect([...met].sort()).toEqual(DIFFERENCES.map(([why]) => why).sort());
});
