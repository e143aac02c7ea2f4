import { tracingChannel } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { type FetchHandler, type RequestMessage, type ServeOptions, type Server, serve } from '../../../src/index.js';
import { command } from '../../support/command.js';
import { hasIPv6, permits } from '../../support/needs.js';
import { RawClient, request } from '../../support/raw-client.js';
import { makeSite, type Site } from '../../support/site.js';
import { stillClock } from './still-clock.js';

let server: Server | null = null;
let site: Site | null = null;
const clients: RawClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client[Symbol.dispose]();
  await server?.stop({ force: true });
  await site?.remove();
  server = site = null;
});

/** What a handler sees of its client. */
const see: FetchHandler = ({ url }, { peer }) =>
  new Response(`${peer?.family} ${peer?.address} ${peer?.port} ${url.slice(0, url.indexOf(':'))}`);

async function start(trustedProxies: string | string[], options: Partial<ServeOptions> = {}): Promise<RawClient> {
  server = serve({ port: 0, fetch: see, trustedProxies, ...options });
  return connect();
}

async function connect(host = '127.0.0.1'): Promise<RawClient> {
  const client = await RawClient.connect(server!.port, host);
  clients.push(client);
  return client;
}

async function seen(client: RawClient, fields: string[]): Promise<string> {
  return (await client.send(request('/', fields)).response()).body.toString();
}

const OWN = `IPv4 127.0.0.1 ${Number.NaN}`;

describe('the client of a request by a trusted proxy', () => {
  test.each<[what: string, expected: string, ...fields: string[]]>([
    ['no field', `${OWN} http`],
    ['one address', 'IPv4 192.0.2.1 0 http', 'X-Forwarded-For: 192.0.2.1'],
    ['a port', 'IPv4 192.0.2.1 4711 http', 'X-Forwarded-For: 192.0.2.1:4711'],
    ['IPv6', 'IPv6 2001:db8::1 0 http', 'X-Forwarded-For: 2001:DB8:0::1'],
    ['IPv6 with a port', 'IPv6 2001:db8::1 80 http', 'X-Forwarded-For: [2001:db8::1]:80'],
    ['an IPv4-mapped address', 'IPv4 192.0.2.1 0 http', 'X-Forwarded-For: ::ffff:192.0.2.1'],
    ['what the client has sent', 'IPv4 192.0.2.1 0 http', 'X-Forwarded-For: 198.51.100.1, 192.0.2.1'],
    ['trusted proxies in a row', 'IPv4 192.0.2.1 0 http', 'X-Forwarded-For: 6.6.6.6, 192.0.2.1 ,10.0.0.9, fd00::5'],
    ['trusted proxies only', 'IPv4 10.0.0.9 0 http', 'X-Forwarded-For: 10.0.0.9, fd00::5'],
    ['several fields', 'IPv4 192.0.2.1 0 http', 'X-Forwarded-For: 6.6.6.6', 'x-forwarded-for: 192.0.2.1,10.0.0.9'],
    ['empty elements', 'IPv4 192.0.2.1 0 http', 'X-Forwarded-For: 192.0.2.1, ,,10.0.0.9,'],
    ['an empty field', `${OWN} http`, 'X-Forwarded-For:'],
    ['no address', `${OWN} http`, 'X-Forwarded-For: 192.0.2.1, unknown'],
    ['no address behind a trusted one', 'IPv4 10.0.0.9 0 http', 'X-Forwarded-For: 6.6.6.6, garbage, 10.0.0.9'],
    ['a forged line', `${OWN} http`, 'X-Forwarded-For: 192.0.2.1" - - [x'],
    ['leading zeros', `${OWN} http`, 'X-Forwarded-For: 192.0.2.010'],
    ['Forwarded', 'IPv4 192.0.2.60 0 http', 'Forwarded: for=192.0.2.60;proto=http;by=203.0.113.43'],
    ['Forwarded in quotes', 'IPv6 2001:db8:cafe::17 4711 http', 'Forwarded: For="[2001:db8:cafe::17]:4711"'],
    [
      'Forwarded by several',
      'IPv4 192.0.2.43 0 http',
      'Forwarded: for=6.6.6.6',
      'Forwarded: for=192.0.2.43, for="[fd00::1]"',
    ],
    ['Forwarded, hidden', 'IPv4 10.0.0.9 0 http', 'Forwarded: for=6.6.6.6, for=_hidden, for=10.0.0.9'],
    ['Forwarded, unknown', `${OWN} http`, 'Forwarded: for=192.0.2.43, for=unknown'],
    ['Forwarded behind half a quote', 'IPv4 192.0.2.43 0 http', 'Forwarded: for="', 'Forwarded: for=192.0.2.43'],
    ['Forwarded that is half a quote', `${OWN} http`, 'Forwarded: for="192.0.2.43'],
    ['Forwarded without for', `${OWN} https`, 'Forwarded: for=192.0.2.43, proto=https'],
    ['Forwarded that is not valid', `${OWN} http`, 'Forwarded: for=192.0.2.43, for=a b'],
    [
      'both: X-Forwarded-For',
      'IPv4 192.0.2.1 0 http',
      'Forwarded: for=6.6.6.6;proto=https',
      'X-Forwarded-For: 192.0.2.1',
    ],
    ['the scheme', `${OWN} https`, 'X-Forwarded-Proto: https'],
    ['the scheme, in capitals', `${OWN} https`, 'X-Forwarded-Proto: HTTPS'],
    ['the scheme by the last proxy', `${OWN} http`, 'X-Forwarded-Proto: https, http'],
    ['the scheme of several fields', `${OWN} https`, 'X-Forwarded-Proto: http', 'X-Forwarded-Proto: https'],
    ['another scheme', `${OWN} http`, 'X-Forwarded-Proto: wss'],
    [
      'the scheme of Forwarded',
      'IPv4 192.0.2.1 0 https',
      'Forwarded: for=192.0.2.1;proto=https, for=10.0.0.9;proto=http',
    ],
    ['another scheme in Forwarded', 'IPv4 192.0.2.1 0 http', 'Forwarded: for=192.0.2.1;proto=ftp'],
    [
      'a scheme before that of the client',
      'IPv4 192.0.2.1 0 http',
      'Forwarded: for=6.6.6.6;proto=https, for=192.0.2.1',
    ],
    ['no scheme in the target', 'IPv4 192.0.2.1 0 http', 'X-Forwarded-For: 192.0.2.1', 'X-Forwarded-Host: evil'],
  ])('%s', async (_, expected, ...fields) => {
    const client = await start(['127.0.0.0/8', '10.0.0.0/8', 'fd00::/8']);
    const own = `IPv4 127.0.0.1 ${client.socket.localPort}`;
    expect(await seen(client, fields)).toBe(expected.replace(OWN, own));
    expect(await seen(client, ['X-Forwarded-For: 203.0.113.9'])).toBe('IPv4 203.0.113.9 0 http'); // on the same connection
    expect(await seen(client, [])).toBe(`${own} http`);
  });

  test('of a peer that is not trusted it is the peer, whatever it sends', async () => {
    const client = await start(['10.0.0.0/8', '127.0.0.2', '::1', 'unix']);
    const fields = ['X-Forwarded-For: 192.0.2.1', 'Forwarded: for=192.0.2.1;proto=https', 'X-Forwarded-Proto: https'];
    expect(await seen(client, fields)).toBe(`IPv4 127.0.0.1 ${client.socket.localPort} http`);
  });

  test('by an IPv6 proxy, and by an IPv4 proxy on an IPv6 socket', async () => {
    if (!permits(hasIPv6(), 'a proxy with an IPv6 address', 'there is no IPv6.')) return;
    await start(['::1', '127.0.0.1'], { hostname: '::' });
    for (const host of ['::1', '127.0.0.1'])
      expect(await seen(await connect(host), ['X-Forwarded-For: 192.0.2.1'])).toBe('IPv4 192.0.2.1 0 http');
  });

  test.each([
    ['unix', 'IPv4 192.0.2.1 0 https'],
    ['0.0.0.0/0', 'unix  0 http'],
  ])('on a Unix socket, with %s trusted', async (trusted, expected) => {
    const directory = mkdtempSync(join(tmpdir(), 'epollet-proxy-'));
    const path = join(directory, 'http.sock');
    try {
      server = serve({ listen: `unix:${path}`, fetch: see, trustedProxies: trusted });
      const socket = createConnection(path);
      socket.write(request('/', ['X-Forwarded-For: 192.0.2.1', 'X-Forwarded-Proto: https', 'Connection: close']));
      expect(await text(socket)).toMatch(new RegExp(`${expected}$`));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('pipelined requests of several clients, to handlers that respond later', async () => {
    const client = await start('127.0.0.1', {
      fetch: async (_, info) => {
        await null;
        return new Response(info.peer!.address);
      },
    });
    const addresses = Array.from({ length: 20 }, (_, i) => `192.0.2.${i}`);
    client.send(addresses.map((address) => request('/', [`X-Forwarded-For: ${address}`])).join(''));
    const bodies: string[] = [];
    for (const _ of addresses) bodies.push((await client.response()).body.toString());
    expect(bodies).toEqual(addresses);
  });
});

test.each([
  ['/a?b', 'https://x.example/a?b'],
  ['http://x.example/a', 'https://x.example/a'],
  ['http://x.example', 'https://x.example/'],
  ['HTTPS://y.example:8443/a', 'https://y.example:8443/a'],
  ['/a%2e/../b', 'https://x.example/b'],
])('the URL of target %s with the scheme https', async (target, expected) => {
  const client = await start('127.0.0.1', { fetch: ({ url }) => new Response(url) });
  const ask = async (host: string): Promise<string> => {
    client.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-Proto: https\r\n\r\n`);
    return (await client.response()).body.toString();
  };
  expect(await ask('x.example')).toBe(expected);
  expect(await ask('x.example:443')).toBe(expected);
});

test('the URL keeps a port that is that of the other scheme', async () => {
  const client = await start('127.0.0.1', { fetch: ({ url }) => new Response(url) });
  client.send('GET / HTTP/1.1\r\nHost: x.example:80\r\nX-Forwarded-Proto: https\r\n\r\n');
  expect((await client.response()).body.toString()).toBe('https://x.example:80/');
  client.send('GET http://x.example:443/ HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: http\r\n\r\n');
  expect((await client.response()).body.toString()).toBe('http://x.example:443/');
});

describe('limits of a client address', () => {
  const from = (address: string): string => request('/', [`X-Forwarded-For: ${address}`]);
  const statuses = async (client: RawClient, ...addresses: string[]): Promise<number[]> => {
    const all: number[] = [];
    for (const address of addresses) all.push((await client.send(from(address)).response()).status);
    return all;
  };
  const limited = (options: Partial<ServeOptions> = {}): Promise<RawClient> =>
    start('127.0.0.1', {
      limits: { clientRequestsPerSecond: 1, clientRequestBurst: 2, maxConnectionsPerClient: 1 },
      kernel: stillClock().kernel,
      ...options,
    });

  test('requests are those of the client; connections of the proxy are without limit', async () => {
    const one = await limited();
    const other = await connect();
    expect(await statuses(one, '192.0.2.1', '192.0.2.2', '192.0.2.1', '192.0.2.1')).toEqual([200, 200, 200, 429]);
    expect(await statuses(other, '192.0.2.1', '192.0.2.2', '192.0.2.2')).toEqual([429, 200, 429]);
    expect(await statuses(other, '2001:db8::1', '2001:db8::2', '2001:db8::3')).toEqual([200, 200, 429]); // of one /64
    expect(await statuses(other, 'unknown', 'unknown', 'unknown')).toEqual([200, 200, 429]); // the proxy itself
    expect(server!.stats()).toMatchObject({ rejectedConnections: 0, rejectedRequests: 5 });
  });

  test('exempt clients have none', async () => {
    const client = await limited({ exemptClients: ['192.0.2.0/24', '2001:db8::/48'] });
    const exempt = ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1'];
    for (const address of exempt) expect(await statuses(client, address, address, address)).toEqual([200, 200, 200]);
    for (const address of ['192.0.3.1', '2001:db8:1::1'])
      expect(await statuses(client, address, address, address)).toEqual([200, 200, 429]);
  });

  test('exempt peers have none, of connections and requests', async () => {
    await limited({ trustedProxies: [], exemptClients: '127.0.0.1' });
    for (const client of [await connect(), await connect()])
      expect(await statuses(client, 'x', 'x', 'x')).toEqual([200, 200, 200]);
  });

  test('a reload changes who is trusted, and who is exempt, on open connections too', async () => {
    const client = await limited();
    const options: ServeOptions = { fetch: see, limits: { clientRequestsPerSecond: 1, clientRequestBurst: 1 } };
    await server!.reloadAll({ ...options, exemptClients: '127.0.0.0/8' });
    expect(await statuses(client, '192.0.2.1', '192.0.2.1')).toEqual([200, 200]);
    expect(await seen(client, ['X-Forwarded-For: 192.0.2.1'])).toContain('127.0.0.1');
    await server!.reload({ exemptClients: undefined, trustedProxies: '127.0.0.1' });
    expect(await statuses(client, '192.0.2.1', '192.0.2.1')).toEqual([200, 429]);
    await server!.reload({ limits: undefined });
    expect(await seen(client, ['X-Forwarded-For: 192.0.2.1'])).toContain('192.0.2.1');
    await server!.reload({ trustedProxies: undefined });
    expect(await seen(client, ['X-Forwarded-For: 192.0.2.1'])).toContain('127.0.0.1');
  });
});

test('subscribers of the tracing channel see the client of each request', async () => {
  const seenBy: (string | undefined)[] = [];
  const subscriber = (message: unknown): void => {
    seenBy.push((message as RequestMessage).peer?.address);
  };
  const channel = tracingChannel<unknown, RequestMessage>('epollet.request');
  channel.start.subscribe(subscriber);
  try {
    const client = await start('127.0.0.1');
    for (const fields of [['X-Forwarded-For: 192.0.2.1'], [], ['Forwarded: for=192.0.2.2']]) await seen(client, fields);
    expect(seenBy).toEqual(['192.0.2.1', '127.0.0.1', '192.0.2.2']);
  } finally {
    channel.start.unsubscribe(subscriber);
  }
});

test('the access log has the client of each request, and the proxy of one whose head is not whole or not valid', async () => {
  site = await makeSite();
  const args = ['--access-log', 'json', '--port', '0', '--head-fields', '4', '--trusted-proxies', '127.0.0.0/8'];
  await using started = command([site.root, ...args]);
  const client = await RawClient.connect(await started.port('stderr'));
  clients.push(client);
  for (const address of ['192.0.2.1, 2001:DB8::0:1', '127.0.0.1', '192.0.2.1"\\', '192.0.2.2'])
    await client.send(request('/hello.txt', [`X-Forwarded-For: ${address}`])).response();
  // Of half a head the last address that was read need not be the last one.
  const fields = ['X-Forwarded-For: 6.6.6.6', 'A: 1', 'A: 2', 'X-Forwarded-For: 192.0.2.1'];
  await client.send(request('/hello.txt', fields)).response();
  await client.untilClose();
  const whole = await RawClient.connect(await started.port('stderr'));
  clients.push(whole);
  const upload = request('/', ['X-Forwarded-For: 192.0.2.3', 'Content-Length: 9999999'], 'POST');
  expect((await whole.send(upload).response()).status).toBe(413);
  await whole.untilClose();
  const lines = (await started.kill().ended).stdout.trim().split('\n');
  expect(lines.map((line) => JSON.parse(line)).map(({ peer, status }) => [peer, status])).toEqual([
    ['2001:db8::1', 200],
    ['127.0.0.1', 200],
    ['127.0.0.1', 200],
    ['192.0.2.2', 200],
    ['127.0.0.1', 431],
    ['192.0.2.3', 413],
  ]);
});

test.each<[Partial<ServeOptions>, string]>([
  [
    { trustedProxies: ['10.0.0.0/8', 'unix:'] },
    'trustedProxies[1] must be an address such as "192.0.2.1", or a network',
  ],
  [{ trustedProxies: 'localhost' }, 'trustedProxies must be an address such as'],
  [{ trustedProxies: 7 as never }, 'trustedProxies must be a list'],
  [{ exemptClients: 'unix' }, 'exemptClients must be an address such as'],
  [{ proxyProtocol: 1 as never, trustedProxies: '::1' }, 'proxyProtocol must be true or false'],
  [{ proxyProtocol: true }, 'proxyProtocol needs trustedProxies'],
])('%j is a mistake', (options, sentence) => {
  expect(() => serve({ fetch: see, ...options })).toThrow(
    expect.objectContaining({ code: 'ERR_EPOLLET_OPTION', message: expect.stringContaining(sentence) }),
  );
});

test.each([
  [['--trusted-proxies', '10.0.0.0/8,nonsense'], 'nonsense'],
  [['--exempt-clients', 'unix'], 'unix'],
  [['--trusted-proxies', ''], 'must be an address'],
  [['--proxy-protocol'], 'give its address with --trusted-proxies'],
])('%j is a mistake of the command line', async (args, sentence) => {
  const { code, stderr } = await command(['.', '--port', '0', ...args]).ended;
  expect(code).not.toBe(0);
  expect(stderr).toContain(sentence);
});

test('files are the same behind a proxy, with the fields or without', async () => {
  site = await makeSite();
  const client = await start('127.0.0.1', { root: site.root, fetch: undefined as never });
  const bodies = new Set<string>();
  for (let i = 0; i < 4; i++) {
    const fields = i % 2 === 0 ? [] : ['X-Forwarded-For: 192.0.2.1', 'X-Forwarded-Proto: https'];
    bodies.add((await client.send(request('/hello.txt', fields)).response()).body.toString());
  }
  expect(bodies.size).toBe(1);
});
