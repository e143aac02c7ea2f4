import { expect, test } from 'vitest';
import { compileGlob, globFault } from '../../../../src/files/rules/glob.js';

/** Edge cases; the documented globs are in the tests of the rules. */
test.each<[pattern: string, hits: string[], misses: string[]]>([
  ['*-*-*.html', ['/a-b-c.html', '/x/--.html', '/-a-b-c-d.html'], ['/a-b.html', '/a-b-c.htm', '/a-b/c-d.html']],
  ['/*-*/*-*.js', ['/a-b/c-d.js', '/-/-.js'], ['/a-b/cd.js', '/a/b-c/d-e.js']],
  ['/a/**', ['/a', '/a/', '/a/b', '/a/b/c'], ['/ab', '/b/a']],
  ['/a/**/b', ['/a/b', '/a/x/b', '/a/x/y/b'], ['/ab', '/a/xb', '/a/x/yb']],
  ['/*/**', ['/a/b', '/a/b/c'], ['/a']],
  ['**/a/*', ['/a/b', '/x/a/b', '/x/y/a/b'], ['/a', '/xa/b', '/a/b/c', '/a/']],
  ['/a**b', ['/ab', '/axxb'], ['/ax/b']],
  ['/a/*', ['/a/b'], ['/a/', '/a', '/a/b/']],
  ['/{a,b/c,d{e,f}}.js', ['/a.js', '/b/c.js', '/de.js', '/df.js'], ['/b.js', '/d.js', '/a,b/c.js']],
  ['/{*,a/b}-x', ['/-x', '/y-x', '/a/b-x'], ['/c/b-x']],
  ['/x{,.min}.js', ['/x.js', '/x.min.js'], ['/x.max.js']],
  ['/{a/**,b}', ['/a', '/a/x', '/b'], ['/b/x']],
  ['/a,b', ['/a,b'], ['/a']],
  ['/[!a-c]', ['/d', '/-'], ['/a', '/b', '/dd']],
  ['/[^a]/x', ['/b/x'], ['/a/x', '///x']],
  ['/[]a]', ['/]', '/a'], ['/b']],
  ['/[a\\]b]', ['/]', '/a', '/b'], ['/\\']],
  ['/[{,}]', ['/{', '/,', '/}'], ['/a']],
  ['/\\*\\{\\[\\?', ['/*{[?'], ['/a{[?']],
  ['/?[ü-😀]?', ['/😀😀😀', '/aüb'], ['/😀', '/a😀']],
  ['/}', ['/}'], ['/a']],
])('%s', (pattern, hits, misses) => {
  expect(globFault(pattern)).toBeNull();
  const matches = compileGlob(pattern);
  expect(hits.filter((path) => !matches(path))).toEqual([]);
  expect(misses.filter(matches)).toEqual([]);
});

test.each([
  ['/[a', /brackets are in pairs/],
  ['/{a,b', /brackets are in pairs/],
  ['/{a,{b,c}', /brackets are in pairs/],
  ['/a\\', /brackets are in pairs/],
  ['/{a}', /a choice in its braces/],
  ['/{1..3}', /a choice in its braces/],
])('%s is not a glob', (pattern, fault) => expect(globFault(pattern)).toMatch(fault));

test('a long path is matched in linear time, whatever the pattern', () => {
  const patterns = [
    '/*-*-*.html',
    '/*_*_*_*.jsp',
    '/*/*-*-*.html',
    '**/*-**/*-*-*/**/*x',
    `/${'*a'.repeat(20)}`,
    `/${'{*,a,aa}'.repeat(10)}b`,
    '/{{*,?}{*,?},{*-,*}{a,-}}x',
  ];
  for (const pattern of patterns) {
    const matches = compileGlob(pattern);
    for (const unit of ['-', '_', 'a', '/', '/-', '-a', 'a/']) {
      const startedMs = performance.now();
      expect(matches(`/${unit.repeat(8191 / unit.length)}`)).toBeTypeOf('boolean');
      expect(performance.now() - startedMs, `${pattern} on ${unit}`).toBeLessThan(1000);
    }
  }
});
