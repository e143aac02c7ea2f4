import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { totalOf } from '../../../../src/lab/base/distribution.js';
import { ExperimentError } from '../../../../src/lab/base/errors.js';
import { OpenLoop, type OpenLoopOptions } from '../../../../src/lab/load/open-loop.js';

/** In a thread, because the load blocks its own. The path is what the server does. */
const SERVER = `
const { createServer } = require('node:http');
const server = createServer((request, response) => {
  if (request.url === '/late') setTimeout(() => response.end('late'), 20);
  else if (request.url === '/large') response.end('x'.repeat(300_000));
  else if (request.url === '/500') response.writeHead(500).end('no');
  else if (request.url === '/cut') request.socket.destroy();
  else response.end('a page');
});
server.listen(0, '127.0.0.1', () => require('node:worker_threads').parentPort.postMessage(server.address().port));
`;

let server: Worker;
let port: number;

beforeAll(async () => {
  server = new Worker(SERVER, { eval: true });
  [port] = (await once(server, 'message')) as [number];
});

afterAll(() => server.terminate());

const loop = (path: string, options: Partial<OpenLoopOptions> = {}): OpenLoop =>
  new OpenLoop({ host: '127.0.0.1', port, path, connections: 4, close: false, spin: false, catchUp: 50, ...options });

test.each([
  ['persistent connections', '/', {}],
  ['waits of zero before a request is due', '/', { spin: true }],
  ['a connection for each request', '/', { close: true }],
  ['a response of several reads', '/large', {}],
  ['a large response and a connection for each', '/large', { close: true }],
])('%s: a response for each request that is due', (_, path, options) => {
  using load = loop(path, options);
  load.open();
  for (const rate of [200, 400]) {
    const { due, responses, errors, corrected, raw } = load.run(rate, 0.1);
    expect([due, responses, errors]).toEqual([rate / 10, rate / 10, 0]);
    expect([totalOf(corrected), totalOf(raw)]).toEqual([due, due]);
  }
});

test('a request that waits for a free connection is late from the time at which it was due', () => {
  using load = loop('/late', { connections: 1, catchUp: 0 });
  load.open();
  const { due, responses, corrected, raw } = load.run(500, 0.1);
  expect(due).toBe(50);
  expect(responses).toBeGreaterThan(0);
  expect(responses).toBeLessThan(10);
  expect(corrected.at(-1)![0]).toBeGreaterThan(raw[0]![0]);
});

test('without a rate each connection sends when it is free', () => {
  using load = loop('/');
  load.open();
  const { due, responses, errors } = load.run(Number.POSITIVE_INFINITY, 0.1);
  expect(responses).toBe(due);
  expect(responses).toBeGreaterThan(4);
  expect(errors).toBe(0);
});

test.each(['/500', '/cut'])('%s is an error', (path) => {
  using load = loop(path, { close: true });
  load.open();
  const { due, responses, errors } = load.run(100, 0.1);
  expect([due, responses, errors]).toEqual([10, 0, 10]);
});

test('a server that does not respond at all is an error of the experiment', () => {
  using load = loop('/500');
  expect(() => load.open()).toThrow(ExperimentError);
  using nothing = loop('/', { port: 1 });
  expect(() => nothing.open()).toThrow(/Only 0 of 4 connections got a response without an error\./);
});
