import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { finish } from '../../../../src/files/listing/content.js';
import {
  isListed,
  LISTING_CSP,
  type ListingEntry,
  type ListingOptions,
  parseOrder,
  renderHtml,
  renderJson,
} from '../../../../src/files/listing/render.js';
import { byName, orderKey } from '../../../../src/files/listing/sort.js';
import { parseUrlPath } from '../../../../src/files/resolve/url-path.js';

const TIME_MS = Date.UTC(2026, 1, 3, 4, 5, 6, 789);
const BY_NAME: ListingOptions = { path: '/a/', sort: 'name', descending: false, truncation: null };

/** `name` in latin1, a character a byte. */
const entry = (
  name: string,
  { isDirectory = name.endsWith('/'), size = 1, modifiedMs = TIME_MS }: Partial<ListingEntry> = {},
): ListingEntry => ({
  name: Buffer.from(name.replace(/\/$/, ''), 'latin1'),
  isDirectory,
  size,
  modifiedMs,
});

interface Item {
  name: string;
  type: string;
  size: number | null;
  modified: string | null;
  url: string;
}
const ordered = (entries: ListingEntry[]): ListingEntry[] =>
  entries.map((each) => ({ ...each, key: orderKey(each.name.toString()) })).sort(byName);
const json = (entries: ListingEntry[], options: Partial<ListingOptions> = {}): Item[] =>
  JSON.parse(renderJson(ordered(entries), { ...BY_NAME, ...options }).toString());
const html = (entries: ListingEntry[], options: Partial<ListingOptions> = {}): string =>
  finish(renderHtml(ordered(entries), { ...BY_NAME, ...options })).toString();
/** The links of the entries on a page, in order. */
const linksOf = (page: string): string[] =>
  [...page.matchAll(/<td[^>]*><a href="([^"]*)">/g)].map(([, link]) => link!).filter((link) => link !== '../');
const namesOf = (entries: ListingEntry[], options: Partial<ListingOptions>): string => {
  const items = json(entries, options);
  const unescaped = linksOf(html(entries, options)).map((link) =>
    link.replaceAll('&amp;', '&').replaceAll('&#39;', "'"),
  );
  expect(unescaped, 'HTML and JSON have the same order').toEqual(items.map((item) => item.url));
  return items.map(({ name, type }) => (type === 'directory' ? `${name}/` : name)).join(' ');
};

test.each([
  ['a', true],
  [' .a', true],
  ['\xff', true],
  ['', false],
  ['.', false],
  ['..', false],
  ['.git', false],
  ['.well-known', false],
])('%j is listed: %s', (name, expected) => {
  expect(isListed(Buffer.from(name, 'latin1'))).toBe(expected);
  expect(json([entry(name)]).length).toBe(expected ? 1 : 0);
});

describe('order', () => {
  test.each<[query: string, sort: string, descending: boolean]>([
    ['', 'name', false],
    ['?', 'name', false],
    ['?sort=name', 'name', false],
    ['?sort=size', 'size', false],
    ['sort=size', 'size', false],
    ['?sort=time&order=desc', 'time', true],
    ['?sort=time&order=asc', 'time', false],
    ['?order=desc', 'name', true],
    ['?sort=SIZE', 'name', false],
    ['?sort=size&order=DESC', 'size', false],
    ['?sort=date', 'name', false],
    ['?sort=size&sort=time', 'size', false],
    ['?sort=%73ize', 'size', false],
    ['?sort=__proto__&order=constructor', 'name', false],
    ['?%', 'name', false],
    ['?sort=size;order=desc', 'name', false],
  ])('%j: by %s, descending: %s', (query, sort, descending) => expect(parseOrder(query)).toEqual({ sort, descending }));

  test('a query of the longest size is parsed fast', () => {
    const startMs = performance.now();
    for (const unit of ['&', '=', '%', '%2', 'a&', 'a=b&', '+', 'sort=x&'])
      expect(parseOrder(unit.repeat(8000))).toEqual({ sort: 'name', descending: false });
    expect(performance.now() - startMs).toBeLessThan(1000);
  });

  const some = ['file10', 'b/', 'File2', 'file1', 'a10/', '\xc3\xa4', 'a9/', 'z', 'A'].map((name) => entry(name));
  const sized = [
    entry('big', { size: 3000, modifiedMs: 2 }),
    entry('sub/', { size: 4096, modifiedMs: 3 }),
    entry('none', { size: 0, modifiedMs: Number.NaN }),
    entry('same2', { size: 5, modifiedMs: 1 }),
    entry('same1', { size: 5, modifiedMs: 1 }),
  ];
  test.each<[names: string, options: Partial<ListingOptions>, entries: ListingEntry[]]>([
    ['a9/ a10/ b/ A ä file1 File2 file10 z', {}, some],
    ['b/ a10/ a9/ z file10 File2 file1 ä A', { descending: true }, some],
    ['sub/ big none same1 same2', {}, sized],
    ['sub/ none same1 same2 big', { sort: 'size' }, sized],
    ['big same1 same2 none sub/', { sort: 'size', descending: true }, sized],
    ['none same1 same2 big sub/', { sort: 'time' }, sized],
    ['sub/ big same1 same2 none', { sort: 'time', descending: true }, sized],
  ])('%s: %j', (names, options, entries) => {
    expect(namesOf(entries, options)).toBe(names);
    expect(namesOf(entries.toReversed(), options)).toBe(names);
  });

  test('names with the same key have one order', () => {
    const alike = ['\xff', '\xfe', '\xc3\xa9', 'e\xcc\x81'].map((name) => entry(name));
    expect(json(alike)).toEqual(json(alike.toReversed()));
  });

  test('the entries are not modified', () => {
    const entries = Object.freeze([entry('a'), entry('b')]);
    finish(renderHtml(entries, { ...BY_NAME, descending: true }));
    expect(entries.map(({ name }) => name.toString())).toEqual(['a', 'b']);
  });

  test.each<[Partial<ListingOptions>, heads: string[]]>([
    [{}, [' aria-sort="ascending" name desc', ' size desc', ' time desc']],
    [{ descending: true }, [' aria-sort="descending" name asc', ' size desc', ' time desc']],
    [{ sort: 'size' }, [' name asc', ' aria-sort="ascending" size desc', ' time desc']],
    [{ sort: 'size', descending: true }, [' name asc', ' aria-sort="descending" size asc', ' time desc']],
    [{ sort: 'time', descending: true }, [' name asc', ' size desc', ' aria-sort="descending" time asc']],
  ])('the column heads of %j reverse its order', (options, heads) => {
    const matches = html([], options).matchAll(/<th scope="col"([^>]*)><a href="\?sort=(\w+)&amp;order=(\w+)">/g);
    expect([...matches].map(([, state, sort, order]) => `${state} ${sort} ${order}`)).toEqual(heads);
  });
});

/** Every byte that a name can have except a leading dot, and names made to mislead. */
const ODD_NAMES = [
  ...Array.from({ length: 255 }, (_, i) => `a${String.fromCharCode(i + 1)}b`).filter((name) => name !== 'a/b'),
  ...`javascript:alert(1)|https:|?sort=size|#top|%2e%2e|%|a&amp;b|a&quot;'onclick=`.split('|'),
  ...`"><script>alert(1)|<style>|<!--|'`.split('|'),
  ' lead and trail ',
  '\\\\host\\share',
  'a\r\nb',
  '\xff\xfe',
  '\xe2\x80\xaegpj.exe',
  '\xed\xa0\x80',
  'x'.repeat(255),
];

describe('a name', () => {
  test.each(ODD_NAMES)('%j is linked by its bytes, and escaped', (name) => {
    for (const spelled of [name, `${name}/`]) {
      const entries = [entry(spelled)];
      const page = html(entries);
      const [{ url } = { url: '' }] = json(entries);
      const [link] = linksOf(page);
      expect(link!.replaceAll('&amp;', '&').replaceAll('&#39;', "'")).toBe(url);
      expect(url).toMatch(/^\.\/[!-~]+$/);
      const target = new URL(url, 'http://host/a/');
      expect([target.host, target.search, target.hash]).toEqual(['host', '', '']);
      const parsed = parseUrlPath(Buffer.from(target.pathname, 'latin1'));
      expect(parsed).toEqual({ name: Buffer.from(`a/${name}`, 'latin1'), isDirectory: spelled !== name });
      const cells = page.slice(page.indexOf('<tbody>'), page.indexOf('</tbody>'));
      expect(cells.match(/<\/?[a-z]+/g)!.join(' ')).toMatch(
        /^<tbody <tr <td <a <\/a <\/td <\/tr <tr <td <a <bdi <\/bdi <\/a <\/td <td (<span <\/span )?<\/td <td <time <\/time <\/td <\/tr$/,
      );
    }
  });

  test.each([
    ['a b', 'a b', './a%20b'],
    ['\xc3\xa4', 'ä', './%C3%A4'],
    ['\xe4', '\ufffd', './%E4'],
    ['a\xffb', 'a\ufffdb', './a%FFb'],
    ['a:b', 'a:b', './a:b'],
    ['\xef\xbb\xbfa', '\ufeffa', './%EF%BB%BFa'],
    ['100%', '100%', './100%25'],
  ])('%j is shown as %j and linked as %s', (name, text, url) => {
    expect(json([entry(name)])).toMatchObject([{ name: text, url }]);
    expect(html([entry(name)])).toContain(`<td><a href="${url}"><bdi>${text}</bdi></a></td>`);
  });

  // With the direction of text reversed, gnp.exe would be displayed as exe.png.
  test.each([
    ['\u202egnp.exe', '\ufffdgnp.exe', './%E2%80%AEgnp.exe'],
    ...[...'\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069'].map((control) => [
      `a${control}b`,
      'a\ufffdb',
      `./a${encodeURIComponent(control)}b`,
    ]),
    ['\u05d0\u05d1.txt', '\u05d0\u05d1.txt', './%D7%90%D7%91.txt'],
  ] as [string, string, string][])('%j shows as %j, and is at %s', (name, text, url) => {
    const bytes = { ...entry(''), name: Buffer.from(name) };
    const page = html([bytes], { path: `/${name}/` });
    expect(page).toContain(`<a href="${url}"><bdi>${text}</bdi></a>`);
    expect(page).toContain(`<title>Index of /${text}/</title>`);
    expect(page).toContain(`<span aria-current="page"><bdi>${text}</bdi></span>`);
    expect(json([bytes])).toMatchObject([{ name, url }]);
  });

  test('is escaped as text', () => {
    expect(html([entry(`<a href="x" id='y'>&lt;`)])).toContain(
      '<bdi>&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;lt;</bdi>',
    );
  });
});

describe('the path', () => {
  test.each([
    ['/', '/', false],
    ['', '/', false],
    ['/a/', '<a href="../">/</a><span aria-current="page"><bdi>a</bdi></span>/', true],
    ['/a', '<a href="../">/</a><span aria-current="page"><bdi>a</bdi></span>/', true],
    [
      '/a/b c/<d>/',
      '<a href="../../../">/</a><a href="../../"><bdi>a</bdi></a>/<a href="../"><bdi>b c</bdi></a>/<span aria-current="page"><bdi>&lt;d&gt;</bdi></span>/',
      true,
    ],
  ])('%s', (path, crumbs, hasParent) => {
    const page = html([], { path });
    expect(page).toContain(`<h1><i>Index of</i> ${crumbs}</h1>`);
    expect(page.includes('<a href="../">../</a>')).toBe(hasParent);
  });

  test('is escaped in the title', () => {
    expect(html([], { path: '/</title><script>/' })).toContain(
      '<title>Index of /&lt;/title&gt;&lt;script&gt;/</title>',
    );
  });
});

test.each<[size: number, text: string, exact: string]>([
  [0, '0 B', '0'],
  [1023, '1023 B', '1,023'],
  [1024, '1.0 KiB', '1,024'],
  [1536, '1.5 KiB', '1,536'],
  [10_188, '9.9 KiB', '10,188'],
  [10_189, '10 KiB', '10,189'],
  [1_048_063, '1023 KiB', '1,048,063'],
  [1_048_064, '1.0 MiB', '1,048,064'],
  [5_368_709_120, '5.0 GiB', '5,368,709,120'],
  [2 ** 40 * 700, '700 TiB', '769,658,139,443,200'],
  [2 ** 52, '4.0 PiB', '4,503,599,627,370,496'],
])('%d bytes are shown as %s', (size, text, exact) => {
  expect(html([entry('a', { size })])).toContain(`<td><span title="${exact} bytes">${text}</span></td>`);
  expect(json([entry('a', { size })])[0]!.size).toBe(size);
});

test.each<[modifiedMs: number, iso: string | null, text: string]>([
  [TIME_MS, '2026-02-03T04:05:06.789Z', '2026-02-03 04:05'],
  [TIME_MS + 0.6, '2026-02-03T04:05:06.789Z', '2026-02-03 04:05'],
  [0, '1970-01-01T00:00:00.000Z', '1970-01-01 00:00'],
  [-1, '1969-12-31T23:59:59.999Z', '1969-12-31 23:59'],
  [Date.UTC(9999, 11, 31, 23, 59), '9999-12-31T23:59:00.000Z', '9999-12-31 23:59'],
  [Date.UTC(10000, 0), null, '–'],
  [-1e14, null, '–'],
  [1e300, null, '–'],
  [Number.NaN, null, '–'],
])('modified at %d: %s, shown as %s', (modifiedMs, iso, text) => {
  const cell = iso === null ? text : `<time datetime="${iso}">${text}</time>`;
  expect(html([entry('a', { modifiedMs })])).toContain(`<td>${cell}</td></tr>`);
  expect(json([entry('a', { modifiedMs })])[0]!.modified).toBe(iso);
});

test('a directory has no size', () => {
  expect(html([entry('a/', { size: 4096 })])).toContain('<td>–</td>');
  expect(json([entry('a/', { size: 4096 })])).toEqual([
    { name: 'a', type: 'directory', size: null, modified: '2026-02-03T04:05:06.789Z', url: './a/' },
  ]);
});

test.each<[text: string, entries: ListingEntry[]]>([
  ['0 directories, 0 files', []],
  ['1 directory, 1 file', [entry('a'), entry('.b'), entry('c/')]],
  ['0 directories, 1,001 files', Array.from({ length: 1001 }, (_, i) => entry(`f${i}`))],
])('the page counts %s', (text, entries) => expect(html(entries)).toContain(`<p>${text}</p>`));

test.each([
  [{ scanned: 5000, names: 50_000, hasMore: false }, 'of 50,000 in the directory.'],
  [{ scanned: 5000, names: 100_000, hasMore: true }, 'of 100,000 that were read: the directory has more.'],
])('a page has a notice when it is truncated: %j', (cut, of) => {
  expect(html([entry('a')])).not.toContain('class="more"');
  expect(html([entry('a')], { truncation: cut })).toContain(
    `<p class="more">Only the first 5,000 by name are listed, ${of}</p>`,
  );
});

describe('the page', () => {
  const page = html([entry('a'), entry('b/')]);

  test('has the style that its policy allows, no scripts and no requests', () => {
    const styles = [...page.matchAll(/<style>([\s\S]*?)<\/style>/g)].map(([, style]) => style!);
    expect(styles.length).toBe(1);
    const hash = createHash('sha256').update(styles[0]!).digest('base64');
    expect(LISTING_CSP).toBe(`default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`);
    expect(page).not.toMatch(/<script|<img|<link|<iframe|<form|\son\w+=|\sstyle=|\ssrc=|url\(|@import/i);
  });

  test('has styles for light and dark, small screens and print', () => {
    for (const part of ['color-scheme: light dark', 'prefers-color-scheme: dark', 'max-width: 36rem', '@media print'])
      expect(page).toContain(part);
    expect(page).toContain('<meta name="viewport" content="width=device-width, initial-scale=1">');
  });

  test('has balanced tags', () => {
    const open: string[] = [];
    for (const [, end, tag] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*>/g)) {
      if (tag === 'meta') continue;
      if (end) expect(open.pop()).toBe(tag);
      else open.push(tag!);
    }
    expect(open).toEqual([]);
  });
});

test('ten thousand entries take less than a second', () => {
  const entries = Array.from({ length: 10_000 }, (_, i) =>
    entry(`a file with number ${i}.txt`, { size: i, modifiedMs: i }),
  );
  const startMs = performance.now();
  finish(renderHtml(entries.reverse(), BY_NAME));
  expect(performance.now() - startMs).toBeLessThan(1000);
});
