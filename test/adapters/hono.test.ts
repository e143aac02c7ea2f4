import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Command } from '../support/command.js';
import { makeDirectory } from '../support/directory.js';
import { request } from '../support/raw-client.js';
import { type Action, type Step, type Summary, summaryOf, transcriptOf } from './transcript.js';

const SERVERS = fileURLToPath(new URL('./hono-servers.mjs', import.meta.url));
const LARGE = Buffer.alloc(300_000, 'large ');

const directory = makeDirectory({
  'site/page.html': '<p>page',
  'site/app.js': 'plain();'.repeat(100),
  'site/app.js.br': brotliCompressSync('plain();'.repeat(100)),
  'site/app.js.gz': gzipSync('plain();'.repeat(100)),
  'site/docs/index.html': '<p>docs',
  'site/large.bin': LARGE,
  'site/large.txt': LARGE,
  'site/100%.txt': 'percent',
  'site/a b/ż.txt': 'unicode',
  'site/.hidden': 'hidden',
  'secret.txt': 'outside',
});
const root = directory.path('site');

/** The same app by @hono/node-server, and by epollet. */
const started: Command[] = [];
let theirs: number;
let ours: number;

async function start(name: string): Promise<number> {
  const args = [SERVERS, name, root];
  const env = { PATH: process.env['PATH'] };
  const command = new Command(spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] }));
  started.push(command);
  return command.port();
}

beforeAll(async () => {
  [theirs, ours] = (await Promise.all([start('node-server'), start('epollet')])) as [number, number];
});

afterAll(async () => {
  for (const command of started) await command[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

const get = (target: string, fields: string[] = []): string => request(target, fields);
const send = (method: string, target: string, body: string, fields: string[] = []): string =>
  request(target, [`Content-Length: ${body.length}`, ...fields], method) + body;

const JSON_BODY = ['Content-Type: application/json'];
const FORM = ['Content-Type: application/x-www-form-urlencoded'];
const PATHS =
  '/ /info /notes/1?a=1&a=2&b=%20 /notes/none /cookies /redirect /denied /throws /logged /cors/x /compressed/text /text-stream /stream /events /missing /ws-denied /ws/x';
const FILES =
  '/static/page.html /static/docs /static/docs/ /static/app.js /encoded/app.js /one /static/missing.html /static/../secret.txt /static/%2e%2e/secret.txt /static/a%20b/%C5%BC.txt /static/.hidden /absent/x /static/100%25.txt';

const REQUESTS: [subject: string, bytes: string][] = [
  ...[...PATHS.split(' '), ...FILES.split(' ')].map((path): [string, string] => [`GET ${path}`, get(path)]),
  ...PATHS.split(' ').map((path): [string, string] => [`HEAD ${path}`, request(path, [], 'HEAD')]),
  ['HEAD of a file', request('/static/page.html', [], 'HEAD')],
  ['HEAD of a large file', request('/static/large.bin', [], 'HEAD')],
  ['a large file', get('/static/large.bin')],
  ['PUT', send('PUT', '/notes/2', '{"text":"Water plants"}', JSON_BODY)],
  ['what was put', get('/notes/2')],
  ['DELETE', request('/notes/2', [], 'DELETE')],
  ['a method without a route', send('PATCH', '/notes/2', '')],
  ['POST to files', send('POST', '/static/page.html', '')],
  ['JSON that is not valid', send('PUT', '/notes/3', '{', JSON_BODY)],
  ['an echo', send('POST', '/echo', '\0\xffabc')],
  ['a form', send('POST', '/form', 'a=1&b=%C3%BC&a=2', FORM)],
  ['cookies', get('/cookies', ['Cookie: seen=before; other=1'])],
  ['a preflight', request('/cors/x', ['Origin: http://b.example', 'Access-Control-Request-Method: PUT'], 'OPTIONS')],
  ['another origin', get('/cors/x', ['Origin: http://c.example'])],
  ['compressed text', get('/compressed/text', ['Accept-Encoding: gzip'])],
  ['a compressed file', get('/compressed/large.txt', ['Accept-Encoding: gzip'])],
  ['the first bytes', get('/static/large.bin', ['Range: bytes=0-9'])],
  ['bytes in the middle', get('/static/large.bin', ['Range: bytes=1000-200000'])],
  ['the last bytes', get('/static/large.bin', ['Range: bytes=-5'])],
  ['a range beyond the end', get('/static/large.bin', ['Range: bytes=400000-'])],
  ['precompressed with br', get('/encoded/app.js', ['Accept-Encoding: gzip, br'])],
  ['precompressed with gzip', get('/encoded/app.js', ['Accept-Encoding: gzip'])],
  ['not precompressed', get('/static/app.js', ['Accept-Encoding: gzip, br'])],
];

const without = (response: Summary, field: RegExp): Summary => ({
  ...response,
  fields: response.fields.filter((each) => !field.test(each)),
});
const withAll = (response: Summary, fields: readonly string[]): Summary => ({
  ...response,
  fields: [...response.fields, ...fields].sort(),
});
const has = (response: Summary, field: RegExp): boolean => response.fields.some((each) => field.test(each));

const LENGTH = /^content-length:/;
const OF_FILES = /^(?:accept-ranges|cache-control|etag|vary):/;

/** [why the difference is intended, where it applies, their response turned into ours]; applied in this order. */
const DIFFERENCES: [
  why: string,
  where: (subject: string, theirs: Summary, ours: Summary) => boolean,
  as: (theirs: Summary, ours: Summary) => Summary,
][] = [
  [
    'a file has the fields of epollet: an ETag, a Cache-Control, Accept-Ranges, and Vary if it is precompressed',
    (_, theirs) => theirs.status < 300 && has(theirs, /^last-modified:/),
    (theirs, { fields }) =>
      withAll(
        theirs,
        fields.filter((field) => OF_FILES.test(field) && !theirs.fields.includes(field)),
      ),
  ],
  [
    'a response whose fields a middleware changes afterwards is a stream to the server: chunks in place of a length',
    (_, theirs, ours) => !has(theirs, /^last-modified:/) && has(theirs, LENGTH) && !has(ours, LENGTH),
    (theirs) => without(theirs, LENGTH),
  ],
  [
    'a stream without a type has no type',
    (subject) => subject === 'GET /stream',
    (theirs) => without(theirs, /^content-type:/),
  ],
  [
    'an empty body has Content-Length: 0',
    (subject) => subject === 'GET /redirect',
    (theirs) => withAll(theirs, ['content-length: 0']),
  ],
  [
    'names with a dot are not served, except /.well-known/',
    (subject) => subject.endsWith('/.hidden'),
    (_, ours) => ({ ...ours, status: 404, body: '404 Not Found' }),
  ],
  [
    'a range beyond the end has a sentence, and is not of the type of the file',
    (_, { status }) => status === 416,
    (theirs, { fields, body }) => ({ ...theirs, fields, body: body.startsWith('Requested range') ? body : '' }),
  ],
];

const met = new Set<string>();

test.each(REQUESTS)('%s', async (subject, bytes) => {
  const [actual, expected] = await Promise.all([summaryOf(ours, bytes), summaryOf(theirs, bytes)]);
  let intended = expected;
  for (const [why, where, as] of DIFFERENCES) {
    if (!where(subject, intended, actual)) continue;
    met.add(why);
    intended = as(intended, actual);
  }
  expect(actual).toEqual(intended);
});

test('every intended difference occurs', () => {
  expect([...met].sort()).toEqual(DIFFERENCES.map(([why]) => why).sort());
});

const sends =
  (data: string | Buffer): Action =>
  (socket) =>
    socket.send(data);

const STEPS: [subject: string, steps: Step[]][] = [
  [
    'a room',
    [
      ['a', 3, '/ws/x'],
      ['b', 4, '/ws/x', 'chat', 'other'],
      ['other', 3, '/ws/y'],
      ['a', 2, sends('hello')],
      ['b', 1, sends(Buffer.from([1, 2, 255]))],
      ['b', 2, sends('x'.repeat(100_000))],
      ['a', 1, (socket) => socket.ping('beat')],
      ['a', 0, sends('fail')],
      ['a', 2, sends('still open')],
      ['b', 2, (socket) => socket.close(4001, 'bye')],
      ['c', 4, '/ws/x'],
      ['c', 2, sends('close me')],
      ['d', 4, '/ws/x'],
      ['d', 2, (socket) => socket.terminate()],
    ],
  ],
  [
    'upgrades that are declined, and one with a field',
    [
      ['a', 1, '/ws-denied'],
      ['b', 1, '/missing'],
      ['d', 3, '/ws-cookie'],
    ],
  ],
];

/**
 * What differs as intended: the 101 has the fields that were set before `upgradeWebSocket`, not those set after it; what
 * declines has a body; the reason of a client's close is not sent back; `close()` is 1000.
 */
const comparable = (transcript: string[][]): string[] =>
  transcript.flat().map((event) =>
    event
      .replace(/"x-(?:middleware|room)":"\w+"/, '')
      .replace(',}', '}')
      .replace(/^(\w+ declined \d+).*/s, '$1')
      .replace(/^b close 4001 .*/, 'b close 4001')
      .replace(/^d close 100[05] $/, 'd close'),
  );

test.each(STEPS)('WebSockets: %s', async (_, steps) => {
  const [actual, expected] = await Promise.all([transcriptOf(ours, steps), transcriptOf(theirs, steps)]);
  expect(comparable(actual)).toEqual(comparable(expected));
  expect(actual.flat().length).toBeGreaterThanOrEqual(steps.length);
});

test('files of serveStatic have conditional requests, several ranges, and changes at once', async () => {
  const first = await summaryOf(ours, get('/static/large.bin'));
  const etag = first.fields.find((field) => field.startsWith('etag: '))!.slice(6);
  for (const [fields, status] of [
    [[`If-None-Match: ${etag}`], 304],
    [['If-Match: "other"'], 412],
    [['Range: bytes=0-1,299998-'], 206],
  ] as const)
    expect((await summaryOf(ours, get('/static/large.bin', [...fields]))).status).toBe(status);
  const parts = await summaryOf(ours, get('/static/large.bin', ['Range: bytes=0-1,299998-']));
  expect(parts.body).toMatch(/bytes 0-1\/300000\r\n\r\nla\r\n.*bytes 299998-299999\/300000\r\n\r\n/s);
  directory.write('site/page.html', '<p>changed', 0);
  expect((await summaryOf(ours, get('/static/page.html'))).body).toBe('<p>changed');
  directory.remove('site/page.html');
  expect((await summaryOf(ours, get('/static/page.html'))).status).toBe(404);
});
