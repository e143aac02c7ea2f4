import { execFileSync, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LIMITS, type ServeOptions, serve } from '../../../src/index.js';
import { EIO, EMFILE, ENOSYS } from '../../../src/sys/errno.js';
import { command, cpuTicks, PACKAGE_ENTRY } from '../../support/command.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { countDescriptors } from '../../support/descriptors.js';
import { makeDirectory } from '../../support/directory.js';
import { hasPrlimit, needs, permits } from '../../support/needs.js';
import { exchange, RawClient, request, sleep } from '../../support/raw-client.js';
import { contentOf, HELLO, KIB, MIB, makeSite, type Site } from '../../support/site.js';

let site: Site;

beforeAll(async () => {
  site = await makeSite();
});

afterAll(() => site.remove());

const INVALID: [options: object, message: string][] = [
  [{ cleanUrl: true }, 'cleanUrl is not an option; did you mean cleanUrls?'],
  [{ cleanUrl: undefined }, 'cleanUrl is not an option; did you mean cleanUrls?'],
  [{ host: '::' }, 'host is not an option; did you mean hostname?'],
  [{ limit: {} }, 'limit is not an option; did you mean limits?'],
  [{ spa: true }, 'spa is not an option; did you mean fallback: "index.html"?'],
  [{ headTimeoutMs: 1 }, 'headTimeoutMs is not an option; did you mean limits.headTimeoutMs?'],
  [{ directory: '.' }, 'directory is not an option; did you mean root?'],
  [{ vhost: {} }, 'vhost is not an option; did you mean hosts?'],
  [{ worker: 2 }, 'worker is not an option; did you mean workers?'],
  [{ symlinks: 'inside' }, 'symlinks must be one of "within-root", "deny", "follow", not "inside"'],
  [{ constructor: 1 }, 'constructor is not an option; there are: root, '],
  [JSON.parse('{"__proto__": 1}'), '__proto__ is not an option; there are: root, '],
  [{ hosts: { a: { root: '.', limits: {} } } }, 'hosts["a"].limits is not an option; there are: root, etag, '],
  [{ hosts: { a: { root: '.', rot: 1 } } }, 'hosts["a"].rot is not an option; did you mean root?'],
  [{ hosts: { a: { root: '.', host: '::' } } }, 'hosts["a"].host is not an option; there are: root, '],
  [{ hosts: { '::1': { root: '.' } } }, 'hosts["::1"] must be a host in lower case without a port, such as "'],
  [{ hosts: { 'a..b': { root: '.' } } }, 'hosts["a..b"] must be a host in lower case'],
  [{ hosts: null }, 'hosts must be an object such as { "docs.example.org": { root: "docs" } }, not null'],
  [{ hosts: [] }, 'hosts must be an object such as { "docs.example.org": { root: "docs" } }, not []'],
  [{ hosts: new Map() }, 'hosts must be an object such as { "docs.example.org": { root: "docs" } }, not Map(0) {}'],
  [{ fetchFirst: true }, 'fetchFirst needs a handler: give a fetch too'],
  [{ error() {} }, 'error needs a handler: give a fetch too'],
  [{ fetch: null }, 'fetch must be a function, not null'],
];

test.each(INVALID)('an option that would be ignored is an error: %j', (options, message) => {
  const attempt = () => serve({ root: '.', port: 0, ...options } as ServeOptions).stop({ force: true });
  expect(attempt).toThrow(TypeError);
  expect(attempt).toThrow(message);
  expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_EPOLLET_OPTION' }));
});

describe('options', () => {
  const WRONG: [subject: string, options: () => unknown, kind: typeof Error, message: RegExp][] = [
    ['none', () => undefined, TypeError, /options/],
    ['null', () => null, TypeError, /options/],
    ['no root', () => ({}), TypeError, /root must be/],
    ['a number for root', () => ({ root: 5 }), TypeError, /root must be/],
    ['a URL other than file:', () => ({ root: new URL('http://a/') }), TypeError, /root must be/],
    ['a NUL in root', () => ({ root: 'a\0b' }), TypeError, /root must be/],
    ['an empty root', () => ({ root: '' }), TypeError, /root must be/],
    [
      'a name for hostname',
      () => ({ root: '.', hostname: 'example.org' }),
      TypeError,
      /hostname must be .*"example\.org"/,
    ],
    ['an empty hostname', () => ({ root: '.', hostname: '' }), TypeError, /hostname must be .*""/],
    ['a number for hostname', () => ({ root: '.', hostname: 127 }), TypeError, /hostname must be .*127/],
    ['a zone in hostname', () => ({ root: '.', hostname: 'fe80::1%lo' }), TypeError, /hostname must be .*"fe80::1%lo"/],
    [
      'port 65536',
      () => ({ root: '.', port: 65536 }),
      RangeError,
      /port must be an integer from 0 to 65535, not 65536/,
    ],
    ['port -1', () => ({ root: '.', port: -1 }), RangeError, /port must be .*-1/],
    ['port 1.5', () => ({ root: '.', port: 1.5 }), RangeError, /port must be .*1\.5/],
    ['port NaN', () => ({ root: '.', port: Number.NaN }), RangeError, /port must be .*NaN/],
    ['a string for port', () => ({ root: '.', port: '8080' }), RangeError, /port must be .*8080/],
    [
      'a trigger',
      () => ({ root: '.', trigger: 'both' }),
      TypeError,
      /trigger must be one of "level", "edge", "oneshot", not "both"/,
    ],
    [
      'an access log',
      () => ({ root: '.', accessLog: true }),
      TypeError,
      /accessLog must be one of "off", "combined", "json", not true/,
    ],
    [
      'an unknown limit',
      () => ({ root: '.', limits: { headByts: 1 } }),
      TypeError,
      /limits\.headByts is not an option; did you mean headBytes\?/,
    ],
    ['null for limits', () => ({ root: '.', limits: null }), TypeError, /limits must be/],
    ...Object.entries(LIMITS).flatMap(([name, { min, max }]) =>
      [min - 1, max + 1, min + 0.5, `${min}`, Number.NaN].map(
        (value): [string, () => unknown, typeof Error, RegExp] => [
          `${name}: ${typeof value} ${value}`,
          () => ({ root: '.', limits: { [name]: value } }),
          RangeError,
          new RegExp(`limits\\.${name} must be an integer from ${min} to ${max}`),
        ],
      ),
    ),
  ];

  test.each(WRONG)('%s', (_, options, kind, message) => {
    let thrown: unknown;
    try {
      const server = serve(options() as ServeOptions);
      server.stop({ force: true });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(kind);
    expect((thrown as Error).message).toMatch(message);
    expect(thrown).toHaveProperty('code', 'ERR_EPOLLET_OPTION');
  });

  test('undefined is the default', async () => {
    const options = {
      root: site.root,
      port: 0,
      fetch: undefined,
      error: undefined,
      fetchFirst: undefined,
      hosts: undefined,
      etag: undefined,
      kernel: undefined,
      hostname: undefined,
      trigger: undefined,
      accessLog: undefined,
      limits: undefined,
    };
    await using server = serve(options as unknown as ServeOptions);
    expect([server.hostname, server.url.href]).toEqual(['127.0.0.1', `http://127.0.0.1:${server.port}/`]);
  });

  test('a file: URL for root', async () => {
    await using server = serve({ root: pathToFileURL(site.root), port: 0 });
    expect((await exchange(server.port, request('/hello.txt'))).body.toString()).toBe(HELLO);
  });

  test.each([
    ['localhost', '127.0.0.1', '127.0.0.1'],
    ['::1', '::1', '[::1]'],
    ['::', '::', 'localhost'],
    ['0.0.0.0', '0.0.0.0', 'localhost'],
  ])('hostname %s', async (hostname, expected, inUrl) => {
    let server: ReturnType<typeof serve>;
    try {
      server = serve({ root: site.root, port: 0, hostname });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') throw error;
      permits(false, `hostname ${hostname}`, 'this machine has no IPv6');
      return;
    }
    try {
      expect([server.hostname, server.url.href]).toEqual([expected, `http://${inUrl}:${server.port}/`]);
      using client = await RawClient.connect(server.port, hostname === '::1' ? '::1' : '127.0.0.1');
      expect((await client.send(request('/hello.txt')).response()).body.toString()).toBe(HELLO);
    } finally {
      await server.stop();
    }
  });
});

describe('errors of the kernel', () => {
  test('a port in use', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    let thrown: unknown;
    try {
      serve({ root: site.root, port });
    } catch (error) {
      thrown = error;
    }
    await new Promise((resolve) => other.close(resolve));
    expect(thrown).toMatchObject({ code: 'EADDRINUSE', syscall: 'bind', address: '127.0.0.1', port });
  });

  test.each([
    ['nowhere', 'ENOENT'],
    ['hello.txt', 'ENOTDIR'],
    ['fifo', 'ENOTDIR'],
  ])('the root %s: %s', (name, code) => {
    const path = site.path(name);
    expect(() => serve({ root: path, port: 0 })).toThrow(expect.objectContaining({ code, path }));
  });

  test('an address of another machine', () => {
    expect(() => serve({ root: site.root, port: 0, hostname: '192.0.2.1' })).toThrow(
      expect.objectContaining({ code: 'EADDRNOTAVAIL', address: '192.0.2.1' }),
    );
  });

  test('a start that fails half-way leaks no descriptor', () => {
    const before = countDescriptors();
    for (const kernel of [
      kernelWith({ epollCreate1: () => EMFILE }),
      kernelWith({ loopEnclose: () => EMFILE }),
      kernelWith({ listen: () => EMFILE }),
      kernelWith({ getsockname: () => EMFILE }),
      kernelWith({ openat2: () => EIO }),
      kernelWith({ epollCtl: () => EMFILE }),
    ]) {
      expect(() => serve({ root: site.root, port: 0, kernel })).toThrow(/EMFILE|EIO/);
    }
    expect(countDescriptors()).toBe(before);
  });

  test.each([
    [EMFILE, 503],
    [EIO, 500],
  ])('an open that fails with %i is a %i', async (errno, status) => {
    let failing = false;
    const real = kernelWith({});
    const kernel = kernelWith({ openat2: (...args) => (failing ? errno : real.openat2(...args)) });
    await using server = serve({ root: site.root, port: 0, kernel });
    failing = true;
    const response = await exchange(server.port, request('/hello.txt'));
    expect([response.status, response.field('Retry-After') !== null]).toEqual([status, status === 503]);
    failing = false;
    expect((await exchange(server.port, request('/hello.txt'))).body.toString()).toBe(HELLO);
  });
});

test('a kernel without openat2 uses the openat walk, as the statistics show', async () => {
  await using server = serve({ root: site.root, port: 0, kernel: kernelWith({ openat2: () => ENOSYS }) });
  expect(server.stats().files?.pathResolution).toBe('walk');
  for (const [target, status] of [
    ['/hello.txt', 200],
    ['/out-link', 404],
    ['/sub/up', 200],
    ['/fifo', 404],
  ] as const)
    expect((await exchange(server.port, request(target))).status, target).toBe(status);
});

test('the statistics count requests, errors, bytes, connections and cache entries', async () => {
  await using server = serve({ root: site.root, port: 0 });
  using client = await RawClient.connect(server.port);
  const { head, body } = await client.send(request('/hello.txt')).response();
  await client.send(request('/hello.txt')).response();
  await client.send(request('/hello.txt')).response();
  await exchange(server.port, 'nonsense\r\n\r\n');
  const stats = server.stats();
  expect(stats).toMatchObject({
    requests: 3,
    errorResponses: { 400: 1 },
    connections: { accepted: 2, acceptPauses: 0 },
    files: { entries: 1, hits: 1, invalidation: 'inotify' },
    accessLogDropped: 0,
  });
  expect(stats.bytes.in).toBe(3 * request('/hello.txt').length + 'nonsense\r\n\r\n'.length);
  expect(stats.bytes.out).toBeGreaterThanOrEqual(3 * (head.length + body.length));
  expect(stats.reactor.turns).toBeGreaterThan(0);
  expect(JSON.parse(JSON.stringify(stats))).toEqual(stats);
});

test('two servers in one process are independent', async () => {
  await using first = serve({ root: site.root, port: 0 });
  await using second = serve({ root: site.path('sub'), port: 0, trigger: 'edge' });
  const responses = await Promise.all(
    Array.from({ length: 20 }, (_, index) => exchange(index % 2 ? first.port : second.port, request('/'))),
  );
  for (const [index, { body }] of responses.entries())
    expect(body.toString()).toContain(index % 2 ? '>index<' : '>sub<');
  await first.stop();
  expect((await exchange(second.port, request('/'))).body.toString()).toContain('>sub<');
  expect([first.stats().requests, second.stats().requests]).toEqual([10, 11]);
});

/** A module for a worker thread: serves, posts its port, and stops on a message. */
const WORKER = `
  import { parentPort, workerData } from 'node:worker_threads';
  const { serve } = await import(workerData.entry);
  const server = serve({ root: workerData.root, port: 0 });
  parentPort.on('message', () => server.stop().then(() => parentPort.close()));
  parentPort.postMessage(server.port);
`;

test('a server in a worker thread', async () => {
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(WORKER)}`), {
    workerData: { entry: PACKAGE_ENTRY, root: site.root },
  });
  const exited = new Promise((resolve) => worker.on('exit', resolve));
  const port = await new Promise<number>((resolve, reject) => {
    worker.on('message', resolve);
    worker.on('error', reject);
  });
  const responses = await Promise.all(
    Array.from({ length: 10 }, () => exchange(port, request(`/${64 * KIB + 1}.bin`))),
  );
  for (const { body } of responses) expect(body.equals(contentOf(64 * KIB + 1))).toBe(true);
  worker.postMessage('stop');
  expect(await exited).toBe(0);
});

test('terminating a worker thread stops its server, not the process', () => {
  const source = `
    import { Worker } from 'node:worker_threads';
    import { get } from 'node:http';
    const url = new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(WORKER)}));
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(url, { workerData: { entry: ${JSON.stringify(PACKAGE_ENTRY)}, root: ${JSON.stringify(site.root)} } });
      const port = await new Promise((resolve) => worker.on('message', resolve));
      await new Promise((resolve) => get({ port, path: '/hello.txt' }, (response) => resolve(response.resume())));
      await worker.terminate();
    }
    console.log('still here');
    process.exit();
  `;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', source], {
    timeout: 8000,
    encoding: 'utf8',
  });
  expect(output).toBe('still here\n');
});

test('an unref()ed server does not keep the process running', () => {
  const source = `import { serve } from ${JSON.stringify(PACKAGE_ENTRY)};
    const server = serve({ root: '.', port: 0 }); server.unref(); console.log(server.port > 0);`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', source], {
    timeout: 5000,
    encoding: 'utf8',
  });
  expect(output).toBe('true\n');
});

test('cached files are evicted if other files and connections need descriptors', async () => {
  const FILES = 150;
  if (!needs(hasPrlimit(), 'the limit of descriptors', 'prlimit is not installed')) return;
  using directory = makeDirectory();
  const content = (at: number): string => `${at}`.padEnd(70_000, '.');
  for (let at = 0; at < FILES; at++) directory.write(`${at}.bin`, content(at));
  await using server = command([directory.root, '--port', '0']);
  const port = await server.port();
  const limited = spawnSync('prlimit', [`--pid=${server.process.pid}`, '--nofile=80:80']);
  expect(limited.status).toBe(0);
  using client = await RawClient.connect(port);
  for (const round of [1, 2]) {
    for (let at = 0; at < FILES; at++) {
      const { status, body } = await client.send(request(`/${at}.bin`)).response();
      expect([round, at, status, body.toString() === content(at)]).toEqual([round, at, 200, true]);
    }
  }
  const others = await Promise.all(Array.from({ length: 30 }, () => RawClient.connect(port)));
  for (const [at, other] of others.entries()) {
    expect((await other.send(request(`/${at}.bin`)).response()).status).toBe(200);
  }
  for (const other of others) other.close();
});

test('without free descriptors every client is served eventually, and the server does not spin', async () => {
  const DESCRIPTORS = 48;
  if (!needs(hasPrlimit(), 'the limit of descriptors', 'prlimit is not installed')) return;
  await using server = command([site.root, '--port', '0']);
  const port = await server.port();
  // Once it runs: Node opens all modules of a program at once.
  const limited = spawnSync('prlimit', [`--pid=${server.process.pid}`, `--nofile=${DESCRIPTORS}`]);
  expect(limited.status).toBe(0);
  const clients = await Promise.all(Array.from({ length: DESCRIPTORS + 20 }, () => RawClient.connect(port)));
  for (const client of clients) client.send(request('/hello.txt'));
  await sleep(300);
  const before = cpuTicks(server.process.pid!);
  await sleep(500);
  expect(cpuTicks(server.process.pid!) - before).toBeLessThan(15); // of 50
  const served = clients.filter((client) => client.buffered.length > 0);
  expect(served.length).toBeGreaterThan(10);
  expect(served.length).toBeLessThan(DESCRIPTORS);
  for (const client of served) client.close();
  for (const client of clients.filter((each) => !served.includes(each))) {
    expect([200, 503]).toContain((await client.response()).status);
    client.close();
  }
  await sleep(150);
  const recovered = await exchange(port, request(`/${MIB}.bin`));
  expect(recovered.body.equals(contentOf(MIB))).toBe(true);
  expect((await server.kill().ended).code).toBe(0);
});
