import { describe, expect, test } from 'vitest';
import { Rules } from '../../../../src/files/rules/response-headers.js';
import { resolveSiteOptions, type SiteOptions } from '../../../../src/files/rules/site-options.js';

const rules = (options: SiteOptions): Rules => new Rules(resolveSiteOptions(options));

describe('a redirect', () => {
  const CASES: [from: string, to: string, path: string, query: string, location: string | null][] = [
    ['/old', '/new', '/old', '', '/new'],
    ['/old', '/new', '//old', '', '/new'],
    ['/old', '/new', '/%6fld', '', '/new'],
    ['/old', '/new', '/old/', '', null],
    ['/old', '/new', '/Old', '', null],
    ['/old', '/new', '/old/x', '', null],
    ['/old', '/new', '/x/../old', '', null],
    ['/old', '/new', '/old%zz', '', null],
    ['/old', '/new', '', '', null],
    ['/old/', '/new', '/old/', '', '/new'],
    ['/old', '/new/', '/old', '?a=1&b=%20', '/new/?a=1&b=%20'],
    ['/old', '/new?x=1', '/old', '?a=1', '/new?x=1'],
    ['/old', '/new#part', '/old', '?a=1', '/new?a=1#part'],
    ['/old', '/new#a?b', '/old', '?a=1', '/new?a=1#a?b'],
    ['/old', '/new', '/old', '?', '/new'],
    ['/old', '/new', '/old', '?\xfc\x01"', '/new?%FC%01"'],
    ['/old', 'https://www.example.org', '/old', '?a', 'https://www.example.org?a'],
    ['/old', 'http://example.org:8080/x', '/old', '', 'http://example.org:8080/x'],
    ['/old', '/ü b', '/old', '', '/%C3%BC%20b'],
    ['/ü', '/u', '/%C3%BC', '', '/u'],
    ['/ü', '/u', '/\xc3\xbc', '', '/u'],
    ['/a%20b', '/c', '/a b', '', '/c'],
    ['/a b', '/c', '/a%20b', '', '/c'],
    ['/a.c', '/x', '/abc', '', null],
    ['/a+(b)', '/x', '/a+(b)', '', '/x'],
    ['/wiki/Talk:Main', '/talk', '/wiki/Talk:Main', '', '/talk'],
    ['/old/:id', '/new/:id', '/old/7', '', '/new/7'],
    ['/old/:id', '/new?id=:id', '/old/a&b=c', '?x=1', '/new?id=a%26b%3Dc'],
    ['/old/:id', '/new/:id', '/old/', '', null],
    ['/old/:id', '/new/:id', '/old/7/8', '', null],
    ['/old/:id', '/new/:id', '/old/a%2Fb', '', '/new/a%2Fb'],
    ['/old/:id', '/new/:id', '/old/%2f%2fevil.org', '', '/new/%2F%2Fevil.org'],
    ['/old/:id', '/:id', '/old/\\evil.org', '', '/%5Cevil.org'],
    ['/old/:id', '/:id', '/old/%0d%0aX:1', '', '/%0D%0AX%3A1'],
    ['/old/:id', '/:id', '/old/%3Fa%23b', '', '/%3Fa%23b'],
    ['/old/:id', '/:id', '/old/\xff', '', '/%FF'],
    ['/old/:id', '/:id', '/old/..', '', null],
    ['/old/:id', '/:id', '/old/%2e%2E', '', null],
    ['/:year/:month/:slug.html', '/posts/:slug-:month', '/2020/01/hi.html', '', '/posts/hi-01'],
    ['/:year/:month/:slug.html', '/posts/:slug/:month', '/2020/01/hi.html', '', '/posts/hi/01'],
    ['/:year/:month/:slug.html', '/posts/:slug/:month', '/2020/01/hi.htm', '', null],
    ['/blog/*', '/news/:splat', '/blog/a/b', '?q', '/news/a/b?q'],
    ['/blog/*', '/news/:splat', '/blog/a/b/', '', '/news/a/b/'],
    ['/blog/*', '/news/:splat', '/blog/', '', '/news/'],
    ['/blog/*', '/news/:splat', '/blog', '', '/news/'],
    ['/blog/*', '/news/:splat', '/blogs', '', null],
    ['/blog/*', '/:splat', '/blog//evil.org', '', '/evil.org'],
    ['/blog/*', '/:splat/x', '/blog/', '', '/x'],
    ['/:a/blog/*', '/:splat/:a', '/evil.org/blog/', '', '/evil.org'],
    ['/blog/*', '/blog/index.html', '/blog/x', '', '/blog/index.html'],
    ['/blog/*', '/blog/index.html', '/blog/index.html', '', null],
    ['/blog/*', '/blog/index.html', '/blog/%69ndex.html', '?x', null],
    ['/*', 'https://www.example.org/:splat', '/a/b', '?q=1', 'https://www.example.org/a/b?q=1'],
    ['/*', 'https://www.example.org/:splat', '/', '', 'https://www.example.org/'],
    ['/old/*.php', '/:splat', '/old/a/b.php', '', '/a/b'],
    ['/old/*.php', '/:splat', '/old/a/b.html', '', null],
    ['/{a,b}/**', '/c', '/b/x/y', '', '/c'],
    ['/{a,b}/**', '/c', '/d/x', '', null],
    ['/[ü]/**', '/c', '/%C3%BC/x', '', '/c'],
    ['/*/x/*', '/c', '/a/x/b', '', '/c'],
  ];

  test.each(CASES)('from %s to %s: %j with %j is %j', (from, to, path, query, location) => {
    const found = rules({ redirects: [{ from, to }] }).redirectFor(path, query);
    expect(found).toEqual(location === null ? null : { status: 308, location, rule: `redirects[0], from ${from}` });
  });

  test('is that of the first matching rule', () => {
    const site = rules({
      redirects: [
        { from: '/a/one', to: '/1', status: 301 },
        { from: '/a/*', to: '/2', status: 302 },
        { from: '/a/three', to: '/3', status: 303 },
        { from: '/b/*', to: '/4', status: 307 },
        { from: '/b/*', to: '/5' },
      ],
    });
    const found = ['/a/one', '/a/three', '/a/x', '/b/x', '/c'].map((path) => site.redirectFor(path, ''));
    expect(found.map((each) => each && [each.status, each.location])).toEqual([
      [301, '/1'],
      [302, '/2'],
      [302, '/2'],
      [307, '/4'],
      null,
    ]);
  });

  test('never leads to another host than its rule, nor injects a header line', () => {
    const site = rules({
      redirects: [
        { from: '/a/:x/*', to: '/:splat/:x' },
        { from: '/b/*', to: '/:splat' },
      ],
    });
    const pieces = [
      '/',
      '//',
      '\\',
      '%2f',
      '%5c',
      '%0a',
      '\n',
      '.',
      '..',
      '%2e',
      'evil.org',
      ':',
      '@',
      '%',
      '?',
      '#',
      '',
    ];
    for (const one of pieces)
      for (const two of pieces)
        for (const three of pieces)
          for (const start of ['/a/', '/b/', '/a/x/']) {
            const location = site.redirectFor(`${start}${one}${two}${three}`, '')?.location ?? '/';
            expect(location).toMatch(/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/);
            expect(new URL(location, 'http://own.example/').host).toBe('own.example');
          }
  });

  test('is found by the prefix before its placeholders, in the order of the rules', () => {
    const froms = ['/a/b/c/:x', '/:x/b/*', '/{a,z}/**', '/a/*', '/a/b', '/ü/x/:x', '/*'];
    const site = rules({ redirects: froms.map((from, at) => ({ from, to: `https://www.example.org/${at}` })) });
    const first = (path: string): string | undefined => site.redirectFor(path, '')?.location.slice(-1);
    expect(
      ['/a/b/c/d', '/a/b/c/d/e', '/a/b', '/x/b', '/a', '/z', '/a/x/y', '/%c3%bc/x/1', '/%C3%BC/x', '/', '/b/a'].map(
        first,
      ),
    ).toEqual(['0', '1', '1', '1', '2', '2', '2', '5', '6', '6', '6']);
  });

  test.each(['/:a/*/:b.html', '/*-*-*.html', '/*_*_*_*.jsp', '/*/*-*-*.html', '/{*-*,**}/*-x'])(
    'from %s takes no long time for a long path',
    (from) => {
      const site = rules({ redirects: [{ from, to: '/x' }] });
      const startedMs = performance.now();
      for (const unit of ['/a', 'a', '/', '%61', '.', '*', '-', '_', '/-', '-/'])
        site.redirectFor(`/${unit.repeat(8191 / unit.length)}`, '');
      expect(performance.now() - startedMs).toBeLessThan(2000);
    },
  );
});
