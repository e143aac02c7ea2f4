import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Command, command, PACKAGE } from '../support/command.js';
import { eventually, RawClient, request } from '../support/raw-client.js';

/** Where Node's fetch keeps its agent (undici, lib/global.js). */
const AGENT = Symbol.for('undici.globalDispatcher.1');

// The agent may have an unused connection open, which TCP_DEFER_ACCEPT hides from the server.
afterAll(() => (globalThis as unknown as Record<symbol, { destroy(): Promise<void> }>)[AGENT]?.destroy());

const pathOf = (name: string): string => join(PACKAGE, 'examples', name);

/** Runs an example that is a program. */
function example(name: string, ...args: string[]): Command {
  const env = { PATH: process.env['PATH'], PORT: '0' };
  return new Command(spawn(process.execPath, [pathOf(name), ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] }));
}

/** Runs an example that is an app. */
const app = (name: string): Command => command(['--app', pathOf(name), '--port', '0']);

const urlOf = async (started: Command): Promise<string> => `http://127.0.0.1:${await started.port()}`;

async function responseOf(url: string, init?: RequestInit): Promise<[status: number, body: string]> {
  const response = await fetch(url, init);
  return [response.status, await response.text()];
}

const json = (value: unknown): RequestInit => ({ method: 'POST', body: JSON.stringify(value) });

test('every example starts with how to run it, and is in the table of the README', () => {
  const names = readdirSync(pathOf('')).filter((name) => name.endsWith('.mjs'));
  const readme = readFileSync(pathOf('README.md'), 'utf8');
  expect(names).toHaveLength(19);
  for (const name of names) {
    const text = readFileSync(pathOf(name), 'utf8');
    expect(text).toMatch(new RegExp(`^(?://.*\\n)*//.* (?:node|--app) examples/${name}`));
    expect(readme).toContain(`[${name}](${name})`);
    expect(text.trimEnd().split('\n').length, name).toBeLessThan(40);
  }
});

test('fetch.mjs responds to a name, to an address, and with 404', async () => {
  await using started = example('fetch.mjs');
  const url = await urlOf(started);
  expect(await responseOf(`${url}/?name=Ada`)).toEqual([200, 'Hello, Ada!\n']);
  expect(await responseOf(`${url}/`)).toEqual([200, 'Hello, 127.0.0.1!\n']);
  expect(await responseOf(`${url}/x`)).toEqual([404, 'Not found.\n']);
  expect((await started.kill().ended).code).toBe(0);
});

test.each(['websocket.mjs', 'rooms.mjs', 'hono-chat.mjs'])(
  '%s sends a message of one client to all of its room',
  async (example) => {
    await using started = app(example);
    const url = (await urlOf(started)).replace('http', 'ws');
    const received: string[][] = [];
    const connect = async (room: string): Promise<WebSocket> => {
      const client = new WebSocket(`${url}/${room}`);
      const texts: string[] = [];
      received.push(texts);
      client.on('message', (text) => texts.push(String(text)));
      await new Promise((resolve) => client.once('open', resolve));
      await eventually(() => texts.length > 0, 'the first message');
      return client;
    };
    const clients = [await connect('a'), await connect('a'), await connect('b')];
    clients[1]!.send('hello');
    await eventually(() => received[0]!.length === 3 && received[1]!.length === 2, 'the message');
    expect(received).toEqual([['1 in /a', '2 in /a', 'hello'], ['2 in /a', 'hello'], ['1 in /b']]);
    for (const client of clients) client.close();
    expect((await started.kill().ended).code).toBe(0);
  },
);

test('routes.mjs sends an early hint, a prepared style, and notes by their id', async () => {
  await using started = app('routes.mjs');
  const url = await urlOf(started);
  using client = await RawClient.connect(Number(new URL(url).port));
  client.send(request('/'));
  const hint = await client.response();
  expect([hint.status, hint.field('link')]).toEqual([103, '</style.css>; rel=preload; as=style']);
  expect((await client.response()).body.toString()).toContain('<li><a href="/notes/1">Buy%20milk.</a></ul>');
  expect(await responseOf(`${url}/style.css`)).toEqual([200, 'li { font: 1em serif }\n']);
  expect((await fetch(`${url}/notes`, { method: 'POST', body: 'Call Ada.' })).headers.get('location')).toBe('/notes/2');
  expect(await responseOf(`${url}/notes/2`)).toEqual([200, 'Call Ada.\n']);
  expect(await responseOf(`${url}/notes/2`, { method: 'DELETE' })).toEqual([204, '']);
  expect(await responseOf(`${url}/notes/2`)).toEqual([404, 'No such note.\n']);
  expect((await fetch(`${url}/notes/2`, { method: 'PUT' })).headers.get('allow')).toBe('GET, HEAD, DELETE, OPTIONS');
  expect((await started.kill().ended).code).toBe(0);
});

test('opentelemetry.mjs makes a span for a request, below the one of the client and above those of the handler', async () => {
  const [traceId, parentId] = ['a'.repeat(32), 'b'.repeat(16)];
  await using started = example('opentelemetry.mjs');
  const headers = { traceparent: `00-${traceId}-${parentId}-01` };
  expect(await responseOf(`${await urlOf(started)}/x?y`, { headers })).toEqual([200, `${traceId} /x\n`]);
  await started.waitFor(/kind: 1,/); // SpanKind.SERVER; it ends after the handler's
  const ids = (name: string): string[] =>
    [...started.stdout.matchAll(new RegExp(`\\b${name}: '(\\w+)'`, 'g'))].map(([, id]) => id!);
  const [work, request] = ids('id');
  expect(ids('traceId').slice(0, 2)).toEqual([traceId, traceId]);
  expect(ids('spanId').slice(0, 2)).toEqual([request, parentId]); // of their parents
  expect(work).not.toBe(request);
  await eventually(() => started.stdout.includes("'http.response.status_code': 200"), 'the attributes of the span');
});

test('hono.mjs serves an unchanged Hono app', async () => {
  await using started = app('hono.mjs');
  const url = await urlOf(started);
  expect(await responseOf(`${url}/`)).toEqual([200, 'Hello, 127.0.0.1!']);
  expect(await responseOf(`${url}/notes`, json({ text: 'Water plants' }))).toEqual([
    201,
    '{"id":"2","text":"Water plants"}',
  ]);
  expect(await responseOf(`${url}/notes/2`)).toEqual([200, '{"text":"Water plants"}']);
  expect(await responseOf(`${url}/notes/3`)).toEqual([404, '404 Not Found']);
});

test('hono-chat.mjs has the address of a client, and files', async () => {
  await using started = app('hono-chat.mjs');
  const url = await urlOf(started);
  expect(await responseOf(`${url}/me`)).toEqual([200, '127.0.0.1']);
  expect(await responseOf(`${url}/files/hono.mjs`)).toEqual([200, readFileSync(pathOf('hono.mjs'), 'utf8')]);
  expect((await responseOf(`${url}/files/missing`))[0]).toBe(404);
});

test('h3.mjs serves an h3 app, and its WebSocket', async () => {
  await using started = example('h3.mjs');
  await started.waitFor(/Listening on: http:\/\/localhost:(\d+)\/ \(all interfaces\)\n/);
  const [, port] = /localhost:(\d+)/.exec(started.stdout)!;
  const url = `http://127.0.0.1:${port}`;
  expect((await responseOf(`${url}/`))[1]).toMatch(/^Hello, (?:::ffff:)?127\.0\.0\.1!$/); // of all addresses, as in Node
  const put = await fetch(`${url}/notes/2`, { method: 'PUT', body: '{"text":"Water plants"}' });
  expect([put.status, await put.json()]).toEqual([201, { text: 'Water plants' }]);
  expect((await responseOf(`${url}/notes/3`))[0]).toBe(404);
  const connect = async (): Promise<{ client: WebSocket; texts: string[] }> => {
    const client = new WebSocket(`${url.replace('http', 'ws')}/chat`);
    const texts: string[] = [];
    client.on('message', (text) => texts.push(String(text)));
    await new Promise((resolve) => client.once('open', resolve));
    return { client, texts };
  };
  const first = await connect();
  const second = await connect();
  await eventually(() => first.texts.length === 1, 'the first message');
  second.client.send('hello');
  await eventually(() => first.texts.length === 2, 'the message');
  expect([first.texts, second.texts]).toEqual([[expect.stringMatching(/127\.0\.0\.1 has joined$/), 'hello'], []]);
  for (const { client } of [first, second]) client.close();
  expect((await started.kill().ended).code).toBe(0);
});

test('json-api.mjs responds with JSON, errors too', async () => {
  await using started = app('json-api.mjs');
  const url = await urlOf(started);
  expect(await responseOf(`${url}/sum`, json({ numbers: [1, 2, 3.5] }))).toEqual([200, '{"sum":6.5}']);
  expect(await responseOf(`${url}/sum`, json({ numbers: ['1'] }))).toEqual([
    422,
    '{"error":"numbers must be an array of numbers."}',
  ]);
  expect(await responseOf(`${url}/sum`, { method: 'POST', body: '{' })).toEqual([
    400,
    '{"error":"The body is not valid JSON."}',
  ]);
  expect(await responseOf(`${url}/sum`, json(null))).toEqual([500, '{"error":"Internal server error."}']);
  expect((await responseOf(`${url}/sum`))[0]).toBe(405);
  expect((await responseOf(`${url}/`))[0]).toBe(404);
});

test('upload.mjs stores complete bodies only', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'epollet-upload-'));
  try {
    await using started = example('upload.mjs', directory);
    const url = await urlOf(started);
    const content = Buffer.alloc(5_000_000, 'some bytes');
    const put = (path: string, body: string | Uint8Array): Promise<Response> =>
      fetch(`${url}${path}`, { method: 'PUT', body, duplex: 'half' } as RequestInit);
    expect((await put('/cat.jpg', content)).status).toBe(201);
    expect(readFileSync(join(directory, 'cat.jpg')).equals(content)).toBe(true);
    expect((await responseOf(`${url}/cat.jpg`))[1].length).toBe(content.length);
    expect((await put('/empty', '')).status).toBe(201);
    expect((await put('/../x', 'x')).status).toBe(201); // stored as x: the client resolves dot segments
    expect((await put('/.x', 'x')).status).toBe(404);
    using client = await RawClient.connect(await started.port());
    client.send(`PUT /large HTTP/1.1\r\nHost: a\r\nContent-Length: ${16 * 1024 ** 2 + 1}\r\n\r\n`);
    expect((await client.response()).status).toBe(413);
    using chunked = await RawClient.connect(await started.port());
    chunked.send('PUT /large HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    chunked.send(Buffer.concat([Buffer.from('1000001\r\n'), Buffer.alloc(0x1000001), Buffer.from('\r\n')]));
    expect((await chunked.response()).status).toBe(413);
    await eventually(() => readdirSync(directory).length === 3, 'no partial upload is left');
    expect(readdirSync(directory).sort()).toEqual(['cat.jpg', 'empty', 'x']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('events.mjs ends its streams on disconnect and on stop', async () => {
  await using started = example('events.mjs');
  const url = await urlOf(started);
  const leave = new AbortController();
  const read = async (signal?: AbortSignal) => {
    const response = await fetch(url, signal === undefined ? {} : { signal });
    expect(response.headers.get('Content-Type')).toBe('text/event-stream');
    const reader = response.body!.getReader();
    const { value } = await reader.read();
    expect(Buffer.from(value!).toString()).toMatch(/^id: 1\ndata: 20.*Z\n\n$/);
    return reader;
  };
  await read(leave.signal);
  leave.abort();
  await started.waitFor(/cancelled after \d events\n/);
  const reader = await read();
  started.kill();
  while (!(await reader.read()).done);
  expect((await started.ended).code).toBe(0);
});

test('echo.mjs sends back everything under backpressure', async () => {
  await using started = example('echo.mjs');
  const port = Number((await started.waitFor(/^(\d+)\n/))[1]);
  using client = await RawClient.connect(port);
  const content = Buffer.alloc(3_000_000, 'to and fro ');
  client.pause().send(content).end();
  await new Promise((resolve) => setTimeout(resolve, 50));
  client.resume();
  expect((await client.untilClose()).equals(content)).toBe(true);
  using other = await RawClient.connect(port);
  other.send('again').end();
  expect((await other.untilClose()).toString()).toBe('again');
});
