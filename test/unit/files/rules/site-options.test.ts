import { describe, expect, test } from 'vitest';
import { resolveSiteOptions, SITE_OPTION_NAMES, type SiteOptions } from '../../../../src/files/rules/site-options.js';

const DEFAULTS = {
  etag: 'stat',
  symlinks: 'within-root',
  precompressed: true,
  encodedFiles: [],
  compress: false,
  cleanUrls: false,
  directoryListing: false,
  fallback: null,
  previousReleaseMs: 0,
  cacheControl: [],
  headers: [],
  redirects: [],
  securityHeaders: false,
  cors: null,
};

const resolve = (options: unknown) => resolveSiteOptions(options as SiteOptions);

describe('resolved options', () => {
  test('are the defaults', () => {
    expect(resolveSiteOptions()).toEqual(DEFAULTS);
    expect(resolveSiteOptions({})).toEqual(DEFAULTS);
    expect(SITE_OPTION_NAMES).toEqual(Object.keys(DEFAULTS));
  });

  test.each(SITE_OPTION_NAMES)('are the default for %s when it is undefined', (name) =>
    expect(resolve({ [name]: undefined })).toEqual(DEFAULTS),
  );

  test('are deep copies', () => {
    const options: SiteOptions = { headers: [{ match: '*', set: { 'X-A': '1' } }], cors: { origins: ['http://a'] } };
    const resolved = resolveSiteOptions(options);
    resolved.headers[0]!.set['X-A'] = '2';
    resolved.headers.pop();
    (resolved.cors!.origins as string[]).pop();
    expect(options).toEqual({ headers: [{ match: '*', set: { 'X-A': '1' } }], cors: { origins: ['http://a'] } });
    expect(resolveSiteOptions()).toEqual(DEFAULTS);
  });

  test.each([
    ['etag', 'content'],
    ['symlinks', 'deny'],
    ['symlinks', 'follow'],
    ['precompressed', false],
    ['encodedFiles', ['/Build/*', '*.js.gz']],
    ['compress', true],
    ['cleanUrls', true],
    ['directoryListing', true],
    ['fallback', 'index.html'],
    ['fallback', 'app/index.html'],
    ['fallback', null],
    ['previousReleaseMs', 604_800_000],
    ['cacheControl', [{ match: '/assets/**', value: 'public, max-age=3600' }]],
    ['headers', [{ match: '*.js', set: { 'X-A': '', 'x-b': 'é\tx', 'Content-Type': 'text/plain' } }]],
    ['redirects', [{ from: '/a', to: '/b', status: 301 }]],
    ['securityHeaders', true],
  ])('accept %s: %j', (name, value) => expect(resolve({ [name]: value })).toEqual({ ...DEFAULTS, [name]: value }));

  test('have the defaults of redirects and of CORS', () => {
    expect(resolveSiteOptions({ redirects: [{ from: '/a', to: '/b' }] }).redirects).toEqual([
      { from: '/a', to: '/b', status: 308 },
    ]);
    expect(resolveSiteOptions({ cors: { origins: '*' } }).cors).toEqual({
      origins: '*',
      methods: ['GET', 'HEAD'],
      headers: [],
      exposeHeaders: [],
      maxAgeSeconds: 600,
      credentials: false,
    });
  });

  test.each([
    'https://www.example.org',
    'https://xn--a',
    'http://a.xn--:81',
    'https://xn--mnchen-3ya.de',
    'http://a:8080',
    'http://[::1]:3000',
    'capacitor://localhost',
  ])('accept the origin %s', (origin) =>
    expect(resolveSiteOptions({ cors: { origins: [origin] } }).cors?.origins).toEqual([origin]),
  );
});

/** Invalid options, with the beginning of the error message. */
const INVALID: [options: unknown, message: string][] = [
  [null, 'options must be an object of options, not null'],
  [[], 'options must be'],
  ['x', 'options must be'],
  [{ etg: 'stat' }, 'etg is not an option; did you mean etag?'],
  [{ root: '.' }, 'root is not an option'],
  [JSON.parse('{"__proto__": 1}'), '__proto__ is not an option'],
  [{ etag: 'md5' }, 'etag must be one of "stat", "content", not "md5"'],
  [{ etag: null }, 'etag must be one of "stat", "content", not null'],
  [{ symlinks: true }, 'symlinks must be one of "within-root", "deny", "follow", not true'],
  ...['precompressed', 'compress', 'cleanUrls', 'directoryListing', 'securityHeaders'].flatMap(
    (name): [unknown, string][] =>
      ['true', 1, null, {}].map((value) => [
        { [name]: value },
        `${name} must be true or false, not ${JSON.stringify(value)}`,
      ]),
  ),
  ...['', '/index.html', '../x', 'a/../b', 'a//b', 'a/', '.hidden', 'a/.b', 'a\0b', 5, false].map(
    (value): [unknown, string] => [{ fallback: value }, 'fallback must be null or the name of a file below the root'],
  ),
  [{ cacheControl: {} }, 'cacheControl must be a list, not {}'],
  [{ cacheControl: null }, 'cacheControl must be a list, not null'],
  [{ cacheControl: ['*'] }, 'cacheControl[0] must be an object with match, value, not "*"'],
  [
    { cacheControl: [{ match: '*', value: 'x', extra: 1 }] },
    'cacheControl[0].extra is not an option; there are: match, value',
  ],
  [{ cacheControl: [{ value: 'x' }] }, 'cacheControl[0] must have "match"'],
  [{ cacheControl: [{ match: '', value: 'x' }] }, 'cacheControl[0].match must be a glob'],
  [{ cacheControl: [{ match: '[a', value: 'x' }] }, 'cacheControl[0].match must be a glob whose brackets are in pairs'],
  [{ cacheControl: [{ match: '{a', value: 'x' }] }, 'cacheControl[0].match must be a glob whose brackets are in pairs'],
  [{ cacheControl: [{ match: '!*.js', value: 'x' }] }, 'cacheControl[0].match must be a glob without a negation'],
  [{ cacheControl: [{ match: '/a/', value: 'x' }] }, 'cacheControl[0].match must be a glob for files'],
  [{ cacheControl: [{ match: '/', value: 'x' }] }, 'cacheControl[0].match must be a glob for files'],
  [{ cacheControl: [{ match: '//a', value: 'x' }] }, 'cacheControl[0].match must be a glob with one slash'],
  ...[
    ['https://a.example/*', 'a glob on the path of files, without a scheme and a host'],
    ['/a//b', 'a glob without empty segments'],
    ['./assets/*', 'a glob without "." and ".."'],
    ['/a/../*.js', 'a glob without "." and ".."'],
    ['/.git/**', 'a glob for files that are served'],
    ['.env', 'a glob for files that are served'],
    ['/a/.hidden/*', 'a glob for files that are served'],
  ].map(([match, fault]): [unknown, string] => [
    { headers: [{ match, set: {} }] },
    `headers[0].match must be ${fault}`,
  ]),
  [
    {
      cacheControl: [
        { match: '**', value: 'x' },
        { match: '*.js', value: 'y' },
      ],
    },
    'cacheControl[1] must come before cacheControl[0], which matches everything',
  ],
  [
    {
      cacheControl: [
        { match: '*.js', value: 'x' },
        { match: '*.css', value: 'z' },
        { match: '*.js', value: 'y' },
      ],
    },
    'cacheControl[2] must come before cacheControl[0], which has "*.js" too, or be left out',
  ],
  [
    {
      redirects: [
        { from: '/a b', to: '/b' },
        { from: '/a%20b', to: '/c' },
      ],
    },
    'redirects[1] must come before redirects[0], which has "/a%20b" too, or be left out',
  ],
  [
    {
      redirects: [
        { from: '/*', to: 'https://b.example/:splat' },
        { from: '/old', to: '/new' },
      ],
    },
    'redirects[1] must come before redirects[0], which matches everything',
  ],
  [{ redirects: [{ from: '/a/../b', to: '/c' }] }, 'redirects[0].from must be a path without the segments'],
  [{ redirects: [{ from: '/./b', to: '/c' }] }, 'redirects[0].from must be a path without the segments'],
  [{ cacheControl: [{ match: 'a\nb', value: 'x' }] }, 'cacheControl[0].match must be a glob'],
  [{ cacheControl: [{ match: '*', value: '' }] }, 'cacheControl[0].value must be the whole field value'],
  [{ cacheControl: [{ match: '*' }] }, 'cacheControl[0] must have "value"'],
  [{ cacheControl: [{ match: '*', value: 'a\r\nX: b' }] }, 'cacheControl[0].value must be a text of visible latin1'],
  [{ headers: [{ match: '*' }] }, 'headers[0] must have "set"'],
  [{ headers: [{ match: '*', set: ['a'] }] }, 'headers[0].set must be an object of fields'],
  [
    {
      headers: [
        { match: '*', set: {} },
        { match: '(', set: 1 },
      ],
    },
    'headers[1].set must be',
  ],
  [{ headers: [{ match: '*', set: { 'X A': 'b' } }] }, 'headers[0].set["X A"] must be the name of a field'],
  [{ headers: [{ match: '*', set: { '': 'b' } }] }, 'headers[0].set[""] must be the name of a field'],
  [{ headers: [{ match: '*', set: { 'X:': 'b' } }] }, 'headers[0].set["X:"] must be the name of a field'],
  [{ headers: [{ match: '*', set: { 'X-A': 'a\nb' } }] }, 'headers[0].set["X-A"] must be a text of visible latin1'],
  [{ headers: [{ match: '*', set: { 'X-A': '€' } }] }, 'headers[0].set["X-A"] must be a text'],
  [{ headers: [{ match: '*', set: { 'X-A': ' a' } }] }, 'headers[0].set["X-A"] must be a text'],
  [{ headers: [{ match: '*', set: { 'X-A': 1 } }] }, 'headers[0].set["X-A"] must be a text'],
  ...['Content-Length', 'transfer-encoding', 'CONNECTION', 'Date', 'ETag', 'Content-Encoding'].map(
    (name): [unknown, string] => [
      { headers: [{ match: '*', set: { [name]: 'x' } }] },
      `headers[0].set["${name}"] must be left out: the server determines`,
    ],
  ),
  [{ headers: [{ match: '*', set: { 'content-type': '' } }] }, 'headers[0].set["content-type"] must be a media type'],
  [{ redirects: 'x' }, 'redirects must be a list'],
  [{ redirects: [{ from: '/a' }] }, 'redirects[0] must have "to"'],
  [{ redirects: [{ from: 'a', to: '/b' }] }, 'redirects[0].from must be a path from the root'],
  [{ redirects: [{ from: '/a?b', to: '/b' }] }, 'redirects[0].from must be a path without "?"'],
  [{ redirects: [{ from: '/a\\b', to: '/b' }] }, 'redirects[0].from must be a path without "?"'],
  [{ redirects: [{ from: '/100%', to: '/b' }] }, 'redirects[0].from must be a path whose percent signs are escapes'],
  [{ redirects: [{ from: '/:a/:a', to: '/b' }] }, 'redirects[0].from must be a path that has each name once'],
  [{ redirects: [{ from: '/:splat/*', to: '/b' }] }, 'redirects[0].from must be a path that has each name once'],
  [{ redirects: [{ from: '/:a-*', to: '/b' }] }, 'redirects[0].from must be a path whose * is in another segment than'],
  [{ redirects: [{ from: '/{a}/**', to: '/b' }] }, 'redirects[0].from must be a glob with a choice in its braces'],
  [{ redirects: [{ from: '/{a,b}/:id', to: '/b' }] }, 'redirects[0].from must be either a glob or a path with names'],
  [{ redirects: [{ from: '/{a', to: '/b' }] }, 'redirects[0].from must be a glob whose brackets are in pairs'],
  ...['//evil.org', '//', '///x'].map((to): [unknown, string] => [
    { redirects: [{ from: '/a', to }] },
    'redirects[0].to must be a path with one slash at its beginning, or an http(s) URL in full',
  ]),
  ...['b', '', 5, '/\\evil.org', '/a\\b', 'https:\\\\evil.org', 'javascript:alert(1)', 'ftp://a/', '/a\r\nX: b'].map(
    (to): [unknown, string] => [{ redirects: [{ from: '/a', to }] }, 'redirects[0].to must be a path from the root or'],
  ),
  ...[
    'https://',
    'https://user@a/',
    'https://:id.example.org/',
    'https://a:id/',
    'https://a b/',
    'https://%78n--a/',
    'https://xn--a.ä/',
  ].map((to): [unknown, string] => [
    { redirects: [{ from: '/:id', to }] },
    'redirects[0].to must be a path from the root or an http(s) URL whose host is written out',
  ]),
  [{ redirects: [{ from: '/a', to: '/b%zz' }] }, 'redirects[0].to must be an address whose percent signs are escapes'],
  [{ redirects: [{ from: '/a/:id', to: '/b/:name' }] }, 'redirects[0].to has :name, which "/a/:id" does not catch'],
  [{ redirects: [{ from: '/{a,b}/**', to: '/:splat' }] }, 'redirects[0].to has :splat, which "/{a,b}/**" does not'],
  [
    { redirects: [{ from: '/a', to: '/b', status: 300 }] },
    'redirects[0].status must be one of 301, 302, 303, 307, 308',
  ],
  [{ redirects: [{ from: '/a', to: '/b', status: '301' }] }, 'redirects[0].status must be one of'],
  ...[
    ['/a', '/a'],
    ['/a', '/a?x=1'],
    ['/a', '/a#x'],
    ['/a', '/%61'],
    ['/ü', '/%C3%BC'],
    ['/a/:id', '/a/:id'],
  ].map(([from, to]): [unknown, string] => [
    { redirects: [{ from, to }] },
    `redirects[0].to must be another path than from, "${from}"`,
  ]),
  ...[
    [['/a/*', '/a/b/:splat']],
    [['/:x/:y', '/:y/:x']],
    [
      ['/:x/:y', '/:y/z/:x'],
      ['/:x/z/:y', '/:y/:x'],
    ],
    [
      ['/a', '/b'],
      ['/b', '/a'],
    ],
    [
      ['/a', '/b'],
      ['/b', '/c'],
      ['/c', '/b'],
    ],
    [
      ['/{a,b}/**', '/a/b/c'],
      ['/a/b/c', '/b/x'],
    ],
  ].map((rules): [unknown, string] => [
    { redirects: rules.map(([from, to]) => ({ from, to })) },
    'redirects[0] must not form a loop: /',
  ]),
  // Together with the redirects of cleanUrls.
  ...[
    ['/about', '/about.html', '/about to /about.html to /about'],
    ['/', '/index.html', '/ to /index.html to /'],
    ['/sub/', '/sub/index.html', '/sub/ to /sub/index.html to /sub/'],
    ['/:page', '/:page.html?x#y', '/:page to /x0.html to '],
    ['/*', '/maintenance.html', '/* to /maintenance.html to /maintenance to /maintenance.html'],
  ].map(([from, to, hops]): [unknown, string] => [
    { cleanUrls: true, redirects: [{ from, to }] },
    `redirects[0] must not form a loop: ${hops}`,
  ]),
  [{ encodedFiles: '*.br' }, 'encodedFiles must be a list'],
  [{ encodedFiles: ['*.br', '/a/'] }, 'encodedFiles[1] must be a glob for files'],
  [{ cors: true }, 'cors must be an object with origins, '],
  [{ cors: {} }, 'cors must have "origins"'],
  [{ cors: { origins: [] } }, 'cors.origins must be "*" or a list of origins'],
  [{ cors: { origins: 'https://a' } }, 'cors.origins must be "*" or a list of origins'],
  [{ cors: { origins: ['*'] } }, 'cors.origins[0] must be an origin; for all of them'],
  ...[
    'null',
    'a.org',
    'https://a/',
    'https://A',
    'https://a:443',
    'https://*.a.org',
    'https://u@a',
    'https://XN--a',
    'https://xn--a.ä',
    5,
    '',
  ].map((origin): [unknown, string] => [
    { cors: { origins: ['http://ok', origin] } },
    'cors.origins[1] must be an origin as a browser sends it',
  ]),
  [{ cors: { origins: '*', origin: '*' } }, 'cors.origin is not an option; did you mean origins?'],
  [{ cors: { origins: '*', credentials: true } }, 'cors.credentials must be false with origins "*"'],
  [{ cors: { origins: ['http://a'], credentials: 1 } }, 'cors.credentials must be true or false'],
  [
    { cors: { origins: ['http://a'], credentials: true, exposeHeaders: ['*'] } },
    'cors.exposeHeaders must be names with credentials',
  ],
  [{ cors: { origins: '*', methods: 'GET' } }, 'cors.methods must be a list'],
  [{ cors: { origins: '*', methods: ['GET, PUT'] } }, 'cors.methods[0] must be a method'],
  [{ cors: { origins: '*', headers: ['X A'] } }, "cors.headers[0] must be a field's name"],
  [{ cors: { origins: '*', exposeHeaders: ['a', ''] } }, "cors.exposeHeaders[1] must be a field's name"],
];

const OUT_OF_RANGE: [options: unknown, message: string][] = [
  ...[-1, 604_800_001, 0.5, Number.NaN, '5', null, 5n].map((value): [unknown, string] => [
    { previousReleaseMs: value },
    'previousReleaseMs must be an integer from 0 to 604800000, not ',
  ]),
  ...[-1, 86_401, '5'].map((value): [unknown, string] => [
    { cors: { origins: '*', maxAgeSeconds: value } },
    'cors.maxAgeSeconds must be an integer from 0 to 86400, not ',
  ]),
];

describe('an invalid option is one sentence that begins with its name', () => {
  test.each(INVALID.map(([options, message]) => [message, options] as const))('%s', (message, options) =>
    expectError(options, message, TypeError),
  );
  test.each(OUT_OF_RANGE.map(([options, message]) => [message, options] as const))('%s', (message, options) =>
    expectError(options, message, RangeError),
  );
});

function expectError(options: unknown, message: string, kind: typeof TypeError | typeof RangeError): void {
  const resolving = () => resolve(options);
  expect(resolving).toThrow(kind);
  expect(resolving).toThrow(expect.objectContaining({ code: 'ERR_EPOLLET_OPTION' }));
  expect(resolving).toThrow(message);
  // A caller adds the full stop, and may put a place before the name.
  expect(resolving).toThrow(/^[^\n]*[^.\n]$/);
}

test('redirects that end do not form a loop', () => {
  for (const rules of [
    [['/blog/*', '/blog/index.html']],
    [['/*', '/maintenance.html']],
    [['/a', '/a/']],
    [['/a/', '/a']],
    [['/:x', '/:x/y']],
    [['/a', 'https://www.example.org/a']],
    [['/a', 'https://XN--a.example/']],
    [['/*', 'https://www.example.org/:splat']],
    [
      ['/a', '/b'],
      ['/b', '/c'],
      ['/c', '/d'],
    ],
    [['/:lang/*', '/en/:splat']],
    [['/{a,b}/**', '/c']],
  ])
    expect(resolve({ redirects: rules.map(([from, to]) => ({ from, to })) }).redirects).toHaveLength(rules.length);
  for (const [from, to] of [
    ['/old', '/about.html'],
    ['/about.html', '/team'],
    ['/old/:id', '/new/:id.html'],
    ['/blog/*', '/news/index.html'],
    ['/about', '/aboutindex.html'],
  ])
    expect(resolve({ cleanUrls: true, redirects: [{ from, to }] }).redirects).toHaveLength(1);
});

test('many redirects are checked in linear time', () => {
  const redirects = Array.from({ length: 5000 }, (_, at) => ({ from: `/blog/old-${at}/:id`, to: `/new-${at}/:id` }));
  const startedMs = performance.now();
  expect(resolve({ redirects }).redirects).toHaveLength(5000);
  expect(performance.now() - startedMs).toBeLessThan(3000);
});
