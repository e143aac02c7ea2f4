import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type AcceptMode, type Supervisor, serve, type WorkersOptions } from '../../src/index.js';
import { kernel } from '../../src/sys/binding.js';
import { command, MAIN } from '../support/command.js';
import { countDescriptors } from '../support/descriptors.js';
import { eventually, RawClient, request, sleep } from '../support/raw-client.js';

const FIXTURES = fileURLToPath(new URL('fixtures', import.meta.url));
const CLOSE = ['Connection: close'];
const MODES: AcceptMode[] = ['reuseport', 'shared'];

let directory: string;
let app: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'epollet-workers-'));
  cpSync(FIXTURES, directory, { recursive: true });
  app = join(directory, 'app.mjs');
  writeFileSync(join(directory, 'page.html'), 'a page');
  writeFileSync(join(directory, 'large.bin'), Buffer.alloc(8 * 1024 * 1024, 'x'));
});
afterAll(() => rmSync(directory, { recursive: true }));

async function start(options: WorkersOptions): Promise<Supervisor> {
  const server = serve({ port: 0, workers: 2, ...options });
  onTestFinished(() => server.stop({ force: true }));
  await server.ready;
  return server;
}

async function get(server: Supervisor, path: string): Promise<string> {
  using client = await RawClient.connect(server.port);
  return (await client.send(request(path, CLOSE)).response()).body.toString();
}

/** Polls until the condition holds. */
async function polled(condition: () => Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + 5000;
  while (!(await condition())) {
    expect(performance.now()).toBeLessThan(untilMs);
    await sleep(10);
  }
}

/** Requests from now until the returned function is called, one connection each or on one, which resolves with the failures. */
function load(server: Supervisor, path: string, keepAlive: boolean) {
  let isOver = false;
  let requests = 0;
  const failures: string[] = [];
  const client = async (): Promise<void> => {
    while (!isOver) {
      using connection = await RawClient.connect(server.port);
      do {
        try {
          const { status } = await connection.send(request(path, keepAlive ? [] : CLOSE)).response();
          if (status !== 200) failures.push(`status ${status}`);
          requests++;
        } catch (error) {
          failures.push(String(error));
          break;
        }
      } while (keepAlive && !isOver);
    }
  };
  const all = Promise.all(Array.from({ length: 4 }, client));
  return async () => {
    isOver = true;
    await all;
    return { failures, requests };
  };
}

describe.each(MODES)('workers with accept %s', (accept) => {
  it('all get connections, and their statistics are added', async () => {
    const server = await start({ root: directory, accept });
    for (let i = 0; i < 64; i++) expect(await get(server, '/page.html')).toBe('a page');
    const { requests, workers, connections } = await server.stats();
    expect([requests, connections.accepted, workers.length]).toEqual([64, 64, 2]);
    expect(workers.reduce((sum, { stats }) => sum + stats.requests, 0)).toBe(64);
    if (accept === 'reuseport') for (const { stats } of workers) expect(stats.requests).toBeGreaterThan(0);
  });

  it('a drain completes what is in flight, and accepts what is queued', async () => {
    const server = await start({ root: directory, app, accept });
    using slow = await RawClient.connect(server.port);
    slow.send(request('/slow'));
    using download = await RawClient.connect(server.port);
    download.pause().send(request('/large.bin'));
    await polled(async () => (await server.stats()).connections.open === 2);
    const stopped = server.stop();
    const response = await slow.response();
    expect([response.status, response.field('connection')]).toEqual([200, 'close']);
    download.resume();
    expect((await download.response()).body).toHaveLength(8 * 1024 * 1024);
    await stopped;
    await expect(RawClient.connect(server.port)).rejects.toThrow('ECONNREFUSED');
  });

  it('a stop serves on for stopDelayMs, and a second one with force does not', async () => {
    const server = await start({ root: directory, accept, limits: { stopDelayMs: 60_000 } });
    const stopped = server.stop();
    expect(server.isServing).toBe(false);
    await sleep(50);
    expect(await get(server, '/page.html')).toBe('a page');
    await server.stop({ force: true });
    await stopped;
    await expect(RawClient.connect(server.port)).rejects.toThrow('ECONNREFUSED');
  });

  it('a worker that dies is reported and replaced; the others respond to all requests', async () => {
    const server = await start({ app, accept });
    const reports: string[] = [];
    server.report = (sentence) => reports.push(sentence);
    for (const path of ['/throw', '/exit']) {
      const before = server.replaced;
      await get(server, path).catch(() => {});
      await eventually(() => reports.length > before, 'a report');
      await server.flushLog(); // of those that are left
      await eventually(() => server.replaced > before, 'a replacement');
      await polled(async () => (await server.stats()).workers.length === 2);
    }
    expect(reports).toEqual([
      expect.stringMatching(/^Worker [01] ended: thrown by the app; another one starts in 0\.[12] s\.$/),
      expect.stringMatching(/^Worker [01] ended: it called process\.exit\(3\); another one starts in 0\.[124] s\.$/),
    ]);
    for (let i = 0; i < 16; i++) expect(await get(server, '/')).toMatch(/^first \d+$/);
  });

  it('an exception that ends a worker under load fails requests of its own connections only', async () => {
    const server = await start({ root: directory, app, accept });
    server.report = () => {};
    const twelve = () => Promise.all(Array.from({ length: 12 }, () => RawClient.connect(server.port)));
    const workerOf = async (client: RawClient) => (await client.send(request('/')).response()).body.toString();
    const clients = await twelve();
    const workers = await Promise.all(clients.map(workerOf));
    clients[0]!.send(request('/block')); // the other worker accepts meanwhile
    clients.push(...(await twelve()));
    workers.push(...(await Promise.all(clients.slice(12).map(workerOf))));
    await clients[0]!.response();
    const [dying] = workers;
    let isOver = false;
    let responses = 0;
    const failed = await Promise.all(
      clients.map(async (client, at) => {
        try {
          for (let i = 0; !isOver; i++) {
            if (at === 0 && i === 20) client.send(request('/throw'));
            const { status } = await client.send(request(i % 2 === 0 ? '/page.html' : '/')).response();
            expect(status).toBe(200);
            responses++;
          }
        } catch {
          // Meanwhile connections are accepted by the other worker, or wait for the next one.
          const next = Array.from({ length: at === 0 ? 16 : 0 }, () => get(server, '/'));
          for (const response of await Promise.all(next)) expect(response).toMatch(/^first \d+$/);
          isOver ||= at === 0;
          return true;
        } finally {
          client[Symbol.dispose]();
        }
        return false;
      }),
    );
    expect(failed).toEqual(workers.map((worker) => worker === dying));
    expect(failed).toContain(false);
    expect(responses).toBeGreaterThan(200);
    await eventually(() => server.replaced === 1, 'a replacement');
  });
});

describe.each([1, 2])('the command with --workers %i', (workers) => {
  it('ends by SIGTERM once a slow reader has its download of 64 MiB', async () => {
    const content = Buffer.alloc(64 * 1024 * 1024, 'content that is not a power of two in its length\n');
    writeFileSync(join(directory, 'huge.bin'), content);
    await using server = command([directory, '--port', '0', '--workers', String(workers)]);
    using slow = await RawClient.connect(await server.port());
    slow.send(request('/huge.bin'));
    for (let pieces = 0; pieces < 10; pieces++) {
      await once(slow.resume().socket, 'data');
      slow.pause();
      await sleep(5);
    }
    expect(slow.buffered.length).toBeLessThan(content.length / 2);
    server.kill('SIGTERM');
    await sleep(100);
    expect(server.process.exitCode).toBeNull();
    const { status, body } = await slow.resume().response();
    expect([status, body.equals(content)]).toEqual([200, true]);
    expect(await server.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  });
});

it('lines of the access log are whole in a pipe that all workers write to', async () => {
  const [reader, writer] = kernel.pipe2(0) as [number, number];
  const args = [MAIN, 'serve', directory, '--port', '0', '--workers', '2', '--access-log', 'json'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', writer, 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  kernel.close(writer);
  const port = await new Promise<number>((resolve) => {
    child.stderr!.on('data', (text) => resolve(Number(/:(\d+)\//.exec(String(text))?.[1])));
  });
  const clients = await Promise.all(Array.from({ length: 8 }, () => RawClient.connect(port)));
  const pad = 'x'.repeat(900);
  await Promise.all(
    clients.map(async (client) => {
      for (let i = 0; i < 100; i++) await client.send(request(`/page.html?${i}${pad}`)).response();
    }),
  );
  for (const client of clients) client[Symbol.dispose]();
  child.kill('SIGTERM');
  let text = '';
  for await (const piece of createReadStream('', { fd: reader, encoding: 'utf8' })) text += piece;
  const lines = text.trimEnd().split('\n');
  const entries = lines.map((line) => JSON.parse(line));
  expect(entries.map(({ status }) => status)).toEqual(new Array(800).fill(200));
  expect([...new Set(entries.map(({ worker }) => worker))].every((worker) => worker === 0 || worker === 1)).toBe(true);
});

describe('reload', () => {
  it('50 times under load fails no request, of files and handlers, on kept connections and others, and leaves no descriptor open', async () => {
    const server = await start({ root: directory, app });
    await server.reload({ root: directory, app }); // from then on Node has a thread for the hooks of modules
    await get(server, '/page.html');
    const before = countDescriptors();
    const ends = ['/page.html', '/'].flatMap((path) => [true, false].map((keepAlive) => load(server, path, keepAlive)));
    for (let i = 0; i < 50; i++) await server.reload({ root: directory, app });
    const results = await Promise.all(ends.map((end) => end()));
    expect(results.flatMap(({ failures }) => failures)).toEqual([]);
    for (const { requests } of results) expect(requests).toBeGreaterThan(50);
    await polled(async () => (await server.stats()).connections.open === 0);
    await eventually(() => countDescriptors() <= before, 'no descriptor more');
  });

  it('loads the app and its modules anew, and serves by the new options on a kept connection', async () => {
    const server = await start({ root: directory, app });
    using client = await RawClient.connect(server.port);
    expect((await client.send(request('/')).response()).body.toString()).toMatch(/^first/);
    writeFileSync(join(directory, 'word.mjs'), "export const word = 'second';\n");
    await server.reload({ root: directory, app, headers: [{ match: '/**', set: { 'X-Reloaded': 'yes' } }] });
    expect((await client.send(request('/')).response()).body.toString()).toMatch(/^second/);
    expect((await client.send(request('/page.html')).response()).field('x-reloaded')).toBe('yes');
    cpSync(join(FIXTURES, 'word.mjs'), join(directory, 'word.mjs'));
  });

  it('of routes of the app; functions and Responses cannot be sent to workers', async () => {
    const server = await start({ root: directory, app });
    expect(await get(server, '/static')).toBe('a prepared response');
    expect(await get(server, '/routed/a%20b')).toBe('["a b",true,true]');
    await server.reload({});
    expect(await get(server, '/static')).toBe('a prepared response');
    for (const change of [{ fetch: () => new Response('') }, { routes: {} }, { upgrade: () => {} }, { websocket: {} }])
      await expect(server.reload(change as never)).rejects.toThrow(/cannot be sent to workers: put it into a module/);
  });

  it('several at once are made one after the other, also while a worker is replaced', async () => {
    const server = await start({ root: directory, app });
    server.report = () => {};
    await get(server, '/throw').catch(() => {});
    await eventually(() => server.replaced > 0, 'a replacement');
    const values = ['a', 'b', 'c'];
    const rules = (value: string) => ({ headers: [{ match: '/**', set: { 'X-Value': value } }] });
    await Promise.all(values.map((value) => server.reload({ root: directory, app, ...rules(value) })));
    for (let i = 0; i < 16; i++) {
      using client = await RawClient.connect(server.port);
      expect((await client.send(request('/page.html')).response()).field('x-value')).toBe('c');
    }
  });

  it.each<[string, WorkersOptions, RegExp]>([
    ['a root that does not exist', { root: '/no/such/directory' }, /ENOENT/],
    ['an option that is invalid', { root: '.', etag: 'none' as never }, /^etag must be /],
    ['an app that cannot be parsed', { app: 'broken.mjs' }, /^The app .*broken\.mjs cannot be parsed/],
    ['another port', { root: '.', port: 1 }, /^port cannot change in a reload/],
    ['another number of workers', { root: '.', workers: 3 }, /^workers cannot change in a reload/],
  ])('%s is an error, and everything stays as it was', async (_, options, message) => {
    const server = await start({ root: directory, app });
    writeFileSync(join(directory, 'broken.mjs'), 'export default {');
    const next = options.app === undefined ? options : { ...options, app: join(directory, options.app) };
    await expect(server.reload(next)).rejects.toThrow(message);
    expect(await get(server, '/page.html')).toBe('a page');
  });

  it('changes the limits of a client address, for connections that are open too', async () => {
    const server = serve({ port: 0, root: directory });
    onTestFinished(() => server.stop({ force: true }));
    using client = await RawClient.connect(server.port);
    const status = async () => (await client.send(request('/page.html')).response()).status;
    expect(await status()).toBe(200);
    await server.reload({ root: directory, limits: { clientRequestsPerSecond: 1, clientRequestBurst: 2 } });
    expect([await status(), await status(), await status()]).toEqual([200, 200, 429]);
    await server.reload({ limits: undefined });
    expect([await status(), await status(), await status()]).toEqual([200, 200, 200]);
    expect(server.stats().rejectedRequests).toBe(1);
    client[Symbol.dispose]();
    await eventually(() => server.stats().connections.open === 0, 'it is closed');
  });

  it('of a server without workers changes its files and handlers', async () => {
    const server = serve({ port: 0, root: directory, fetch: () => new Response('before') });
    onTestFinished(() => server.stop({ force: true }));
    using client = await RawClient.connect(server.port);
    expect((await client.send(request('/')).response()).body.toString()).toBe('before');
    await expect(server.reload({ root: '/no/such/directory' })).rejects.toThrow('ENOENT');
    await server.reload({ fetch: () => new Response('after') });
    expect((await client.send(request('/')).response()).body.toString()).toBe('after');
    expect((await client.send(request('/page.html')).response()).body.toString()).toBe('a page');
  });
});

describe('a start', () => {
  it.each<[string, WorkersOptions, RegExp]>([
    ['an app that throws', { app: 'throws.mjs' }, /^The app .*throws\.mjs threw while it was loaded: no database; /],
    ['an app that does not exist', { app: 'none.mjs' }, /^The app .*none\.mjs does not exist/],
  ])('of %s rejects, and closes the socket', async (_, options, message) => {
    writeFileSync(join(directory, 'throws.mjs'), "throw new Error('no database');");
    const before = countDescriptors();
    const server = serve({ port: 0, workers: 2, app: join(directory, options.app!) });
    await expect(server.ready).rejects.toThrow(message);
    await expect(RawClient.connect(server.port)).rejects.toThrow('ECONNREFUSED');
    await server.stop();
    expect(countDescriptors()).toBeLessThanOrEqual(before);
  });

  it('on a port that another server has is EADDRINUSE, also if that one has workers', async () => {
    const { port } = await start({ root: directory });
    expect(() => serve({ port, root: directory, workers: 2 })).toThrow('EADDRINUSE');
    expect(() => serve({ port, root: directory })).toThrow('EADDRINUSE');
  });

  it.each<[Record<string, unknown>, string]>([
    [{ workers: 2, fetch: () => new Response('') }, 'fetch is a function, which cannot be sent to workers'],
    [{ workers: 0, root: '.' }, 'workers must be an integer from 1 to 1024, or auto, not 0'],
    [{ workers: 'many', root: '.' }, 'workers must be an integer from 1 to 1024, or auto, not "many"'],
    [{ workers: 2, accept: 'fair', root: '.' }, 'accept must be one of "reuseport", "shared", not "fair"'],
    [{ accept: 'shared', root: '.' }, 'accept needs workers'],
    [{ app: '', root: '.' }, 'app must be the path of a module'],
  ])('with %o is an error', (options, message) => {
    expect(() => serve(options as never)).toThrow(message);
  });
});

it.each(MODES)('workers that accept by %s know the clients of trusted proxies', async (accept) => {
  const server = await start({ app, accept, trustedProxies: ['127.0.0.1'], proxyProtocol: true });
  const threads = new Set<string>();
  for (let i = 0; threads.size < 2; i++) {
    expect(i).toBeLessThan(200);
    using client = await RawClient.connect(server.port);
    client.send(`PROXY TCP4 192.0.2.${i} 198.51.100.1 4711 80\r\n${request('/peer')}`);
    const [address, thread] = (await client.response()).body.toString().split(' ');
    expect(address).toBe(`192.0.2.${i}`);
    threads.add(thread!);
    using other = await RawClient.connect(server.port);
    if (i === 0) other.send(request('/peer'));
    if (i === 0) await other.untilClose();
  }
  expect((await server.stats()).invalidProxyHeaders).toBe(1);
  await server.reload({ proxyProtocol: undefined, trustedProxies: '127.0.0.1' });
  using client = await RawClient.connect(server.port);
  const { body } = await client.send(request('/peer', ['X-Forwarded-For: 192.0.2.7'])).response();
  expect(body.toString()).toMatch(/^192\.0\.2\.7 /);
});
