import { expect, test } from 'vitest';
import { serve } from '../../../src/index.js';
import { makeDirectory, settled } from '../../support/directory.js';
import { checkRow, servingFiles } from '../../support/rows.js';
import { KIB } from '../../support/site.js';

const IMMUTABLE = 'public, max-age=31536000, immutable';
const cached = (value: string | null) => ({ 'Cache-Control': value });

const OWN_POLICY = { 'Content-Security-Policy': /^default-src 'none'/ };
const NAMED = {
  'X-Name': 'any',
  'X-Path': 'any',
  'X-Page': 'yes',
  'Content-Type': /^(?:text\/html|application\/json)/,
};
const JSON_ONLY = ['Accept: application/json'];

const serving = servingFiles({
  'index.html': 'front\n',
  'page.xhtml': 'page\n',
  'page-3f2a9c1b.html': 'page\n',
  'plain.txt': 'plain\n',
  'app.js': 'app\n',
  'app.3f2a9c1b.js': 'app\n',
  'app.3f2a9c1b.js.br': 'packed\n',
  'style-BXq3kZ9a.css': 'style\n',
  'photo-20240131.jpg': 'photo\n',
  'picture.svg': '<svg/>',
  'large.3f2a9c1b.bin': 'x'.repeat(100 * KIB),
  'assets/logo.png': 'logo\n',
  'assets/deep/font.woff2': 'font\n',
  'assets/app.3f2a9c1b.js': 'app\n',
  'old/index.html': 'old index\n',
  'old/page.txt': 'old page\n',
  'straße/x.txt': 'x\n',
});

serving('Cache-Control by the built-in policy', {}, [
  // A page keeps its URL when it changes, even with a fingerprint in its name.
  ['GET /', [], 200, cached('no-cache')],
  ['GET /page.xhtml', [], 200, cached('no-cache')],
  ['GET /page-3f2a9c1b.html', [], 200, cached('no-cache')],
  ['GET /plain.txt', [], 200, cached('no-cache')],
  ['GET /app.js', [], 200, cached('no-cache')],
  ['GET /photo-20240131.jpg', [], 200, cached('no-cache')],
  ['GET /app.3f2a9c1b.js', [], 200, cached(IMMUTABLE)],
  ['GET /style-BXq3kZ9a.css', [], 200, cached(IMMUTABLE)],
  ['GET /large.3f2a9c1b.bin', [], 200, cached(IMMUTABLE)],
  ['GET /app.3f2a9c1b.js?v=2', [], 200, cached(IMMUTABLE)],
  // The same for every representation, a 206 and a 304, RFC 9110 section 15.4.5.
  ['GET /app.3f2a9c1b.js', ['Accept-Encoding: br'], 200, { ...cached(IMMUTABLE), 'Content-Encoding': 'br' }],
  ['GET /app.3f2a9c1b.js', ['Range: bytes=0-1'], 206, cached(IMMUTABLE)],
  ['GET /app.3f2a9c1b.js', ['If-None-Match: *'], 304, cached(IMMUTABLE)],
  // Errors and redirects are not cached for a year, nor heuristically.
  ['GET /missing.3f2a9c1b.js', [], 404, cached('no-cache')],
  ['GET /app.3f2a9c1b.js', ['Range: bytes=99-'], 416, cached('no-cache')],
  ['GET /app.3f2a9c1b.js', ['If-Match: "x"'], 412, cached('no-cache')],
  ['GET /app.3f2a9c1b.js', ['Accept-Encoding: *;q=0'], 406, cached('no-cache')],
  ['GET /old', [], 301, cached('no-cache')],
  ['GET /%zz', [], 400, cached('no-cache')],
]);

serving(
  'Cache-Control by the first matching pattern',
  {
    cacheControl: [
      { match: '/assets/*.png', value: 'public, max-age=60' },
      { match: '/assets/**', value: 'public, max-age=3600' },
      { match: '*.{txt,xhtml}', value: 'private' },
      { match: '/index.html', value: 'no-store' },
      { match: '/straße/**', value: 'never reached' },
    ],
  },
  [
    ['GET /assets/logo.png', [], 200, cached('public, max-age=60')],
    ['GET /assets/deep/font.woff2', [], 200, cached('public, max-age=3600')],
    ['GET /assets/app.3f2a9c1b.js', [], 200, cached('public, max-age=3600')],
    ['GET /plain.txt', [], 200, cached('private')],
    ['GET /old/page.txt', [], 200, cached('private')],
    ['GET /stra%C3%9Fe/x.txt', [], 200, cached('private')],
    ['GET //plain.txt', [], 200, cached('private')],
    ['GET /pl%61in.txt', [], 200, cached('private')],
    ['GET /', [], 200, cached('no-store')],
    ['GET /', ['If-None-Match: *'], 304, cached('no-store')],
    ['GET /old/', [], 200, cached('no-cache')],
    ['GET /app.3f2a9c1b.js', [], 200, cached(IMMUTABLE)],
    ['GET /plain.txt/nothing', [], 404, cached('no-cache')],
  ],
);

serving(
  'header rules: a later rule overrides an earlier one',
  {
    headers: [
      { match: '/**', set: { 'X-Site': 'all', 'X-Late': 'first' } },
      { match: '*.txt', set: { 'x-late': 'second', 'Content-Type': 'text/plain; charset=latin1' } },
      { match: '/old/**', set: { 'X-Site': '', 'X-Old': 'yes' } },
      { match: '/app.js', set: { Vary: 'Cookie', 'Cache-Control': 'max-age=5' } },
      { match: '/app.3f2a9c1b.js', set: { Vary: 'Cookie', 'Cache-Control': '' } },
    ],
  },
  [
    ['GET /', [], 200, { 'X-Site': 'all', 'X-Late': 'first', 'Content-Type': 'text/html; charset=utf-8' }],
    ['GET /plain.txt', [], 200, { 'X-Site': 'all', 'X-Late': 'second', 'Content-Type': 'text/plain; charset=latin1' }],
    ['GET /old/page.txt', [], 200, { 'X-Site': null, 'X-Old': 'yes', 'X-Late': 'second' }],
    ['GET /old/', [], 200, { 'X-Site': null, 'X-Old': 'yes' }],
    ['GET /app.js', [], 200, { Vary: 'Cookie', 'Cache-Control': 'max-age=5' }],
    ['GET /app.3f2a9c1b.js', [], 200, { Vary: 'Cookie, Accept-Encoding', 'Cache-Control': null }],
    ['GET /app.3f2a9c1b.js', ['If-None-Match: *'], 304, { Vary: 'Cookie, Accept-Encoding', 'X-Site': 'all' }],
    ['GET /plain.txt', ['Range: bytes=0-1'], 206, { 'X-Site': 'all', 'Content-Type': 'text/plain; charset=latin1' }],
    ['GET /plain.txt', ['Range: bytes=9-'], 416, { 'X-Site': 'all' }],
    ['GET /nothing.txt', [], 404, { 'X-Site': 'all' }],
  ],
);

const DOCUMENT = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'SAMEORIGIN',
  'Referrer-Policy': 'strict-origin-when-cross-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Permissions-Policy': /camera=\(\)/,
  'Strict-Transport-Security': null,
};
const ASSET = { 'X-Content-Type-Options': 'nosniff', 'X-Frame-Options': null, 'Referrer-Policy': null };

serving(
  'security headers',
  {
    securityHeaders: true,
    directoryListing: true,
    headers: [{ match: '/old/**', set: { 'X-Frame-Options': '', 'Referrer-Policy': 'no-referrer' } }],
  },
  [
    ['GET /', [], 200, DOCUMENT],
    ['GET /', ['If-None-Match: *'], 304, DOCUMENT],
    ['GET /page.xhtml', [], 200, DOCUMENT],
    ['GET /picture.svg', [], 200, DOCUMENT],
    ['GET /plain.txt', [], 200, ASSET],
    ['GET /app.3f2a9c1b.js', ['Accept-Encoding: br'], 200, ASSET],
    ['GET /plain.txt', ['Range: bytes=0-1'], 206, ASSET],
    ['GET /old/', [], 200, { ...DOCUMENT, 'X-Frame-Options': null, 'Referrer-Policy': 'no-referrer' }],
    // A listing is a document of names that others chose.
    ['GET /assets/', [], 200, { ...DOCUMENT, 'Content-Security-Policy': /^default-src 'none'/ }],
    // A plain-text error body is not a document.
    ['GET /missing', [], 404, ASSET],
    ['GET /.hidden', [], 404, ASSET],
    ['GET /%zz', [], 400, ASSET],
    ['GET /old', [], 301, ASSET],
    ['GET /plain.txt', ['If-Match: "x"'], 412, ASSET],
    ['GET /app.3f2a9c1b.js', ['Accept-Encoding: *;q=0'], 406, ASSET],
    ['GET /plain.txt', ['Range: bytes=99-'], 416, ASSET],
  ],
);

serving(
  'header rules for index.html apply to a listing, except its own Cache-Control, type and policy',
  {
    directoryListing: true,
    cacheControl: [{ match: '**', value: 'max-age=9' }],
    headers: [
      { match: '*', set: { 'X-Name': 'any' } },
      { match: '**', set: { 'X-Path': 'any', 'Cache-Control': 'max-age=8' } },
      { match: '/*', set: { 'X-Top': 'yes' } },
      { match: '/assets/**', set: { 'X-Assets': 'yes', 'Content-Type': 'text/x' } },
      { match: '*.html', set: { 'X-Page': 'yes', 'content-security-policy': "default-src 'self'" } },
    ],
  },
  [
    ['GET /assets/', [], 200, { ...cached('no-cache'), ...OWN_POLICY, ...NAMED, 'X-Top': null, 'X-Assets': 'yes' }],
    ['GET /assets/deep/', JSON_ONLY, 200, { ...cached('no-cache'), ...NAMED, 'X-Top': null, 'X-Assets': 'yes' }],
    ['GET /assets/logo.png', [], 200, { ...cached('max-age=8'), 'X-Name': 'any', 'X-Page': null }],
    ['GET /', [], 200, { ...cached('max-age=8'), 'Content-Security-Policy': "default-src 'self'", 'X-Top': 'yes' }],
    ['GET /missing', [], 404, { ...cached('no-cache'), 'X-Name': 'any', 'X-Page': null }],
  ],
);

test('header rules apply to the listing of the root, with one Content-Security-Policy', async () => {
  using own = makeDirectory({ 'a.txt': 'a\n' });
  await settled();
  const headers = ['*', '**', '/*', '*.html'].map((match, at) => ({ match, set: { [`X-${at}`]: 'yes' } }));
  const policy = { match: '**', set: { 'Content-Security-Policy': 'sandbox' } };
  await using server = serve({ root: own.root, port: 0, directoryListing: true, headers: [...headers, policy] });
  const sent = { 'X-0': 'yes', 'X-1': 'yes', 'X-2': 'yes', 'X-3': 'yes', ...OWN_POLICY };
  const response = await checkRow(server.port, ['GET /', [], 200, sent]);
  expect(response.fields.filter(([name]) => /^content-security-policy$/i.test(name))).toHaveLength(1);
});

serving('no security headers by default', {}, [['GET /', [], 200, { 'X-Content-Type-Options': null }]]);

test('header rules apply to error pages', async () => {
  using own = makeDirectory({ '404.html': 'not here\n' });
  await settled();
  await using server = serve({
    root: own.root,
    port: 0,
    securityHeaders: true,
    headers: [{ match: '*.html', set: { 'X-Site': 'all', 'Cache-Control': 'max-age=9' } }],
  });
  const sent = { ...DOCUMENT, 'X-Site': 'all', 'Cache-Control': 'no-cache', ETag: null };
  const response = await checkRow(server.port, ['GET /nothing', [], 404, sent, 'not here\n']);
  expect(response.fields.filter(([name]) => name === 'Cache-Control')).toHaveLength(1);
});
