import { tracingChannel } from 'node:diagnostics_channel';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { ServeOptions } from '../../../src/server/options.js';
import { type Server, serve } from '../../../src/server/server.js';
import { exchange, RawClient, request } from '../../support/raw-client.js';

const NEW_ID = /^[A-Za-z0-9_-]{12}[0-9a-z]{4}$/;
const LARGE = 100_000;

let root: string;
let server: Server;
let log: string;
/** What the handler and the subscriber were given, by target. */
const seen = new Map<string, string | null>();

const fetch: ServeOptions['fetch'] = async (incoming, info) => {
  const { pathname } = new URL(incoming.url);
  seen.set(pathname, info.requestId);
  if (pathname === '/own') return new Response('own', { headers: { 'x-request-ID': 'of-another-server' } });
  if (pathname === '/stream') return new Response(new Blob(['x'.repeat(LARGE)]).stream());
  if (pathname === '/late') await null;
  return new Response(`${pathname}\n`, { status: pathname === '/none' ? 404 : 200 });
};

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'epollet-ids-'));
  log = join(root, 'access.log');
  writeFileSync(join(root, 'page.html'), 'x'.repeat(600));
  writeFileSync(join(root, '10k.bin'), 'x'.repeat(10_240));
  writeFileSync(join(root, 'large.bin'), 'x'.repeat(LARGE));
  server = serve({ root, port: 0, fetch, requestIds: true, accessLog: 'json', accessLogFile: log });
});

afterAll(async () => {
  await server.stop();
  rmSync(root, { recursive: true });
});

const GIVEN: [given: string, isTaken: boolean][] = [
  ['7b9f2f3e-5ad1-4c5e-9a0e-0d6f0a1b2c3d', true],
  ['Root=1-67891233-abcdef012345678912345678;Self=1-x', true],
  ['a', true],
  ['x'.repeat(128), true],
  ['x'.repeat(129), false],
  ['', false],
  ['two words', false],
  ['"quoted"', false],
  ['back\\slash', false],
  ['<script>', false],
  ['caf\xe9', false],
];

test.each(GIVEN)('X-Request-Id "%s" is taken: %s', async (given, isTaken) => {
  const response = await exchange(server.port, request('/page.html', [`X-Request-Id: ${given}`]));
  const id = response.field('x-request-id')!;
  if (isTaken) expect(id).toBe(given);
  else expect(id).toMatch(NEW_ID);
});

test('a field that is there twice is not taken', async () => {
  const fields = ['X-Request-Id: a', 'X-Request-Id: b'];
  const response = await exchange(server.port, request('/page.html', fields));
  expect(response.field('x-request-id')).toMatch(NEW_ID);
});

const RESPONSES: [what: string, text: string, status: number, bodyBytes: number][] = [
  ['a file that is not cached', request('/page.html?'), 200, 600],
  ['a cached file', request('/page.html'), 200, 600],
  ['a file beyond a batch', request('/10k.bin'), 200, 10_240],
  ['a file that is sent from its descriptor', request('/large.bin'), 200, LARGE],
  ['HEAD', request('/page.html', [], 'HEAD'), 200, 0],
  ['HTTP/1.0', 'GET /page.html HTTP/1.0\r\n\r\n', 200, 600],
  ['a range', request('/page.html', ['Range: bytes=1-4']), 206, 4],
  ['a 304', request('/page.html', ['If-None-Match: *']), 304, 0],
  ['a handler', request('/hello'), 200, 7],
  ['a handler that is late', request('/late'), 200, 6],
  ['a stream', request('/stream'), 200, LARGE],
  ['a 404 of a handler', request('/none'), 404, 6],
  ['a request with a body', `${request('/body', ['Content-Length: 1'], 'PUT')}x`, 200, 6],
  ['a request that is not valid', request('/x', ['Bad Field: x']), 400, -1],
];

test.each(RESPONSES)('the response has the id once: %s', async (_, text, status, bodyBytes) => {
  for (let round = 0; round < 3; round++) {
    using client = await RawClient.connect(server.port);
    client.send(text);
    const response = await client.response(/^HEAD/.test(text) ? 'HEAD' : 'GET');
    expect(response.status).toBe(status);
    expect(response.field('x-request-id')).toMatch(NEW_ID);
    if (bodyBytes >= 0) expect(response.body.length).toBe(bodyBytes);
  }
});

test('pipelined requests have ids of their own, which differ', async () => {
  using client = await RawClient.connect(server.port);
  client.send(request('/page.html').repeat(40));
  const ids = new Set<string>();
  for (let i = 0; i < 40; i++) ids.add((await client.response()).field('x-request-id')!);
  expect(ids.size).toBe(40);
});

test('a handler, a subscriber and the log have the id of the response', async () => {
  const messages: (string | null)[] = [];
  const channel = tracingChannel<unknown, { target: string; requestId: string | null }>('epollet.request');
  const onStart = ({ requestId }: { requestId: string | null }) => void messages.push(requestId);
  channel.start.subscribe(onStart as never);
  onTestFinished(() => void channel.start.unsubscribe(onStart as never));
  const ids: string[] = [];
  for (const [target, given] of [
    ['/handled', ''],
    ['/handled-given', 'given'],
    ['/page.html?traced', 'file'],
  ])
    ids.push((await exchange(server.port, request(target!, [`X-Request-Id: ${given}`]))).field('x-request-id')!);
  await server.flushLog();
  const lines = readFileSync(log, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
    .slice(-3);
  expect(ids).toEqual([expect.stringMatching(NEW_ID), 'given', 'file']);
  expect(lines.map(({ requestId }) => requestId)).toEqual(ids);
  expect(lines.map(({ bytes, complete }) => [bytes, complete])).toEqual([
    [9, true],
    [15, true],
    [600, true],
  ]);
  expect(messages).toEqual(ids);
  expect([seen.get('/handled'), seen.get('/handled-given')]).toEqual(ids.slice(0, 2));
});

test("a handler's own field stays", async () => {
  using client = await RawClient.connect(server.port);
  const response = await client.send(request('/own')).response();
  expect(response.field('x-request-id')).toBe('of-another-server');
});

describe('without the option', () => {
  test('there is no id', async () => {
    await using own = serve({ root, port: 0, fetch });
    for (const target of ['/page.html', '/off']) {
      const response = await exchange(own.port, request(target, ['X-Request-Id: given']));
      expect(response.field('x-request-id')).toBe(null);
    }
    expect(seen.get('/off')).toBe(null);
  });
});
