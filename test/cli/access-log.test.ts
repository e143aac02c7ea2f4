import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import schema from '../../access-log.schema.json' with { type: 'json' };
import { command, PACKAGE } from '../support/command.js';
import { exchange, leaveAt, RawClient, request, sleep } from '../support/raw-client.js';
import { contentOf, HELLO, MIB, makeSite, type Site } from '../support/site.js';

const COMBINED =
  /^(?<peer>[0-9a-f.:]+) - - \[(?<time>\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000)\] "(?<line>(?:[^"\\]|\\x[0-9A-F]{2})*)" (?<status>\d{3}) (?<bytes>\d+) "(?<referer>(?:[^"\\]|\\x[0-9A-F]{2})*)" "(?<agent>(?:[^"\\]|\\x[0-9A-F]{2})*)"$/;

const isLine = new Ajv().compile(schema);

/** Parses a line of the JSON log, which has to be valid by the schema. */
function parsed(line: string): Record<string, unknown> {
  const entry = JSON.parse(line);
  expect(isLine(entry), `${line} ${JSON.stringify(isLine.errors)}`).toBe(true);
  return entry;
}

let site: Site;

beforeAll(async () => {
  site = await makeSite();
});

afterAll(() => site.remove());

/** Serves, sends each of the requests on a connection of its own, and returns the log at the end. */
async function logged(format: string, requests: readonly string[]): Promise<string[]> {
  const path = join(site.outside, `log-${Math.random()}`);
  const fd = openSync(path, 'w');
  await using server = command([site.root, '--access-log', format, '--port', '0', '--head-timeout-ms', '300'], {
    stdio: ['ignore', fd, 'pipe'],
  });
  closeSync(fd);
  const port = await server.port('stderr');
  for (const bytes of requests) await exchange(port, bytes);
  expect(await server.kill().ended).toMatchObject({ code: 0, stderr: `http://127.0.0.1:${port}/\n` });
  const lines = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path)).split('\n');
  expect(lines.pop()).toBe('');
  return lines;
}

/** Larger than the buffers of a socket; it takes no space. */
async function makeBig(): Promise<{ name: string; size: number }> {
  const size = 256 * MIB;
  await writeFile(join(site.root, 'big.bin'), '');
  await truncate(join(site.root, 'big.bin'), size);
  return { name: 'big.bin', size };
}

const AGENT = 'User-Agent: x"y\\z\t\xc3\xa9\xff';
const REQUESTS = [
  request('/hello.txt', ['User-Agent: curl/8', 'Referer: http://a/b?c']),
  request('/hello.txt?a="b"', [AGENT]),
  request('/sub', [], 'HEAD'),
  request('/nothing\xff'),
  request('/hello.txt', ['If-None-Match: *']),
  `${request('/hello.txt', ['Content-Length: 3'], 'POST')}abc`,
  request('*', [], 'OPTIONS'),
  `GET /${MIB}.bin HTTP/1.0\r\n\r\n`,
  'nonsense\r\n\r\n',
  'GET /bad HTTP/9.9\r\nUser-Agent: unread\r\n\r\n',
  request('/hello.txt', ['Referer: x', 'Expect: tea']),
  'GET /ha',
];

test('combined writes a line per request, in order, that no client can forge', async () => {
  const lines = (await logged('combined', REQUESTS)).map((line) => {
    expect(line).toMatch(COMBINED);
    const { peer, line: requestLine, status, bytes, referer, agent, time } = COMBINED.exec(line)!.groups!;
    expect(peer).toBe('127.0.0.1');
    const ageMs = Date.now() - Date.parse(time!.replaceAll('/', ' ').replace(':', ' '));
    expect(ageMs).toBeGreaterThan(-2000);
    expect(ageMs).toBeLessThan(60_000);
    return [requestLine, Number(status), Number(bytes), referer, agent];
  });
  const size = (status: number): unknown => (status ? expect.any(Number) : 0);
  expect(lines).toEqual([
    ['GET /hello.txt HTTP/1.1', 200, HELLO.length, 'http://a/b?c', 'curl/8'],
    ['GET /hello.txt?a=\\x22b\\x22 HTTP/1.1', 200, HELLO.length, '-', 'x\\x22y\\x5Cz\\x09\\xC3\\xA9\\xFF'],
    ['HEAD /sub HTTP/1.1', 301, 0, '-', '-'],
    ['GET /nothing\\xFF HTTP/1.1', 404, size(1), '-', '-'],
    ['GET /hello.txt HTTP/1.1', 304, 0, '-', '-'],
    ['POST /hello.txt HTTP/1.1', 405, size(1), '-', '-'],
    ['OPTIONS * HTTP/1.1', 204, 0, '-', '-'],
    [`GET /${MIB}.bin HTTP/1.0`, 200, MIB, '-', '-'],
    ['-', 400, size(1), '-', '-'],
    ['GET /bad HTTP/1.1', 505, size(1), '-', '-'],
    ['GET /hello.txt HTTP/1.1', 417, size(1), 'x', '-'],
    ['-', 408, size(1), '-', '-'],
  ]);
});

test('json writes an object per line, in valid UTF-8 whatever clients send', async () => {
  const lines = (await logged('json', REQUESTS)).map(parsed);
  for (const { time } of lines) {
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Math.abs(Date.now() - Date.parse(time as string))).toBeLessThan(60_000);
  }
  expect(lines.some(({ time }) => !(time as string).endsWith('000Z'))).toBe(true);
  expect(lines[0]).toEqual({
    time: expect.any(String),
    peer: '127.0.0.1',
    method: 'GET',
    target: '/hello.txt',
    host: 'a',
    version: '1.1',
    status: 200,
    bytes: HELLO.length,
    complete: true,
    durationMs: expect.any(Number),
    referer: 'http://a/b?c',
    userAgent: 'curl/8',
  });
  expect(lines[1]).toMatchObject({ target: '/hello.txt?a="b"', userAgent: 'x"y\\z\té\ufffd', referer: null });
  expect(lines.map(({ method, target, status }) => [method, target, status])).toEqual([
    ['GET', '/hello.txt', 200],
    ['GET', '/hello.txt?a="b"', 200],
    ['HEAD', '/sub', 301],
    ['GET', '/nothing\ufffd', 404],
    ['GET', '/hello.txt', 304],
    ['POST', '/hello.txt', 405],
    ['OPTIONS', '*', 204],
    ['GET', `/${MIB}.bin`, 200],
    [null, null, 400],
    ['GET', '/bad', 505],
    ['GET', '/hello.txt', 417],
    [null, null, 408],
  ]);
});

test('the documentation has the members of the schema, in the order of the line', async () => {
  const text = readFileSync(`${PACKAGE}docs/access-log.md`, 'utf8');
  const rows = [...text.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, names]) => [...names!.matchAll(/`(\w+)`/g)]);
  const documented = rows.map(([, name]) => name!);
  expect(documented).toEqual(Object.keys(schema.properties));
  const [line] = await logged('json', [request('/hello.txt')]);
  const members = Object.keys(JSON.parse(line!));
  expect(members).toEqual(documented.filter((name) => members.includes(name)));
  expect(members).toEqual(expect.arrayContaining(schema.required));
});

test('a client that leaves has a line of what it got', async () => {
  await using server = command([site.root, '--access-log', 'json', '--port', '0']);
  const port = await server.port('stderr');
  const big = await makeBig();
  for (const version of ['1.0', '1.1']) {
    using client = await RawClient.connect(port);
    client.send(`GET /${big.name} HTTP/${version}\r\nHost: a\r\n\r\n`);
    await leaveAt(client, '\0\0');
  }
  {
    using client = await RawClient.connect(port);
    client.send(request('/hello.txt', ['Content-Length: 10', 'Expect: 100-continue']));
    await leaveAt(client, '100 Continue');
  }
  const lines = (await server.kill().ended).stdout.split('\n').slice(0, -1).map(parsed);
  for (const { bytes } of lines.slice(0, 2)) {
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(big.size);
  }
  expect(lines.map(({ method, status, complete }) => [method, status, complete])).toEqual([
    ['GET', 200, false],
    ['GET', 200, false],
    ['GET', 499, false],
  ]);
});

test('combined marks a line of a response that was cut off', async () => {
  await using server = command([site.root, '--access-log', 'combined', '--port', '0']);
  const port = await server.port('stderr');
  const big = await makeBig();
  using client = await RawClient.connect(port);
  client.send(request(`/${big.name}`));
  await leaveAt(client, '\0\0');
  await server.waitFor(/"GET \/big.bin HTTP\/1.1" 200 \d+ "-" "-" X\n/, 'stdout', 3000);
});

test('a stop writes every line that is still buffered', async () => {
  await using server = command([site.root, '--access-log', 'combined', '--port', '0']);
  const port = await server.port('stderr');
  using client = await RawClient.connect(port);
  client.send(request('/hello.txt', [`User-Agent: ${'x'.repeat(500)}`]).repeat(2000));
  for (let i = 0; i < 2000; i++) await client.response();
  const { code, stdout, stderr } = await server.kill().ended;
  expect([code, stderr, stdout.trimEnd().split('\n').length]).toEqual([0, `http://127.0.0.1:${port}/\n`, 2000]);
});

test('lines are written within about a second, without a stop', async () => {
  await using server = command([site.root, '--access-log', 'combined', '--port', '0']);
  await exchange(await server.port('stderr'), request('/hello.txt'));
  await server.waitFor(/"GET \/hello\.txt HTTP\/1\.1" 200/, 'stdout', 3000);
});

describe('the log cannot be written', () => {
  test('a full device: the server goes on, and reports what was lost', async () => {
    const full = openSync('/dev/full', 'w');
    await using server = command([site.root, '--access-log', 'json', '--port', '0'], {
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    const port = await server.port('stderr');
    for (let i = 0; i < 3; i++)
      expect((await exchange(port, request(`/${MIB}.bin`))).body.equals(contentOf(MIB))).toBe(true);
    const { code, stderr } = await server.kill().ended;
    expect(code).toBe(0);
    expect(stderr.split('\n').slice(1)).toEqual([
      expect.stringMatching(
        /^epollet: the access log cannot be written \(ENOSPC: .*\); it is tried again every second\.$/,
      ),
      'epollet: the access log could not be written to its end; 3 lines were lost.',
      '',
    ]);
  });

  test('a pipe without a reader: the log goes on with the next reader', async () => {
    const path = join(site.outside, 'fifo');
    execFileSync('mkfifo', [path]);
    const first = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const fd = openSync(path, 'w');
    await using server = command([site.root, '--access-log', 'json', '--port', '0'], { stdio: ['ignore', fd, 'pipe'] });
    closeSync(fd);
    const port = await server.port('stderr');
    closeSync(first);
    await exchange(port, request('/hello.txt'));
    await server.waitFor(/the access log cannot be written \(EPIPE/, 'stderr', 4000);
    const second = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    await exchange(port, request('/sub'));
    await server.waitFor(/the access log is written again; one line was lost\./, 'stderr', 4000);
    const bytes = Buffer.alloc(4096);
    const line = bytes.toString('utf8', 0, readSync(second, bytes));
    closeSync(second);
    expect(JSON.parse(line)).toMatchObject({ target: '/sub', status: 301, complete: true });
  });

  test('a reader that does not read delays neither the requests nor a second signal', async () => {
    await using server = command([site.root, '--access-log', 'combined', '--port', '0']);
    const port = await server.port('stderr');
    server.process.stdout!.pause();
    using client = await RawClient.connect(port);
    const line = request('/hello.txt', [`User-Agent: ${'x'.repeat(2000)}`]);
    for (let round = 0; round < 10; round++) {
      client.send(line.repeat(100));
      for (let i = 0; i < 100; i++) expect((await client.response()).status).toBe(200);
    }
    await sleep(100);
    server.kill();
    await sleep(300);
    const startMs = performance.now();
    server.kill();
    while (server.process.exitCode === null && server.process.signalCode === null && performance.now() - startMs < 3000)
      await sleep(20);
    expect([server.process.exitCode, server.process.signalCode]).toEqual([0, null]);
  });
});
