import { describe, expect, test } from 'vitest';
import { type ServeOptions, serve } from '../../../src/index.js';
import { EIO, EMFILE } from '../../../src/sys/errno.js';
import type { Kernel } from '../../../src/sys/kernel.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { makeDirectory, settled } from '../../support/directory.js';
import { exchange, type RawResponse, request } from '../../support/raw-client.js';
import { checkRow, type Row } from '../../support/rows.js';
import { KIB } from '../../support/site.js';

const HTML = { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-cache' };
/** Fields that would describe the page file, not the error response. */
const NO_VALIDATORS = { ETag: null, 'Last-Modified': null, 'Accept-Ranges': null };
const PLAIN_404 = 'Not found.\n';

/** A kernel whose openat2 fails while an errno is set. */
function failingKernel(): { kernel: Kernel; fail: (errno: number) => void } {
  let errno = 0;
  const real = kernelWith({});
  const kernel = kernelWith({ openat2: (...args) => (errno < 0 ? errno : real.openat2(...args)) });
  return {
    kernel,
    fail: (value) => {
      errno = value;
    },
  };
}

test('404.html is sent with status 404 and without validators', async () => {
  using directory = makeDirectory({
    '404.html': 'not here\n',
    '404.html.br': 'packed',
    'dir/404.html': 'of the directory\n',
    'hello.txt': 'hello\n',
  });
  await settled();
  await using server = serve({ root: directory.root, port: 0 });
  const page = { ...HTML, ...NO_VALIDATORS, 'Content-Encoding': null, Vary: 'Accept-Encoding' };
  const packed = { ...page, 'Content-Encoding': 'br' };
  const rows: Row[] = [
    ['GET /nowhere', [], 404, page, 'not here\n'],
    ['GET /nowhere', ['Accept: application/json'], 404, page, 'not here\n'],
    ['GET /nowhere', ['Accept-Encoding: br'], 404, packed, 'packed'],
    ['GET /dir/nowhere', ['Accept-Encoding: gzip, br'], 404, packed, 'packed'],
    ['GET /.git/config', ['Accept-Encoding: br', 'Range: bytes=0-1'], 404, packed, 'packed'],
    ['GET /nowhere', ['Accept-Encoding: gzip'], 404, page, 'not here\n'],
    ['GET /nowhere', ['Accept-Encoding: *;q=0'], 404, page, 'not here\n'],
    ['GET /nowhere', ['If-None-Match: *'], 404, page, 'not here\n'],
    ['GET /nowhere', ['If-Match: "x"'], 404, page, 'not here\n'],
    ['GET /nowhere', ['Range: bytes=0-1'], 404, { ...page, 'Content-Range': null }, 'not here\n'],
    ['GET /dir/nowhere', [], 404, page, 'not here\n'],
    ['GET /dir/', [], 404, page, 'not here\n'],
    ['GET /.git/config', [], 404, page, 'not here\n'],
    ['GET /a%2Fb', [], 404, page, 'not here\n'],
    // Requested by its own path it is an ordinary page.
    ['GET /404.html', [], 200, { ETag: /^"/, 'Accept-Ranges': 'bytes' }, 'not here\n'],
    ['GET /404.html', ['Accept-Encoding: br'], 200, { 'Content-Encoding': 'br' }, 'packed'],
    // Other statuses do not use it.
    ['GET /%zz', [], 400, { 'Content-Type': 'text/plain; charset=utf-8' }],
    ['POST /nowhere', [], 405, { 'Content-Type': 'text/plain; charset=utf-8' }],
    ['GET /hello.txt', [], 200, {}, 'hello\n'],
  ];
  for (const row of rows) await checkRow(server.port, row);
});

describe.each([
  ['reported by inotify', {}],
  ['polled', { limits: { revalidateMs: 0, maxWatches: 0 } }],
] satisfies [string, Partial<ServeOptions>][])('changes %s', (_, options) => {
  test('404.html is created, changed, grows large, shrinks and is removed', async () => {
    using directory = makeDirectory({ 'hello.txt': 'hello\n' });
    await using server = serve({ root: directory.root, port: 0, ...options });
    const seen = async (target = '/nowhere'): Promise<string> => {
      const response = await exchange(server.port, request(target));
      expect(response.status).toBe(404);
      return response.body.toString();
    };
    expect(await seen()).toBe(PLAIN_404);
    for (const content of ['one\n', 'two two\n', 'l'.repeat(100 * KIB), 'm'.repeat(100 * KIB), 'small\n']) {
      directory.write('404.html', content);
      expect(await seen()).toBe(content);
      expect(await seen('/elsewhere')).toBe(content);
      await settled();
      expect(await seen()).toBe(content);
      expect(await seen('/.dot')).toBe(content);
    }
    directory.remove('404.html');
    expect(await seen()).toBe(PLAIN_404);
    directory.write('404.html', 'back\n');
    expect(await seen()).toBe('back\n');
  });

  test('50x.html is sent with its last content if no file can be opened', async () => {
    using directory = makeDirectory({ 'hello.txt': 'hello\n' });
    const { kernel, fail } = failingKernel();
    await using server = serve({ root: directory.root, port: 0, kernel, ...options });
    let count = 0;
    const failing = async (errno: number): Promise<RawResponse> => {
      await exchange(server.port, request(`/before-${count++}`)); // any request picks up pending changes
      fail(errno);
      const response = await exchange(server.port, request(`/during-${count++}`));
      fail(0);
      expect((await exchange(server.port, request('/hello.txt'))).body.toString()).toBe('hello\n');
      return response;
    };
    const without = await failing(EIO);
    expect([without.status, without.body.toString()]).toEqual([500, 'The file could not be read.\n']);
    for (const content of ['one\n', 'two two\n', 'l'.repeat(100 * KIB), 'm'.repeat(100 * KIB), 'small\n']) {
      directory.write('50x.html', content);
      await settled();
      for (const [errno, status, retryAfter] of [
        [EIO, 500, null],
        [EMFILE, 503, '1'],
      ] as const) {
        const response = await failing(errno);
        expect([response.status, response.body.toString(), response.field('Retry-After')]).toEqual([
          status,
          content,
          retryAfter,
        ]);
        for (const [name, value] of Object.entries({ ...HTML, ...NO_VALIDATORS }))
          expect(response.field(name)).toBe(value);
      }
    }
    directory.remove('50x.html');
    expect((await failing(EIO)).body.toString()).toBe('The file could not be read.\n');
  });
});

test('an error page that fails to open is not cached as missing', async () => {
  using directory = makeDirectory({ '404.html': 'not here\n', '50x.html': 'broken\n' });
  await settled();
  const { kernel, fail } = failingKernel();
  await using server = serve({ root: directory.root, port: 0, kernel });
  fail(EMFILE);
  const during = await exchange(server.port, request('/.dot'));
  expect([404, 503]).toContain(during.status);
  expect((await exchange(server.port, request('/nowhere'))).body.toString()).toBe('broken\n');
  fail(0);
  const after = await exchange(server.port, request('/nowhere'));
  expect([after.status, after.body.toString()]).toEqual([404, 'not here\n']);
  expect((await exchange(server.port, request('/.dot'))).body.toString()).toBe('not here\n');
});

const BROWSER = 'Accept: text/html,application/xhtml+xml,*/*;q=0.8';
const STRICT = 'Strict-Transport-Security';
const BUILT_IN = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': /^default-src 'none'; style-src 'sha256-/,
  'Cache-Control': 'no-cache',
  Vary: 'Accept',
};
const PLAIN = { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-cache', Vary: 'Accept' };

test('without a 404.html those who accept HTML get a page, and header rules for everything are on every response', async () => {
  using directory = makeDirectory({ 'a.html': 'a\n', 'a.html.br': 'b\n', 'sub/index.html': 'i\n' });
  await settled();
  await using server = serve({
    root: directory.root,
    port: 0,
    redirects: [{ from: '/old', to: '/a.html' }],
    cors: { origins: '*' },
    securityHeaders: true,
    headers: [
      { match: '*', set: { [STRICT]: 'max-age=9', 'Cache-Control': 'max-age=9', 'Content-Disposition': 'attachment' } },
      { match: '*.html', set: { 'X-Page': 'yes' } },
      { match: '/**', set: { 'X-Everything': '1', 'Content-Security-Policy': 'sandbox', 'Referrer-Policy': '' } },
    ],
  });
  const all = { [STRICT]: 'max-age=9', 'X-Everything': '1' };
  const error = { ...all, 'X-Page': null, 'Content-Disposition': null, 'Access-Control-Allow-Origin': '*' };
  const page = { ...error, ...BUILT_IN, 'X-Frame-Options': 'SAMEORIGIN', 'Referrer-Policy': null };
  const plain = { ...error, ...PLAIN, 'X-Frame-Options': null, 'Content-Security-Policy': 'sandbox' };
  const rows: Row[] = [
    ['GET /nowhere', [BROWSER], 404, page, /<h1><span>404<\/span> Not Found<\/h1>[\s\S]*<a href="\/">/],
    ['GET /nowhere', ['Accept: text/html;q=0'], 404, plain, PLAIN_404],
    ['GET /nowhere', ['Accept: */*'], 404, plain, PLAIN_404],
    ['GET /nowhere', [], 404, plain, PLAIN_404],
    ['GET /.hidden', [BROWSER], 404, page, /404/],
    ['GET /%zz', [BROWSER], 400, page, /<title>400 Bad Request<\/title>/],
    ['GET /%zz', [], 400, plain, 'Bad percent-encoding in the path.\n'],
    ['GET /old', [BROWSER], 308, { ...error, Location: '/a.html' }],
    ['GET /sub', [], 301, { ...error, Location: '/sub/' }],
    ['GET /a.html', [], 200, { ...all, 'X-Page': 'yes', 'Cache-Control': 'max-age=9' }],
    ['GET /a.html', ['If-None-Match: *'], 304, { ...all, 'X-Page': 'yes' }],
    ['GET /a.html', ['If-Match: "x"'], 412, { ...all, 'Content-Disposition': null, 'Cache-Control': 'no-cache' }],
    ['GET /a.html', ['Accept-Encoding: *;q=0'], 406, { ...all, 'Cache-Control': 'no-cache' }],
    ['GET /a.html', ['Range: bytes=9-'], 416, all],
    ['OPTIONS /a.html', ['Origin: https://a.example', 'Access-Control-Request-Method: GET'], 204, all],
  ];
  for (const row of rows) await checkRow(server.port, row);
});

test('a page that cannot be read is a page of the server for those who accept HTML', async () => {
  using directory = makeDirectory({ 'a.txt': 'a\n' });
  const { kernel, fail } = failingKernel();
  await using server = serve({ root: directory.root, port: 0, kernel });
  fail(EIO);
  await checkRow(server.port, ['GET /a.txt', [BROWSER], 500, BUILT_IN, /<title>500 Internal Server Error/]);
  fail(EMFILE);
  await checkRow(server.port, [
    'GET /a.txt',
    [BROWSER],
    503,
    { ...BUILT_IN, 'Retry-After': '1' },
    /Too many open files/,
  ]);
  await checkRow(server.port, ['GET /a.txt', [], 503, { ...PLAIN, 'Retry-After': '1' }, /^Too many open files/]);
});
