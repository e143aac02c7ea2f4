import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type FetchHandler, type ServeOptions, type Server, serve } from '../../../src/index.js';
import { TRIGGERS } from '../../../src/reactor/interest.js';
import { needs } from '../../support/needs.js';
import { binary, INVALID_HEADERS, VALID_HEADERS } from '../../support/proxy-headers.js';
import { eventually, RawClient, request } from '../../support/raw-client.js';

let server: Server | null = null;
const clients: RawClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client[Symbol.dispose]();
  await server?.stop({ force: true });
  server = null;
});

const see: FetchHandler = ({ url }, { peer }) =>
  new Response(`${peer?.family} ${peer?.address} ${peer?.port} ${url.slice(0, url.indexOf(':'))}`);

function start(options: Partial<ServeOptions> = {}): Server {
  server = serve({
    port: 0,
    fetch: see,
    trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'],
    proxyProtocol: true,
    ...options,
  });
  return server;
}

async function connect(): Promise<RawClient> {
  const client = await RawClient.connect(server!.port);
  clients.push(client);
  return client;
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const bodyOf = async (client: RawClient): Promise<string> => (await client.response()).body.toString();
const from = (address: string): string => `PROXY TCP4 ${address} 198.51.100.1 4711 80\r\n`;

describe.each(TRIGGERS)('a PROXY header, %s-triggered', (trigger) => {
  test('of every kind: whole, with the request, byte by byte', async () => {
    start({ trigger });
    for (const [what, header, source] of VALID_HEADERS) {
      const pieces = header.length > 300 ? [header.slice(0, 15), header.slice(15)] : [...header];
      for (const parts of [[header, request('/')], [header + request('/') + request('/')], [...pieces, request('/')]]) {
        const client = await connect();
        for (const part of parts) {
          client.send(latin1(part));
          if (parts.length > 2) await new Promise((resolve) => setImmediate(resolve));
        }
        const expected = source ?? `IPv4 127.0.0.1 ${client.socket.localPort}`;
        expect([what, await bodyOf(client)]).toEqual([what, `${expected} http`]);
        if (parts.length === 1) expect(await bodyOf(client)).toBe(`${expected} http`);
        expect((await client.send(request('/', ['X-Forwarded-For: 192.0.2.9'])).response()).status).toBe(200);
        client[Symbol.dispose]();
      }
    }
    expect(server!.stats().invalidProxyHeaders).toBe(0);
  });

  test('that is invalid closes the connection without a response, and is reported once', async () => {
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    onTestFinished(() => written.mockRestore());
    start({ trigger });
    for (const [what, header] of INVALID_HEADERS) {
      const client = await connect();
      const received = await client.send(latin1(header + request('/'))).untilClose();
      expect([what, received.toString()]).toEqual([what, '']);
    }
    expect(server!.stats()).toMatchObject({ invalidProxyHeaders: INVALID_HEADERS.length, requests: 0 });
    await eventually(() => server!.stats().connections.open === 0, 'they are closed');
    expect(written.mock.calls).toEqual([
      [expect.stringMatching(/^epollet: a connection of the trusted proxy 127\.0\.0\.1 /)],
    ]);
  });
});

describe('a PROXY header', () => {
  test('with an address that is not trusted: fields of the request have no effect', async () => {
    start();
    const client = await connect();
    client.send(from('192.0.2.1') + request('/', ['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-Proto: https']));
    expect(await bodyOf(client)).toBe('IPv4 192.0.2.1 4711 http');
  });

  test('with the address of a further proxy: its fields count, by request', async () => {
    start();
    const client = await connect();
    client.send(
      from('10.0.0.1') + request('/', ['X-Forwarded-For: 192.0.2.2', 'X-Forwarded-Proto: https']) + request('/'),
    );
    expect(await bodyOf(client)).toBe('IPv4 192.0.2.2 0 https');
    expect(await bodyOf(client)).toBe('IPv4 10.0.0.1 4711 http');
  });

  test('of the proxy itself (LOCAL): the fields count as without a header', async () => {
    start();
    const client = await connect();
    client.send(latin1(binary(0x20, 0, '') + request('/', ['X-Forwarded-For: 192.0.2.2'])));
    expect(await bodyOf(client)).toBe('IPv4 192.0.2.2 0 http');
  });

  test('a second one is not part of HTTP', async () => {
    start();
    const client = await connect();
    expect((await client.send(from('192.0.2.1') + from('192.0.2.2')).response()).status).toBe(400);
  });

  test('of a peer that is not trusted is a bad request, and its plain requests are served', async () => {
    start({ trustedProxies: '10.0.0.0/8' });
    const client = await connect();
    expect(await bodyOf(client.send(request('/')))).toBe(`IPv4 127.0.0.1 ${client.socket.localPort} http`);
    for (const [, header] of VALID_HEADERS.filter(([what]) => ['TCP4', 'binary TCP4'].includes(what))) {
      const other = await connect();
      expect((await other.send(latin1(header)).response()).status).toBeGreaterThanOrEqual(400);
    }
    expect(server!.stats().invalidProxyHeaders).toBe(0);
  });

  test('of which a part or nothing comes in time', async () => {
    start({ limits: { headTimeoutMs: 50 } });
    for (const part of ['', 'PROXY TCP4 192.0.2.1', '\r\n\r\n\0\r\nQUIT\n', from('192.0.2.1')]) {
      const client = await connect();
      if (part !== '') client.send(part);
      expect([part, (await client.untilClose()).toString()]).toEqual([part, '']);
    }
    expect(server!.stats()).toMatchObject({ timeouts: 4, invalidProxyHeaders: 0 });
  });

  test('of which half has come when the client, or the server, stops', async () => {
    start();
    const left = await connect();
    left.send('PROXY TCP4');
    left.socket.end();
    expect((await left.untilClose()).toString()).toBe('');
    const half = await connect();
    half.send('PROXY TCP4 192.0.2.1 198.51');
    const silent = await connect();
    await eventually(
      () => server!.stats().connections.open === 2 && server!.stats().bytes.in > 30,
      'they are accepted',
    );
    const stopped = server!.stop();
    half.send('.100.1 4711 80\r\n'); // it is on its way
    half.send(request('/'));
    expect(await bodyOf(half)).toBe('IPv4 192.0.2.1 4711 http');
    await silent.untilClose();
    await stopped;
  });

  test('connections are counted by the client behind it, requests too', async () => {
    start({
      limits: { maxConnectionsPerClient: 2, clientRequestsPerSecond: 1, clientRequestBurst: 3 },
      exemptClients: '192.0.2.200',
    });
    const ask = async (address: string, count = 1): Promise<number[]> => {
      const client = await connect();
      client.send(from(address) + request('/').repeat(count));
      const all: number[] = [];
      for (let i = 0; i < count; i++) all.push((await client.response()).status);
      return all;
    };
    const waiting = await Promise.all([connect(), connect(), connect()]); // no header yet: they are of no client
    expect([await ask('192.0.2.1'), await ask('192.0.2.1')]).toEqual([[200], [200]]);
    expect(await ask('192.0.2.1')).toEqual([429]); // a third connection
    expect(await ask('192.0.2.2', 4)).toEqual([200, 200, 200, 429]);
    for (let i = 0; i < 3; i++) expect(await ask('192.0.2.200', 4)).toEqual([200, 200, 200, 200]);
    const late = await connect();
    late.send(from('192.0.2.1')); // without a request there is nothing to respond to
    expect((await late.untilClose()).toString()).toBe('');
    expect(server!.stats()).toMatchObject({ rejectedConnections: 2, rejectedRequests: 1 });
    // A reload counts them anew, but not those without a header, which are counted when it comes.
    await server!.reload({
      fetch: see,
      trustedProxies: '127.0.0.1',
      proxyProtocol: true,
      limits: { maxConnectionsPerClient: 4 },
    });
    for (const client of waiting.slice(0, 2))
      expect(await bodyOf(client.send(from('192.0.2.1') + request('/')))).toContain('192.0.2.1');
    expect((await waiting[2]!.send(from('192.0.2.1') + request('/')).response()).status).toBe(429);
  });

  test('files and uploads behind it', async () => {
    start({ fetch: async (incoming) => new Response(await incoming.text()) });
    const client = await connect();
    const body = 'x'.repeat(300_000);
    client.send(`${from('192.0.2.1')}POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    expect((await client.response()).body.length).toBe(body.length);
  });
});

const hasHaproxy = needs(
  spawnSync('haproxy', ['-v']).status === 0,
  'PROXY headers of HAProxy',
  'haproxy is not installed; apt-get install haproxy.',
);

describe.runIf(hasHaproxy)('behind HAProxy', () => {
  let proxy: ChildProcess | null = null;
  let directory = '';

  afterEach(async () => {
    if (proxy !== null && proxy.exitCode === null) {
      const ended = once(proxy, 'exit');
      proxy.kill('SIGKILL');
      await ended;
    }
    proxy = null;
    rmSync(directory, { recursive: true });
  });

  /** @returns the ports at which HAProxy listens, one for each line of a server */
  async function startProxy(modes: readonly [mode: string, server: string][]): Promise<number[]> {
    const probes = modes.map(() => createServer().listen(0, '127.0.0.1'));
    await Promise.all(probes.map((probe) => once(probe, 'listening')));
    const ports = probes.map((probe) => (probe.address() as { port: number }).port);
    await Promise.all(probes.map((probe) => once(probe.close(), 'close')));
    directory = mkdtempSync(join(tmpdir(), 'epollet-haproxy-'));
    const path = join(directory, 'haproxy.cfg');
    const listen = modes.map(
      ([mode, options], at) => `
listen l${at}
  mode ${mode}
  bind 127.0.0.1:${ports[at]}
  server s 127.0.0.1:${server!.port} ${options}
`,
    );
    writeFileSync(
      path,
      `defaults\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n  timeout check 5s\n${listen.join('')}`,
    );
    proxy = spawn('haproxy', ['-db', '-f', path], { stdio: 'ignore' });
    return ports;
  }

  /** HAProxy needs a moment to listen. */
  async function through(port: number): Promise<RawClient> {
    for (let attempt = 0; ; attempt++) {
      try {
        const client = await RawClient.connect(port);
        clients.push(client);
        return client;
      } catch (error) {
        if (attempt === 200) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  test('send-proxy, send-proxy-v2 with TLVs and health checks, in TCP and in HTTP mode', async () => {
    start({ trustedProxies: '127.0.0.1' });
    const ports = await startProxy([
      ['tcp', 'send-proxy'],
      ['tcp', 'send-proxy-v2 proxy-v2-options unique-id,crc32c'],
      ['tcp', 'send-proxy-v2 check check-send-proxy inter 20ms'],
      ['http', 'send-proxy-v2'],
    ]);
    for (const port of ports) {
      const client = await through(port);
      expect(await bodyOf(client.send(request('/')))).toBe(`IPv4 127.0.0.1 ${client.socket.localPort} http`);
      expect(await bodyOf(client.send(request('/')))).toBe(`IPv4 127.0.0.1 ${client.socket.localPort} http`);
    }
    // Those of health checks come and go.
    await eventually(() => server!.stats().connections.accepted > 8, 'there are health checks');
    expect(server!.stats().invalidProxyHeaders).toBe(0);
  });
});
