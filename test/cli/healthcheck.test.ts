import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AdminDoor } from '../../src/admin/door.js';
import { type Server, serve } from '../../src/index.js';
import { run } from '../support/command.js';
import { makeSite, type Site } from '../support/site.js';

let site: Site;
let server: Server;

beforeAll(async () => {
  site = await makeSite();
  server = serve({ root: site.root, port: 0 });
});

afterAll(async () => {
  await server.stop({ force: true });
  await site.remove();
});

/** Runs the check against a server with this listener. */
async function against(response: RequestListener): Promise<Awaited<ReturnType<typeof run>>> {
  const other = createServer(response);
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  const ended = await run(['healthcheck', `http://127.0.0.1:${port}/health`]);
  other.closeAllConnections();
  await new Promise((resolve) => other.close(resolve));
  return ended;
}

describe('without a URL', () => {
  test.each([
    ['EPOLLET_PORT', {}],
    ['PORT', {}],
    ['PORT', { EPOLLET_HOST: '0.0.0.0' }],
    ['PORT', { HOST: '::' }],
    ['EPOLLET_PORT', { PORT: '1', HOST: '127.0.0.9', EPOLLET_HOST: 'localhost' }],
  ] as [string, Record<string, string>][])('%s %j is healthy', async (variable, env) => {
    const ended = await run(['healthcheck'], { env: { ...env, [variable]: `${server.port}` } });
    expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(ended.stdout).toMatch(/^http:\/\/[\w.]+:\d+\/: status 200\n$/);
  });

  test('the address is in the file of EPOLLET_CONFIG, and variables take precedence over it', async () => {
    const file = site.path('config.json');
    site.write('config.json', JSON.stringify({ host: '0.0.0.0', port: server.port }));
    expect(await run(['healthcheck'], { env: { EPOLLET_CONFIG: file } })).toMatchObject({ code: 0, stderr: '' });
    expect(await run(['healthcheck'], { env: { EPOLLET_CONFIG: file, PORT: '1' } })).toMatchObject({ code: 1 });
  });

  test.each([
    [{ EPOLLET_PROXY_PROTOCOL: '1', EPOLLET_TRUSTED_PROXIES: '127.0.0.0/8, unix' }, 0],
    [{}, 1],
    [{ EPOLLET_PROXY_PROTOCOL: '0', EPOLLET_TRUSTED_PROXIES: '127.0.0.1' }, 1],
    [{ EPOLLET_PROXY_PROTOCOL: '1', EPOLLET_TRUSTED_PROXIES: '10.0.0.0/8' }, 1],
  ])('a server that expects a PROXY header gets one by %j', async (env, code) => {
    await using own = serve({ root: site.root, port: 0, trustedProxies: ['127.0.0.1'], proxyProtocol: true });
    const all = { ...env, EPOLLET_PORT: `${own.port}` };
    expect(await run(['healthcheck'], { env: all })).toMatchObject({ code });
    const file = site.path('config.json');
    site.write('config.json', JSON.stringify({ trustedProxies: '127.0.0.1', proxyProtocol: true }));
    expect(await run(['healthcheck'], { env: { ...all, EPOLLET_CONFIG: file } })).toMatchObject({
      code: 'EPOLLET_PROXY_PROTOCOL' in env ? code : 0,
    });
  });

  test('a server with an admin door is healthy when it is ready', async () => {
    await using own = serve({ root: site.root, port: 0, admin: '127.0.0.1:0' });
    const { port } = (own.companion as AdminDoor).url;
    const env = { EPOLLET_ADMIN: `0.0.0.0:${port}`, EPOLLET_PORT: '1' };
    const seen = `http://127.0.0.1:${port}/readyz: status`;
    expect(await run(['healthcheck'], { env })).toMatchObject({ code: 0, stdout: `${seen} 200\n` });
    own.companion!.setReady('A reason.');
    expect(await run(['healthcheck'], { env })).toMatchObject({
      code: 1,
      stderr: `epollet: ${seen} 503; 2xx is healthy.\n`,
    });
  });

  test('a port without a listener is exit code 1', async () => {
    const free = createTcpServer();
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
    const { port } = free.address() as { port: number };
    await new Promise((resolve) => free.close(resolve));
    const ended = await run(['healthcheck'], { env: { EPOLLET_PORT: `${port}` } });
    expect([ended.code, ended.stdout]).toEqual([1, '']);
    expect(ended.stderr).toBe(
      `epollet: http://127.0.0.1:${port}/: no server listens on 127.0.0.1:${port} (ECONNREFUSED); start it, or set EPOLLET_PORT to its port.\n`,
    );
  });
});

describe('the response', () => {
  test.each([
    [200, 0],
    [204, 0],
    [299, 0],
    [301, 1],
    [404, 1],
    [500, 1],
    [503, 1],
  ])('with status %i is exit code %i', async (status, code) => {
    const ended = await against((_, response) => response.writeHead(status).end());
    expect(ended.code).toBe(code);
    expect(ended.stderr).toMatch(
      code === 0 ? /^$/ : new RegExp(`^epollet: http://[^\\n]*/health: status ${status}; 2xx is healthy\\.\\n$`),
    );
  });

  test('to the given path counts', async () => {
    expect((await run(['healthcheck', `${server.url.href}hello.txt`])).code).toBe(0);
    expect((await run(['healthcheck', `${server.url.href}nothing`])).code).toBe(1);
  });

  test.each<
    [args: string[], responses: Record<string, [status: number, location?: string]>, code: number, seen: RegExp]
  >([
    [[], { '/': [302, '/en/'], '/en/': [200] }, 0, /\/: status 302, http:\S+\/en\/: status 200\n$/],
    [[], { '/': [404] }, 0, /\/: status 404\n$/],
    [[], { '/': [401] }, 0, /\/: status 401\n$/],
    [[], { '/': [500] }, 1, /\/: status 500; below 500 is healthy\.\n$/],
    [[], { '/': [302, '/en/'], '/en/': [503] }, 1, /status 302, http:\S+\/en\/: status 503; below 500 is healthy\.\n$/],
    [[], { '/': [301, 'https://a.example/x'] }, 0, /\/: status 301 to another server, https:\/\/a\.example\n$/],
    [
      ['/docs'],
      { '/docs': [301, '/docs/'], '/docs/': [200] },
      0,
      /\/docs: status 301, http:\S+\/docs\/: status 200\n$/,
    ],
    [['/a/b'], { '/a/b': [307, '../c'], '/c': [204] }, 0, /\/c: status 204\n$/],
    [['/docs'], { '/docs': [404] }, 1, /\/docs: status 404; 2xx is healthy\.\n$/],
    [['/docs'], { '/docs': [304] }, 1, /\/docs: status 304; 2xx is healthy\.\n$/],
    [['/?a=b'], { '/?a=b': [200] }, 0, /\/\?a=b: status 200\n$/],
    [['//a.example/'], { '//a.example/': [200] }, 0, /:\d+\/\/a\.example\/: status 200\n$/],
    [['/x'], { '/x': [302, '/x'] }, 1, /\/x: status 302 to http:\S+\/x, after 10 redirects; end the loop\.\n$/],
  ])('%j with %j is exit code %i', async (args, responses, code, seen) => {
    const other = createServer((incoming, response) => {
      const [status, location] = responses[incoming.url!] ?? [599];
      response.writeHead(status, location === undefined ? {} : { Location: location }).end();
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const ended = await run(['healthcheck', ...args], { env: { EPOLLET_PORT: `${port}` } });
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
    expect(ended.code).toBe(code);
    expect(code === 0 ? ended.stdout : ended.stderr).toMatch(seen);
  });

  test('need not end: the status is enough', async () => {
    const startMs = performance.now();
    const ended = await against((_, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    });
    expect(ended.code).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(3000);
  });

  test('of a server that hangs is awaited for 2.5 s', async () => {
    const ended = await against(() => {});
    expect([ended.code, ended.signal]).toEqual([1, null]);
    expect(ended.stderr).toMatch(/no response within 2\.5 s/);
  });

  test('of a server that does not support HTTP is exit code 1', async () => {
    const other = createTcpServer((peer) =>
      peer
        .on('error', () => {})
        .resume()
        .end('SSH-2.0-x\r\n'),
    );
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const ended = await run(['healthcheck', `http://127.0.0.1:${(other.address() as { port: number }).port}/`]);
    await new Promise((resolve) => other.close(resolve));
    expect(ended).toMatchObject({ code: 1, stdout: '' });
  });
});
