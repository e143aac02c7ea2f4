import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Listener } from '../../../src/net/listener.js';
import { Server, serve } from '../../../src/server/server.js';
import { kernel } from '../../../src/sys/binding.js';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const directory = mkdtempSync(join(tmpdir(), 'epollet-listen-'));
open.push(() => rmSync(directory, { recursive: true }));

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
