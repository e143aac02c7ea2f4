import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Folder, makeFolder } from '../support/folder.js';
import { exchange, RawClient, type RawResponse, request, sleep } from '../support/raw-client.js';
import { endModel, SERVING, type Served, serveModel } from './serving.js';

const BIG = Buffer.alloc(300_000, 'a line of a large file, which is longer than what a socket takes at once\n');
const INDEX = '<!doctype html><title>index</title>\n';
const NOTHING = 'There is nothing at this address.\n';
const NOT_ALLOWED = 'Only GET and HEAD are answered here.\n';
const INVALID = 'The request is not valid HTTP/1.1.\n';

/** What is sent, and what every model answers. A body of null is not looked at. */
const TABLE: [sent: string, status: number, body: string | Buffer | null, type?: string][] = [
  [request('/'), 200, INDEX, 'text/html; charset=utf-8'],
  [request('/index.html'), 200, INDEX, 'text/html; charset=utf-8'],
  [request('/folder/inner/deep.txt'), 200, 'deep\n', 'text/plain; charset=utf-8'],
  [request('/folder/'), 200, 'of the folder\n', 'text/html; charset=utf-8'],
  [request('/folder'), 301, null],
  [request('/folder/inner/'), 404, NOTHING],
  [request('/nothing.html'), 404, NOTHING],
  [request('/index.html/'), 404, NOTHING],
  [request('/../outside/secret.txt'), 404, NOTHING],
  [request('/%2e%2e/outside/secret.txt'), 404, NOTHING],
  [request('/folder/..%2f..%2foutside/secret.txt'), 404, NOTHING],
  [request('/folder/.%2E/.%2E/outside/secret.txt'), 404, NOTHING],
  [request('//../outside/secret.txt'), 404, NOTHING],
  [request('/out-link'), 404, NOTHING],
  [request('/out/secret.txt'), 404, NOTHING],
  [request('/.hidden'), 404, NOTHING],
  [request('/a%00b'), 400, null],
  [request('/%zz'), 400, null],
  [request('/with%20space.t%78t'), 200, 'space\n'],
  [request('/%c3%bc.txt'), 200, 'utf-8\n'],
  [request('/index.html?a=/../b'), 200, INDEX],
  [request('http://a/folder/inner/deep.txt?x'), 200, 'deep\n'],
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

let folder: Folder;

beforeAll(() => {
  folder = makeFolder({
    'index.html': INDEX,
    'folder/index.html': 'of the folder\n',
    'folder/inner/deep.txt': 'deep\n',
    'with space.txt': 'space\n',
    'ü.txt': 'utf-8\n',
    'empty.txt': '',
    'big.bin': BIG,
    '.hidden': 'not to be served',
  });
  folder.write('../outside/secret.txt', 'not to be served');
  folder.link('out-link', '../outside/secret.txt');
  folder.link('out', '../outside');
});

afterAll(() => folder[Symbol.dispose]());

// A case that does not apply to a model is not made for it, rather than skipped: nothing is missing there.
describe.each(SERVING)('$name', ({ name, closes, oneAtATime }) => {
  let served: Served;

  beforeAll(async () => {
    served = await serveModel(name, folder.root);
  });

  afterAll(() => endModel(served));

  test(`${TABLE.length} requests`, async () => {
    const check = ([sent, status, body, type]: (typeof TABLE)[number], answer: RawResponse): void => {
      const line = sent.slice(0, sent.indexOf('\r\n'));
      expect(answer.status, line).toBe(status);
      if (type !== undefined) expect(answer.field('Content-Type'), line).toBe(type);
      if (status === 301) expect(answer.field('Location')).toBe('/folder/');
      // The refusals of the real server have their own words.
      if (body !== null && (status < 400 || name !== 'epollet'))
        expect(answer.body.equals(Buffer.from(body)), `${line}: ${answer.body.toString('latin1', 0, 80)}`).toBe(true);
    };
    // On as few connections as it takes, for a process each takes its time.
    const rows = [...TABLE];
    const ask = async (): Promise<void> => {
      let client: RawClient | null = null;
      for (let row = rows.shift(); row !== undefined; row = rows.shift()) {
        client ??= await RawClient.connect(served.port);
        const answer = await client.send(row[0]).response(row[0].startsWith('HEAD') ? 'HEAD' : 'GET');
        check(row, answer);
        if (answer.field('Connection') !== 'close') continue;
        expect(await client.untilClose()).toHaveLength(0);
        client.close();
        client = null;
      }
      client?.close();
    };
    await Promise.all([ask(), ask(), ask()]);
  });

  test('HEAD has the length of the body that it leaves out', async () => {
    expect((await exchange(served.port, request('/big.bin', [], 'HEAD'))).field('Content-Length')).toBe('300000');
  });

  // The real server answers 501, as its own tests say.
  if (name !== 'epollet') {
    test('a method that nobody has heard of', async () => {
      const answer = await exchange(served.port, request('/', [], 'BREW'));
      expect([answer.status, answer.field('Allow')]).toEqual([405, 'GET, HEAD']);
    });
  }

  test('a request that comes byte by byte', async () => {
    using client = await RawClient.connect(served.port);
    await client.sendPieces([...request('/folder/inner/deep.txt')], 1);
    expect((await client.response()).body.toString()).toBe('deep\n');
  });

  if (closes) {
    test('the connection ends with the answer, which says so', async () => {
      using client = await RawClient.connect(served.port);
      const answer = await client.send(request('/')).response();
      expect(answer.field('Connection')).toBe('close');
      expect(await client.untilClose()).toHaveLength(0);
    });
  } else {
    test('the connection is kept, for requests one by one and several at once', async () => {
      using client = await RawClient.connect(served.port);
      for (const [sent, status, body] of TABLE.slice(0, 8)) {
        const answer = await client.send(sent).response();
        expect([answer.status, body === null || name === 'epollet' || answer.body.equals(Buffer.from(body))]).toEqual([
          status,
          true,
        ]);
      }
      const head = request('/folder/inner/deep.txt', [], 'HEAD');
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

    test('a client that sends and does not read gets everything once it reads', async () => {
      using client = await RawClient.connect(served.port);
      client.pause().send(request('/big.bin').repeat(30));
      await sleep(50);
      // These come while the server has no room to answer: nothing will tell of them again once it has.
      client.send(request('/big.bin').repeat(10));
      await sleep(20);
      if (!oneAtATime) expect((await exchange(served.port, request('/'))).status).toBe(200);
      client.resume();
      for (let i = 0; i < 40; i++) expect((await client.response()).body.equals(BIG)).toBe(true);
    });
  }

  test('a client that has said that nothing more will come gets its answer', async () => {
    using client = await RawClient.connect(served.port);
    client
      .send(closes ? '' : request('/big.bin'))
      .send(request('/folder/'))
      .end();
    if (!closes) expect((await client.response()).body.equals(BIG)).toBe(true);
    expect((await client.response()).body.toString()).toBe('of the folder\n');
    expect(await client.untilClose()).toHaveLength(0);
  });

  // Where clients are served one after the other there is no at once.
  if (!oneAtATime) {
    test('50 clients at once', { timeout: 30_000 }, async () => {
      const clients = await Promise.all(Array.from({ length: 50 }, () => RawClient.connect(served.port)));
      const ask = async (client: RawClient, index: number): Promise<void> => {
        const [path, body] = index % 5 === 0 ? ['/big.bin', BIG] : ['/', Buffer.from(INDEX)];
        for (let times = 0; times < (closes ? 1 : 3); times++) {
          const answer = await client.send(request(path as string)).response('GET', 28_000);
          expect(answer.body.equals(body as Buffer)).toBe(true);
        }
        client.close();
      };
      await Promise.all(clients.map(ask));
    });
  }

  test('clients that say nothing, or half of what they want', async () => {
    using first = await RawClient.connect(served.port);
    using second = await RawClient.connect(served.port);
    using third = await RawClient.connect(served.port);
    second.send('GET / HT');
    const others = Promise.all(Array.from({ length: 3 }, () => exchange(served.port, request('/'))));
    if (oneAtATime) {
      // As its line in the catalogue says: it answers nobody until they leave.
      let answered = false;
      others.then(() => {
        answered = true;
      });
      await new Promise((resolve) => setTimeout(resolve, 150));
      expect(answered).toBe(false);
      for (const client of [first, second, third]) client.close();
    }
    for (const answer of await others) expect(answer.status).toBe(200);
    if (!oneAtATime) expect((await second.send('TP/1.1\r\nHost: a\r\n\r\n').response()).status).toBe(200);
  });
});

test('fixed-page answers everything with its page, one client after another', async () => {
  const served = await serveModel('fixed-page', folder.root);
  const page = await exchange(served.port, request('/'));
  expect([page.status, page.field('Content-Type')]).toEqual([200, 'text/html; charset=utf-8']);
  for (const path of ['/nothing', '/../outside/secret.txt', '/%zz'])
    expect((await exchange(served.port, request(path))).body.equals(page.body)).toBe(true);
  const head = await exchange(served.port, request('/', [], 'HEAD'));
  expect([head.body.length, head.field('Content-Length')]).toEqual([0, `${page.body.length}`]);
  expect((await exchange(served.port, request('/', [], 'DELETE'))).status).toBe(405);
  expect((await exchange(served.port, 'what?\r\n\r\n')).status).toBe(400);
  await endModel(served);
});
