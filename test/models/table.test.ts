import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeDirectory, type TestDirectory } from '../support/directory.js';
import { exchange, RawClient, type RawResponse, request, sleep } from '../support/raw-client.js';
import { SERVING, type ServedModel, serveModel, stopModel } from './serving.js';

const BIG = Buffer.alloc(300_000, 'a line of a large file, which is longer than what a socket takes at once\n');
const INDEX = '<!doctype html><title>index</title>\n';
const NOT_FOUND = 'Not found.\n';
const NOT_ALLOWED = 'Only GET and HEAD are supported.\n';
const INVALID = 'The request is not valid HTTP/1.1.\n';

/** Requests and the response that every model sends. A body of null is not compared. */
const TABLE: [sent: string, status: number, body: string | Buffer | null, type?: string][] = [
  [request('/'), 200, INDEX, 'text/html; charset=utf-8'],
  [request('/index.html'), 200, INDEX, 'text/html; charset=utf-8'],
  [request('/directory/inner/deep.txt'), 200, 'deep\n', 'text/plain; charset=utf-8'],
  [request('/directory/'), 200, 'of the directory\n', 'text/html; charset=utf-8'],
  [request('/directory'), 301, null],
  [request('/directory/inner/'), 404, NOT_FOUND],
  [request('/nothing.html'), 404, NOT_FOUND],
  [request('/index.html/'), 404, NOT_FOUND],
  [request('/../outside/secret.txt'), 404, NOT_FOUND],
  [request('/%2e%2e/outside/secret.txt'), 404, NOT_FOUND],
  [request('/directory/..%2f..%2foutside/secret.txt'), 404, NOT_FOUND],
  [request('/directory/.%2E/.%2E/outside/secret.txt'), 404, NOT_FOUND],
  [request('//../outside/secret.txt'), 404, NOT_FOUND],
  [request('/out-link'), 404, NOT_FOUND],
  [request('/out/secret.txt'), 404, NOT_FOUND],
  [request('/.hidden'), 404, NOT_FOUND],
  [request('/a%00b'), 400, null],
  [request('/%zz'), 400, null],
  [request('/with%20space.t%78t'), 200, 'space\n'],
  [request('/%c3%bc.txt'), 200, 'utf-8\n'],
  [request('/index.html?a=/../b'), 200, INDEX],
  [request('http://a/directory/inner/deep.txt?x'), 200, 'deep\n'],
  [request('/empty.txt'), 200, '', 'text/plain; charset=utf-8'],
  [request('/big.bin'), 200, BIG, 'application/octet-stream'],
  [request('/', [], 'HEAD'), 200, '', 'text/html; charset=utf-8'],
  [request('/big.bin', [], 'HEAD'), 200, ''],
  [request('/nothing', [], 'HEAD'), 404, ''],
  [request('/', [], 'DELETE'), 405, NOT_ALLOWED],
  [request('/nothing', [], 'PUT'), 405, NOT_ALLOWED],
  [`${request('/', ['Content-Length: 3'], 'POST')}a=b`, 405, NOT_ALLOWED],
  ['GET / HTTP/1.0\r\n\r\n', 200, INDEX],
  ['GET / HTTP/1.1\r\n\r\n', 400, INVALID],
  ['???\r\n\r\n', 400, INVALID],
  [request('/ /'), 400, INVALID],
  [request('/', [`X: ${'x'.repeat(20_000)}`]), 431, null],
];

let directory: TestDirectory;

beforeAll(() => {
  directory = makeDirectory({
    'index.html': INDEX,
    'directory/index.html': 'of the directory\n',
    'directory/inner/deep.txt': 'deep\n',
    'with space.txt': 'space\n',
    'ü.txt': 'utf-8\n',
    'empty.txt': '',
    'big.bin': BIG,
    '.hidden': 'not to be served',
  });
  directory.write('../outside/secret.txt', 'not to be served');
  directory.link('out-link', '../outside/secret.txt');
  directory.link('out', '../outside');
});

afterAll(() => directory[Symbol.dispose]());

// A case that does not apply to a model is omitted and not skipped, because a skip would count as missing coverage.
describe.each(SERVING)('$name', ({ name, closes, oneAtATime }) => {
  let served: ServedModel;

  beforeAll(async () => {
    served = await serveModel(name, directory.root);
  });

  afterAll(() => stopModel(served));

  test(`sends the expected responses to ${TABLE.length} requests`, async () => {
    const check = ([sent, status, body, type]: (typeof TABLE)[number], response: RawResponse): void => {
      const line = sent.slice(0, sent.indexOf('\r\n'));
      expect(response.status, line).toBe(status);
      if (type !== undefined) expect(response.field('Content-Type'), line).toBe(type);
      if (status === 301) expect(response.field('Location')).toBe('/directory/');
      // The error responses of the real server have other texts.
      if (body !== null && (status < 400 || name !== 'epollet'))
        expect(response.body.equals(Buffer.from(body)), `${line}: ${response.body.toString('latin1', 0, 80)}`).toBe(
          true,
        );
    };
    // On few connections, because a process per connection is slow.
    const rows = [...TABLE];
    const sendRows = async (): Promise<void> => {
      let client: RawClient | null = null;
      for (let row = rows.shift(); row !== undefined; row = rows.shift()) {
        client ??= await RawClient.connect(served.port);
        const response = await client.send(row[0]).response(row[0].startsWith('HEAD') ? 'HEAD' : 'GET');
        check(row, response);
        if (response.field('Connection') !== 'close') continue;
        expect(await client.untilClose()).toHaveLength(0);
        client.close();
        client = null;
      }
      client?.close();
    };
    await Promise.all([sendRows(), sendRows(), sendRows()]);
  });

  test('a HEAD response has the Content-Length of the GET response', async () => {
    expect((await exchange(served.port, request('/big.bin', [], 'HEAD'))).field('Content-Length')).toBe('300000');
  });

  // The real server responds with 501, which its own tests check.
  if (name !== 'epollet') {
    test('an unknown method gets a 405', async () => {
      const response = await exchange(served.port, request('/', [], 'BREW'));
      expect([response.status, response.field('Allow')]).toEqual([405, 'GET, HEAD']);
    });
  }

  test('a request received byte by byte gets a response', async () => {
    using client = await RawClient.connect(served.port);
    await client.sendPieces([...request('/directory/inner/deep.txt')], 1);
    expect((await client.response()).body.toString()).toBe('deep\n');
  });

  if (closes) {
    test('the response has Connection: close, and the connection ends after it', async () => {
      using client = await RawClient.connect(served.port);
      const response = await client.send(request('/')).response();
      expect(response.field('Connection')).toBe('close');
      expect(await client.untilClose()).toHaveLength(0);
    });
  } else {
    test('the connection stays open for sequential and pipelined requests', async () => {
      using client = await RawClient.connect(served.port);
      for (const [sent, status, body] of TABLE.slice(0, 8)) {
        const response = await client.send(sent).response();
        expect([
          response.status,
          body === null || name === 'epollet' || response.body.equals(Buffer.from(body)),
        ]).toEqual([status, true]);
      }
      const head = request('/directory/inner/deep.txt', [], 'HEAD');
      const last = request('/', ['Connection: close']);
      const many = `${request('/big.bin')}${request('/empty.txt')}${request('/nothing')}${head}${request('/')}`;
      await client.sendPieces([many.repeat(3).slice(0, -20), many.slice(-20) + last]);
      for (let i = 0; i < 3; i++) {
        expect((await client.response()).body.equals(BIG)).toBe(true);
        expect((await client.response()).body).toHaveLength(0);
        expect((await client.response()).status).toBe(404);
        expect((await client.response('HEAD')).field('Content-Length')).toBe('5');
        expect((await client.response()).body.toString()).toBe(INDEX);
      }
      expect((await client.response()).body.toString()).toBe(INDEX);
      expect(await client.untilClose()).toHaveLength(0);
    });

    test('a client that sends without reading gets every response once it reads', async () => {
      using client = await RawClient.connect(served.port);
      client.pause().send(request('/big.bin').repeat(30));
      await sleep(50);
      // These arrive while the server is write-blocked: no further event reports them once it is not.
      client.send(request('/big.bin').repeat(10));
      await sleep(20);
      if (!oneAtATime) expect((await exchange(served.port, request('/'))).status).toBe(200);
      client.resume();
      for (let i = 0; i < 40; i++) expect((await client.response()).body.equals(BIG)).toBe(true);
    });
  }

  test('a half-closed client gets its responses', async () => {
    using client = await RawClient.connect(served.port);
    client
      .send(closes ? '' : request('/big.bin'))
      .send(request('/directory/'))
      .end();
    if (!closes) expect((await client.response()).body.equals(BIG)).toBe(true);
    expect((await client.response()).body.toString()).toBe('of the directory\n');
    expect(await client.untilClose()).toHaveLength(0);
  });

  // A model that serves one client at a time has no concurrency.
  if (!oneAtATime) {
    // Of those with a process or thread for each, 50 clients take 3 s of CPU time.
    const count = ['processes', 'threads'].includes(name) ? 20 : 50;

    test(`${count} concurrent clients get their responses`, { timeout: 30_000 }, async () => {
      const clients = await Promise.all(Array.from({ length: count }, () => RawClient.connect(served.port)));
      const sendRequests = async (client: RawClient, index: number): Promise<void> => {
        const [path, body] = index % 5 === 0 ? ['/big.bin', BIG] : ['/', Buffer.from(INDEX)];
        for (let times = 0; times < (closes ? 1 : 3); times++) {
          const response = await client.send(request(path as string)).response('GET', 28_000);
          expect(response.body.equals(body as Buffer)).toBe(true);
        }
        client.close();
      };
      await Promise.all(clients.map(sendRequests));
    });
  }

  test('idle clients and partial requests do not block other clients, except where one client is served at a time', async () => {
    using first = await RawClient.connect(served.port);
    using second = await RawClient.connect(served.port);
    using third = await RawClient.connect(served.port);
    second.send('GET / HT');
    const others = Promise.all(Array.from({ length: 3 }, () => exchange(served.port, request('/'))));
    if (oneAtATime) {
      // As the catalogue states: all others wait until they disconnect.
      let responded = false;
      others.then(() => {
        responded = true;
      });
      await new Promise((resolve) => setTimeout(resolve, 150));
      expect(responded).toBe(false);
      for (const client of [first, second, third]) client.close();
    }
    for (const response of await others) expect(response.status).toBe(200);
    if (!oneAtATime) expect((await second.send('TP/1.1\r\nHost: a\r\n\r\n').response()).status).toBe(200);
  });
});

test('fixed-page sends its page for every path', async () => {
  const served = await serveModel('fixed-page', directory.root);
  const page = await exchange(served.port, request('/'));
  expect([page.status, page.field('Content-Type')]).toEqual([200, 'text/html; charset=utf-8']);
  for (const path of ['/nothing', '/../outside/secret.txt', '/%zz'])
    expect((await exchange(served.port, request(path))).body.equals(page.body)).toBe(true);
  const head = await exchange(served.port, request('/', [], 'HEAD'));
  expect([head.body.length, head.field('Content-Length')]).toEqual([0, `${page.body.length}`]);
  expect((await exchange(served.port, request('/', [], 'DELETE'))).status).toBe(405);
  expect((await exchange(served.port, 'what?\r\n\r\n')).status).toBe(400);
  await stopModel(served);
});
