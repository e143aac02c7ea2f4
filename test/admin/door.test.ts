import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AdminDoor } from '../../src/admin/door.js';
import { METRICS } from '../../src/admin/metrics.js';
import { type Server, serve } from '../../src/index.js';
import { PACKAGE } from '../support/command.js';
import { exchange, type RawResponse, request } from '../support/raw-client.js';

let server: Server;
let port: number;

const doorOf = ({ companion }: Server): AdminDoor => companion as AdminDoor;
const getOf = (path: string, ...fields: string[]): string =>
  [`GET ${path} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...fields, '', ''].join('\r\n');
const at = (path: string, ...fields: string[]): Promise<RawResponse> => exchange(port, getOf(path, ...fields));
const text = async (path: string): Promise<string> => (await at(path)).body.toString();

beforeAll(() => {
  server = serve({ root: `${PACKAGE}html`, port: 0, admin: '127.0.0.1:0' });
  port = Number(doorOf(server).url.port);
});
afterAll(() => server.stop({ force: true }));

test('every metric is documented by its type, labels and meaning, in order', () => {
  const rows = [...readFileSync(join(PACKAGE, 'docs/metrics.md'), 'utf8').matchAll(/^\| `(\w+)` \| (.*) \|$/gm)];
  expect(rows.map(([, name, rest]) => `${name} ${rest}`)).toEqual(
    METRICS.map(({ name, type, labels, help }) => `${name} ${type} | ${labels.join(', ')} | ${help}`),
  );
});

test('the names of metrics follow the conventions of Prometheus', () => {
  for (const { name, type } of METRICS) {
    expect(name).toMatch(/^[a-z][a-z_]*[a-z]$/);
    expect(name.endsWith('_total'), name).toBe(type === 'counter');
  }
});

test('the metrics show the requests of each worker, and buckets are cumulative', async () => {
  for (let i = 0; i < 3; i++) await exchange(server.port, request('/'));
  const response = await at('/metrics');
  expect(response.status).toBe(200);
  expect(response.field('Content-Type')).toContain('text/plain; version=0.0.4');
  const lines = response.body.toString().split('\n');
  expect(lines).toContain('# TYPE epollet_requests_total counter');
  expect(lines).toContain('epollet_requests_total{worker="0"} 3');
  expect(lines).toContain('epollet_responses_total{worker="0",status="2xx"} 3');
  expect(lines).toContain('epollet_request_duration_seconds_count{worker="0",status="2xx"} 3');
  const buckets = lines
    .filter((line) => /^epollet_request_duration_seconds_bucket.*"2xx"/.test(line))
    .map((line) => Number(line.split(' ')[1]));
  expect(buckets).toEqual([...buckets].sort((a, b) => a - b));
  expect(buckets.at(-1)).toBe(3);
  for (const { name } of METRICS)
    expect(
      lines.some((line) => line.startsWith(`# HELP ${name} `)),
      name,
    ).toBe(true);
});

describe('health', () => {
  test('is 200 while the process lives', async () => expect(await text('/healthz')).toBe('healthy\n'));

  test('readiness is 503 with the reason, and 200 again', async () => {
    expect(await text('/readyz')).toBe('ready\n');
    doorOf(server).setReady('A worker is missing.');
    const response = await at('/readyz');
    expect([response.status, response.body.toString()]).toEqual([503, 'A worker is missing.\n']);
    expect(await text('/metrics')).toContain('epollet_ready 0');
    doorOf(server).setReady(null);
    expect((await at('/readyz')).status).toBe(200);
  });

  test('a drain begins with the readiness, and the door closes after it', async () => {
    let release = (): void => {};
    const waits = new Promise<Response>((resolve) => {
      release = () => resolve(new Response('late'));
    });
    const stopping = serve({ fetch: () => waits, port: 0, admin: '127.0.0.1:0' });
    const doorPort = Number(doorOf(stopping).url.port);
    const response = exchange(stopping.port, request('/'));
    while (stopping.stats().requests === 0) await new Promise((resolve) => setImmediate(resolve));
    const stopped = stopping.stop();
    const ready = await exchange(doorPort, getOf('/readyz'));
    expect([ready.status, ready.body.toString()]).toEqual([503, 'The server is stopping.\n']);
    release();
    expect((await response).body.toString()).toBe('late');
    await stopped;
    await expect(fetch(`http://127.0.0.1:${doorPort}/healthz`)).rejects.toThrow();
  });
});

describe('security', () => {
  test.each([
    ['evil.example', 421],
    ['127.0.0.1.evil.example:9090', 421],
    ['localhost', 200],
    ['app.localhost:9090', 200],
    ['127.0.0.1:9090', 200],
    ['[::1]:9090', 200],
    ['10.0.0.7', 200],
  ])('on the loopback, the host %s is responded to with %d', async (host, status) => {
    const response = await exchange(port, `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(response.status).toBe(status);
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is not allowed', async (method) => {
    const response = await exchange(port, `${method} / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    expect([response.status, response.field('Allow')]).toEqual([405, 'GET, HEAD']);
  });

  test.each(['/', '/metrics', '/healthz', '/missing'])(
    '%s is not stored, and not readable by other sites',
    async (path) => {
      const response = await at(path, 'Origin: https://evil.example');
      expect(response.field('Cache-Control')).toBe('no-store');
      expect(response.field('Access-Control-Allow-Origin')).toBeNull();
      expect(response.field('Cross-Origin-Resource-Policy')).toBe('same-origin');
    },
  );

  test('the page may load nothing, and run only its own script', async () => {
    const policy = (await at('/')).field('Content-Security-Policy')!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toMatch(/script-src 'sha256-[^']+'/);
    expect(policy).toContain("frame-ancestors 'none'");
  });
});

test('a Unix socket is an admin door too', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'epollet-admin-'));
  const socketPath = join(directory, 'admin.sock');
  try {
    await using _ = serve({ root: `${PACKAGE}html`, port: 0, admin: `unix:${socketPath}` });
    const status = await new Promise((resolve, reject) => {
      get({ socketPath, path: '/readyz', agent: false }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode));
      }).on('error', reject);
    });
    expect(status).toBe(200);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test.each(['', '9090x', 'example.org:9090', 'fd:3', 'unix:'])('the address %j is rejected', (admin) => {
  expect(() => serve({ root: `${PACKAGE}html`, port: 0, admin })).toThrow(/^admin must be an address and a port/);
});

test('a door that cannot listen leaves no server behind', () => {
  expect(() => serve({ root: `${PACKAGE}html`, port: 0, admin: `127.0.0.1:${port}` })).toThrow(/EADDRINUSE/);
});
