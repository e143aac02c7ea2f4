/**
 * What a user of the package does first: serves a file over HTTP and polls a pipe. It runs in a project that has the package
 * installed; `node consumer.mjs poll` only polls.
 */

import assert from 'node:assert';
import { EPOLLIN, Epoll } from 'epollet/epoll';
import { kernel } from 'epollet/sys';

poll();
if (process.argv[2] !== 'poll') await serveFile();
process.stdout.write('ok\n');

function poll() {
  const [reader, writer] = kernel.pipe2(0);
  const epoll = new Epoll();
  epoll.register(reader, EPOLLIN);
  assert.strictEqual([...epoll.poll(0)].length, 0);
  assert.strictEqual(kernel.write(writer, new Uint8Array(3), 0, 3), 3);
  const [event] = [...epoll.poll(5000)];
  assert.strictEqual(event.fd, reader);
  assert.strictEqual(event.events & EPOLLIN, EPOLLIN);
  epoll.close();
  for (const fd of [reader, writer]) assert.strictEqual(kernel.close(fd), 0);
}

async function serveFile() {
  const { serve } = await import('epollet');
  const server = serve({ root: '.', port: 0 });
  const response = await fetch(new URL('package.json', server.url));
  assert.strictEqual(response.status, 200);
  assert.strictEqual(response.headers.get('content-type'), 'application/json; charset=utf-8');
  assert.strictEqual(typeof (await response.json()), 'object');
  await server.stop();
}
