import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { debug, tracing } from '../../../src/sys/debug.js';
import { command, run } from '../../support/command.js';
import { testDescriptors } from '../../support/descriptors.js';

const { directory } = testDescriptors();

test('without NODE_DEBUG nothing is traced', async () => {
  expect([tracing, debug.enabled]).toEqual([false, false]);
  await using server = command(['--port', '0', directory()]);
  await (await fetch(`http://127.0.0.1:${await server.port()}/`)).arrayBuffer();
  expect((await server.kill().ended).stderr).toBe('');
});

test('NODE_DEBUG of another module traces nothing', async () => {
  expect((await run(['--version'], { env: { NODE_DEBUG: 'epoll' } })).stderr).toBe('');
});

test('NODE_DEBUG=epollet traces the way of a request', async () => {
  const site = directory();
  writeFileSync(join(site, 'page.html'), 'first');
  await using server = command(['--port', '0', site], { env: { NODE_DEBUG: 'epollet' } });
  const url = `http://127.0.0.1:${await server.port()}/page.html`;
  const get = async () => (await fetch(url, { headers: { connection: 'close' } })).text();

  expect(await get()).toBe('first');
  for (const event of [
    /accept fd \d+ from 127\.0\.0\.1:\d+/,
    /request GET \/page\.html/,
    /cache miss \/page\.html/,
    /resolve \/page\.html: file.*/,
    /watch \/.*: inotify/,
    /response 200, 5 bytes of body/,
    /close fd \d+: everything is sent/,
  ])
    await server.waitFor(new RegExp(`EPOLLET \\d+: ${event.source}\n`), 'stderr');

  await get();
  await get();
  await server.waitFor(/EPOLLET \d+: cache hit \/page\.html\n/, 'stderr');
  writeFileSync(join(site, 'page.html'), 'second');
  await server.waitFor(/EPOLLET \d+: invalidate \/page\.html\n/, 'stderr');
  expect(await get()).toBe('second');
});
