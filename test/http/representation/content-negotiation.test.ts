import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Server, serve } from '../../../src/index.js';
import { makeWatchedDirectory } from '../../support/changer.js';
import { settled, type TestDirectory } from '../../support/directory.js';
import { type Coding, checkSelection, makePages, PAGE_NAMES, validatorsOf } from '../../support/pages.js';
import { exchange, request } from '../../support/raw-client.js';
import { checkRow, type Row, testRows } from '../../support/rows.js';
import { contentOf, KIB } from '../../support/site.js';

/** The selected coding by lines of Accept-Encoding, RFC 9110 section 12.5.3. */
const CHOICES: [lines: string[], form: Coding][] = [
  [[], 'identity'],
  [[''], 'identity'],
  [['br'], 'br'],
  [['zstd'], 'zstd'],
  [['gzip'], 'gzip'],
  [['x-gzip'], 'gzip'],
  [['BR'], 'br'],
  [['deflate'], 'identity'],
  [['identity'], 'identity'],
  [['gzip, deflate, br, zstd'], 'br'],
  [['gzip, zstd'], 'zstd'],
  [['gzip;q=1.0, br;q=0.5'], 'gzip'],
  [['br;q=0.1, zstd;q=0.9, gzip;q=0.899'], 'zstd'],
  [['br ; q=0.2 , gzip ; q=0.3'], 'gzip'],
  [['br;Q=0.2, gzip;Q=0.3'], 'gzip'],
  [['br;q=0.001'], 'br'],
  [['br;q=0'], 'identity'],
  [['br;q=0.000, gzip'], 'gzip'],
  [['br;q=1.001, gzip;q=0.1'], 'gzip'],
  [['br;level=4, zstd'], 'zstd'],
  [['identity, br;q=0.5'], 'identity'],
  [['identity;q=0.5, gzip;q=0.5'], 'gzip'],
  [['*'], 'br'],
  [['*;q=0.5, br;q=0'], 'zstd'],
  [['*;q=0.5, gzip'], 'gzip'],
  [['*;q=0, gzip'], 'gzip'],
  [['*;q=0, identity'], 'identity'],
  [['identity;q=0, *'], 'br'],
  [['identity;q=0, zstd;q=0.1'], 'zstd'],
  [['gzip', 'br'], 'br'],
  [['gzip', 'br;q=0.5'], 'gzip'],
  [['', 'zstd'], 'zstd'],
  [['br;q=0', 'gzip;q=0', 'zstd'], 'zstd'],
  [[',, gzip,,'], 'gzip'],
  [[`${'x-none, '.repeat(40)}gzip`], 'gzip'],
];

/** No available coding is acceptable. */
const UNACCEPTABLE: [lines: string[]][] = [
  [['identity;q=0']],
  [['*;q=0']],
  [['*;q=0.000']],
  [['deflate, identity;q=0']],
  [['br;q=0, *;q=0']],
  [['identity;q=0', 'br;q=0, deflate']],
];

/** Preconditions of RFC 9110 section 13 on the selected representation, in the order of section 13.2.2. */
const CONDITIONS: [form: Coding, lines: string[], status: number][] = [
  ['identity', ['If-None-Match: <identity>'], 304],
  ['br', ['If-None-Match: <br>'], 304],
  ['zstd', ['If-None-Match: <zstd>'], 304],
  ['gzip', ['If-None-Match: <gzip>'], 304],
  ['br', ['If-None-Match: <identity>'], 200],
  ['br', ['If-None-Match: <gzip>, <zstd>'], 200],
  ['identity', ['If-None-Match: <br>'], 200],
  ['gzip', ['If-None-Match: <br>, <gzip>'], 304],
  ['gzip', ['If-None-Match: <br>', 'If-None-Match: <gzip>'], 304],
  ['br', ['If-None-Match: W/<br>'], 304],
  ['br', ['If-None-Match: W/<gzip>'], 200],
  ['br', ['If-None-Match: *'], 304],
  ['br', ['If-None-Match: nonsense'], 200],
  ['br', ['If-None-Match:'], 200],
  ['br', ['If-None-Match: <br> <gzip>'], 200],
  ['br', ['If-Match: <br>'], 200],
  ['br', ['If-Match: <gzip>, <br>'], 200],
  ['br', ['If-Match: *'], 200],
  ['br', ['If-Match: <identity>'], 412],
  ['br', ['If-Match: W/<br>'], 412],
  ['br', ['If-Match: nonsense'], 412],
  ['identity', ['If-Match: <br>'], 412],
  ['br', ['If-Match: <gzip>', 'If-Match: <br>'], 200],
  ['identity', ['If-Modified-Since: <modified>'], 304],
  ['br', ['If-Modified-Since: <modified>'], 304],
  ['br', ['If-Modified-Since: <after>'], 304],
  ['br', ['If-Modified-Since: <before>'], 200],
  ['br', ['If-Modified-Since: yesterday'], 200],
  ['br', ['If-Unmodified-Since: <modified>'], 200],
  ['br', ['If-Unmodified-Since: <before>'], 412],
  ['br', ['If-Unmodified-Since: yesterday'], 200],
  // An entity tag takes precedence over a date, satisfied or not.
  ['br', ['If-None-Match: <gzip>', 'If-Modified-Since: <modified>'], 200],
  ['br', ['If-None-Match: <br>', 'If-Modified-Since: <before>'], 304],
  ['br', ['If-Match: <br>', 'If-Unmodified-Since: <before>'], 200],
  ['br', ['If-Match: <gzip>', 'If-Unmodified-Since: <modified>'], 412],
  // If-Match is evaluated before If-None-Match.
  ['br', ['If-Match: <br>', 'If-None-Match: <br>'], 304],
  ['br', ['If-Match: <gzip>', 'If-None-Match: <br>'], 412],
  ['br', ['If-Unmodified-Since: <before>', 'If-Modified-Since: <modified>'], 412],
];

const acceptOf = (coding: Coding): string[] => (coding === 'identity' ? [] : [`Accept-Encoding: ${coding}`]);

let directory: TestDirectory;
let server: Server;

beforeAll(async () => {
  directory = makePages();
  directory.write('old.html', contentOf(5000));
  directory.write('old.html.br', contentOf(1000), 3601);
  directory.write('both.html', contentOf(5001));
  directory.write('both.html.br', contentOf(1001), 7200);
  directory.write('both.html.gz', contentOf(1002));
  directory.write('alone.html', contentOf(5002));
  directory.write('orphan.html.gz', contentOf(900));
  directory.write('empty.html', '');
  directory.write('big.bin', contentOf(100 * KIB));
  await settled();
  server = serve({ root: directory.root, port: 0 });
});

afterAll(async () => {
  await server.stop({ force: true });
  directory[Symbol.dispose]();
});

describe.each(PAGE_NAMES)('a %s page with all precompressed files', (page) => {
  let values: Record<string, string>;

  beforeAll(async () => {
    values = await validatorsOf(server.port, page);
  });

  test('each representation has its own strong ETag', () => {
    const tags = (['identity', 'br', 'zstd', 'gzip'] as const).map((coding) => values[coding]!);
    expect(new Set(tags).size).toBe(4);
    for (const tag of tags) expect(tag).toMatch(/^"[\x21\x23-\x7e]+"$/);
  });

  test.each(CHOICES)('Accept-Encoding %j selects %s', async (lines, coding) => {
    const fields = lines.map((line) => `Accept-Encoding: ${line}`);
    await checkSelection(server.port, page, values, fields, 200, coding);
  });

  test.each(UNACCEPTABLE)('Accept-Encoding %j is 406', async (lines) => {
    const fields = lines.map((line) => `Accept-Encoding: ${line}`);
    const response = await checkSelection(server.port, page, values, fields, 406, 'identity');
    expect(response.field('Content-Type')).toBe('text/plain; charset=utf-8');
  });

  test.each<[position: string, index: number | null, status: number]>([
    ['first', 0, 304],
    ['in the middle', 200, 304],
    ['last', 400, 304],
    ['nowhere', null, 200],
  ])('a list of 10 KB with the tag %s', async (_, index, status) => {
    const tags = Array.from({ length: 400 }, (_, at) => `"another-tag-of-25-${at + 100_000}"`);
    if (index !== null) tags.splice(index, 0, '<br>');
    const whole = [`If-None-Match: ${tags.join(', ')}`];
    const lines = [0, 1, 2, 3, 4, 5].map((at) => `If-None-Match: ${tags.slice(at * 70, (at + 1) * 70).join()}`);
    expect(whole[0]!.length).toBeGreaterThan(10_000);
    for (const fields of [whole, lines])
      await checkSelection(server.port, page, values, [...acceptOf('br'), ...fields], status, 'br');
  });

  test.each(CONDITIONS)('%s with %j is %i', async (coding, lines, status) => {
    await checkSelection(server.port, page, values, [...acceptOf(coding), ...lines], status, coding);
  });
});

describe('precompressed files that are not used', () => {
  const ROWS: Row[] = [
    ['GET /old.html', ['Accept-Encoding: br'], 200, { 'Content-Encoding': null }, contentOf(5000)],
    ['GET /both.html', ['Accept-Encoding: br, gzip;q=0.1'], 200, { 'Content-Encoding': 'gzip' }, contentOf(1002)],
    ['GET /both.html', ['Accept-Encoding: br'], 200, { 'Content-Encoding': null, Vary: 'Accept-Encoding' }],
    ['GET /alone.html', ['Accept-Encoding: br'], 200, { 'Content-Encoding': null, Vary: null }, contentOf(5002)],
    // A page with a single representation is not negotiated: a client that does not accept it would get nothing.
    ['GET /alone.html', ['Accept-Encoding: identity;q=0'], 200, { Vary: null }, contentOf(5002)],
    ['GET /empty.html', ['Accept-Encoding: br'], 200, { 'Content-Length': '0', 'Content-Encoding': null }, ''],
    ['GET /orphan.html', ['Accept-Encoding: gzip'], 404],
    // Requested by its own name it is an ordinary file.
    [
      'GET /orphan.html.gz',
      ['Accept-Encoding: gzip'],
      200,
      { 'Content-Encoding': null, 'Content-Type': 'application/gzip' },
      contentOf(900),
    ],
    ['GET /big.bin', ['Accept-Encoding: br'], 200, { 'Content-Encoding': null, Vary: null }, contentOf(100 * KIB)],
  ];

  testRows(ROWS, () => server.port);

  test('stale ones are counted', async () => {
    await using fresh = serve({ root: directory.root, port: 0 });
    expect(fresh.stats().files?.stalePrecompressed).toBe(0);
    for (const target of ['/old.html', '/both.html', '/alone.html', '/small.html'])
      await exchange(fresh.port, request(target));
    expect(fresh.stats().files?.stalePrecompressed).toBe(2);
  });

  test('none is used with precompressed off', async () => {
    await using without = serve({ root: directory.root, port: 0, precompressed: false });
    const plain = { 'Content-Encoding': null, Vary: null };
    await checkRow(without.port, ['GET /both.html', ['Accept-Encoding: gzip'], 200, plain, contentOf(5001)]);
  });

  test('a created, changed or removed one in a directory with many files is seen at the next request', async () => {
    using directory = makeWatchedDirectory();
    const put = (name: string, length: number): void => {
      writeFileSync(join(directory.path, name), contentOf(length));
      utimesSync(join(directory.path, name), 1e9, 1e9);
    };
    mkdirSync(join(directory.path, 'in'));
    const names = Array.from({ length: 30 }, (_, i) => `in/${i}.html`);
    for (const name of names) put(name, 2000);
    put('in/3.html.gz', 300);
    await settled();
    const acceptEncoding = ['Accept-Encoding: br, gzip'];
    await using fresh = serve({ root: directory.path, port: 0 });
    const expectForm = (target: string, coding: string | null, length: number) =>
      checkRow(fresh.port, [`GET /${target}`, acceptEncoding, 200, { 'Content-Encoding': coding }, contentOf(length)]);
    for (const name of names) {
      const has = name === 'in/3.html';
      await expectForm(name, has ? 'gzip' : null, has ? 300 : 2000);
    }
    const before = fresh.stats().systemCalls;
    for (let i = 0; i < 5; i++) put(`in/new-${i}.html`, 2100 + i);
    await settled();
    for (let i = 0; i < 5; i++) await expectForm(`in/new-${i}.html`, null, 2100 + i);
    const opened = (fresh.stats().systemCalls['openat2'] ?? 0) - (before['openat2'] ?? 0);
    // The directory; each page, and again for HEAD, which makes its entry; and no lookup of absent ones.
    expect(opened).toBe(1 + 5 * 2);
    put('in/7.html.br', 400);
    put('in/new-1.html.gz', 401);
    await settled();
    await expectForm('in/7.html', 'br', 400);
    await expectForm('in/new-1.html', 'gzip', 401);
    rmSync(join(directory.path, 'in/7.html.br'));
    rmSync(join(directory.path, 'in/3.html.gz'));
    await expectForm('in/7.html', null, 2000);
    await expectForm('in/3.html', null, 2000);
  });

  test('a created, renewed or removed one is seen at the next request', async () => {
    directory.write('growing.html', contentOf(4000));
    await settled();
    const br = ['Accept-Encoding: br'];
    await using fresh = serve({ root: directory.root, port: 0, limits: { revalidateMs: 0 } });
    const first = await checkRow(fresh.port, ['GET /growing.html', br, 200, { Vary: null }, contentOf(4000)]);
    directory.write('growing.html.br', contentOf(400));
    await settled();
    const encoded = { 'Content-Encoding': 'br', Vary: 'Accept-Encoding' };
    const second = await checkRow(fresh.port, ['GET /growing.html', br, 200, encoded, contentOf(400)]);
    expect(second.field('ETag')).not.toBe(first.field('ETag'));
    directory.write('growing.html', contentOf(4001), 60); // newer than its precompressed file
    await settled();
    await checkRow(fresh.port, ['GET /growing.html', br, 200, { 'Content-Encoding': null }, contentOf(4001)]);
  });
});
