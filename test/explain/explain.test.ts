import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Explanation } from '../../src/explain/explain.js';
import type { Limits } from '../../src/http/limits.js';
import type { ServeOptions } from '../../src/server/options.js';
import { ENOSYS } from '../../src/sys/errno.js';
import { kernelWith } from '../support/counting-kernel.js';
import { ask, CORS, directory, HTML, RULES, root, testExplained } from '../support/explained.js';
import { request } from '../support/raw-client.js';

testExplained();

/** The texts of a topic, a line each. */
const textOf = ({ steps }: Explanation, topic: string): string =>
  steps
    .filter((step) => step.topic === topic)
    .map(({ text }) => text)
    .join('\n');

const reasonOf = ({ fields }: Explanation, name: string): string | undefined =>
  fields.find((field) => field.name === name)?.reason;

test.each<[topic: string, target: string, fields: string[], options: Partial<ServeOptions>, expected: RegExp]>([
  ['path', '/a%20b?c', [], {}, /^\/a%20b, query \?c$/],
  ['resolved', '/a%20b', [], {}, /^a b$/],
  ['resolved', '/.git/config', [], {}, /^none: a segment begins with a dot/],
  ['resolved', '/a%2Fb', [], {}, /^none: no name contains a slash/],
  ['resolved', '/%', [], {}, /^none: the percent-encoding is broken/],
  ['redirect', '/old/1', [], RULES, /^redirects\[0\], from \/old\/:id: 302 to \/new\/1$/],
  ['redirect', '/', [], RULES, /^none of the 1 in redirects matches$/],
  ['symlink', '/documentation/a.txt', [], {}, /^documentation -> docs$/],
  ['file', '/', [], {}, /^index\.html, 11 bytes, modified 20.*Z: the index of the directory$/],
  ['file', '/about', [], { cleanUrls: true }, /^about\.html, .*: cleanUrls is on$/],
  ['redirect', '/about.html', [], { cleanUrls: true }, /^cleanUrls is on: the URL of a page has no/],
  ['file', '/blog', [], { cleanUrls: true }, /^blog\.html, .*: cleanUrls is on$/],
  [
    'file',
    '/both.html',
    [],
    { cleanUrls: true },
    /^both\.html, .*: cleanUrls is on, but its URL without \.html leads to something else$/,
  ],
  ['file', '/both.html', [], {}, /^both\.html, 8 bytes, modified \S+Z$/],
  ['directory', '/docs', [], {}, /^its URL ends with a slash/],
  ['directory', '/docs/', [], { directoryListing: true }, /directoryListing is on: HTML$/],
  [
    'directory',
    '/docs/',
    ['Accept: application/json'],
    { directoryListing: true },
    /directoryListing is on: JSON, as Accept prefers$/,
  ],
  ['directory', '//docs/', [], { directoryListing: true }, /^its URL has empty segments/],
  ['precondition', '/docs/', ['If-None-Match: *'], { directoryListing: true }, /^If-None-Match matches the ETag: 304$/],
  ['range', '/docs/', ['Range: bytes=1-3'], { directoryListing: true }, /^1-3 of [\d,]+ bytes$/],
  [
    'not-found',
    '/docs/',
    [],
    {},
    /^no docs\/index\.html \(ENOENT: no such file or directory\), and directoryListing is off$/,
  ],
  ['not-found', '/', [], { root: join(directory, 'empty') }, /^no index\.html \(ENOENT/],
  ['not-found', '/nowhere/', [], { directoryListing: true }, /^no directory nowhere \(ENOENT/],
  ['fallback', '/nowhere/', [HTML], { directoryListing: true, fallback: 'index.html' }, /^index\.html/],
  ['not-found', '/x', [], { cleanUrls: true }, /^no x, and no x\.html \(ENOENT/],
  ['not-found', '/app.js/x', [], {}, /^app\.js\/x: ENOTDIR/],
  [
    'not-found',
    '/out',
    [],
    {},
    /^out escapes the root: a symlink is absolute, and only relative ones .* are followed \(EXDEV/,
  ],
  [
    'not-found',
    '/in',
    [],
    {},
    /^in escapes the root: a symlink is absolute, and only relative ones .* are followed \(EXDEV/,
  ],
  [
    'not-found',
    '/in/',
    [],
    { directoryListing: true },
    /: a symlink is absolute, and only relative ones .* are followed \(EXDEV/,
  ],
  ['symlink', '/in', [], {}, /^in -> \/.*\/r42\/docs$/],
  ['not-found', '/hop/a.txt', [], {}, /^hop\/a\.txt escapes the root: a symlink is absolute, and only relative ones/],
  ['not-found', '/up', [], {}, /^up escapes the root: a symlink leads out of the root \(EXDEV/],
  ['not-found', '/back', [], {}, /^back escapes the root: a symlink leads out of the root \(EXDEV/],
  ['not-found', '/documentation/a.txt', [], { symlinks: 'deny' }, /is behind a symlink, and symlinks is deny \(ELOOP/],
  ['release', '/index-DiwrgTda.js', [], { previousReleaseMs: 5 }, /^a running server may have it/],
  ['release', '/index.js', [], { previousReleaseMs: 5 }, /^$/],
  ['release', '/index-DiwrgTda.js', [], {}, /^$/],
  ['error-page', '/x', [], {}, /^404\.html, 17 bytes/],
  ['fallback', '/x', [HTML], { fallback: 'index.html' }, /^index\.html, 11 bytes/],
  [
    'fallback',
    '/x',
    ['Accept: application/json, */*'],
    { fallback: 'index.html' },
    /^index\.html is not sent: by its Accept the request is not for a page/,
  ],
  ['fallback', '/x', [], { fallback: 'index.html' }, /^index\.html, 11 bytes/],
  [
    'fallback',
    '/x.js',
    [HTML],
    { fallback: 'index.html' },
    /^index\.html is not sent: the name ends like that of an asset/,
  ],
  ['fallback', '/x', [HTML], { fallback: 'no.html' }, /^no\.html is not sent: there is no such file/],
  [
    'precompressed',
    '/app.js',
    [],
    {},
    /app\.js\.br, .*, ignored: 3600\.000 s older than the file\napp\.js\.gz, \d+ bytes$/,
  ],
  ['precompressed', '/app.js', [], { precompressed: false }, /app\.js\.gz, .*ignored: precompressed is off$/],
  ['precompressed', '/', [], {}, /^none: no \.br, \.zst, \.gz$/],
  ['representation', '/app.js', [], {}, /^identity, 4,400 bytes: the request has no Accept-Encoding$/],
  [
    'representation',
    '/app.js',
    ['Accept-Encoding: br, gzip'],
    {},
    /^gzip, \d+ bytes: Accept-Encoding prefers br, then gzip, then identity$/,
  ],
  [
    'representation',
    '/app.js',
    ['Accept-Encoding: gzip;q=0, identity;q=0'],
    {},
    /^none: Accept-Encoding accepts nothing$/,
  ],
  [
    'representation',
    '/app.js',
    ['Accept-Encoding: br'],
    { precompressed: false, compress: true },
    /^identity,.*; br is made now/,
  ],
  [
    'representation',
    '/app.js',
    ['Accept-Encoding: br, identity;q=0'],
    { precompressed: false, compress: true },
    /^identity,.* prefers br; none that exists is accepted, and it is sent anyway .*; br is made now/,
  ],
  [
    'representation',
    '/',
    ['Accept-Encoding: identity;q=0'],
    {},
    /accepts nothing; none that exists is accepted, and it is sent anyway .*$/,
  ],
  ['representation', '/', ['Accept-Encoding: br'], { compress: true }, /; not compressed: too small$/],
  [
    'representation',
    '/big.bin',
    ['Accept-Encoding: br'],
    { compress: true },
    /; not compressed: application\/octet-stream is not compressible$/,
  ],
  ['precondition', '/', ['If-None-Match: *'], {}, /^If-None-Match matches the ETag: 304$/],
  [
    'precondition',
    '/',
    ['If-None-Match: "x"', 'If-Modified-Since: x'],
    {},
    /^If-None-Match does not match the ETag: passed$/,
  ],
  ['precondition', '/', ['If-Match: "x"'], {}, /^If-Match does not match the ETag: 412$/],
  [
    'precondition',
    '/big.bin',
    ['If-Match: "x"'],
    { etag: 'content' },
    /^If-Match may match the ETag, which is not known yet: passed$/,
  ],
  ['precondition', '/', ['If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT'], {}, /^not modified since.*: 304$/],
  ['precondition', '/', ['If-Unmodified-Since: Thu, 01 Jan 1998 00:00:00 GMT'], {}, /^modified since.*: 412$/],
  ['range', '/', ['Range: bytes=1-3'], {}, /^1-3 of 11 bytes$/],
  ['range', '/', ['Range: bytes=99-'], {}, /^416: no byte of it is within 11 bytes$/],
  ['range', '/big.bin', ['Range: bytes=1-3', 'If-Match: "x"'], { etag: 'content' }, /^ignored: If-Match may match/],
  ['range', '/', ['Range: lines=1'], {}, /^ignored: it is not supported/],
  ['range', '/', ['Range: bytes=1-3', 'If-Range: "x"'], {}, /^ignored: If-Range does not match/],
  ['origin', '/', ['Origin: https://a.example'], CORS, /^https:\/\/a\.example may read the response: by cors$/],
  [
    'origin',
    '/',
    ['Origin: https://b.example'],
    CORS,
    /^https:\/\/b\.example may not read the response: it is not in cors$/,
  ],
])('%s of %s %j %j', (topic, target, fields, options, expected) => {
  expect(textOf(ask(request(target, fields), options), topic)).toMatch(expected);
});

const LISTED: Partial<ServeOptions> = {
  directoryListing: true,
  securityHeaders: true,
  headers: [{ match: '*', set: { 'X-A': '1', 'Content-Security-Policy': 'sandbox', 'Content-Type': 'text/x' } }],
};

test.each<
  [field: string, target: string, options: Partial<ServeOptions>, expected: RegExp | undefined, fields?: string[]]
>([
  ['Content-Type', '/', {}, /^from \.html$/],
  ['Content-Type', '/none', {}, /^the name has no extension$/],
  ['Content-Type', '/odd.zzqq', {}, /^unknown: \.zzqq$/],
  ['Content-Type', '/', { headers: [{ match: '*', set: { 'Content-Type': 'text/x' } }] }, /^headers\[0\] matches \*$/],
  ['Content-Type', '/%', {}, /^the server's plain text$/],
  ['ETag', '/', {}, /^etag is stat: the file's inode, size and times$/],
  ['ETag', '/', { etag: 'content' }, /^etag is content: a hash of its bytes$/],
  ['ETag', '/docs/', { directoryListing: true }, /^a hash of its bytes$/],
  ['X-Total-Count', '/docs/', { directoryListing: true }, /^how many entries/],
  ['Cache-Control', '/', {}, /^a page may change$/],
  ['Cache-Control', '/assets/app-3f2a9c1b.js', {}, /^the name is fingerprinted$/],
  ['Cache-Control', '/', { cacheControl: [{ match: '/*', value: 'x' }] }, /^cacheControl\[0\] matches \/\*$/],
  ['Cache-Control', '/missing', {}, /^this URL is not the page's own$/],
  ['X-Frame-Options', '/', { securityHeaders: true }, /^securityHeaders is on, and this is a document$/],
  ['Vary', '/app.js', {}, /^other requests may get other representations$/],
  ['Allow', '/', {}, undefined],
  ['X-A', '/docs/', LISTED, /^headers\[0\] matches \*$/],
  ['X-Frame-Options', '/docs/', LISTED, /^securityHeaders is on, and this is a document$/],
  ['Cache-Control', '/docs/', LISTED, /^the directory may change$/],
  ['Content-Security-Policy', '/docs/', LISTED, /^a listing needs its own style, and nothing else$/],
  ['Content-Type', '/docs/', LISTED, /^the format of the listing, by Accept$/],
  ['X-A', '/', LISTED, /^headers\[0\] matches \*$/, ['Range: bytes=99-']],
  ['X-Frame-Options', '/', LISTED, /^securityHeaders is on, and/, ['Range: bytes=99-']],
  ['Content-Type', '/', LISTED, /^the server's plain text$/, ['Range: bytes=99-']],
  ['Cache-Control', '/', LISTED, /^a later request may succeed$/, ['Range: bytes=99-']],
  ['X-A', '/', LISTED, /^headers\[0\] matches \*$/, ['If-Match: "x"']],
  ['X-A', '/%', LISTED, /^headers\[0\] matches \*, which is every response$/],
  ['Content-Type', '/%', LISTED, /^the server's own page$/, ['Accept: text/html']],
  ['Vary', '/%', LISTED, /^a page or plain text, by Accept$/],
  ['X-Content-Type-Options', '/', LISTED, /^securityHeaders is on$/, ['If-Match: "x"']],
  ['X-Content-Type-Options', '/%', LISTED, /^securityHeaders is on$/],
  ['Cache-Control', '/docs', LISTED, /^the target may change$/],
])('the reason for %s of %s with %j', (field, target, options, expected, fields = []) => {
  const reason = reasonOf(ask(request(target, fields), options), field);
  if (expected === undefined) expect(reason).toBeUndefined();
  else expect(reason).toMatch(expected);
});

test.each(['stat', 'content'] as const)('the reason for the ETag of a precompressed file, with etag: %s', (etag) => {
  const reason = reasonOf(ask(request('/app.js', ['Accept-Encoding: gzip']), { etag }), 'ETag');
  expect(reason).toMatch(new RegExp(`^etag is ${etag}: .*, and the coding$`));
});

test('an uncached file has the same CORS fields as a cached one', () => {
  const namesFor = (limits: Partial<Limits>): string[] =>
    ask(request('/', ['Origin: https://a.example']), { ...CORS, limits }).fields.map(({ name }) => name);
  const names = namesFor({});
  expect(names).toEqual(expect.arrayContaining(['Access-Control-Allow-Origin', 'Vary']));
  expect(new Set(names).size).toBe(names.length);
  expect(namesFor({ cacheBytes: 0 })).toEqual(names);
});

describe('what is cached, and how it is invalidated', () => {
  test.each<[target: string, options: Partial<ServeOptions>, reason: object]>([
    ['/', {}, { location: 'memory', reason: /maxCachedFileBytes, 65,536 bytes/ }],
    ['/big.bin', {}, { location: 'descriptor', reason: /larger than maxCachedFileBytes/ }],
    [
      '/',
      { limits: { cacheBytes: 0 } },
      { location: 'none', reason: /^cacheBytes, 0 bytes, has no room/, invalidation: 'none' },
    ],
    ['/missing', {}, { location: 'memory', reason: /^the absence of a file$/ }],
    ['/docs', {}, { location: 'memory', reason: /^the redirect$/ }],
    [
      '/docs/',
      { directoryListing: true },
      { location: 'memory', reason: /^the entries of the directory, and each/, invalidation: 'ttl' },
    ],
    ['/%64ocs/', { directoryListing: true }, { location: 'memory', reason: /^the entries of the directory, and each/ }],
    [
      '/nowhere/',
      { directoryListing: true },
      { location: 'memory', reason: /^the absence of a file$/, invalidation: /^inotify$/ },
    ],
    ['//docs/', { directoryListing: true }, { location: 'none', reason: /^the directory is cached by its own path$/ }],
    ['/none', { kernel: kernelWith({ fstatfs: () => 0xef53 }) }, { invalidation: 'ttl', detail: /other hard links/ }],
    ['/old/1', RULES, { location: 'none', reason: /^a rule responds/ }],
    ['/', { limits: { maxWatches: 0 } }, { invalidation: 'ttl', detail: /after 500 ms: .*the limit of 0 watches/ }],
    [
      '/',
      { kernel: kernelWith({ inotifyInit1: () => ENOSYS }) },
      { invalidation: 'ttl', detail: /there is no inotify \(ENOSYS/ },
    ],
    ['/', { kernel: kernelWith({ openat2: () => ENOSYS }) }, { invalidation: 'ttl', detail: /without openat2/ }],
    ['/', { kernel: kernelWith({ fstatfs: () => 0x6969 }) }, { invalidation: 'ttl', detail: /the file system is nfs/ }],
    ['/', { kernel: kernelWith({ fstatfs: () => 0xef53 }) }, { invalidation: 'inotify', detail: /are reported$/ }],
    [
      '/out',
      { symlinks: 'follow', kernel: kernelWith({ fstatfs: () => 0xef53 }) },
      { invalidation: 'ttl', detail: /out of the root/ },
    ],
  ])('%s %j', (target, options, reason) => {
    const its = ask(request(target), options).cache!;
    for (const [name, expected] of Object.entries(reason))
      expect(its[name as 'reason'], name).toMatch(expected as RegExp);
  });
});

test('the fields that are not sent, with their reasons', () => {
  expect(ask(request('/'), { etag: 'content' }).absent).toEqual([
    { name: 'Last-Modified', reason: 'etag is content: equal servers have files of different times' },
  ]);
  expect(ask(request('/'), { headers: [{ match: '*', set: { 'Cache-Control': '' } }] }).absent).toEqual([
    { name: 'Cache-Control', reason: 'removed: headers[0] matches *' },
  ]);
});

test('the site of the host, and the directory of its root', () => {
  const hosts = { a: { root: join(directory, 'b') } };
  expect(ask(request('/'), { hosts }).site).toEqual({
    host: 'a',
    root: join(directory, 'b'),
    directory: join(directory, 'b'),
  });
  const other = ask('GET http://other/ HTTP/1.1\r\nHost: a\r\n\r\n', { hosts });
  expect(other.site).toEqual({ host: null, root, directory: join(directory, 'r42') });
});
