import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Command, command, PACKAGE } from '../support/command.js';
import { eventually, RawClient, type RawResponse } from '../support/raw-client.js';

const ENTRY = join(PACKAGE, 'docs/httparena');

/** The fields of site/content/docs/add-framework/meta-json.md, without those of frameworks alone. */
const META_FIELDS = {
  display_name: 'string',
  language: 'string',
  engine: 'string',
  type: 'string',
  description: 'string',
  repo: 'string',
  enabled: 'boolean',
  tests: 'object',
  maintainers: 'object',
};
/** The keys of PROFILES in scripts/lib/profiles.sh; validate.sh fails with any other one. */
const PROFILES = [
  ...['baseline', 'pipelined', 'limited-conn', 'async', 'latency-1m', 'latency-10k', 'json-comp', 'json-tls', '8gbit'],
  ...['static-tls', 'async-db', 'fortunes', 'baseline-h2', 'static-h2', 'baseline-h2c', 'json-h2c', 'baseline-h3'],
  ...['static-h3', 'unary-grpc', 'unary-grpc-tls', 'gateway-64', 'gateway-h3', 'production-stack'],
  ...['echo-ws', 'echo-ws-pipeline', 'echo-ws-limited'],
];

const items = [
  {
    id: 1,
    name: 'Alpha',
    category: 'tools',
    price: 328,
    quantity: 15,
    active: true,
    tags: ['a'],
    rating: { score: 4 },
  },
  { id: 2, name: 'Beta', category: 'books', price: 7, quantity: 3, active: false, tags: [], rating: { score: 5 } },
];

const dockerfile = readFileSync(join(ENTRY, 'Dockerfile'), 'utf8');
const [, commandText = '[]'] = /^CMD (\[.*\])$/m.exec(dockerfile) ?? [];
const [program, ...flags] = JSON.parse(commandText) as string[];

describe('the entry', () => {
  const meta = JSON.parse(readFileSync(join(ENTRY, 'meta.json'), 'utf8'));

  test('meta.json has the fields and the profiles that the rules have', () => {
    expect(Object.fromEntries(Object.entries(meta).map(([name, value]) => [name, typeof value]))).toEqual(META_FIELDS);
    expect(meta.type).toBe('engine');
    expect(PROFILES).toEqual(expect.arrayContaining(meta.tests));
    expect(new Set(meta.tests).size).toBe(meta.tests.length);
    const readme = readFileSync(join(ENTRY, 'README.md'), 'utf8');
    for (const name of meta.tests) expect(readme).toContain(`\`${name}\``);
  });

  test('the Dockerfile pins its base image, copies what exists and serves port 8080 with the package of this version', () => {
    const { version } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
    for (const [, image] of dockerfile.matchAll(/^FROM (\S+)/gm)) expect(image).toMatch(/:\d+/);
    for (const [, file] of dockerfile.matchAll(/^COPY (\S+) /gm))
      expect(existsSync(join(ENTRY, file!)), file).toBe(true);
    expect(dockerfile).toContain(`ARG EPOLLET=epollet@${version}\n`);
    expect(program).toBe('node_modules/.bin/epollet');
    expect(flags.join(' ')).toContain('--port 8080');
  });
});

describe('the program responds as validate.sh demands', () => {
  let directory: string;
  let server: Command;
  let port: number;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'epollet-httparena-'));
    const dataset = join(directory, 'dataset.json');
    writeFileSync(dataset, JSON.stringify(items));
    const given = flags.map((flag) => (flag === '8080' ? '0' : flag === '::' ? '127.0.0.1' : flag));
    server = command(given, { cwd: ENTRY, env: { DATASET: dataset } });
    port = await server.port();
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });

  async function respond(pieces: readonly string[]): Promise<RawResponse> {
    const client = await RawClient.connect(port);
    await client.sendPieces(pieces, 10);
    const response = await client.response();
    client.socket.destroy();
    return response;
  }

  const get = (target: string, fields = ''): string => `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`;
  const post = (body: string): string =>
    `POST /baseline11?a=13&b=42 HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const CHUNKED =
    'POST /baseline11?a=13&b=42 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n20\r\n0\r\n\r\n';

  test.each([
    ['a sum', get('/baseline11?a=13&b=42'), 200, '55'],
    ['another sum', get('/baseline11?a=731&b=268'), 200, '999'],
    ['a sum with a body', post('20'), 200, '75'],
    ['a sum with another body', post('945'), 200, '1000'],
    ['a sum with a chunked body', CHUNKED, 200, '75'],
    ['a pipelined request', get('/pipeline'), 200, 'ok'],
    ['no delay', get('/delay/0'), 200, '0'],
    ['another path', get('/nonexistent'), 404, 'Not found.\n'],
    ['no count', get('/json/x'), 404, 'Not found.\n'],
    ['no delay in the path', get('/delay/x'), 404, 'Not found.\n'],
  ])('%s', async (_, request, status, body) => {
    const response = await respond([request]);
    expect([response.status, response.field('Content-Type'), String(response.body)]).toEqual([
      status,
      'text/plain',
      body,
    ]);
  });

  test.each([
    ['GET', get('/baseline11?a=13&b=42', 'User-Agent: a\r\nConnection: close\r\n'), '55'],
    ['POST', post('20'), '75'],
    ['a chunked POST', CHUNKED, '75'],
  ])('%s, cut after each of its bytes', async (_, request, body) => {
    const cuts = Array.from({ length: request.length - 1 }, (_, at) => at + 1);
    const responses = await Promise.all(cuts.map((at) => respond([request.slice(0, at), request.slice(at)])));
    expect(new Set(responses.map((response) => `${response.status} ${response.body}`))).toEqual(
      new Set([`200 ${body}`]),
    );
  });

  test('sixteen pipelined requests', async () => {
    const client = await RawClient.connect(port);
    client.send(get('/pipeline').repeat(16));
    for (let at = 0; at < 16; at++) expect(String((await client.response()).body)).toBe('ok');
    client.socket.destroy();
  });

  test('a WebSocket gets its messages back, in order, and closes with its own code; other requests for it are 426', async () => {
    const client = new WebSocket(`ws://127.0.0.1:${port}/ws`);
    const received: string[] = [];
    client.on('message', (data, isBinary) => received.push(`${isBinary ? 'bytes' : 'text'} ${data}`));
    await once(client, 'open');
    for (const message of ['a', 'b', Buffer.from('c'), 'd']) client.send(message);
    await eventually(() => received.length === 4, 'the echoes');
    expect(received).toEqual(['text a', 'text b', 'bytes c', 'text d']);
    client.close(1000, 'done');
    expect((await once(client, 'close'))[0]).toBe(1000);
    expect((await respond([get('/ws')])).status).toBe(426);
  });

  test('overlapping delays each have their own time', async () => {
    const delays = Array.from({ length: 32 }, (_, at) => 20 + at);
    const took = await Promise.all(
      delays.map(async (ms) => {
        const startMs = performance.now();
        expect(String((await respond([get(`/delay/${ms}`)])).body)).toBe(`${ms}`);
        return performance.now() - startMs - ms;
      }),
    );
    expect(Math.min(...took)).toBeGreaterThanOrEqual(0);
  });

  test.each([
    ['', null, String],
    ['gzip, br', 'br', brotliDecompressSync],
    ['br;q=1, gzip;q=0.8', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['br;q=0, gzip', 'gzip', gunzipSync],
    ['identity', null, String],
  ] as const)('JSON for Accept-Encoding %j is %s', async (accepted, coding, decode) => {
    for (const [count, m] of [
      [1, 3],
      [2, 7],
    ] as const) {
      const field = accepted === '' ? '' : `Accept-Encoding: ${accepted}\r\n`;
      const response = await respond([get(`/json/${count}?m=${m}`, field)]);
      expect([response.status, response.field('Content-Type'), response.field('Content-Encoding')]).toEqual([
        200,
        'application/json',
        coding,
      ]);
      expect(JSON.parse(String(decode(response.body)))).toEqual({
        items: items.slice(0, count).map((item) => ({ ...item, total: item.price * item.quantity * m })),
        count,
      });
    }
  });
});
