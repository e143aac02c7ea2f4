import { spawnSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServeOptions, type Server, serve } from '../../../src/index.js';
import { makeWatchedDirectory } from '../../support/changer.js';
import { settled } from '../../support/directory.js';
import { RawClient, request } from '../../support/raw-client.js';
import { contentOf } from '../../support/site.js';

// What is requested for the first time is not in the cache and gets no entry: it takes other ways than what is requested for the
// second time, which gets one, and for the third, from the cache. The three responses must be the same.

const KIB = 1024;
let site: ReturnType<typeof makeWatchedDirectory>;

const put = (name: string, content: string | Uint8Array, seconds = 1e9): void => {
  const path = join(site.path, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  utimesSync(path, seconds, seconds);
};

beforeAll(async () => {
  site = makeWatchedDirectory();
  for (const directory of ['', 'plain/', 'mixed/']) {
    put(`${directory}page.html`, contentOf(600));
    put(`${directory}app.js`, contentOf(3000));
    put(`${directory}app-3f2a9c1b.js`, contentOf(100));
    put(`${directory}medium.css`, contentOf(20 * KIB));
    put(`${directory}photo.png`, contentOf(80 * KIB));
    put(`${directory}empty.txt`, '');
    put(`${directory}no-extension`, contentOf(10));
    put(`${directory}UPPER.HTML`, contentOf(10));
    put(`${directory}epoch.html`, contentOf(10), 1);
    put(`${directory}archive.tar.gz`, contentOf(10));
    put(`${directory}map.svgz`, contentOf(10));
    put(`${directory}index.html`, contentOf(700));
    put(`${directory}sub/index.html`, contentOf(800));
    put(`${directory}with space.txt`, contentOf(10));
    for (let i = 0; i < 12; i++) put(`${directory}${i}.html`, contentOf(100 + i));
  }
  for (const [suffix, length] of [
    ['br', 50],
    ['gz', 60],
    ['zst', 70],
  ] as const)
    put(`mixed/both.js.${suffix}`, contentOf(length), 1e9 + 1);
  put('mixed/both.js', contentOf(500));
  put('mixed/stale.js', contentOf(500), 1e9 + 5);
  put('mixed/stale.js.gz', contentOf(60));
  put('404.html', contentOf(300));
  symlinkSync('page.html', join(site.path, 'link.html'));
  symlinkSync('plain', join(site.path, 'linked'));
  symlinkSync('/etc/passwd', join(site.path, 'out'));
  linkSync(join(site.path, 'page.html'), join(site.path, 'hard.html'));
  spawnSync('mkfifo', [join(site.path, 'fifo'), join(site.path, 'plain', 'pipe.html')]);
  await settled();
});

afterAll(() => site[Symbol.dispose]());

const FILES = (directory: string): string[] =>
  [
    ...['page.html', 'app.js', 'app-3f2a9c1b.js', 'medium.css', 'photo.png', 'empty.txt', 'no-extension', 'UPPER.HTML'],
    ...['epoch.html', 'archive.tar.gz', 'map.svgz', '', 'index.html', 'sub', 'sub/', 'with%20space.txt'],
    ...[
      '%70age.html',
      '/page.html',
      'sub/../page.html',
      './page.html',
      '.hidden',
      'missing.html',
      'missing',
      'missing/',
    ],
    ...[
      'page.html?query',
      'page.html/',
      '3.html',
      '%',
      '%00',
      `${'long'.repeat(100)}.html`,
      'x.extension-of-many-letters',
    ],
  ].map((name) => `/${directory}${name}`);
const OTHERS = [
  '/mixed/both.js',
  '/mixed/stale.js',
  '/link.html',
  '/linked/page.html',
  '/linked',
  '/out',
  '/hard.html',
];
const TARGETS = [...FILES(''), ...FILES('plain/'), ...FILES('mixed/'), ...OTHERS, '/fifo', '/plain/pipe.html'];

const REQUESTS: [what: string, fields: string[], method?: string][] = [
  ['GET', []],
  ['HEAD', [], 'HEAD'],
  ['GET with codings', ['Accept-Encoding: gzip, br, zstd']],
  ['GET with an origin', ['Origin: https://a.example']],
  ['GET by another origin', ['Origin: https://b.example', 'Accept: text/html']],
  ['a condition that fails', ['If-None-Match: "other"']],
  ['a condition that matches all', ['If-None-Match: *']],
  ['a date', ['If-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT']],
  ['a failing precondition', ['If-Match: "other"']],
  ['a range', ['Range: bytes=5-8']],
  ['ranges', ['Range: bytes=1-2,4-5']],
  ['a range of nothing', ['Range: bytes=900000-']],
];

const OPTIONS: [what: string, options: Partial<ServeOptions>][] = [
  ['no options', {}],
  ['content tags', { etag: 'content', limits: { maxCachedFileBytes: 200 * KIB } }],
  ['clean URLs', { cleanUrls: true }],
  ['listings', { directoryListing: true }],
  ['a fallback page', { fallback: 'page.html' }],
  ['no precompressed files', { precompressed: false }],
  ['symlinks denied', { symlinks: 'deny' }],
  ['symlinks followed', { symlinks: 'follow' }],
  ['CORS for all', { cors: { origins: '*' } }],
  ['CORS by origin', { cors: { origins: ['https://a.example'] } }],
  [
    'rules',
    {
      headers: [
        { match: '**/*.html', set: { 'X-Page': 'yes', 'Content-Type': 'text/x-page' } },
        { match: '/plain/**', set: { 'X-Plain': 'yes' } },
        { match: '**', set: { 'Referrer-Policy': '' } },
      ],
      cacheControl: [{ match: '/mixed/*.js', value: 'max-age=5' }],
      redirects: [{ from: '/page.html', to: '/elsewhere' }],
    },
  ],
  ['no security headers', { securityHeaders: false }],
  ['small limits', { limits: { maxCachedFileBytes: 1000, cacheBytes: 20_000, maxWatches: 0 } }],
] as [string, Partial<ServeOptions>][];

describe.each(OPTIONS)('with %s', (_, options) => {
  const servers: Server[] = [];

  const bytesOf = async (server: Server, client: RawClient, bytes: string, method = 'GET'): Promise<string> => {
    const { head, body } = await client.send(bytes).response(method);
    expect(server.port).toBeGreaterThan(0);
    return `${head.replace(/^Date: .*$/m, 'Date')}\n${body.toString('base64')}`;
  };

  afterAll(async () => {
    for (const server of servers) await server.stop({ force: true });
  });

  test.each(REQUESTS)('%s: the first response is that from the cache', async (__, fields, method) => {
    const server = serve({ port: 0, root: site.path, ...options });
    servers.push(server);
    using client = await RawClient.connect(server.port);
    const ask = (target: string) => bytesOf(server, client, request(target, fields, method), method);
    const responses: string[][] = [];
    for (const target of TARGETS) responses.push([await ask(target)]);
    for (let round = 0; round < 2; round++)
      for (const [at, target] of TARGETS.entries()) responses[at]!.push(await ask(target));
    for (const [at, [first, second, third]] of responses.entries()) {
      expect(second, TARGETS[at]).toBe(first);
      expect(third, TARGETS[at]).toBe(first);
    }
  });
});
