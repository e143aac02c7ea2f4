import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Explanation } from '../../src/explain/explain.js';
import type { Limits } from '../../src/http/limits.js';
import type { ServeOptions } from '../../src/server/options.js';
import { ENOSYS } from '../../src/sys/errno.js';
import { kernelWith } from '../support/counting-kernel.js';
import { ask, CORS, directory, HTML, RULES, root } from '../support/explained.js';
import { request } from '../support/raw-client.js';

/** What is said about one thing, a line each. */
const told = ({ steps }: Explanation, about: string): string =>
  steps
    .filter((step) => step.topic === about)
    .map(({ text }) => text)
    .join('\n');

const why = ({ fields }: Explanation, name: string): string | undefined =>
  fields.find((field) => field.name === name)?.reason;

test.each<[about: string, target: string, fields: string[], options: Partial<ServeOptions>, says: RegExp]>([
  ['path', '/a%20b?c', [], {}, /^\/a%20b, and the query \?c$/],
  ['name', '/a%20b', [], {}, /^a b$/],
  ['name', '/.git/config', [], {}, /^none: a segment begins with a dot/],
  ['name', '/a%2Fb', [], {}, /^none: an encoded slash/],
  ['name', '/%', [], {}, /^none: an escape is broken/],
  ['redirect', '/old/1', [], RULES, /^redirects\[0\], from \/old\/:id: 302 to \/new\/1$/],
  ['redirect', '/', [], RULES, /^none of the 1 in redirects matches$/],
  ['link', '/documentation/a.txt', [], {}, /^documentation -> docs$/],
  ['file', '/', [], {}, /^index\.html, 11 bytes, changed 20.*Z: the index of the folder$/],
  ['file', '/about', [], { cleanUrls: true }, /^about\.html, .*: cleanUrls is on$/],
  ['page', '/about.html', [], { cleanUrls: true }, /^cleanUrls is on: its address has no/],
  ['file', '/blog', [], { cleanUrls: true }, /^blog\.html, .*: cleanUrls is on$/],
  [
    'file',
    '/both.html',
    [],
    { cleanUrls: true },
    /^both\.html, .*: cleanUrls is on, but without \.html .* something else$/,
  ],
  ['file', '/both.html', [], {}, /^both\.html, 8 bytes, changed \S+Z$/],
  ['folder', '/docs', [], {}, /^a slash belongs at the end/],
  ['folder', '/docs/', [], { directoryListing: true }, /listing is on: a page$/],
  [
    'folder',
    '/docs/',
    ['Accept: application/json'],
    { directoryListing: true },
    /listing is on: JSON, as Accept prefers$/,
  ],
  ['folder', '//docs/', [], { directoryListing: true }, /^its address has empty segments/],
  ['condition', '/docs/', ['If-None-Match: *'], { directoryListing: true }, /^If-None-Match has the ETag: 304$/],
  ['range', '/docs/', ['Range: bytes=1-3'], { directoryListing: true }, /^1-3 of [\d,]+ bytes$/],
  ['nothing', '/docs/', [], {}, /^no docs\/index\.html \(ENOENT: no such file or directory\), and listing is off$/],
  ['nothing', '/', [], { root: join(directory, 'empty') }, /^no index\.html \(ENOENT/],
  ['nothing', '/nowhere/', [], { directoryListing: true }, /^no folder nowhere \(ENOENT/],
  ['page', '/nowhere/', [HTML], { directoryListing: true, fallback: 'index.html' }, /^the fallback, index\.html/],
  ['nothing', '/x', [], { cleanUrls: true }, /^no x, and no x\.html \(ENOENT/],
  ['nothing', '/app.js/x', [], {}, /^app\.js\/x: ENOTDIR/],
  [
    'nothing',
    '/out',
    [],
    {},
    /^out is out of bounds: a link is absolute, and only relative ones .* are followed \(EXDEV/,
  ],
  [
    'nothing',
    '/in',
    [],
    {},
    /^in is out of bounds: a link is absolute, and only relative ones .* are followed \(EXDEV/,
  ],
  [
    'nothing',
    '/in/',
    [],
    { directoryListing: true },
    /: a link is absolute, and only relative ones .* are followed \(EXDEV/,
  ],
  ['link', '/in', [], {}, /^in -> \/.*\/r42\/docs$/],
  ['nothing', '/hop/a.txt', [], {}, /^hop\/a\.txt is out of bounds: a link is absolute, and only relative ones/],
  ['nothing', '/up', [], {}, /^up is out of bounds: a link leads out of the root \(EXDEV/],
  ['nothing', '/back', [], {}, /^back is out of bounds: a link leads out of the root \(EXDEV/],
  ['nothing', '/documentation/a.txt', [], { symlinks: 'deny' }, /is behind a link, and symlinks is deny \(ELOOP/],
  ['release', '/index-DiwrgTda.js', [], { previousReleaseMs: 5 }, /^a server that saw the root switched may have it/],
  ['release', '/index.js', [], { previousReleaseMs: 5 }, /^$/],
  ['release', '/index-DiwrgTda.js', [], {}, /^$/],
  ['page', '/x', [], {}, /^404\.html, 17 bytes/],
  ['page', '/x', [HTML], { fallback: 'index.html' }, /^the fallback, index\.html, 11 bytes/],
  [
    'page',
    '/x',
    [],
    { fallback: 'index.html' },
    /^not the fallback index\.html: it is for those whose Accept has text\/html/,
  ],
  [
    'page',
    '/x.js',
    [HTML],
    { fallback: 'index.html' },
    /^not the fallback index\.html: the name ends as that of an asset/,
  ],
  ['page', '/x', [HTML], { fallback: 'no.html' }, /^not the fallback no\.html: there is no such file/],
  [
    'sidecar',
    '/app.js',
    [],
    {},
    /app\.js\.br, .*, left alone: outdated, 3600\.000 s older than the file\napp\.js\.gz, \d+ bytes$/,
  ],
  ['sidecar', '/app.js', [], { precompressed: false }, /app\.js\.gz, .*left alone: sidecars is off$/],
  ['sidecar', '/', [], {}, /^none: no \.br, \.zst, \.gz$/],
  ['variant', '/app.js', [], {}, /^identity, 4,400 bytes: no Accept-Encoding was sent$/],
  [
    'variant',
    '/app.js',
    ['Accept-Encoding: br, gzip'],
    {},
    /^gzip, \d+ bytes: Accept-Encoding prefers br, then gzip, then identity$/,
  ],
  ['variant', '/app.js', ['Accept-Encoding: gzip;q=0, identity;q=0'], {}, /^none: Accept-Encoding takes nothing$/],
  [
    'variant',
    '/app.js',
    ['Accept-Encoding: br'],
    { precompressed: false, compress: true },
    /^identity,.*; br is made now/,
  ],
  [
    'variant',
    '/app.js',
    ['Accept-Encoding: br, identity;q=0'],
    { precompressed: false, compress: true },
    /^identity,.* prefers br; it takes none that there is, and is sent this one all the same; br is made now/,
  ],
  [
    'variant',
    '/',
    ['Accept-Encoding: identity;q=0'],
    {},
    /takes nothing; it takes none that there is, .* all the same$/,
  ],
  ['variant', '/', ['Accept-Encoding: br'], { compress: true }, /; compress leaves it alone, for it is small$/],
  [
    'variant',
    '/big.bin',
    ['Accept-Encoding: br'],
    { compress: true },
    /; compress leaves application\/octet-stream alone$/,
  ],
  ['condition', '/', ['If-None-Match: *'], {}, /^If-None-Match has the ETag: 304$/],
  [
    'condition',
    '/',
    ['If-None-Match: "x"', 'If-Modified-Since: x'],
    {},
    /^If-None-Match does not have the ETag: it is answered$/,
  ],
  ['condition', '/', ['If-Match: "x"'], {}, /^If-Match does not have the ETag: 412$/],
  [
    'condition',
    '/big.bin',
    ['If-Match: "x"'],
    { etag: 'content' },
    /^If-Match may have the ETag, which is not known yet: it is answered$/,
  ],
  ['condition', '/', ['If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT'], {}, /^it has not changed since.*: 304$/],
  ['condition', '/', ['If-Unmodified-Since: Thu, 01 Jan 1998 00:00:00 GMT'], {}, /^it has changed since.*: 412$/],
  ['range', '/', ['Range: bytes=1-3'], {}, /^1-3 of 11 bytes$/],
  ['range', '/', ['Range: bytes=99-'], {}, /^416: nothing of it is within 11 bytes$/],
  ['range', '/big.bin', ['Range: bytes=1-3', 'If-Match: "x"'], { etag: 'content' }, /^ignored: If-Match may have/],
  ['range', '/', ['Range: lines=1'], {}, /^ignored: it is none/],
  ['range', '/', ['Range: bytes=1-3', 'If-Range: "x"'], {}, /^ignored: If-Range does not hold/],
  ['origin', '/', ['Origin: https://a.example'], CORS, /^https:\/\/a\.example may read the answer: by cors$/],
  [
    'origin',
    '/',
    ['Origin: https://b.example'],
    CORS,
    /^https:\/\/b\.example may not read the answer: it is none of cors$/,
  ],
])('of the %s, %s %j %j', (about, target, fields, options, says) => {
  expect(told(ask(request(target, fields), options), about)).toMatch(says);
});

const LISTED: Partial<ServeOptions> = {
  directoryListing: true,
  securityHeaders: true,
  headers: [{ match: '*', set: { 'X-A': '1', 'Content-Security-Policy': 'sandbox', 'Content-Type': 'text/x' } }],
};

test.each<[field: string, target: string, options: Partial<ServeOptions>, says: RegExp | undefined, fields?: string[]]>(
  [
    ['Content-Type', '/', {}, /^by \.html$/],
    ['Content-Type', '/none', {}, /^the name has no extension$/],
    ['Content-Type', '/odd.zzqq', {}, /^\.zzqq is not known$/],
    [
      'Content-Type',
      '/',
      { headers: [{ match: '*', set: { 'Content-Type': 'text/x' } }] },
      /^headers\[0\] matches \*$/,
    ],
    ['Content-Type', '/%', {}, /^a sentence of the server's own$/],
    ['ETag', '/', {}, /^etag is stat: the file's inode, size and times$/],
    ['ETag', '/', { etag: 'content' }, /^etag is content: a hash of its bytes$/],
    ['ETag', '/docs/', { directoryListing: true }, /^a hash of its bytes$/],
    ['X-Total-Count', '/docs/', { directoryListing: true }, /^how many entries/],
    ['Cache-Control', '/', {}, /^a page may change$/],
    ['Cache-Control', '/assets/app-3f2a9c1b.js', {}, /^the name has a hash$/],
    ['Cache-Control', '/', { cacheControl: [{ match: '/*', value: 'x' }] }, /^cacheControl\[0\] matches \/\*$/],
    ['Cache-Control', '/missing', {}, /^this address is not the page's own$/],
    ['X-Frame-Options', '/', { securityHeaders: true }, /^securityHeaders is on, and this is a document$/],
    ['Vary', '/app.js', {}, /^other forms may be sent to others$/],
    ['Allow', '/', {}, undefined],
    ['X-A', '/docs/', LISTED, /^headers\[0\] matches \*$/],
    ['X-Frame-Options', '/docs/', LISTED, /^securityHeaders is on, and this is a document$/],
    ['Cache-Control', '/docs/', LISTED, /^the folder may change$/],
    ['Content-Security-Policy', '/docs/', LISTED, /^a listing needs its own style, and nothing else$/],
    ['Content-Type', '/docs/', LISTED, /^what a listing is made as, by Accept$/],
    ['X-A', '/', LISTED, /^headers\[0\] matches \*$/, ['Range: bytes=99-']],
    ['X-Frame-Options', '/', LISTED, /^securityHeaders is on, and/, ['Range: bytes=99-']],
    ['Content-Type', '/', LISTED, /^a sentence of the server's own$/, ['Range: bytes=99-']],
    ['Cache-Control', '/', LISTED, /^what is refused now may be there later$/, ['Range: bytes=99-']],
    ['X-A', '/', LISTED, undefined, ['If-Match: "x"']],
    ['X-Content-Type-Options', '/', LISTED, /^securityHeaders is on$/, ['If-Match: "x"']],
    ['X-Content-Type-Options', '/%', LISTED, /^securityHeaders is on$/],
    ['Cache-Control', '/docs', LISTED, /^where it leads may change$/],
  ],
)('the reason of %s for %s with %j', (field, target, options, says, fields = []) => {
  const reason = why(ask(request(target, fields), options), field);
  if (says === undefined) expect(reason).toBeUndefined();
  else expect(reason).toMatch(says);
});

test.each(['stat', 'content'] as const)('the reason of the tag of a sidecar, where tags are of %s', (etag) => {
  const reason = why(ask(request('/app.js', ['Accept-Encoding: gzip']), { etag }), 'ETag');
  expect(reason).toMatch(new RegExp(`^etag is ${etag}: .*, and the coding$`));
});

test('the fields for an origin are the same of a file that is not kept', () => {
  const namesFor = (limits: Partial<Limits>): string[] =>
    ask(request('/', ['Origin: https://a.example']), { ...CORS, limits }).fields.map(({ name }) => name);
  const names = namesFor({});
  expect(names).toEqual(expect.arrayContaining(['Access-Control-Allow-Origin', 'Vary']));
  expect(new Set(names).size).toBe(names.length);
  expect(namesFor({ cacheBytes: 0 })).toEqual(names);
});

describe('what is kept, and how changes are learnt of', () => {
  test.each<[target: string, options: Partial<ServeOptions>, keeping: object]>([
    ['/', {}, { where: 'memory', why: /maxCachedFileBytes, 65,536 bytes/ }],
    ['/big.bin', {}, { where: 'descriptor', why: /larger than maxCachedFileBytes/ }],
    [
      '/',
      { limits: { cacheBytes: 0 } },
      { where: 'nowhere', why: /^cacheBytes, 0 bytes, has no room/, changes: 'none' },
    ],
    ['/missing', {}, { where: 'memory', why: /^that there is none$/ }],
    ['/docs', {}, { where: 'memory', why: /^where it leads$/ }],
    [
      '/docs/',
      { directoryListing: true },
      { where: 'memory', why: /^the entries of the folder, and each/, changes: 'time' },
    ],
    ['/%64ocs/', { directoryListing: true }, { where: 'memory', why: /^the entries of the folder, and each/ }],
    ['/nowhere/', { directoryListing: true }, { where: 'memory', why: /^that there is none$/, changes: /^inotify$/ }],
    ['//docs/', { directoryListing: true }, { where: 'nowhere', why: /^the folder is kept by its own address$/ }],
    ['/none', { kernel: kernelWith({ fstatfs: () => 0xef53 }) }, { changes: 'time', how: /other hard links/ }],
    ['/old/1', RULES, { where: 'nowhere', why: /^a rule answers/ }],
    ['/', { limits: { maxWatches: 0 } }, { changes: 'time', how: /after 500 ms: .*the limit of 0 watches/ }],
    [
      '/',
      { kernel: kernelWith({ inotifyInit1: () => ENOSYS }) },
      { changes: 'time', how: /there is no inotify \(ENOSYS/ },
    ],
    ['/', { kernel: kernelWith({ openat2: () => ENOSYS }) }, { changes: 'time', how: /without openat2/ }],
    ['/', { kernel: kernelWith({ fstatfs: () => 0x6969 }) }, { changes: 'time', how: /the file system is nfs/ }],
    ['/', { kernel: kernelWith({ fstatfs: () => 0xef53 }) }, { changes: 'inotify', how: /the kernel tells/ }],
    [
      '/out',
      { symlinks: 'follow', kernel: kernelWith({ fstatfs: () => 0xef53 }) },
      { changes: 'time', how: /out of the root/ },
    ],
  ])('%s %j', (target, options, keeping) => {
    const its = ask(request(target), options).cache!;
    for (const [name, says] of Object.entries(keeping)) expect(its[name as 'why'], name).toMatch(says as RegExp);
  });
});

test('the validators that are not sent', () => {
  expect(ask(request('/'), { etag: 'content' }).absent).toEqual([
    { name: 'Last-Modified', why: 'etag is content: equal servers have files of different times' },
  ]);
  expect(ask(request('/'), { headers: [{ match: '*', set: { 'Cache-Control': '' } }] }).absent).toEqual([
    { name: 'Cache-Control', why: 'removed, headers[0] matches *' },
  ]);
});

test('site and root', () => {
  const hosts = { a: { root: join(directory, 'b') } };
  expect(ask(request('/'), { hosts }).site).toEqual({
    host: 'a',
    root: join(directory, 'b'),
    folder: join(directory, 'b'),
  });
  const other = ask('GET http://other/ HTTP/1.1\r\nHost: a\r\n\r\n', { hosts });
  expect(other.site).toEqual({ host: null, root, folder: join(directory, 'r42') });
});
