import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Server, serve } from '../../../src/index.js';
import { makeDirectory, settled, type TestDirectory } from '../../support/directory.js';
import { RawClient } from '../../support/raw-client.js';

/** Target and Host, and the site that is selected, RFC 9112 section 3.2 and RFC 9110 section 7.2. */
const ROWS: [target: string, host: string, site: string][] = [
  ['/', 'one.example', 'one'],
  ['/', 'two.example', 'two'],
  ['/', 'ONE.Example', 'one'],
  ['/', 'one.example:8080', 'one'],
  ['/', 'one.example:80', 'one'],
  ['/', 'one.example:', 'one'],
  ['/', 'one.example.', 'one'],
  ['/', 'One.Example.:8080', 'one'],
  ['/', 'xn--bcher-kva.example', 'books'],
  ['/', '[::1]', 'six'],
  ['/', '[::1]:8080', 'six'],
  ['/', '127.0.0.1:8080', 'four'],
  // Unknown hosts get the default site.
  ['/', 'other.example', 'main'],
  ['/', '', 'main'],
  ['/', 'one.example..', 'main'],
  ['/', 'www.one.example', 'main'],
  ['/', 'one', 'main'],
  ['/', 'one.examples', 'main'],
  ['/', '[::2]', 'main'],
  // The host of an absolute target takes precedence over the Host field.
  ['http://one.example/', 'two.example', 'one'],
  ['http://two.example/', 'one.example', 'two'],
  ['http://TWO.example:81/', 'one.example', 'two'],
  ['HTTP://two.example./', 'one.example', 'two'],
  ['https://two.example/', 'one.example', 'two'],
  ['http://two.example', 'one.example', 'two'],
  ['http://two.example?query', 'one.example', 'two'],
  ['http://other.example/', 'one.example', 'main'],
  ['http://[::1]:8080/', 'one.example', 'six'],
  // A path is not a host.
  ['//two.example', 'one.example', 'one'],
  ['/http://two.example/', 'one.example', 'one'],
  ['/?http://two.example/', 'one.example', 'one'],
];

const SITES = ['main', 'one', 'two', 'books', 'six', 'four'];

let directory: TestDirectory;
let server: Server;

beforeAll(async () => {
  directory = makeDirectory();
  for (const site of SITES) {
    directory.write(`${site}/index.html`, site);
    directory.write(`${site}/404.html`, site);
    directory.write(`${site}/only-${site}.txt`, site);
  }
  await settled();
  const root = (site: string): { root: string } => ({ root: directory.path(site) });
  server = serve({
    ...root('main'),
    port: 0,
    headers: [{ match: '/**', set: { 'X-Site': 'main' } }],
    hosts: {
      'one.example': { ...root('one'), cleanUrls: true, cors: { origins: '*' } },
      'two.example': { ...root('two'), redirects: [{ from: '/gone', to: '/' }], directoryListing: true },
      'xn--bcher-kva.example': root('books'),
      '[::1]': root('six'),
      '127.0.0.1': root('four'),
    },
  });
});

afterAll(async () => {
  await server.stop({ force: true });
  directory[Symbol.dispose]();
});

async function send(target: string, host: string, fields: string[] = [], method = 'GET') {
  using client = await RawClient.connect(server.port);
  client.send([`${method} ${target} HTTP/1.1`, `Host: ${host}`, ...fields, '', ''].join('\r\n'));
  return await client.response(method);
}

test.each(ROWS)('%s with Host "%s" selects the site %s', async (target, host, site) => {
  const response = await send(target, host);
  expect(response.body.toString()).toBe(site);
});

test('HTTP/1.0 without Host selects the default site', async () => {
  using client = await RawClient.connect(server.port);
  expect((await client.send('GET / HTTP/1.0\r\n\r\n').response()).body.toString()).toBe('main');
});

test('each request on a connection selects its own site', async () => {
  using client = await RawClient.connect(server.port);
  const order = ['one', 'two', 'other', 'two', 'one', 'other', 'one'];
  client.send(order.map((site) => `GET / HTTP/1.1\r\nHost: ${site}.example\r\n\r\n`).join(''));
  for (const site of order) {
    expect((await client.response()).body.toString()).toBe(site === 'other' ? 'main' : site);
  }
});

describe('a site has its own files and rules and inherits none', () => {
  const RULES: [line: string, host: string, fields: string[], status: number, sent: Record<string, string | null>][] = [
    ['GET /only-one.txt', 'one.example', [], 200, { 'X-Site': null, 'Access-Control-Allow-Origin': '*' }],
    ['GET /only-one.txt', 'two.example', [], 404, { 'X-Site': null, 'Access-Control-Allow-Origin': null }],
    ['GET /only-one.txt', 'other.example', [], 404, { 'X-Site': 'main' }],
    ['GET /only-main.txt', 'other.example', [], 200, { 'X-Site': 'main' }],
    ['GET /only-main.txt', 'one.example', [], 404, { 'X-Site': null }],
    ['GET /index.html', 'one.example', [], 301, { Location: '/' }],
    ['GET /index.html', 'two.example', [], 200, { Location: null }],
    ['GET /gone', 'two.example', [], 308, { Location: '/' }],
    ['GET /gone', 'one.example', [], 404, { Location: null }],
    [
      'OPTIONS /',
      'one.example',
      ['Origin: https://a.example', 'Access-Control-Request-Method: GET'],
      204,
      { 'Access-Control-Allow-Origin': '*' },
    ],
    [
      'OPTIONS /',
      'two.example',
      ['Origin: https://a.example', 'Access-Control-Request-Method: GET'],
      204,
      { 'Access-Control-Allow-Origin': null },
    ],
  ];

  test.each(RULES)('%s of %s %j is %i', async (line, host, fields, status, sent) => {
    const [method, target] = line.split(' ') as [string, string];
    const response = await send(target, host, fields, method);
    expect(response.status).toBe(status);
    for (const [name, expected] of Object.entries(sent)) expect(response.field(name), name).toBe(expected);
  });
});

test.each([
  ['GET / HTTP/1.1\r\n\r\n', 400],
  ['GET / HTTP/1.1\r\nHost: one.example\r\nHost: two.example\r\n\r\n', 400],
  ['GET / HTTP/1.1\r\nHost: one.example, two.example\r\n\r\n', 400],
  ['GET / HTTP/1.1\r\nHost: user@one.example\r\n\r\n', 400],
  ['GET / HTTP/1.1\r\nHost: one.example/\r\n\r\n', 400],
  ['GET http://user@one.example/ HTTP/1.1\r\nHost: one.example\r\n\r\n', 400],
  ['GET http:///x HTTP/1.1\r\nHost: one.example\r\n\r\n', 400],
  ['GET http://two.example/ HTTP/1.1\r\n\r\n', 400],
  ['GET ftp://two.example/ HTTP/1.1\r\nHost: two.example\r\n\r\n', 400],
])('%j is a %i', async (bytes, status) => {
  using client = await RawClient.connect(server.port);
  expect((await client.send(bytes).response()).status).toBe(status);
});
