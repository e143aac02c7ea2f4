import { describe, expect, test } from 'vitest';
import { Rules } from '../../../../src/files/rules/response-headers.js';
import { resolveSiteOptions, type SiteOptions } from '../../../../src/files/rules/site-options.js';

const rules = (options: SiteOptions = {}): Rules => new Rules(resolveSiteOptions(options));
const HTML = 'text/html; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';

const fieldOf = (options: SiteOptions, path: string, name: string, type = SCRIPT): string | undefined =>
  rules(options)
    .fieldsFor(path, type)
    .fields.find(([each]) => each.toLowerCase() === name.toLowerCase())?.[1];

/** The decisions on a path's fields, each as `Name: reason`. */
const reasonsFor = (options: SiteOptions, path: string, type = SCRIPT): string[] =>
  rules(options)
    .fieldsFor(path, type)
    .reasons.map(({ name, reason, isRemoval }) => `${name}: ${isRemoval ? 'removed, ' : ''}${reason}`);

describe('a glob on a path', () => {
  test.each([
    ['/assets/**', ['/assets/a.js', '/assets/b/c.js', '/assets/.x/a'], ['/a.js', '/x/assets/a.js', '/assetsa']],
    ['assets/*', ['/assets/a.js'], ['/assets/b/c.js', '/x/assets/a.js']],
    ['/*.js', ['/a.js'], ['/b/a.js', '/a.json']],
    ['*.js', ['/a.js', '/b/c/a.js', '/.well-known/a.js'], ['/a.js/b', '/a.jsx']],
    ['**/*.html', ['/a.html', '/b/c.html', '/.well-known/a.html'], ['/a.htm']],
    ['/**', ['/a', '/b/c'], []],
    ['**', ['/a', '/b/c', '/.well-known/x'], []],
    ['*', ['/a', '/b/c'], []],
    ['*.{js,css}', ['/a.js', '/b/a.css'], ['/a.html', '/a.{js,css}']],
    ['/[ab].js', ['/a.js', '/b.js'], ['/c.js']],
    ['/?.js', ['/a.js'], ['/ab.js']],
    ['/a (1).pdf', ['/a (1).pdf'], ['/a 1.pdf']],
    ['/a+b|c$^.js', ['/a+b|c$^.js'], ['/aab.js', '/c$^.js']],
    ['/@(a|b).js', ['/@(a|b).js'], ['/a.js']],
    ['/a.js', ['/a.js'], ['/aXjs', '/x/a.js']],
    ['/über/*', ['/über/a'], ['/uber/a']],
    ['A.js', ['/A.js'], ['/a.js']],
  ])('%s', (match, hits, misses) => {
    const hit = (path: string): boolean =>
      fieldOf({ headers: [{ match, set: { 'X-A': '1' } }] }, path, 'X-A') !== undefined;
    expect(hits.filter((path) => !hit(path))).toEqual([]);
    expect(misses.filter(hit)).toEqual([]);
  });
});

describe('Cache-Control', () => {
  const IMMUTABLE = 'public, max-age=31536000, immutable';
  const cacheControl = [
    { match: '/assets/**', value: 'public, max-age=60' },
    { match: '*.js', value: 'no-store' },
  ];

  test.each<[path: string, type: string, options: SiteOptions, value: string | undefined, reasons: string[]]>([
    ['/app.3f2a9c1b.js', SCRIPT, {}, IMMUTABLE, ['Cache-Control: the name is fingerprinted']],
    ['/app.js', SCRIPT, {}, 'no-cache', ['Cache-Control: the name is not fingerprinted']],
    ['/index.html', HTML, {}, 'no-cache', ['Cache-Control: a page may change']],
    ['/news-3f2a9c1b.html', HTML, {}, 'no-cache', ['Cache-Control: a page may change']],
    [
      '/assets/a.js',
      SCRIPT,
      { cacheControl },
      'public, max-age=60',
      ['Cache-Control: cacheControl[0] matches /assets/**'],
    ],
    ['/a.3f2a9c1b.js', SCRIPT, { cacheControl }, 'no-store', ['Cache-Control: cacheControl[1] matches *.js']],
    ['/a.3f2a9c1b.css', 'text/css', { cacheControl }, IMMUTABLE, ['Cache-Control: the name is fingerprinted']],
    [
      '/a.js',
      SCRIPT,
      { headers: [{ match: '*.js', set: { 'cache-control': 'private' } }] },
      'private',
      ['Cache-Control: the name is not fingerprinted', 'cache-control: headers[0] matches *.js'],
    ],
    [
      '/a.js',
      SCRIPT,
      { headers: [{ match: '*', set: { 'Cache-Control': '' } }] },
      undefined,
      ['Cache-Control: the name is not fingerprinted', 'Cache-Control: removed, headers[0] matches *'],
    ],
  ])('of %s (%s, %j) is %s', (path, type, options, value, reasons) => {
    expect(fieldOf(options, path, 'Cache-Control', type)).toBe(value);
    expect(reasonsFor(options, path, type)).toEqual(reasons);
  });
});

describe('header rules', () => {
  test('of which the later win, in any case of the name, and each name is sent once', () => {
    const headers = [
      { match: '*', set: { 'X-A': '1', 'X-B': '1' } },
      { match: '*.css', set: { 'X-A': 'css' } },
      { match: '*.js', set: { 'x-a': '2' } },
    ];
    expect(rules({ headers }).fieldsFor('/a.js', SCRIPT).fields).toEqual([
      ['Cache-Control', 'no-cache'],
      ['x-a', '2'],
      ['X-B', '1'],
    ]);
    expect(reasonsFor({ headers }, '/a.js')).toEqual([
      'Cache-Control: the name is not fingerprinted',
      'X-A: headers[0] matches *',
      'X-B: headers[0] matches *',
      'x-a: headers[2] matches *.js',
    ]);
  });

  test('with an empty value remove a field, and later rules can set it again', () => {
    const headers = [
      { match: '*', set: { 'X-A': '1', 'X-Never': '' } },
      { match: '*', set: { 'x-a': '' } },
      { match: '/b.js', set: { 'X-A': '3' } },
    ];
    expect(fieldOf({ headers }, '/a.js', 'X-A')).toBeUndefined();
    expect(fieldOf({ headers }, '/b.js', 'X-A')).toBe('3');
    expect(reasonsFor({ headers }, '/a.js')).toEqual([
      'Cache-Control: the name is not fingerprinted',
      'X-A: headers[0] matches *',
      'x-a: removed, headers[1] matches *',
    ]);
  });
});

describe('security fields', () => {
  const namesFor = (options: SiteOptions, type: string): string[] =>
    rules(options)
      .fieldsFor('/a', type)
      .fields.map(([name]) => name)
      .filter((name) => name !== 'Cache-Control');
  const ALL = [
    'X-Content-Type-Options',
    'X-Frame-Options',
    'Referrer-Policy',
    'Cross-Origin-Opener-Policy',
    'Permissions-Policy',
  ];

  test.each([
    [HTML, ALL],
    ['application/xhtml+xml', ALL],
    ['image/svg+xml', ALL],
    [SCRIPT, ALL.slice(0, 1)],
    ['image/png', ALL.slice(0, 1)],
  ])('of %s', (type, names) => {
    expect(namesFor({ securityHeaders: true }, type)).toEqual(names);
    expect(namesFor({}, type)).toEqual([]);
  });

  test('are overridden by a rule', () => {
    const headers = [{ match: '*', set: { 'x-frame-options': 'DENY', 'Referrer-Policy': '' } }];
    const { fields } = rules({ securityHeaders: true, headers }).fieldsFor('/a.html', HTML);
    expect(fields).toContainEqual(['x-frame-options', 'DENY']);
    expect(fields.map(([name]) => name.toLowerCase())).not.toContain('referrer-policy');
    expect(fields).toHaveLength(ALL.length);
  });

  test('do not have Strict-Transport-Security', () =>
    expect(fieldOf({ securityHeaders: true }, '/', 'Strict-Transport-Security', HTML)).toBeUndefined());
});

test.each([
  ['assets/index-DiwrgTda.js', true],
  ['assets/app.3f2a9c1b.js', true],
  ['app.js', false],
  ['_nuxt/entry.js', true],
  ['_nuxt/entry.css', true],
  ['own/entry.js', false],
])('%s is served from the previous release: %s', (name, outlives) => {
  const site = rules({
    cacheControl: [{ match: '/_nuxt/*.js', value: 'max-age=1, Immutable' }],
    headers: [{ match: '/_nuxt/*.css', set: { 'cache-control': 'immutable' } }],
  });
  expect(site.servedFromPrevious(Buffer.from(name))).toBe(outlives);
});
