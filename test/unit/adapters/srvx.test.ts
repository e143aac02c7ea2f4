import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { type SrvxOptions, serve } from '../../../src/adapters/srvx.js';

const servers: ReturnType<typeof serve>[] = [];
const hello = () => new Response('hello');

function started(options: Partial<SrvxOptions> = {}): ReturnType<typeof serve> {
  const given = { port: 0, hostname: '127.0.0.1', silent: true, gracefulShutdown: false, fetch: hello };
  const server = serve({ ...given, ...options });
  servers.push(server);
  return server;
}

const get = async (server: ReturnType<typeof serve>): Promise<string> =>
  (await fetch(server.url!, { headers: { Connection: 'close' } })).text();

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(true)));
  process.exitCode = 0;
});

test('it listens when it is made, and with manual when it is asked to', async () => {
  const server = started();
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  expect(await get(server)).toBe('hello');
  const manual = started({ manual: true });
  expect(manual.url).toBeUndefined();
  expect(await manual.ready()).toBe(manual);
  expect(await manual.serve()).toBe(manual);
  expect(await get(manual)).toBe('hello');
});

test.each<[subject: string, options: Partial<SrvxOptions>, error: RegExp]>([
  ['TLS', { tls: { cert: 'a', key: 'b' } }, /^tls is not available: put a proxy in front/],
  ['the protocol https', { protocol: 'https' }, /^protocol is not available/],
  ['reusePort', { reusePort: true }, /^reusePort is not available: serve from worker threads/],
  ['a port that is not a number', { port: 'x' }, /^port must be/],
  ['an option of epollet', { epollet: { trigger: 'x' as never } }, /^trigger must be/],
])('%s is an error of ready()', async (_, options, error) => {
  await expect(started(options).ready()).rejects.toThrow(error);
});

test('a port that is taken is an error of ready(), and serve() tries again', async () => {
  const first = started();
  const port = Number(new URL(first.url!).port);
  const second = started({ port });
  await expect(second.ready()).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await first.close(true);
  await second.serve();
  expect(await get(second)).toBe('hello');
});

test('without ready() a failure sets the exit code', async () => {
  started({ protocol: 'https' });
  await new Promise((resolve) => setImmediate(resolve));
  expect(process.exitCode).toBe(1);
});

test('a name is resolved, and a plugin may replace the handler and add middleware', async () => {
  const server = started({
    hostname: 'localhost',
    plugins: [
      ({ options }) => {
        options.fetch = () => new Response('replaced');
        options.middleware.push(async (_, next) => new Response(`${await (await next()).text()} and more`));
      },
    ],
  });
  expect(await get(await server.ready())).toBe('replaced and more');
});

test('close() waits for what was given to waitUntil', async () => {
  const server = started();
  const steps: string[] = [];
  server.waitUntil!(new Promise((resolve) => setTimeout(resolve, 20)).then(() => steps.push('work')));
  await server.close().then(() => steps.push('closed'));
  expect(steps).toEqual(['work', 'closed']);
});

describe('trustProxy', () => {
  test.each<[SrvxOptions['trustProxy'] & {}, expected: string]>([
    [false, '127.0.0.1'],
    [true, '192.0.2.1'],
    ['loopback', '192.0.2.1'],
    [['10.0.0.1'], '127.0.0.1'],
    [['127.0.0.1'], '192.0.2.1'],
  ])('%j', async (trustProxy, expected) => {
    const server = started({ trustProxy, fetch: (request) => new Response(request.ip) });
    const headers = { 'X-Forwarded-For': '192.0.2.1', Connection: 'close' };
    expect(await (await fetch(server.url!, { headers })).text()).toBe(expected);
  });
});

test('a body longer than maxRequestBodySize is 413; without it there is no limit of size', async () => {
  const echo = async (request: Request) => new Response(`${(await request.arrayBuffer()).byteLength}`);
  const post = async (server: ReturnType<typeof serve>): Promise<[number, string]> => {
    const headers = { Connection: 'close' };
    const response = await fetch(server.url!, { method: 'POST', body: 'x'.repeat(2_000_000), headers });
    return [response.status, await response.text()];
  };
  expect(await post(started({ fetch: echo }))).toEqual([200, '2000000']);
  expect((await post(started({ fetch: echo, maxRequestBodySize: 10 })))[0]).toBe(413);
});

test('a body of srvx’s Response that is a stream of Node', async () => {
  const { FastResponse } = await import('srvx/node');
  const server = started({ fetch: () => new FastResponse(Readable.from(['one', 'two']) as never) });
  expect(await get(server)).toBe('onetwo');
});
