import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KeepAliveClient } from './keep-alive-client.mjs';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));
const WAIT_MS = 10_000;

const APP = `
export default {
  fetch: async (request) => new Response(request.method + ' ' + new URL(request.url).pathname + ' ' + (await request.text())),
};
`;

/** Small, and large enough to be cut. */
const FILES = { '/index.html': '<!doctype html><title>page</title>'.padEnd(1024), '/bundle.js': 'x'.repeat(96 * 1024) };
const get = (path, expected) => ({ head: `GET ${path} HTTP/1.1\r\nHost: site\r\n\r\n`, expected });
const post = (path, body) => ({
  head: `POST ${path} HTTP/1.1\r\nHost: site\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  expected: `POST ${path} ${body}`,
});
const REQUESTS = [
  get('/', FILES['/index.html']),
  post('/order', 'one of a kind'),
  get('/bundle.js', FILES['/bundle.js']),
  get('/status', 'GET /status '),
];

/** Two replicas behind HAProxy with deploy/haproxy.cfg, and clients with keep-alive connections that count what fails. */
export class Fleet {
  replicas = [];
  clients = [];

  /**
   * @param options.stopDelayMs how long a replica serves on after SIGTERM while it is not ready; 0 closes at once
   * @param options.flags more of each replica
   */
  constructor({ stopDelayMs, flags = [] }) {
    this.stopDelayMs = stopDelayMs;
    this.flags = flags;
  }

  /** @param methods of the requests: GET alone, or POST too, which is never sent again */
  async start(connections, methods) {
    this.directory = mkdtempSync(join(tmpdir(), 'epollet-fleet-'));
    mkdirSync(join(this.directory, 'site'));
    for (const [path, content] of Object.entries(FILES)) writeFileSync(join(this.directory, 'site', path), content);
    writeFileSync(join(this.directory, 'app.mjs'), APP);
    const ports = await freePorts(5);
    this.port = ports[0];
    this.replicas = ['a', 'b'].map((name, i) => ({ name, port: ports[1 + i], adminPort: ports[3 + i], generation: 0 }));
    await Promise.all(this.replicas.map((replica) => this.startReplica(replica)));
    await this.startProxy();
    await Promise.all(this.replicas.map(({ name }) => this.whenUp(name)));
    const requests = REQUESTS.filter(({ head }) => methods.includes(head.split(' ')[0]));
    this.clients = Array.from({ length: connections }, (_, i) => new KeepAliveClient(this.port, requests, i));
    for (const client of this.clients) client.run();
  }

  async startReplica(replica) {
    const { name, port, adminPort, generation } = replica;
    const args = [join(this.directory, 'site'), '--app', join(this.directory, 'app.mjs'), '--etag', 'content'];
    args.push('--host', '127.0.0.1', '--port', port, '--admin', `127.0.0.1:${adminPort}`);
    args.push('--stop-delay-ms', this.stopDelayMs, ...this.flags);
    args.push('--header', `*=X-Replica: ${name}${generation}`);
    replica.process = spawn(process.execPath, [join(PACKAGE, 'dist/epollet.cjs'), ...args.map(String)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await Promise.race([once(replica.process.stdout, 'data'), failed(replica.process, `replica ${name}`)]);
  }

  async startProxy() {
    const [a, b] = this.replicas;
    this.stats = join(this.directory, 'haproxy.sock');
    this.proxy = spawn('haproxy', ['-db', '-f', join(PACKAGE, 'deploy/haproxy.cfg')], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        PATH: process.env.PATH,
        EPOLLET_BIND: `127.0.0.1:${this.port}`,
        EPOLLET_STATS: this.stats,
        EPOLLET_A: `127.0.0.1:${a.port}`,
        EPOLLET_A_ADMIN_PORT: String(a.adminPort),
        EPOLLET_B: `127.0.0.1:${b.port}`,
        EPOLLET_B_ADMIN_PORT: String(b.adminPort),
      },
    });
    let errors = '';
    this.proxy.stderr.on('data', (text) => {
      errors += text;
    });
    const untilMs = performance.now() + WAIT_MS;
    while ((await this.rows().catch(() => null)) === null) {
      if (this.proxy.exitCode !== null || performance.now() > untilMs)
        throw new Error(`HAProxy does not run: ${errors}`);
      await delay(20);
    }
  }

  /** Restarts each replica in turn: SIGTERM, its end, the next one in its place, until HAProxy uses it. */
  async restartAll() {
    for (const replica of this.replicas) {
      const { name } = replica;
      const ended = once(replica.process, 'exit');
      replica.process.kill('SIGTERM');
      if (this.stopDelayMs > 0) {
        await this.until(`${name} down`, async () => (await this.rows())[name].status.startsWith('DOWN'));
        if (replica.process.exitCode !== null) throw new Error(`${name} ended before HAProxy had it as not ready`);
      }
      const [code, signal] = await ended;
      if (code !== 0) throw new Error(`replica ${name} exited with ${code ?? signal}`);
      replica.generation++;
      await this.startReplica(replica);
      await this.whenUp(name);
      await this.until(`a request to the new ${name}`, () =>
        this.clients.some((client) => client.replicas.has(`${name}${replica.generation}`)),
      );
    }
  }

  whenUp(name) {
    return this.until(`${name} in use`, async () => (await this.rows())[name].status === 'UP');
  }

  async until(what, isSo) {
    const untilMs = performance.now() + WAIT_MS;
    while (!(await isSo())) {
      if (performance.now() > untilMs) throw new Error(`not within ${WAIT_MS} ms: ${what}`);
      await delay(20);
    }
  }

  /** A command of HAProxy's runtime API. */
  async admin(command) {
    const socket = connectTo(this.stats);
    socket.end(`${command}\n`);
    let text = '';
    for await (const piece of socket) text += piece;
    return text;
  }

  /** HAProxy's statistics of each replica, by its name. */
  async rows() {
    const [names, ...lines] = (await this.admin('show stat -1 4 -1'))
      .trim()
      .split('\n')
      .map((line) => line.split(','));
    return Object.fromEntries(
      lines.map((line) => [line[1], Object.fromEntries(names.map((name, i) => [name, line[i]]))]),
    );
  }

  get requests() {
    return this.clients.reduce((sum, { responses }) => sum + responses, 0);
  }

  /** Ends the load: each client waits for the response on its way. */
  async result() {
    await Promise.all(this.clients.map((client) => client.stop()));
    const failures = this.clients.flatMap((client) => client.failures);
    const replicas = new Set(this.clients.flatMap((client) => [...client.replicas]));
    return { requests: this.requests, failures, replicas: [...replicas].sort() };
  }

  async stop() {
    for (const client of this.clients) client.destroy();
    const processes = [this.proxy, ...this.replicas.map((replica) => replica.process)].filter(
      (each) => each !== undefined,
    );
    await Promise.all(
      processes.map(async (each) => {
        if (each.exitCode !== null || each.signalCode !== null) return;
        const closed = once(each, 'close');
        each.kill('SIGKILL');
        await closed;
      }),
    );
    if (this.directory !== undefined) rmSync(this.directory, { recursive: true });
  }
}

const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function failed(process, what) {
  const [code, signal] = await once(process, 'exit');
  throw new Error(`${what} exited with ${code ?? signal}`);
}

/** All are open at the same time, so that they differ. */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
