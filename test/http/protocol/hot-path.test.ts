import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Server, serve } from '../../../src/index.js';
import { kernel as realKernel } from '../../../src/sys/binding.js';
import { makeWatchedDirectory } from '../../support/changer.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { settled } from '../../support/directory.js';
import { RawClient, request, sleep } from '../../support/raw-client.js';

const REQUESTS = 1000;
/** Clocks are read in user space, vdso(7). */
const CLOCKS = ['monotonicMs', 'wallMs'];
const ALLOWED = ['loopWait', 'recv', 'recvEach', 'send', 'sendEach', ...CLOCKS];
/** Large files may wait for room in the socket buffer. */
const ALLOWED_LARGE = [...ALLOWED, 'sendfile', 'epollCtl'];

const counts = new Map<string, number>();
let directory: ReturnType<typeof makeWatchedDirectory>;
let server: Server;

beforeAll(async () => {
  directory = makeWatchedDirectory();
  const path = (name: string): string => join(directory.path, name);
  mkdirSync(path('in'));
  for (const [name, size] of Object.entries({
    'small.txt': 500,
    'index.html': 2000,
    '404.html': 700,
    'in/deep.txt': 60_000,
    'app.js': 3000,
    'app.js.gz': 1000,
    'large.bin': 100_000,
  })) {
    writeFileSync(path(name), 'x'.repeat(size));
    utimesSync(path(name), 1e9, 1e9);
  }
  symlinkSync('in', path('linked'));
  let watchFd = -1;
  const count = (name: string) => (args: readonly unknown[], result: unknown) => {
    if (name === 'inotifyInit1') watchFd = result as number;
    // Another process may create a file in a directory on the path of the root.
    if (name === 'read' && args[0] === watchFd) return;
    counts.set(name, (counts.get(name) ?? 0) + (name === 'sendEach' ? (args[2] as number) : 1));
  };
  const observed = Object.fromEntries(Object.keys(realKernel).map((name) => [name, count(name)]));
  server = serve({ port: 0, root: directory.path, fallback: 'index.html', kernel: kernelWith({}, observed) });
  await settled();
});

afterAll(async () => {
  await server.stop({ force: true });
  directory[Symbol.dispose]();
});

test.each<[subject: string, target: string, fields: string[], status: number, allowed: string[]]>([
  ['a file', '/small.txt', [], 200, ALLOWED],
  ['the index of a directory', '/', [], 200, ALLOWED],
  ['a file through a symlink to a directory', '/linked/deep.txt', [], 200, ALLOWED],
  ['a precompressed file', '/app.js', ['Accept-Encoding: gzip, br'], 200, ALLOWED],
  ['a part', '/small.txt', ['Range: bytes=10-20'], 206, ALLOWED],
  ['a not modified file', '/small.txt', ['If-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT'], 304, ALLOWED],
  ['a missing file', '/nowhere.txt', [], 404, ALLOWED],
  ['a fallback page', '/nowhere', ['Accept: text/html'], 200, ALLOWED],
  ['a directory without its slash', '/in', [], 301, ALLOWED],
  ['a large file', '/large.bin', [], 200, ALLOWED_LARGE],
])('%s in the cache is sent without file system calls', async (_, target, fields, status, allowed) => {
  using client = await RawClient.connect(server.port);
  const bytes = request(target, fields);
  const first = await client.send(bytes).response();
  await client.send(bytes).response(); // the second request makes the entry
  await sleep(20); // the connection has joined the epoll set, and the turn is over
  counts.clear();
  for (let sent = 0; sent < REQUESTS; sent++) {
    const response = await client.send(bytes).response();
    if (response.status !== status || !response.body.equals(first.body))
      throw new Error(`${response.head} after ${sent}`);
  }
  console.log(`${REQUESTS} × ${target}: ${[...counts].map(([name, times]) => `${name} ${times}`).join(', ')}`);
  expect([...counts.keys()].filter((name) => !allowed.includes(name))).toEqual([]);
  expect((counts.get('send') ?? 0) + (counts.get('sendEach') ?? 0)).toBe(REQUESTS);
});

test.each(['stat', 'content'] as const)(
  'a fallback page with a racy timestamp is cached later, with etag %s',
  async (etag) => {
    const page = join(directory.path, `${etag}.html`);
    writeFileSync(page, 'new');
    await settled();
    const calls: string[] = [];
    let watchFd = -1;
    const note = (name: string) => (args: readonly unknown[], result: unknown) => {
      if (name === 'inotifyInit1') watchFd = result as number;
      if (name !== 'read' || args[0] !== watchFd) calls.push(name); // as above
    };
    const noted = Object.fromEntries(Object.keys(realKernel).map((name) => [name, note(name)]));
    const fresh = serve({
      port: 0,
      root: directory.path,
      fallback: `${etag}.html`,
      etag,
      kernel: kernelWith({}, noted),
    });
    using client = await RawClient.connect(fresh.port);
    const ask = () => client.send(request('/nowhere', ['Accept: text/html'])).response();
    expect((await ask()).status).toBe(200);
    await sleep(1100); // its timestamp is no longer racy
    for (let sent = 0; sent < 2; sent++) await ask(); // it is built again
    await sleep(20);
    calls.length = 0;
    for (let sent = 0; sent < 10; sent++) expect((await ask()).status).toBe(200);
    expect(calls.filter((name) => !ALLOWED.includes(name))).toEqual([]);
    await fresh.stop({ force: true });
  },
);
