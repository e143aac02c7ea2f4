import { expect, test } from 'vitest';
import { serve } from '../../../src/index.js';
import { makeFolder, settled } from '../../support/folder.js';
import { exchange, type RawResponse, request } from '../../support/raw-client.js';
import { servingFiles } from '../../support/rows.js';

const HTML = { 'Content-Type': 'text/html; charset=utf-8' };
const to = (location: string) => ({ Location: location, 'Cache-Control': 'no-cache' });

/** Nobody is sent to another host. */
function staysHere(answer: RawResponse): void {
  const location = answer.field('Location');
  if (location !== null) expect(new URL(location, 'http://here.example/x/').host).toBe('here.example');
}

const serving = servingFiles(
  {
    'index.html': 'front\n',
    'about.html': 'about\n',
    'a b.html': 'blank\n',
    'plain.txt': 'plain\n',
    'folder/index.html': 'folder\n',
    'folder/page.html': 'page\n',
    'bare/file.txt': 'file\n',
    'evil.example/index.html': 'not evil\n',
    'odd & #?%/index.html': 'odd\n',
    'ünï/index.html': 'utf-8\n',
    'twice.html': 'the page\n',
    'twice/index.html': 'the folder\n',
    'hollow/index.html/x.txt': 'index.html is a folder\n',
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
  staysHere,
);

serving('a folder and its index', {}, [
  ['GET /', [], 200, HTML, 'front\n'],
  ['GET /?query', [], 200, HTML, 'front\n'],
  ['GET /index.html', [], 200, { ...HTML, Location: null }, 'front\n'],
  ['GET /folder/', [], 200, HTML, 'folder\n'],
  ['GET /folder//', [], 200, HTML, 'folder\n'],
  ['GET /folder', [], 301, to('/folder/')],
  ['GET /folder?a=b&c', [], 301, to('/folder/?a=b&c')],
  ['GET /folder?', [], 301, to('/folder/?')],
  ['GET /folder?to=//evil.example', [], 301, to('/folder/?to=//evil.example')],
  ['GET /folder?\xe9', [], 301, to('/folder/?%E9')],
  ['GET //folder', [], 301, to('/folder/')],
  ['GET //evil.example', [], 301, to('/evil.example/')],
  ['GET ///evil.example?x', [], 301, to('/evil.example/?x')],
  ['GET //evil.example/', [], 200, HTML, 'not evil\n'],
  ['GET /%65vil.example', [], 301, to('/evil.example/')],
  ['GET http://evil.example/folder?q', [], 301, to('/folder/?q')],
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
  // Conditions and ranges are for what has a representation, RFC 9110 section 13.2.1.
  ['GET /folder', ['If-None-Match: *'], 301, to('/folder/')],
  ['GET /bare/', ['If-Match: *'], 404],
  ['GET /folder', ['Range: bytes=0-1'], 301, to('/folder/')],
  ['POST /folder', [], 405, { Location: null, Allow: 'GET, HEAD, OPTIONS' }],
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
  ['GET /folder/page', [], 200, HTML, 'page\n'],
  ['GET /folder/page.html', [], 301, to('/folder/page')],
  ['GET /folder/index.html', [], 301, to('/folder/')],
  ['GET /folder/', [], 200, HTML, 'folder\n'],
  ['GET /folder', [], 301, to('/folder/')],
  ['GET //evil.example/index.html', [], 301, to('/evil.example/')],
  ['GET /plain.txt', [], 200, { 'Content-Type': 'text/plain; charset=utf-8' }, 'plain\n'],
  ['GET /plain', [], 404],
  ['GET /index', [], 200, HTML, 'front\n'],
  ['GET /folder/index', [], 200, HTML, 'folder\n'],
  // Where a folder with an index has the name, it has the address, and the page its own.
  ['GET /twice', [], 301, to('/twice/')],
  ['GET /twice/', [], 200, HTML, 'the folder\n'],
  ['GET /twice.html', [], 200, { ...HTML, Location: null }, 'the page\n'],
  // One without an index leaves it to the page, and has what is behind the slash.
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
  // So has a file.
  ['GET /both', [], 200, { 'Content-Type': 'application/octet-stream' }, 'the file\n'],
  ['GET /both.html', [], 200, { ...HTML, Location: null }, 'the page\n'],
  ['GET /both/', [], 404],
  ['GET /index.html.html', [], 200, { ...HTML, Location: null }, 'about index.html\n'],
  ['GET /odd/index.html.html', [], 301, to('/odd/index.html')],
  ['GET /odd/index.html', [], 200, HTML, 'an odd name\n'],
  ['GET /odd/', [], 404],
  // A clean address has the sidecars, conditions and ranges of its file.
  ['GET /app', ['Accept-Encoding: br'], 200, { 'Content-Encoding': 'br', Vary: 'Accept-Encoding' }, 'packed'],
  ['GET /about', ['If-None-Match: *'], 304, { ETag: /^"/ }],
  ['GET /about', ['Range: bytes=0-1'], 206, { 'Content-Range': 'bytes 0-1/6' }, 'ab'],
  ['GET /.html', [], 404],
]);

serving('clean URLs and a listing', { cleanUrls: true, directoryListing: true }, [
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

serving('the page of a single-page app', { fallback: 'app.html' }, [
  ['GET /users/7', [NAVIGATION], 200, PAGE, APP],
  ['GET /users/7?tab=1', [NAVIGATION], 200, PAGE, APP],
  ['GET /users/7/', [NAVIGATION], 200, PAGE, APP],
  ['GET /users/7', ['Accept: text/html'], 200, PAGE, APP],
  ['GET /users/7', ['Accept: TEXT/HTML;q=0.1'], 200, PAGE, APP],
  ['GET /users/7', ['Accept: application/json', 'Accept: text/html'], 200, PAGE, APP],
  ['GET /bare/', [NAVIGATION], 200, PAGE, APP],
  ['GET /v1.2/users', [NAVIGATION], 200, PAGE, APP],
  // Who does not ask for a page gets none: a script or an image that is a page is a riddle.
  ['GET /users/7', [], 404, NONE],
  ['GET /users/7', ['Accept: */*'], 404, NONE],
  ['GET /users/7', ['Accept: text/*'], 404, NONE],
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
  // A version, a person and a domain end in no asset's extension.
  ['GET /docs/v9.9', [NAVIGATION], 200, PAGE, APP],
  ['GET /docs/v9.9', ['Accept: */*'], 404, NONE],
  ['GET /user/john.doe', [NAVIGATION], 200, PAGE, APP],
  ['GET /user/a@b.com', [NAVIGATION], 200, PAGE, APP],
  ['GET /user/a%40b.com', [NAVIGATION], 200, PAGE, APP],
  ['POST /users/7', [NAVIGATION], 405],
  ['DELETE /users/7', [NAVIGATION], 405],
  ['OPTIONS /users/7', [NAVIGATION], 204],
  // What is there is not hidden by it.
  ['GET /plain.txt', [NAVIGATION], 200, { 'Content-Type': 'text/plain; charset=utf-8', Vary: null }, 'plain\n'],
  ['GET /folder', [NAVIGATION], 301, to('/folder/')],
  ['GET /', [NAVIGATION], 200, { ...HTML, Vary: null }, 'front\n'],
  // It is the page's representation, with all that HTTP can do with one.
  ['GET /users/7', [NAVIGATION, 'Accept-Encoding: br'], 200, { ...PAGE, 'Content-Encoding': 'br' }, 'packed'],
  ['GET /users/7', [NAVIGATION, 'If-None-Match: *'], 304, { 'Cache-Control': 'no-cache', Vary: PAGE.Vary }],
  ['GET /users/7', [NAVIGATION, 'Range: bytes=2-8'], 206, { ...PAGE, 'Content-Range': 'bytes 2-8/34' }, 'doctype'],
]);

serving(
  'a single-page app with clean URLs, a listing and a page for what is not there',
  {
    fallback: 'index.html',
    cleanUrls: true,
    directoryListing: true,
  },
  [
    ['GET /users/7', [NAVIGATION], 200, PAGE, 'front\n'],
    ['GET /users/7/', [NAVIGATION], 200, PAGE, 'front\n'],
    ['GET /plain.txt/', [NAVIGATION], 404],
    ['GET /users/7/', [], 404],
    ['GET /about', [NAVIGATION], 200, HTML, 'about\n'],
    ['GET /bare/', [NAVIGATION], 200, HTML, /file\.txt/],
  ],
);

serving(
  'the page of an app, and what rules say of it',
  { fallback: 'app.html', headers: [{ match: '*.html', set: { Vary: 'Cookie', 'Cache-Control': 'max-age=9' } }] },
  [
    ['GET /app.html', [], 200, { 'Cache-Control': 'max-age=9', Vary: 'Cookie, Accept-Encoding' }, APP],
    ['GET /route', [NAVIGATION], 200, { 'Cache-Control': 'no-cache', Vary: 'Cookie, Accept, Accept-Encoding' }, APP],
  ],
);

serving('a fallback that is not there', { fallback: 'nowhere.html' }, [
  ['GET /users/7', [NAVIGATION], 404, {}, 'There is nothing at this address.\n'],
]);

test('the page of an app that changes, goes and comes back is seen at the next request', async () => {
  using app = makeFolder({ 'index.html': 'one\n' });
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

test('a large page of an app is there again and again, however young, and with no room to keep it', async () => {
  for (const cacheBytes of [0, 67_108_864]) {
    using app = makeFolder({ 'plain.txt': 'plain\n' });
    await using server = serve({ root: app.root, port: 0, fallback: 'app.html', limits: { cacheBytes } });
    const text = 'x'.repeat(100_000);
    app.write('app.html', text);
    for (let round = 0; round < 20; round++) {
      const answer = await exchange(server.port, request(`/deep/${round}`, [NAVIGATION]));
      expect([answer.status, answer.body.length]).toEqual([200, text.length]);
    }
  }
});
