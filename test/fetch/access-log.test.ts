import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { Command, PACKAGE_ENTRY } from '../support/command.js';
import { RawClient, request } from '../support/raw-client.js';

/** The log is standard output, so the server has a process of its own. */
const SERVER = `
  import { serve } from '${PACKAGE_ENTRY}';
  const server = serve({
    port: 0,
    root: 'html',
    accessLog: 'combined',
    limits: { bodyBytes: 10 },
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === '/slow') await new Promise((resolve) => setTimeout(resolve, 50));
      if (pathname === '/stream') return new Response(new Blob(['streamed']).stream());
      if (request.method === 'POST') await request.text();
      return new Response(pathname);
    },
  });
  process.on('SIGTERM', () => server.stop());
  process.stdout.write(server.url.href + '\\n');
`;

test('each request has its line, with its own head, whatever serves it and whenever', async () => {
  await using server = new Command(
    spawn(process.execPath, ['--input-type=module', '-e', SERVER], { stdio: ['ignore', 'pipe', 'pipe'] }),
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
    '"GET /stream HTTP/1.1" 200 0 "-" "-"',
    // An error is logged when it is found: the connection may close before it is sent.
    '"GET /none HTTP/1.1" 400 35 "-" "-"',
    '"GET /slow HTTP/1.1" 200 5 "-" "-"',
    '"POST /body HTTP/1.1" 413 53 "-" "me"',
  ]);
  expect(lines.every((line) => line.startsWith('127.0.0.1 - - ['))).toBe(true);
  expect(stderr).toBe('');
});
