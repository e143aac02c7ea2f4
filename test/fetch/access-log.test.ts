import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { Command, PACKAGE_ENTRY } from '../support/command.js';
import { leaveAt, RawClient, request } from '../support/raw-client.js';

/** The log is standard output, so the server has a process of its own. */
const SERVER = `
  import { serve } from '${PACKAGE_ENTRY}';
  const MIB = 1024 * 1024;
  const chunks = (...all) => new ReadableStream({
    async pull(controller) {
      const chunk = all.shift();
      if (chunk === undefined) controller.close();
      else if (chunk === 'wait') await new Promise(() => {});
      else if (chunk === 'fail') controller.error(new Error('on purpose'));
      else controller.enqueue(new TextEncoder().encode(chunk));
    },
  });
  const STREAMS = {
    '/chunks': () => new Response(chunks('one', 'three', 'x'.repeat(20000))),
    '/length': () => new Response(chunks('one', 'two'), { headers: { 'Content-Length': '6' } }),
    '/short': () => new Response(chunks('one'), { headers: { 'Content-Length': '6' } }),
    '/fails': () => new Response(chunks('half', 'fail')),
    '/waits': () => new Response(chunks('half', 'wait')),
    '/never': () => new Promise(() => {}),
    '/large': () => new Response(new Uint8Array(32 * MIB)),
    '/chunks-large': () => new Response(chunks(...Array(500).fill('x'.repeat(65536)))),
  };
  const server = serve({
    port: 0,
    root: 'html',
    accessLog: process.argv[1],
    limits: { bodyBytes: 10 },
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === '/slow') await new Promise((resolve) => setTimeout(resolve, 50));
      if (pathname === '/stream') return new Response(new Blob(['streamed']).stream());
      if (pathname in STREAMS) return STREAMS[pathname](request);
      if (request.method === 'POST') await request.text();
      return new Response(pathname);
    },
  });
  process.on('SIGTERM', () => server.stop());
  process.stdout.write(server.url.href + '\\n');
`;

test('each request has its line, with its own head, whatever serves it and whenever', async () => {
  await using server = new Command(
    spawn(process.execPath, ['--input-type=module', '-e', SERVER, 'combined'], { stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  const port = await server.port();
  const long = `X-Long: ${'x'.repeat(500)}`;
  {
    using client = await RawClient.connect(port);
    client.send(request('/slow', [long]) + request('/index.html', [], 'HEAD') + request('/quick') + request('/stream'));
    for (const method of ['GET', 'HEAD', 'GET', 'GET']) await client.response(method);
    // The error is found while the response before it is pending.
    client.send(`${request('/slow', [long])}${request('/none', ['Bad Field: x'])}`);
    for (const status of [200, 400]) expect((await client.response()).status).toBe(status);
  }
  {
    using client = await RawClient.connect(port);
    client.send(`${request('/body', ['Transfer-Encoding: chunked', 'User-Agent: me'], 'POST')}b\r\nhello world\r\n`);
    expect((await client.response()).status).toBe(413);
  }
  server.kill();
  const { stdout, stderr } = await server.ended;
  const lines = stdout.split('\n').slice(1, -1);
  expect(lines.map((line) => /] (.*)$/.exec(line)![1])).toEqual([
    '"GET /slow HTTP/1.1" 200 5 "-" "-"',
    expect.stringMatching(/^"HEAD \/index.html HTTP\/1.1" 200 0 /),
    '"GET /quick HTTP/1.1" 200 6 "-" "-"',
    '"GET /stream HTTP/1.1" 200 8 "-" "-"',
    '"GET /slow HTTP/1.1" 200 5 "-" "-"',
    '"GET /none HTTP/1.1" 400 35 "-" "-"',
    '"POST /body HTTP/1.1" 413 53 "-" "me"',
  ]);
  expect(lines.every((line) => line.startsWith('127.0.0.1 - - ['))).toBe(true);
  expect(stderr).toBe('');
});

/** When the client leaves: when the server closes, or with RST once it has received this text. */
type Leaves = 'at the end' | string;

const SIZE = 32 * 1024 * 1024;
const less = (bytes: number) => bytes > 1 && bytes < SIZE;
const ENDS: [
  target: string,
  version: string,
  leaves: Leaves,
  status: number,
  bytes: (bytes: number) => boolean,
  complete: boolean,
][] = [
  ['/chunks', '1.1', 'at the end', 200, (bytes) => bytes === 20008, true],
  ['/chunks', '1.0', 'at the end', 200, (bytes) => bytes === 20008, true],
  ['/length', '1.1', 'at the end', 200, (bytes) => bytes === 6, true],
  ['/short', '1.1', 'at the end', 200, (bytes) => bytes === 3, false],
  ['/fails', '1.1', 'at the end', 200, (bytes) => bytes === 4, false],
  ['/fails', '1.0', 'at the end', 200, (bytes) => bytes === 4, false],
  ['/waits', '1.1', 'half', 200, (bytes) => bytes === 4, false],
  ['/never', '1.1', '/quick', 499, (bytes) => bytes === 0, false],
  ['/large', '1.1', '\0\0', 200, less, false],
  ['/chunks-large', '1.1', 'xx', 200, (bytes) => less(bytes) && bytes < 500 * 65536, false],
];

test('a line has the content that was sent, and whether that was all of it', async () => {
  await using server = new Command(
    spawn(process.execPath, ['--input-type=module', '-e', SERVER, 'json'], { stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  const port = await server.port();
  for (const [target, version, leaves] of ENDS) {
    using client = await RawClient.connect(port);
    client.send(
      `${leaves === '/quick' ? request(leaves) : ''}GET ${target} HTTP/${version}\r\nHost: a\r\n${leaves === 'at the end' ? 'Connection: close\r\n' : ''}\r\n`,
    );
    if (leaves === 'at the end') await client.untilClose();
    else await leaveAt(client, leaves);
  }
  {
    // The second response is ready, and waits for the first.
    using client = await RawClient.connect(port);
    client.send(request('/quick') + request('/never?queued') + request('/ready'));
    await leaveAt(client, '/quick');
  }
  server.kill();
  const lines = (await server.ended).stdout
    .split('\n')
    .slice(1, -1)
    .map((line) => JSON.parse(line))
    .filter(({ target }) => target !== '/quick');
  expect(lines.filter(({ target, durationMs }) => target === '/chunks-large' && durationMs > 0).length).toBe(1);
  expect(
    lines.map(({ target, version, status, bytes, complete }, at) => [
      target,
      version,
      status,
      ENDS[at]?.[4](bytes) ?? bytes,
      complete,
    ]),
  ).toEqual([
    ...ENDS.map(([target, version, , status, , complete]) => [target, version, status, true, complete]),
    ['/never?queued', '1.1', 499, 0, false],
    ['/ready', '1.1', 200, 0, false],
  ]);
});
