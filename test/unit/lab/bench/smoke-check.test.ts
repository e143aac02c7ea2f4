import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { parseResponse, smokeCheck } from '../../../../src/lab/bench/smoke-check.js';

test('a response is complete when its body is', () => {
  const text = 'HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nX-A: b: c\r\n\r\nabc';
  for (let length = 0; length < text.length; length++)
    expect(parseResponse(Buffer.from(text.slice(0, length)))).toBeNull();
  const { status, fields, body } = parseResponse(Buffer.from(text))!;
  expect([status, fields.get('x-a'), body.toString()]).toEqual([404, 'b: c', 'abc']);
});

describe('the smoke check', () => {
  const PAGE = Buffer.from('<p>the page');
  let server: Server;

  afterEach(() => server.close());

  async function urlOf(listener: RequestListener): Promise<URL> {
    server = createServer(listener).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  }

  const correct: RequestListener = ({ url }, response) => {
    response.statusCode = url === '/' ? 200 : 404;
    response.end(url === '/' ? PAGE : 'no');
  };

  test.each<[string, RequestListener, string]>([
    ['an error response', (_, response) => response.writeHead(500).end(), 'GET / returned 500, not 200.'],
    [
      'another page',
      (_, response) => response.end('<p>another'),
      'GET / returned a body that differs from index.html.',
    ],
    ['a page for everything', (_, response) => response.end(PAGE), 'GET /no-such-page returned 200, not 404.'],
    ['a connection reset', ({ socket }) => socket.resetAndDestroy(), 'GET / failed with ECONNRESET.'],
    ['a connection that ends early', ({ socket }) => socket.end(), 'GET / was cut off before the end of the response.'],
  ])('rejects %s', async (_, listener, message) => {
    await expect(smokeCheck(await urlOf(listener), PAGE)).rejects.toThrow(message);
  });

  test('accepts correct responses and reports whether connections persist', async () => {
    expect(await smokeCheck(await urlOf(correct), PAGE)).toMatchObject({ keepAlive: true });
    server.close();
    const closing: RequestListener = (request, response) => correct(request, response.setHeader('Connection', 'close'));
    expect(await smokeCheck(await urlOf(closing), PAGE)).toMatchObject({ keepAlive: false });
  });

  test('accepts another page from a model with a fixed page', async () => {
    const url = await urlOf((_, response) => response.end('<p>another page'));
    expect((await smokeCheck(url, PAGE, { fixedPage: true })).responseShape).toBe('200 undefined 15 bytes');
  });
});
