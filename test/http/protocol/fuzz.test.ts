import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Server, serve } from '../../../src/index.js';
import { TRIGGERS } from '../../../src/reactor/interest.js';
import { below, seeded } from '../../support/random.js';
import { RawClient, request, sleep } from '../../support/raw-client.js';
import { HELLO, KIB, makeSite, type Site } from '../../support/site.js';

const ROUNDS = 6;
const CONNECTIONS = 50;

/** Seeds for mutation: every path through the parser, the bodies and the files. */
const SEEDS = [
  request('/hello.txt'),
  request('/sub?x=y', ['If-None-Match: "a", W/"b"', 'If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT']),
  request('/', ['Connection: keep-alive', 'User-Agent: fuzz'], 'HEAD'),
  request('*', [], 'OPTIONS'),
  `${request('/hello.txt', ['Content-Length: 5'], 'POST')}hello`,
  `${request('/hello.txt', ['Transfer-Encoding: chunked'], 'PUT')}5;a=b\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nT: v\r\n\r\n`,
  `${request('/', ['Expect: 100-continue', 'Content-Length: 5'])}hello`,
  `GET /${64 * KIB + 1}.bin HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`,
  request('http://[::1]:80/%2e%2e/%00/../.well-known/x'),
  request('/hello.txt').repeat(20),
];
const TOKENS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  ':',
  '%',
  '%2f',
  '..',
  '/',
  'HTTP/1.1',
  '0',
  'ffffffffffff',
  '-1',
  ';',
  ',',
  '\xff',
  'chunked',
];

let site: Site;

beforeAll(async () => {
  site = await makeSite();
});

afterAll(() => site.remove());

function mutated(next: () => number): string {
  let bytes = Array.from({ length: 1 + below(next, 4) }, () => SEEDS[below(next, SEEDS.length)]!).join('');
  for (let i = below(next, 6); i > 0; i--) {
    const at = below(next, bytes.length);
    const to = at + below(next, 12);
    switch (below(next, 5)) {
      case 0:
        bytes = bytes.slice(0, at) + bytes.slice(to);
        break;
      case 1:
        bytes = bytes.slice(0, at) + TOKENS[below(next, TOKENS.length)] + bytes.slice(at);
        break;
      case 2:
        bytes = bytes.slice(0, at) + String.fromCharCode(below(next, 256)) + bytes.slice(at + 1);
        break;
      case 3:
        bytes = bytes.slice(0, to) + bytes.slice(at, to).repeat(below(next, 40)) + bytes.slice(to);
        break;
      default:
        bytes = bytes.slice(0, at);
    }
  }
  return bytes;
}

function noise(next: () => number): string {
  const length = below(next, next() < 0.1 ? 100_000 : 300);
  const letters = next() < 0.5 ? 256 : 128;
  return String.fromCharCode(...Array.from({ length: Math.min(length, 60_000) }, () => below(next, letters)));
}

describe.each(TRIGGERS)('%s', (trigger) => {
  let server: Server;

  beforeAll(() => {
    const limits = {
      headTimeoutMs: 400,
      bodyTimeoutMs: 400,
      idleTimeoutMs: 400,
      lingerTimeoutMs: 300,
      requestsPerTurn: 3,
    };
    server = serve({ port: 0, root: site.root, trigger, limits });
  });

  afterAll(() => server.stop({ force: true }));

  test('any bytes get a response or a close, and other clients are served', async () => {
    const next = seeded();
    for (let round = 0; round < ROUNDS; round++) {
      const ends = Array.from({ length: CONNECTIONS }, async () => {
        using client = await RawClient.connect(server.port);
        const bytes = next() < 0.25 ? noise(next) : mutated(next);
        const cut = below(next, bytes.length + 1);
        const way = below(next, 8);
        await client.sendPieces(way < 4 ? [bytes] : [bytes.slice(0, cut), bytes.slice(cut)], below(next, 20));
        if (way === 0) return client.reset();
        if (way === 1) client.end();
        const all = await client.untilClose();
        if (all.length > 0) expect(all.toString('latin1', 0, 9)).toBe('HTTP/1.1 ');
      });
      using other = await RawClient.connect(server.port);
      for (let i = 0; i < 5; i++) {
        const startMs = performance.now();
        expect((await other.send(request('/hello.txt')).response()).body.toString()).toBe(HELLO);
        expect(performance.now() - startMs).toBeLessThan(2000);
        await sleep(10);
      }
      await Promise.all(ends);
    }
  });
});
