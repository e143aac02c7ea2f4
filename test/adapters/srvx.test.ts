import { spawn } from 'node:child_process';
import { STATUS_CODES } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Command } from '../support/command.js';
import { request } from '../support/raw-client.js';
import { type Action, type Step, type Summary, summaryOf, transcriptOf } from './transcript.js';

const SERVERS = fileURLToPath(new URL('./srvx-servers.mjs', import.meta.url));
const [H3, CROSSWS, LIMITED] = [0, 1, 2];

/** The same apps by srvx on node:http, and by epollet. */
const started: Command[] = [];
let theirs: number[];
let ours: number[];

async function start(name: string): Promise<number[]> {
  const command = new Command(
    spawn(process.execPath, [SERVERS, name], {
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  started.push(command);
  const printed = await command.waitFor(/^(?:http:\/\/127\.0\.0\.1:\d+\/\n){3}/);
  return [...printed[0].matchAll(/:(\d+)\//g)].map(([, port]) => Number(port));
}

beforeAll(async () => {
  [theirs, ours] = (await Promise.all([start('srvx'), start('epollet')])) as [number[], number[]];
});

afterAll(async () => {
  for (const command of started) await command[Symbol.asyncDispose]();
});

const get = (target: string, fields: string[] = []): string => request(target, fields);
const send = (method: string, target: string, body: string, fields: string[] = []): string =>
  request(target, [`Content-Length: ${body.length}`, ...fields], method) + body;
const chunked = (target: string, ...pieces: string[]): string =>
  request(target, ['Transfer-Encoding: chunked'], 'POST') +
  [...pieces, ''].map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('');

const JSON_BODY = ['Content-Type: application/json'];
const FORM = ['Content-Type: application/x-www-form-urlencoded'];
const PATHS =
  '/ /html /json?a=1&b=2&a=3 /bytes /big /nothing /no-content /notes/1 /notes/none /redirect /teapot /throws /rejects /stream /iterable /events /later /settled /node?x=y /from-node /missing /chat/x /cors';

const REQUESTS: [app: number, subject: string, bytes: string][] = [
  ...PATHS.split(' ').map((path): [number, string, string] => [H3, `GET ${path}`, get(path)]),
  ...PATHS.split(' ').map((path): [number, string, string] => [H3, `HEAD ${path}`, request(path, [], 'HEAD')]),
  [H3, 'PUT', send('PUT', '/notes/2', '{"text":"Water plants"}', JSON_BODY)],
  [H3, 'what was put', get('/notes/2')],
  [H3, 'DELETE', request('/notes/2', [], 'DELETE')],
  [H3, 'a method without a route', send('PATCH', '/notes/2', '')],
  [H3, 'JSON that is not valid', send('PUT', '/notes/3', '{', JSON_BODY)],
  [H3, 'an echo', send('POST', '/echo', '\0\xffabc')],
  [H3, 'an echo of chunks', chunked('/echo', 'one', 'x'.repeat(70_000))],
  [H3, 'an echo as a stream', chunked('/echo-stream', 'one', 'two')],
  [H3, 'a form', send('POST', '/form', 'a=1&b=%C3%BC', FORM)],
  [H3, 'cookies', get('/cookies', ['Cookie: seen=before; other=1'])],
  [H3, 'a preflight', request('/cors', ['Origin: http://b.example', 'Access-Control-Request-Method: PUT'], 'OPTIONS')],
  [H3, 'another origin', get('/cors', ['Origin: http://c.example'])],
  [H3, 'a forwarded address, of a peer that is not trusted', get('/json', ['X-Forwarded-For: 192.0.2.1'])],
  [H3, 'an absolute target', 'GET http://b.example/json HTTP/1.1\r\nHost: a\r\n\r\n'],
  [CROSSWS, 'members of the request', get('/')],
  [CROSSWS, 'work that goes on', get('/wait')],
  [CROSSWS, 'a middleware that responds', get('/middleware')],
  [CROSSWS, 'the error handler', get('/throws')],
  [CROSSWS, 'no response', get('/undefined')],
  [CROSSWS, 'HEAD', request('/', [], 'HEAD')],
  [LIMITED, 'an error without a handler for it', get('/throws')],
  [LIMITED, 'an upgrade without a listener', get('/', ['Connection: upgrade', 'Upgrade: websocket'])],
];

/** [why the difference is intended, where it applies, their response turned into ours] */
const DIFFERENCES: [
  why: string,
  where: (subject: string, theirs: Summary) => boolean,
  as: (theirs: Summary, subject: string, ours: Summary) => Summary,
][] = [
  [
    'a response without a reason has that of its status',
    (_, { reason }) => reason === '',
    (theirs) => ({ ...theirs, reason: STATUS_CODES[theirs.status]! }),
  ],
  [
    'a body that is in memory has a Content-Length, not chunks',
    (subject, { fields }) => CLASS_OF_NODE.test(subject) && !fields.some((field) => field.startsWith('content-length')),
    (theirs, _, { fields }) => {
      const length = fields.find((field) => field.startsWith('content-length'))!;
      return { ...theirs, fields: [...theirs.fields, length].sort() };
    },
  ],
  [
    'HEAD has no Content-Length: 0 for GET without a body, RFC 9110 section 8.6',
    (subject) => subject === 'HEAD /nothing',
    (theirs) => ({ ...theirs, fields: theirs.fields.filter((field) => field !== 'content-length: 0') }),
  ],
  [
    'the response of a handler of node:http, which srvx emulates, is that of a route: with the fields of the middleware, as a stream',
    (subject) => subject.endsWith('/node?x=y'),
    (theirs) => ({
      ...theirs,
      fields: [...theirs.fields.filter((field) => field !== 'content-length: 14'), 'x-middleware: 1'].sort(),
    }),
  ],
  [
    'handlers of node:http have no response object here: srvx emulates it, h3 does not',
    (subject) => subject.endsWith('/from-node'),
    (_, __, ours) => ({ ...ours, status: 500 }),
  ],
];
/** Where the Response is not of srvx's class. */
const CLASS_OF_NODE = /^(?:members|work|a middleware|the error handler|an upgrade|GET \/chat|HEAD$)/;

const met = new Set<string>();

test.each(REQUESTS)('%i: %s', async (app, subject, bytes) => {
  const [actual, expected] = await Promise.all([summaryOf(ours[app]!, bytes), summaryOf(theirs[app]!, bytes)]);
  let intended = expected;
  for (const [why, where, as] of DIFFERENCES) {
    if (!where(subject, intended)) continue;
    met.add(why);
    intended = as(intended, subject, actual);
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

/** What a client does, and how many events follow it. */
const STEPS: [app: number, subject: string, steps: Step[]][] = [
  [
    H3,
    'a room',
    [
      ['a', 3, '/chat/x'],
      ['b', 4, '/chat/x'],
      ['other', 3, '/chat/y'],
      ['a', 2, sends('hello')],
      ['b', 1, sends(Buffer.from([1, 2, 255]))],
      ['b', 1, sends(Buffer.alloc(100_000, 1))],
      ['b', 2, sends('x'.repeat(100_000))],
      ['a', 1, (socket) => socket.ping('beat')],
      ['b', 2, (socket) => socket.close(4001, 'bye')],
      ['c', 4, '/chat/x'],
      ['c', 2, sends('close me')],
      ['d', 4, '/chat/x'],
      ['d', 2, (socket) => socket.terminate()],
    ],
  ],
  [
    H3,
    'upgrades that are declined',
    [
      ['a', 1, '/chat/x?denied'],
      ['b', 1, '/missing'],
      ['c', 1, '/throws'],
    ],
  ],
  [
    CROSSWS,
    'hooks',
    [
      ['a', 3, '/anything'],
      ['b', 3, '/', 'chat', 'other'],
      ['a', 1, sends('text')],
      ['a', 2, sends('ping')],
      ['a', 2, (socket) => socket.ping('beat')],
      ['b', 1, sends('terminate')],
    ],
  ],
];

test.each(STEPS)('%i: WebSockets: %s', async (app, _, steps) => {
  const [actual, expected] = await Promise.all([transcriptOf(ours[app]!, steps), transcriptOf(theirs[app]!, steps)]);
  expect(actual).toEqual(expected);
  expect(expected.flat().length).toBeGreaterThan(steps.length);
});
