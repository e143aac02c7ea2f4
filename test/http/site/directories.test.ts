import { expect, test } from 'vitest';
import { serve } from '../../../src/index.js';
import { makeDirectory, settled } from '../../support/directory.js';
import { exchange, type RawResponse, request } from '../../support/raw-client.js';
import { servingFiles } from '../../support/rows.js';

const HTML = { 'Content-Type': 'text/html; charset=utf-8' };
const to = (location: string) => ({ Location: location, 'Cache-Control': 'no-cache' });

/** A redirect must not leave the host. */
function staysOnHost(response: RawResponse): void {
  const location = response.field('Location');
  if (location !== null) expect(new URL(location, 'http://here.example/x/').host).toBe('here.example');
}

const serving = servingFiles(
  {
    'index.html': 'front\n',
    'about.html': 'about\n',
    'a b.html': 'blank\n',
    'plain.txt': 'plain\n',
    'dir/index.html': 'dir\n',
    'dir/page.html': 'page\n',
    'bare/file.txt': 'file\n',
    'evil.example/index.html': 'not evil\n',
    'odd & #?%/index.html': 'odd\n',
    'ünï/index.html': 'utf-8\n',
    'twice.html': 'the page\n',
    'twice/index.html': 'the dir\n',
    'hollow/index.html/x.txt': 'index.html is a directory\n',
    'blog.html': 'the blog\n',
    'blog/post.html': 'a post\n',
    'hollow.html': 'the hollow\n',
    both: 'the file\n',
    'both.html': 'the page\n',
    'index.html.html': 'about index.html\n',
    'odd/index.html.html': 'an odd name\n',
    'app.html': '<!doctype html><title>app</title>\n',
    'app.html.br': 'packed',
  },
  {},
  staysOnHost,
);

serving('a directory and its index', {}, [
  ['GET /', [], 200, HTML, 'front\n'],
  ['GET /?query', [], 200, HTML, 'front\n'],
  ['GET /index.html', [], 200, { ...HTML, Location: null }, 'front\n'],
  ['GET /dir/', [], 200, HTML, 'dir\n'],
  ['GET /dir//', [], 200, HTML, 'dir\n'],
  ['GET /dir', [], 301, to('/dir/')],
  ['GET /dir?a=b&c', [], 301, to('/dir/?a=b&c')],
  ['GET /dir?', [], 301, to('/dir/?')],
  ['GET /dir?to=//evil.example', [], 301, to('/dir/?to=//evil.example')],
  ['GET /dir?\xe9', [], 301, to('/dir/?%E9')],
  ['GET //dir', [], 301, to('/dir/')],
  ['GET //evil.example', [], 301, to('/evil.example/')],
  ['GET ///evil.example?x', [], 301, to('/evil.example/?x')],
  ['GET //evil.example/', [], 200, HTML, 'not evil\n'],
  ['GET /%65vil.example', [], 301, to('/evil.example/')],
  ['GET http://evil.example/dir?q', [], 301, to('/dir/?q')],
  ['GET /\\evil.example', [], 404],
  ['GET /%5Cevil.example', [], 404],
  ['GET /%2Fevil.example', [], 404],
  ['GET /%0d%0aX:%20y', [], 404],
  ['GET /odd%20%26%20%23%3F%25', [], 301, to('/odd%20&%20%23%3F%25/')],
  ['GET /odd%20&%20%23%3F%25/', [], 200, HTML, 'odd\n'],
  ['GET /%C3%BCn%c3%af', [], 301, to('/%C3%BCn%C3%AF/')],
  ['GET /bare', [], 301, to('/bare/')],
  ['GET /bare/', [], 404, { 'Content-Type': 'text/plain; charset=utf-8' }],
  ['GET /hollow/', [], 404],
  ['GET /plain.txt/', [], 404],
  ['GET /about', [], 404],
  // Preconditions and ranges apply to a 2xx response only, RFC 9110 section 13.2.1.
  ['GET /dir', ['If-None-Match: *'], 301, to('/dir/')],
  ['GET /bare/', ['If-Match: *'], 404],
  ['GET /dir', ['Range: bytes=0-1'], 301, to('/dir/')],
  ['POST /dir', [], 405, { Location: null, Allow: 'GET, HEAD, OPTIONS' }],
]);

serving('clean URLs', { cleanUrls: true }, [
  ['GET /', [], 200, HTML, 'front\n'],
  ['GET /index.html', [], 301, to('/')],
  ['GET /index.html?a=b', [], 301, to('/?a=b')],
  ['GET //index.html', [], 301, to('/')],
  ['GET /about', [], 200, { ...HTML, 'Cache-Control': 'no-cache' }, 'about\n'],
  ['GET /about?x', [], 200, HTML, 'about\n'],
  ['GET /about.html', [], 301, to('/about')],
  ['GET /about.html?a=b&c', [], 301, to('/about?a=b&c')],
  ['GET //about.html', [], 301, to('/about')],
  ['GET /about/', [], 404],
  ['GET /about.htm', [], 404],
  ['GET /about.html.html', [], 404],
  ['GET /a%20b', [], 200, HTML, 'blank\n'],
  ['GET /a%20b.html', [], 301, to('/a%20b')],
  ['GET /dir/page', [], 200, HTML, 'page\n'],
  ['GET /dir/page.html', [], 301, to('/dir/page')],
  ['GET /dir/index.html', [], 301, to('/dir/')],
  ['GET /dir/', [], 200, HTML, 'dir\n'],
  ['GET /dir', [], 301, to('/dir/')],
  ['GET //evil.example/index.html', [], 301, to('/evil.example/')],
  ['GET /plain.txt', [], 200, { 'Content-Type': 'text/plain; charset=utf-8' }, 'plain\n'],
  ['GET /plain', [], 404],
  ['GET /index', [], 200, HTML, 'front\n'],
  ['GET /dir/index', [], 200, HTML, 'dir\n'],
  // A directory with an index takes precedence over the page; the page keeps its .html address.
  ['GET /twice', [], 301, to('/twice/')],
  ['GET /twice/', [], 200, HTML, 'the dir\n'],
  ['GET /twice.html', [], 200, { ...HTML, Location: null }, 'the page\n'],
  // A directory without an index leaves the address to the page.
  ['GET /blog', [], 200, HTML, 'the blog\n'],
  ['GET /blog?page=2', [], 200, HTML, 'the blog\n'],
  ['GET /blog.html', [], 301, to('/blog')],
  ['GET /blog.html?page=2', [], 301, to('/blog?page=2')],
  ['GET /blog/', [], 404],
  ['GET /blog/post', [], 200, HTML, 'a post\n'],
  ['GET /blog/post.html', [], 301, to('/blog/post')],
  ['GET /hollow', [], 200, HTML, 'the hollow\n'],
  ['GET /hollow.html', [], 301, to('/hollow')],
  ['GET /bare', [], 301, to('/bare/')],
  ['GET /bare/', [], 404],
  // A file takes precedence too.
  ['GET /both', [], 200, { 'Content-Type': 'application/octet-stream' }, 'the file\n'],
  ['GET /both.html', [], 200, { ...HTML, Location: null }, 'the page\n'],
  ['GET /both/', [], 404],
  ['GET /index.html.html', [], 200, { ...HTML, Location: null }, 'about index.html\n'],
  ['GET /odd/index.html.html', [], 301, to('/odd/index.html')],
  ['GET /odd/index.html', [], 200, HTML, 'an odd name\n'],
  ['GET /odd/', [], 404],
  // A clean URL has the precompressed files, preconditions and ranges of its file.
  ['GET /app', ['Accept-Encoding: br'], 200, { 'Content-Encoding': 'br', Vary: 'Accept-Encoding' }, 'packed'],
  ['GET /about', ['If-None-Match: *'], 304, { ETag: /^"/ }],
  ['GET /about', ['Range: bytes=0-1'], 206, { 'Content-Range': 'bytes 0-1/6' }, 'ab'],
  ['GET /.html', [], 404],
]);

serving('clean URLs with a directory listing', { cleanUrls: true, directoryListing: true }, [
  ['GET /blog', [], 200, HTML, 'the blog\n'],
  ['GET /blog.html', [], 301, to('/blog')],
  ['GET /blog/', [], 200, HTML, /post\.html/],
  ['GET /bare', [], 301, to('/bare/')],
  ['GET /bare/', [], 200, HTML, /file\.txt/],
]);

const PAGE = { ...HTML, 'Cache-Control': 'no-cache', Vary: /\bAccept\b(?!-)/ };
const NAVIGATION = 'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
const NONE = { 'Content-Type': 'text/plain; charset=utf-8', Vary: /\bAccept\b(?!-)/ };
const APP = '<!doctype html><title>app</title>\n';

serving('the fallback page of a single-page app', { fallback: 'app.html' }, [
  ['GET /users/7', [NAVIGATION], 200, PAGE, APP],
  ['GET /users/7?tab=1', [NAVIGATION], 200, PAGE, APP],
  ['GET /users/7/', [NAVIGATION], 200, PAGE, APP],
  ['GET /users/7', ['Accept: text/html'], 200, PAGE, APP],
  ['GET /users/7', ['Accept: TEXT/HTML;q=0.1'], 200, PAGE, APP],
  ['GET /users/7', ['Accept: application/json', 'Accept: text/html'], 200, PAGE, APP],
  ['GET /bare/', [NAVIGATION], 200, PAGE, APP],
  ['GET /v1.2/users', [NAVIGATION], 200, PAGE, APP],
  // Monitors, probes, crawlers and curl, as with nginx, serve and sirv.
  ['GET /users/7', [], 200, PAGE, APP],
  ['HEAD /users/7', [], 200, PAGE],
  ['GET /users/7', ['Accept: */*'], 200, PAGE, APP],
  ['GET /users/7', ['Accept: text/*'], 200, PAGE, APP],
  ['GET /users/7', ['Accept:'], 200, PAGE, APP],
  ['GET /users/7', ['Accept: */*', 'Accept-Encoding: br'], 200, { ...PAGE, 'Content-Encoding': 'br' }, 'packed'],
  ['GET /missing.js', [], 404],
  ['GET /missing.js', ['Accept: */*'], 404],
  // A request for something else gets a 404: a page in place of data or an image hides the error.
  ['GET /users/7', ['Accept: application/json, text/plain, */*'], 404, NONE],
  ['GET /users/7', ['Accept: text/css,*/*;q=0.1'], 404, NONE],
  ['GET /users/7', ['Accept: application/json'], 404, NONE],
  ['GET /users/7', ['Accept: image/avif,image/webp,*/*;q=0.8'], 404, NONE],
  ['GET /users/7', ['Accept: text/html;q=0'], 404, NONE],
  ['GET /users/7', ['Accept: application/xhtml+xml'], 404, NONE],
  ['GET /missing.js', [NAVIGATION], 404],
  ['GET /missing.a1b2c3d4.css', [NAVIGATION], 404],
  ['GET /users/photo.jpeg', [NAVIGATION], 404],
  ['GET /users/logo@2x.png', [NAVIGATION], 404],
  ['GET /app.js.map', [NAVIGATION], 404],
  ['GET /missing.html', [NAVIGATION], 404],
  ['GET /index.php', [NAVIGATION], 404],
  ['GET /%2Emissing', [NAVIGATION], 404],
  ['GET /.git/config', [NAVIGATION], 404],
  ['GET /%zz', [NAVIGATION], 400],
  // A version, a user name and a domain do not end in an asset extension.
  ['GET /docs/v9.9', [NAVIGATION], 200, PAGE, APP],
  ['GET /docs/v9.9', ['Accept: */*'], 200, PAGE, APP],
  ['GET /user/john.doe', [NAVIGATION], 200, PAGE, APP],
  ['GET /user/a@b.com', [NAVIGATION], 200, PAGE, APP],
  ['GET /user/a%40b.com', [NAVIGATION], 200, PAGE, APP],
  ['POST /users/7', [NAVIGATION], 405],
  ['DELETE /users/7', [NAVIGATION], 405],
  ['OPTIONS /users/7', [NAVIGATION], 204],
  // Existing files take precedence.
  ['GET /plain.txt', [NAVIGATION], 200, { 'Content-Type': 'text/plain; charset=utf-8', Vary: null }, 'plain\n'],
  ['GET /dir', [NAVIGATION], 301, to('/dir/')],
  ['GET /', [NAVIGATION], 200, { ...HTML, Vary: null }, 'front\n'],
  // The fallback has the content codings, preconditions and ranges of the page.
  ['GET /users/7', [NAVIGATION, 'Accept-Encoding: br'], 200, { ...PAGE, 'Content-Encoding': 'br' }, 'packed'],
  ['GET /users/7', [NAVIGATION, 'If-None-Match: *'], 304, { 'Cache-Control': 'no-cache', Vary: PAGE.Vary }],
  ['GET /users/7', [NAVIGATION, 'Range: bytes=2-8'], 206, { ...PAGE, 'Content-Range': 'bytes 2-8/34' }, 'doctype'],
]);

serving(
  'a fallback with clean URLs and a directory listing',
  {
    fallback: 'index.html',
    cleanUrls: true,
    directoryListing: true,
  },
  [
    ['GET /users/7', [NAVIGATION], 200, PAGE, 'front\n'],
    ['GET /users/7/', [NAVIGATION], 200, PAGE, 'front\n'],
    ['GET /plain.txt/', [NAVIGATION], 404],
    ['GET /users/7/', [], 200, PAGE, 'front\n'],
    ['GET /about', [NAVIGATION], 200, HTML, 'about\n'],
    ['GET /bare/', [NAVIGATION], 200, HTML, /file\.txt/],
  ],
);

serving(
  'response header rules apply to the fallback',
  { fallback: 'app.html', headers: [{ match: '*.html', set: { Vary: 'Cookie', 'Cache-Control': 'max-age=9' } }] },
  [
    ['GET /app.html', [], 200, { 'Cache-Control': 'max-age=9', Vary: 'Cookie, Accept-Encoding' }, APP],
    ['GET /route', [NAVIGATION], 200, { 'Cache-Control': 'no-cache', Vary: 'Cookie, Accept, Accept-Encoding' }, APP],
  ],
);

serving('a missing fallback file', { fallback: 'nowhere.html' }, [
  ['GET /users/7', [NAVIGATION], 404, {}, /<title>404 Not Found</],
  ['GET /users/7', [], 404, {}, 'Not found.\n'],
]);

test('a changed, removed or recreated fallback is seen at the next request', async () => {
  using app = makeDirectory({ 'index.html': 'one\n' });
  await settled();
  await using server = serve({ root: app.root, port: 0, fallback: 'index.html', limits: { revalidateMs: 0 } });
  const seen = async () => {
    const { status, body } = await exchange(server.port, request('/deep/link', [NAVIGATION]));
    return [status, body.toString()];
  };
  expect(await seen()).toEqual([200, 'one\n']);
  app.write('index.html', 'two two\n');
  expect(await seen()).toEqual([200, 'two two\n']);
  app.remove('index.html');
  expect((await seen())[0]).toBe(404);
  app.write('index.html', 'three\n');
  expect(await seen()).toEqual([200, 'three\n']);
  app.write('deep/link', 'a file\n');
  expect(await seen()).toEqual([200, 'a file\n']);
});

test('a large fallback with a racy timestamp is served repeatedly, with and without a cache', async () => {
  for (const cacheBytes of [0, 67_108_864]) {
    using app = makeDirectory({ 'plain.txt': 'plain\n' });
    await using server = serve({ root: app.root, port: 0, fallback: 'app.html', limits: { cacheBytes } });
    const text = 'x'.repeat(100_000);
    app.write('app.html', text);
    for (let round = 0; round < 20; round++) {
      const response = await exchange(server.port, request(`/deep/${round}`, [NAVIGATION]));
      expect([response.status, response.body.length]).toEqual([200, text.length]);
    }
  }
});

test.each<[accept: string[], filesFirst: string, handlerFirst: string]>([
  [[], 'handler', 'front'],
  [['Accept: */*'], 'handler', 'front'],
  [['Accept: application/json'], 'handler', 'handler'],
  [[NAVIGATION], 'front', 'front'],
])('a fallback next to a handler, with %j: %s, or %s if the handler comes first', async (accept, ...expected) => {
  using app = makeDirectory({ 'index.html': 'front' });
  await settled();
  for (const [at, fetchFirst] of [false, true].entries()) {
    const fetch = (): Response => new Response('handler', { status: fetchFirst ? 404 : 200 });
    await using server = serve({ root: app.root, port: 0, fallback: 'index.html', fetch, fetchFirst });
    const { body } = await exchange(server.port, request('/api/users', accept));
    expect(body.toString().trim()).toBe(expected[at]);
  }
});
