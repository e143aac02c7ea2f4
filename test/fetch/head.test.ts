import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { handling } from '../support/handling.js';
import { RawClient, request } from '../support/raw-client.js';

const { start } = handling();
const GZIP = gzipSync('hello hello hello');

/** What an upstream responds, by the path; node:http drops the body for HEAD. */
const UPSTREAM: Record<string, RequestListener> = {
  '/sized': (_, response) => response.setHeader('Content-Length', 5).end('hello'),
  '/empty': (_, response) => response.setHeader('Content-Length', 0).end(),
  '/chunked': (_, response) => {
    response.write('hello');
    response.end();
  },
  '/gzip': (_, response) => {
    response.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Length': GZIP.length, ETag: '"a"' }).end(GZIP);
  },
  '/gzip-chunked': (_, response) => {
    response.writeHead(200, { 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding' }).write(GZIP);
    response.end();
  },
  '/unknown-coding': (_, response) => {
    response.writeHead(200, { 'Content-Encoding': 'x-own', 'Content-Length': 5 }).end('hello');
  },
  '/missing': (_, response) => response.writeHead(404, { 'Content-Length': 5 }).end('where'),
  '/nothing': (_, response) => response.writeHead(204, { ETag: '"b"' }).end(),
  '/events': (_, response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end('data: x\n\n'),
};

/** Made by the handler itself. */
const OWN: Record<string, () => Response> = {
  '/own/text': () => new Response('hello'),
  '/own/bytes': () => new Response(new Uint8Array(3)),
  '/own/stream': () => new Response(new Blob(['hello']).stream()),
  '/own/form': () => new Response(new URLSearchParams('a=b')),
  '/own/json': () => Response.json({ a: 1 }),
  '/own/reset-content': () => new Response(null, { status: 205 }),
};

let upstream: Server;

beforeAll(async () => {
  upstream = createServer((asked, response) => UPSTREAM[asked.url!]!(asked, response));
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
});

afterAll(() => upstream.close());

test.each([...Object.keys(UPSTREAM), ...Object.keys(OWN)])('%s: HEAD has the fields of GET', async (path) => {
  const { port } = upstream.address() as AddressInfo;
  const server = start(({ method }) => OWN[path]?.() ?? fetch(`http://127.0.0.1:${port}${path}`, { method }));
  using client = await RawClient.connect(server.port);
  const get = await client.send(request(path)).response();
  const head = await client.send(request(path, [], 'HEAD')).response('HEAD');
  const fieldsOf = ({ fields }: typeof get) => fields.filter(([name]) => name.toLowerCase() !== 'date');
  expect([head.status, fieldsOf(head)]).toEqual([get.status, fieldsOf(get)]);
  expect(head.body).toHaveLength(0);
  if (path.startsWith('/gzip')) expect(get.body.toString()).toBe('hello hello hello');
});
