import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServeOptions, type Server, serve } from '../../../src/index.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { makeDirectory, settled, type TestDirectory } from '../../support/directory.js';
import { exchange, RawClient, type RawResponse, request } from '../../support/raw-client.js';
import { type Row, testRows, testServedRows } from '../../support/rows.js';
import { contentOf, KIB } from '../../support/site.js';

/** Names that would be markup, a URL or an attribute if they were not escaped. */
const HOSTILE = [
  '<script>alert(1)<',
  '"onmouseover="x',
  "it's & so",
  'javascript:alert(1)',
  'a?b#c%d',
  '%2e%2e',
  'back\\slash',
  'ünï 漢字',
  '\u202etxt.exe',
  'new\nline',
  ' blank ',
];

interface Item {
  name: string;
  type: 'file' | 'directory';
  size: number | null;
  modified: string | null;
  url: string;
}

let directory: TestDirectory;
let server: Server;

const serving = (options: Partial<ServeOptions> = {}): Server =>
  serve({ root: directory.root, port: 0, directoryListing: true, ...options });

beforeAll(async () => {
  directory = makeDirectory({
    'sorted/b.txt': contentOf(300),
    'sorted/a.txt': contentOf(20),
    'sorted/file10.txt': contentOf(1),
    'sorted/file9.txt': contentOf(4000),
    'sorted/sub/x.txt': '',
    'dotted/.hidden': '',
    'dotted/.git/config': '',
    'dotted/seen.txt': '',
    'with-index/index.html': 'index\n',
    'linked/file.txt': 'file\n',
    'linked/deeper/x.txt': '',
    'app-3f2a9c1bd4e5.d/x.txt': '',
    'top.txt': 'top\n',
  });
  for (const [at, name] of ['b.txt', 'a.txt', 'file10.txt', 'file9.txt'].entries())
    directory.write(`sorted/${name}`, contentOf([300, 20, 1, 4000][at]!), 3600 - at * 60);
  mkdirSync(directory.path('hostile'));
  mkdirSync(directory.path('empty'));
  for (const name of HOSTILE) directory.write(`hostile/${name}`, name);
  directory.write(Buffer.from('hostile/latin\xff', 'latin1'), 'bytes');
  writeFileSync(join(directory.outside, 'secret.txt'), 'secret\n');
  const links: [name: string, target: string][] = [
    ['in', 'file.txt'],
    ['in-dir', 'deeper'],
    ['up', '../top.txt'],
    ['out', '../../outside/secret.txt'],
    ['out-dir', '../../outside'],
    ['absolute-in', directory.path('top.txt')],
    ['absolute-out', join(directory.outside, 'secret.txt')],
    ['out-and-back', `../../${basename(directory.root)}/top.txt`],
    ['dangling', 'nowhere'],
    ['self', 'self'],
    ['to-fifo', 'fifo'],
  ];
  for (const [name, target] of links) directory.link(`linked/${name}`, target);
  directory.link('top-link', 'top.txt');
  directory.link('etc', '../outside');
  execFileSync('mkfifo', [directory.path('linked/fifo')]);
  await settled();
  server = serving();
});

afterAll(async () => {
  await server.stop({ force: true });
  directory[Symbol.dispose]();
});

const JSON_ONLY = ['Accept: application/json'];

async function itemsOf(target: string, of: Server = server): Promise<Item[]> {
  const response = await exchange(of.port, request(target, JSON_ONLY));
  if (response.status !== 200) throw new Error(`${target}: ${response.head}`);
  return JSON.parse(response.body.toString());
}

const namesOf = async (target: string, of: Server = server): Promise<string[]> =>
  (await itemsOf(target, of)).map(({ name }) => name);

const page = (target: string): Promise<RawResponse> => exchange(server.port, request(target, ['Accept: text/html']));

describe('listings are off by default', () => {
  testServedRows(
    [
      ['GET /', [], 404],
      ['GET /sorted/', [], 404],
      ['GET /sorted/', JSON_ONLY, 404],
      ['GET /sorted', [], 301, { Location: '/sorted/' }],
    ],
    () => ({ root: directory.root }),
  );
});

const AS_PAGE = { 'Content-Type': 'text/html; charset=utf-8', Vary: 'Accept', 'Cache-Control': 'no-cache' };
const AS_JSON = { ...AS_PAGE, 'Content-Type': 'application/json', 'Content-Security-Policy': null };
const ROWS: Row[] = [
  ['GET /', [], 200, { ...AS_PAGE, 'Content-Security-Policy': /^default-src 'none'; style-src 'sha256-/ }, /top\.txt/],
  ['GET /sorted/', ['Accept: text/html'], 200, AS_PAGE, /^<!doctype html>/],
  ['GET /sorted/', ['Accept: */*'], 200, AS_PAGE, /^<!doctype html>/],
  ['GET /sorted/', ['Accept: application/json'], 200, AS_JSON, /^\[\{/],
  ['GET /sorted/', ['Accept: application/*;q=0.5'], 200, AS_JSON],
  ['GET /sorted/', ['Accept: application/json;q=0.5, text/html'], 200, AS_PAGE],
  ['GET /sorted/', ['Accept: application/json, text/html;q=0.9'], 200, AS_JSON],
  ['GET /sorted/', ['Accept: application/json', 'Accept: text/html;q=0.9'], 200, AS_JSON],
  ['GET /sorted/', ['Accept: application/json, text/html'], 200, AS_PAGE],
  ['GET /sorted/', ['Accept: image/png'], 200, AS_PAGE],
  ['GET /sorted?sort=size', [], 301, { Location: '/sorted/?sort=size' }],
  ['GET /with-index/', JSON_ONLY, 200, { 'Content-Type': 'text/html; charset=utf-8' }, 'index\n'],
  ['GET /empty/', JSON_ONLY, 200, AS_JSON, '[]\n'],
  ['GET /nowhere/', [], 404],
  ['GET /nowhere/', JSON_ONLY, 404],
  ['GET /top.txt/', [], 404],
  ['GET /dotted/.git/', [], 404],
  ['GET /linked/fifo/', [], 404],
  // A fingerprint in the path does not make a listing immutable.
  ['GET /app-3f2a9c1bd4e5.d/', [], 200, AS_PAGE],
  ['GET /sorted/', [], 200, { 'X-Total-Count': '5' }],
  ['GET /dotted/', JSON_ONLY, 200, { 'X-Total-Count': '1' }],
  ['GET /empty/', JSON_ONLY, 200, { 'X-Total-Count': '0' }],
  // Links are relative, and would be wrong below a path with empty segments.
  ['GET //sorted/', [], 301, { Location: '/sorted/' }],
  ['GET /sorted//?sort=size', JSON_ONLY, 301, { Location: '/sorted/?sort=size' }],
  ['GET //linked///deeper//', [], 301, { Location: '/linked/deeper/' }],
  ['GET //', [], 301, { Location: '/' }],
  ['GET //nowhere//', [], 404],
  ['GET //with-index//', [], 200, {}, 'index\n'],
  ['GET /%73orted/', JSON_ONLY, 200, AS_JSON, /"a\.txt"/],
  // A listing has an entity tag and no Last-Modified.
  ['GET /sorted/', [], 200, { ETag: /^"[\w-]{22}"$/, 'Last-Modified': null, 'Accept-Ranges': 'bytes' }],
  ['GET /sorted/', ['If-None-Match: *'], 304, { ETag: /^"/, Vary: 'Accept', 'Content-Type': null }, ''],
  ['GET /sorted/', ['If-None-Match: "x"'], 200],
  ['GET /sorted/', ['If-Match: "x"'], 412],
  ['GET /empty/', [...JSON_ONLY, 'Range: bytes=0-0'], 206, { 'Content-Range': 'bytes 0-0/3' }, '['],
  ['GET /empty/', [...JSON_ONLY, 'Range: bytes=3-'], 416, { 'Content-Range': 'bytes */3' }],
  ['POST /sorted/', [], 405],
];

describe('listings that are on', () => testRows(ROWS, () => server.port));

test('each representation has its own entity tag, which revalidates under every spelling of the path', async () => {
  const tags = new Set<string>();
  for (const accept of ['text/html', 'application/json']) {
    for (const query of ['', ...['name', 'size', 'time'].flatMap((sort) => [`?sort=${sort}&order=desc`])]) {
      const fields = [`Accept: ${accept}`];
      const tag = (await exchange(server.port, request(`/sorted/${query}`, fields))).field('ETag')!;
      tags.add(tag);
      for (const path of ['/sorted/', '/s%6Frted/']) {
        const again = await exchange(server.port, request(path + query, [...fields, `If-None-Match: ${tag}`]));
        expect([again.status, again.field('ETag')]).toEqual([304, tag]);
      }
    }
  }
  expect(tags.size).toBe(8);
});

test('a directory is read once and each representation rendered once for all spellings of the path', async () => {
  for (let at = 0; at < 1000; at++) directory.write(`requested/${at}`, '');
  await settled();
  const calls = { getdents64: 0, fstat: 0 };
  const kernel = kernelWith({}, { getdents64: () => calls.getdents64++, fstat: () => calls.fstat++ });
  await using its = serving({ kernel, limits: { revalidateMs: 60_000 } });
  const bytes = (): number => its.stats().files!.bytes;
  const page = await exchange(its.port, request('/requested/'));
  const [first, seen] = [{ ...calls }, bytes()];
  expect(seen).toBeGreaterThan(page.body.length);
  const spellings = Array.from({ length: 32 }, (_, at) =>
    [...'requested']
      .map((letter, bit) => ((at >> bit) & 1 ? `%${letter.charCodeAt(0).toString(16)}` : letter))
      .join(''),
  );
  for (const method of ['GET', 'HEAD']) {
    using client = await RawClient.connect(its.port);
    for (const spelling of spellings) client.send(request(`/${spelling}/`, [], method));
    for (const _ of spellings) {
      expect((await client.response(method)).head).toContain(`Content-Length: ${page.body.length}\r\n`);
    }
  }
  expect(calls.getdents64).toBe(first.getdents64);
  expect(calls.fstat - first.fstat).toBeLessThan(2 * spellings.length);
  expect(bytes()).toBe(seen);
  const json = await exchange(its.port, request('/requested/?sort=size', JSON_ONLY));
  // The form has a head too.
  expect(bytes() - seen - json.body.length).toBeGreaterThanOrEqual(0);
  expect(bytes() - seen - json.body.length).toBeLessThan(2 * KIB);
});

test('representations are reused if a rescan of the directory finds no change', async () => {
  await using its = serving({ limits: { revalidateMs: 0 } });
  const cached = (): number => its.stats().files!.bytes;
  const tag = async () => (await exchange(its.port, request('/rescanned/'))).field('ETag');
  directory.write('rescanned/a', '');
  await settled();
  const first = await tag();
  expect(await tag()).toBe(first);
  const one = cached();
  const { body } = await exchange(its.port, request('/rescanned/', JSON_ONLY));
  expect(await tag()).toBe(first);
  expect(cached() - one - body.length).toBeGreaterThanOrEqual(0);
  expect(cached() - one - body.length).toBeLessThan(2 * KIB);
  directory.write('rescanned/b', '');
  expect(await tag()).not.toBe(first);
  directory.remove('rescanned/b');
  expect(await tag()).toBe(first);
  expect(cached()).toBe(one);
});

describe('the items', () => {
  test('each item has name, type, size, time and URL', async () => {
    const items = await itemsOf('/sorted/');
    expect(items.map(({ name, type, size, url }) => [name, type, size, url])).toEqual([
      ['sub', 'directory', null, './sub/'],
      ['a.txt', 'file', 20, './a.txt'],
      ['b.txt', 'file', 300, './b.txt'],
      ['file9.txt', 'file', 4000, './file9.txt'],
      ['file10.txt', 'file', 1, './file10.txt'],
    ]);
    for (const { modified } of items) expect(modified).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test('hidden names are not listed', async () => {
    expect(await namesOf('/dotted/')).toEqual(['seen.txt']);
    expect((await page('/dotted/')).body.toString()).not.toMatch(/\.hidden|\.git/);
  });

  test('names are escaped, and each URL leads to its file', async () => {
    const html = (await page('/hostile/')).body.toString();
    const withoutStyle = html.replace(/<style>.*<\/style>/s, '');
    expect(withoutStyle).not.toMatch(/<script|<[^>]*\sonmouseover|javascript:alert\(1\)<\/a>/);
    const hrefs = [...withoutStyle.matchAll(/<td[^>]*><a href="([^"]*)"/g)].map(([, href]) => href!);
    const listed = (await itemsOf('/hostile/')).map(({ url }) => url);
    expect(listed).toHaveLength(HOSTILE.length + 1);
    const base = `http://here.example/hostile/`;
    const absolute = (href: string) => new URL(href.replaceAll('&amp;', '&').replaceAll('&#39;', "'"), base).href;
    expect(hrefs.slice(1).map(absolute).sort()).toEqual(listed.map(absolute).sort());
    const bodies: string[] = [];
    for (const href of listed.map(absolute)) {
      expect(href.startsWith(base), href).toBe(true);
      const response = await exchange(server.port, request(href.slice('http://here.example'.length)));
      expect(response.status, href).toBe(200);
      bodies.push(response.body.toString());
    }
    expect(bodies.sort()).toEqual([...HOSTILE, 'bytes'].sort());
  });
});

describe('the order of', () => {
  test.each([
    // Directories come first, whatever the order of names.
    ['', ['sub', 'a.txt', 'b.txt', 'file9.txt', 'file10.txt']],
    ['?sort=name&order=desc', ['sub', 'file10.txt', 'file9.txt', 'b.txt', 'a.txt']],
    ['?sort=size', ['sub', 'file10.txt', 'a.txt', 'b.txt', 'file9.txt']],
    ['?sort=size&order=desc', ['file9.txt', 'b.txt', 'a.txt', 'file10.txt', 'sub']],
    ['?order=desc&sort=time', ['sub', 'file9.txt', 'file10.txt', 'a.txt', 'b.txt']],
    ['?sort=time&order=asc', ['b.txt', 'a.txt', 'file10.txt', 'file9.txt', 'sub']],
    ['?sort=colour&order=up', ['sub', 'a.txt', 'b.txt', 'file9.txt', 'file10.txt']],
    ['?%73ort=%73ize', ['sub', 'file10.txt', 'a.txt', 'b.txt', 'file9.txt']],
  ])('%s', async (query, expected) => {
    expect(await namesOf(`/sorted/${query}`)).toEqual(expected);
    const rows = (await page(`/sorted/${query}`)).body.toString().matchAll(/<bdi>([^<]*)<\/bdi>\/?<\/a><\/td>/g);
    expect([...rows].map(([, name]) => name)).toEqual(expected);
  });
});

describe('symlinks are listed only if the policy serves them', () => {
  const SERVED = {
    'within-root': ['in', 'in-dir', 'up'],
    deny: [],
    follow: ['absolute-in', 'absolute-out', 'in', 'in-dir', 'out', 'out-and-back', 'out-dir', 'up'],
  };

  test.each(['within-root', 'deny', 'follow'] as const)('%s', async (symlinks) => {
    await using its = serving({ symlinks });
    const items = await itemsOf('/linked/', its);
    expect(items.map(({ name }) => name).sort()).toEqual(['deeper', 'file.txt', ...SERVED[symlinks]].sort());
    for (const { url } of items) {
      const response = await exchange(its.port, request(new URL(url, 'http://a/linked/').pathname));
      expect([url, response.status]).toEqual([url, 200]);
    }
  });

  test.each([
    ['within-root', ['top-link']],
    ['deny', []],
    ['follow', ['etc', 'top-link']],
  ] as const)('in the root too, under %s', async (symlinks, expected) => {
    await using its = serving({ symlinks });
    const items = await itemsOf('/', its);
    expect(items.filter(({ name }) => ['etc', 'top-link'].includes(name)).map(({ name }) => name)).toEqual(expected);
    // The listing is of the target of the symlink.
    if (symlinks === 'follow') expect(await namesOf('/etc/', its)).toEqual(['secret.txt']);
  });
});

test('a change in the directory is seen at the next request', async () => {
  directory.write('changing/one.txt', '1');
  await using its = serving({ limits: { revalidateMs: 0 } });
  const seen = () => namesOf('/changing/', its);
  expect(await seen()).toEqual(['one.txt']);
  directory.write('changing/two.txt', '2');
  expect(await seen()).toEqual(['one.txt', 'two.txt']);
  directory.write('changing/two.txt', '22');
  expect((await itemsOf('/changing/', its))[1]!.size).toBe(2);
  renameSync(directory.path('changing/one.txt'), directory.path('changing/three.txt'));
  expect(await seen()).toEqual(['three.txt', 'two.txt']);
  symlinkSync('two.txt', directory.path('changing/zwei.txt'));
  expect(await seen()).toEqual(['three.txt', 'two.txt', 'zwei.txt']);
  directory.remove('changing/three.txt');
  expect(await seen()).toEqual(['two.txt', 'zwei.txt']);
  directory.write('changing/index.html', 'now an index\n');
  expect((await exchange(its.port, request('/changing/'))).body.toString()).toBe('now an index\n');
  directory.remove('changing/index.html');
  expect(await seen()).toEqual(['two.txt', 'zwei.txt']);
  directory.remove('changing');
  expect((await exchange(its.port, request('/changing/'))).status).toBe(404);
});

test('a directory with too many names is truncated to the first by name, with a note', async () => {
  mkdirSync(directory.path('many'));
  for (let at = 5099; at >= 0; at--) writeFileSync(directory.path(`many/${at}`), '');
  for (let at = 0; at < 100; at++) symlinkSync('nowhere', directory.path(`many/${at}-dangling`));
  const html = await page('/many/');
  expect(html.body.toString()).toContain('Only the first 5,000 by name are listed, of 5,200 in the directory.');
  expect(html.field('X-Total-Count')).toBe('5200');
  expect((await exchange(server.port, request('/many/', JSON_ONLY))).field('X-Total-Count')).toBe('5200');
  expect(await namesOf('/many/')).toEqual(Array.from({ length: 4900 }, (_, at) => `${at}`));
});
