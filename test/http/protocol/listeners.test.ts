import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { Listener } from '../../../src/net/listener.js';
import { Server, serve } from '../../../src/server/server.js';
import { kernel } from '../../../src/sys/binding.js';
import { hasIPv6, permits } from '../../support/needs.js';
import { eventually } from '../../support/raw-client.js';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const directory = mkdtempSync(join(tmpdir(), 'epollet-listen-'));
afterAll(() => rmSync(directory, { recursive: true }));

const fetchHandler = () => new Response('ok');

/** @param where a port, or the path of a Unix socket */
const get = (where: number | string, path = '/') =>
  new Promise<string>((resolve, reject) => {
    const target = typeof where === 'number' ? { host: '127.0.0.1', port: where } : { socketPath: where };
    request({ ...target, path, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => (text += part));
      response.on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });

it('a server accepts from several listeners, with one count of connections', async () => {
  const path = join(directory, 'several.sock');
  const server = serve({ fetch: fetchHandler, listen: ['127.0.0.1:0', '127.0.0.1:0', `unix:${path}`] });
  open.push(() => server.stop());
  const ports = server.addresses.slice(0, 2).map((url) => Number(new URL(url).port));
  expect(server.addresses).toEqual([...ports.map((port) => `http://127.0.0.1:${port}/`), `unix:${path}`]);
  expect([server.port, server.url.href]).toEqual([ports[0], server.addresses[0]]);
  for (const where of [...ports, path]) expect(await get(where)).toBe('ok');
  expect(server.stats().connections.accepted).toBe(3);
});

it.each([false, true])('handed listeners (exclusive: %s) stay open when the server stops', async (exclusive) => {
  const listener = Listener.open(kernel, { kind: 'tcp', host: '127.0.0.1', port: 0 });
  open.push(() => listener.close());
  const { port } = listener.address;
  for (let round = 0; round < 2; round++) {
    const server = new Server({ fetch: fetchHandler }, { listeners: [{ fd: listener.fd, exclusive }] });
    expect(server.port).toBe(port);
    expect(await get(port)).toBe('ok');
    await server.stop();
  }
  expect(kernel.fcntl(listener.fd, 1)).toBeGreaterThanOrEqual(0);
});

it.each([false, true])('maxConnections counts the connections of all listeners (exclusive: %s)', async (exclusive) => {
  const listeners = [1, 2].map(() => {
    const listener = Listener.open(kernel, { kind: 'tcp', host: '127.0.0.1', port: 0 });
    open.push(() => listener.close());
    return { fd: listener.fd, exclusive };
  });
  const server = new Server({ fetch: fetchHandler, limits: { maxConnections: 1 } }, { listeners });
  open.push(() => server.stop({ force: true }));
  const [first, second] = server.addresses.map((url) => Number(new URL(url).port)) as [number, number];
  const idle = createConnection(first, '127.0.0.1');
  idle.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await new Promise((resolve) => idle.once('data', resolve));
  const waiting = get(second);
  await eventually(() => server.stats().connections.queued === 1, 'a connection that waits');
  idle.destroy();
  expect(await waiting).toBe('ok');
});

it.runIf(permits(hasIPv6(), 'listeners of IPv6', 'this machine has none'))(
  ':: leaves IPv4 to an IPv4 address of the same port',
  async () => {
    const probe = Listener.open(kernel, { kind: 'tcp', host: '::', port: 0 });
    const { port } = probe.address;
    probe.close();
    const server = serve({ fetch: fetchHandler, listen: [`[::]:${port}`, `0.0.0.0:${port}`, `[::1]:0`] });
    open.push(() => server.stop());
    expect(await get(port)).toBe('ok');
    expect(server.hostname).toBe('::');
    const six = await fetch(`http://[::1]:${port}/`);
    expect(await six.text()).toBe('ok');
  },
);

it('a server on a Unix socket alone has no port, and a request without Host gets an URL', async () => {
  const path = join(directory, 'alone.sock');
  let url = '';
  const server = serve({
    fetch: (request, { peer }) => {
      url = request.url;
      return Response.json(peer);
    },
    listen: `unix:${path}`,
  });
  open.push(() => server.stop());
  expect([server.hostname, server.port, server.url.href]).toEqual(['', 0, `unix:${path}`]);
  const client = createConnection(path);
  client.write('GET /x HTTP/1.0\r\n\r\n');
  let text = '';
  client.setEncoding('utf8').on('data', (part) => (text += part));
  await new Promise((resolve) => client.once('close', resolve));
  expect(text).toMatch(/\r\n\r\n\{"family":"unix","address":"","port":0\}$/);
  expect(url).toBe('http://localhost/x');
});

it('if one address cannot be opened, none is', async () => {
  const taken = Listener.open(kernel, { kind: 'tcp', host: '127.0.0.1', port: 0 });
  open.push(() => taken.close());
  const path = join(directory, 'none.sock');
  const { port } = taken.address;
  expect(() => serve({ fetch: fetchHandler, listen: [`unix:${path}`, `127.0.0.1:${port}`] })).toThrow(
    expect.objectContaining({ code: 'EADDRINUSE', address: '127.0.0.1', port }),
  );
  expect(existsSync(path)).toBe(false);
});

it.each<[options: object, message: RegExp]>([
  [{ listen: [] }, /^listen must be a port, .*, or a list of them, not \[\]$/],
  [{ listen: 80 }, /^listen must be a list, not 80$/],
  [{ listen: ['80', 'x'] }, /^listen\[1\] must be a port, .*"systemd", not "x"$/],
  [{ listen: ['unix:/x', 'unix:/x?mode=600'] }, /^listen has unix:\/x twice; leave one out$/],
  [{ listen: 'a.example:80' }, /^listen has "a\.example:80", whose host is neither an IP address nor localhost$/],
  [{ listen: '80', port: 1 }, /^port has no effect with listen; give one of the two$/],
  [
    { listen: ':80', hostname: '::' },
    /^hostname has no effect with listen, unless a port is alone; give one of the two$/,
  ],
])('%j is an error', (options, message) => {
  expect(() => serve({ fetch: fetchHandler, ...options })).toThrow(
    expect.objectContaining({ code: 'ERR_EPOLLET_OPTION', message: expect.stringMatching(message) }),
  );
});
