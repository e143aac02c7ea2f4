import { linkSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { etagForBytes } from '../../../src/files/representation/etag.js';
import type { Limits } from '../../../src/http/limits.js';
import { type Server, serve } from '../../../src/index.js';
import { kernel as realKernel } from '../../../src/sys/binding.js';
import { Stat } from '../../../src/sys/kernel.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { makeDirectory, settled, type TestDirectory } from '../../support/directory.js';
import { exchange, RawClient, type RawResponse, request, sleep } from '../../support/raw-client.js';
import { type Row, testRows } from '../../support/rows.js';
import { contentOf, HELLO, KIB, MIB } from '../../support/site.js';

const NAMES = ['hello.txt', 'page.html', 'page.html.br', 'empty.txt', 'large.bin', 'huge.bin', 'large.css'];
const LARGE = ['/large.bin', '/huge.bin', '/large.css'];

const FILES = {
  'hello.txt': HELLO,
  'page.html': contentOf(5000),
  'page.html.br': contentOf(500),
  'empty.txt': '',
  'large.bin': contentOf(64 * KIB + 1),
  'huge.bin': contentOf(3 * MIB + 1),
  'large.css': contentOf(200 * KIB),
  'large.css.gz': contentOf(100 * KIB),
};

/** Two replicas: the same bytes with different times and inodes. */
let one: TestDirectory;
let other: TestDirectory;
let first: Server;
let second: Server;

beforeAll(async () => {
  one = makeDirectory(FILES);
  other = makeDirectory(FILES);
  for (const name of NAMES) utimesSync(other.path(name), 1_000_000, 1_000_000);
  await settled();
  first = serve({ root: one.root, port: 0, etag: 'content' });
  second = serve({ root: other.root, port: 0, etag: 'content' });
});

afterAll(async () => {
  await Promise.all([first.stop({ force: true }), second.stop({ force: true })]);
  one[Symbol.dispose]();
  other[Symbol.dispose]();
});

/** Requests until the response has an ETag: a large file gets one after it was read once. */
async function tagged(port: number, target: string, fields: string[] = []): Promise<RawResponse> {
  const untilMs = performance.now() + 3000;
  for (;;) {
    const response = await exchange(port, request(target, fields, 'HEAD'));
    if (response.field('ETag') !== null || performance.now() > untilMs) return response;
    await sleep(2);
  }
}

test('small files have an ETag at once, large ones after they were read', async () => {
  for (const target of ['/hello.txt', '/page.html', '/empty.txt'])
    expect((await exchange(first.port, request(target))).field('ETag'), target).toMatch(/^"[\w-]{22}"$/);
  for (const target of LARGE) {
    expect((await exchange(first.port, request(target))).field('ETag'), target).toBeNull();
    expect((await tagged(first.port, target)).field('ETag'), target).toMatch(/^"[\w-]{22}"$/);
  }
});

test('the same bytes have the same ETag in both roots, and no Last-Modified', async () => {
  const seen = new Set<string>();
  for (const [target, accept] of [
    ...['/hello.txt', '/page.html', '/empty.txt', ...LARGE].map((each) => [each, 'identity']),
    ['/page.html', 'br'],
    ['/large.css', 'gzip'],
  ] as const) {
    const here = await tagged(first.port, target!, [`Accept-Encoding: ${accept}`]);
    const there = await tagged(second.port, target!, [`Accept-Encoding: ${accept}`]);
    expect(there.field('ETag'), target).toBe(here.field('ETag'));
    expect([here.field('Last-Modified'), there.field('Last-Modified')]).toEqual([null, null]);
    seen.add(here.field('ETag')!);
  }
  expect(seen.size).toBe(8);
});

describe('preconditions', () => {
  let values: Record<string, string>;

  beforeAll(async () => {
    values = {
      small: (await tagged(first.port, '/page.html')).field('ETag')!,
      br: (await tagged(first.port, '/page.html', ['Accept-Encoding: br'])).field('ETag')!,
      large: (await tagged(first.port, '/large.bin')).field('ETag')!,
      date: new Date().toUTCString(),
    };
  });

  const ROWS: Row[] = [
    ['GET /page.html', ['If-None-Match: <small>'], 304, { ETag: '<small>', Vary: 'Accept-Encoding' }],
    ['GET /page.html', ['If-None-Match: <br>'], 200, { ETag: '<small>' }],
    ['GET /page.html', ['If-None-Match: <br>', 'Accept-Encoding: br'], 304, { ETag: '<br>' }],
    ['GET /page.html', ['Range: bytes=0-9', 'If-Range: <small>'], 206],
    ['GET /large.bin', ['If-None-Match: <large>'], 304, { ETag: '<large>', Vary: null }],
    ['GET /large.bin', ['If-Match: <large>'], 200],
    ['GET /large.bin', ['If-Match: <small>'], 412],
    ['GET /large.bin', ['Range: bytes=0-9', 'If-Range: <large>'], 206],
    ['GET /large.bin', ['Range: bytes=0-9', 'If-Range: <small>'], 200],
    // There is no Last-Modified to compare with.
    ['GET /page.html', ['If-Modified-Since: <date>'], 200],
    ['GET /page.html', ['If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT'], 200],
    ['GET /page.html', ['Range: bytes=0-9', 'If-Range: <date>'], 200],
  ];

  testRows(
    ROWS,
    () => first.port,
    () => values,
  );

  describe('with validators of the other replica', () => {
    beforeAll(() => tagged(second.port, '/large.bin'));

    testRows(
      ROWS,
      () => second.port,
      () => values,
    );
  });

  /** A client may have the ETag of a large file before this server has computed it: it must not get a 412. */
  const UNTAGGED: Row[] = [
    ['GET /large.bin', ['If-None-Match: "other"'], 200, { ETag: null }],
    ['GET /large.bin', ['If-None-Match: W/"other"'], 200],
    ['GET /large.bin', ['If-None-Match: "a", "b"'], 200],
    ['GET /large.bin', ['If-None-Match: ""'], 200],
    ['GET /large.bin', ['If-None-Match:'], 200],
    ['GET /large.bin', ['If-None-Match: *'], 304],
    ['GET /large.bin', ['If-Match: <large>'], 200, { ETag: null }],
    ['HEAD /large.bin', ['If-Match: <large>'], 200, { 'Content-Length': `${64 * KIB + 1}` }],
    ['GET /large.bin', ['If-Match: "other"'], 200],
    ['GET /large.bin', ['If-Match: "a"', 'If-Match: <large>'], 200],
    ['GET /large.bin', ['If-Match: *'], 200],
    ['GET /large.bin', ['If-Match: *', 'Range: bytes=0-9'], 206],
    // A client that resumes gets the whole file.
    ['GET /large.bin', ['If-Match: <large>', 'Range: bytes=0-9'], 200, { 'Content-Range': null }],
    ['GET /large.bin', ['If-Match: <large>', 'Range: bytes=0-9,20-29'], 200, { 'Content-Range': null }],
    ['GET /large.bin', ['If-Match: <large>', 'If-Range: <large>', 'Range: bytes=0-9'], 200],
    ['GET /large.bin', ['If-Match: <large>', `Range: bytes=${MIB}-`], 200],
    // What cannot be a strong ETag fails at any time.
    ['GET /large.bin', ['If-Match:'], 412],
    ['GET /large.bin', ['If-Match: nonsense'], 412],
    ['GET /large.bin', ['If-Match: W/"other"'], 412],
    ['GET /large.bin', ['If-Match: <large>', 'If-None-Match: *'], 304],
    ['GET /large.bin', ['If-Match: <large>', 'If-None-Match: <large>'], 200],
    ['GET /large.bin', ['Range: bytes=0-9', 'If-Range: "other"'], 200],
    ['GET /large.bin', ['Range: bytes=0-9'], 206, { ETag: null }],
  ];

  for (const [ask, asked, status, sent] of UNTAGGED) {
    test(`before the file was read: ${ask} ${JSON.stringify(asked)} is ${status}`, async () => {
      await using fresh = serve({ root: one.root, port: 0, etag: 'content' });
      const [method, target] = ask.split(' ') as [string, string];
      const fields = asked.map((line) => line.replace('<large>', values['large']!));
      const response = await exchange(fresh.port, request(target, fields, method));
      expect(response.status).toBe(status);
      for (const [name, expected] of Object.entries(sent ?? {})) expect(response.field(name)).toBe(expected);
      if (status === 200 && method === 'GET')
        expect(response.body.equals(FILES['large.bin']), 'it is whole').toBe(true);
    });
  }
});

test('the default ETag is a hash that does not reveal inode or size', async () => {
  const tagWith = async (inode: number): Promise<string> => {
    const kernel = kernelWith({
      fstat(fd, out) {
        const result = realKernel.fstat(fd, out);
        out[Stat.inodeLow] = inode;
        return result;
      },
    });
    await using fresh = serve({ root: one.root, port: 0, kernel });
    return (await exchange(fresh.port, request('/huge.bin'))).field('ETag')!;
  };
  const inode = 1_234_567_890;
  const tag = await tagWith(inode);
  expect(tag).toMatch(/^"[0-9a-z]{8,14}"$/);
  for (const number of [inode, 3 * MIB + 1])
    for (const base of [10, 16, 36]) expect(tag).not.toContain(number.toString(base));
  expect(await tagWith(inode)).toBe(tag);
  expect(await tagWith(inode + 1)).not.toBe(tag);
});

test('other bytes with the same size and time have another ETag', async () => {
  const etags: (string | null)[] = [];
  for (const content of ['one', 'two', 'one']) {
    one.write('changing.txt', content);
    await settled();
    await using fresh = serve({ root: one.root, port: 0, etag: 'content' });
    const response = await exchange(fresh.port, request('/changing.txt'));
    expect(response.body.toString()).toBe(content);
    etags.push(response.field('ETag'));
  }
  expect(etags[0]).not.toBe(etags[1]);
  expect(etags[0]).toBe(etags[2]);
});

test('a large file replaced while it is hashed gets the ETag of its new content', async () => {
  one.write('replaced.bin', contentOf(8 * MIB));
  await settled();
  await using fresh = serve({ root: one.root, port: 0, etag: 'content', limits: { revalidateMs: 0 } });
  await exchange(fresh.port, request('/replaced.bin', [], 'HEAD'));
  one.write('replaced.bin', contentOf(MIB));
  await settled();
  const after = await tagged(fresh.port, '/replaced.bin');
  expect(after.field('Content-Length')).toBe(`${MIB}`);
  mkdirSync(other.path('again'));
  other.write('again/replaced.bin', contentOf(MIB));
  await settled();
  expect((await tagged(second.port, '/again/replaced.bin')).field('ETag')).toBe(after.field('ETag'));
});

test('without room in the cache a large file is sent whole, and gets its ETag after it was read', async () => {
  await using bare = serve({ root: one.root, port: 0, etag: 'content', limits: { cacheBytes: 0 } });
  const first = await exchange(bare.port, request('/large.bin'));
  expect([first.status, first.field('ETag'), first.body.equals(FILES['large.bin'])]).toEqual([200, null, true]);
  const etag = (await tagged(bare.port, '/large.bin')).field('ETag')!;
  expect(etag).toMatch(/^"[\w-]{22}"$/);
  expect((await exchange(bare.port, request('/large.bin', [`If-None-Match: ${etag}`]))).status).toBe(304);
  const ranged = await exchange(bare.port, request('/large.bin', ['Range: bytes=0-9', `If-Range: ${etag}`]));
  expect([ranged.status, ranged.body.equals(FILES['large.bin'].subarray(0, 10))]).toEqual([206, true]);
});

test.each<[what: string, count: number, bytes: number, limits: Partial<Limits>]>([
  ['fit in the default cache', 300, 70_000, {}],
  ['fit in a small cache', 6, 100_000, { cacheBytes: MIB }],
])('more large files than %s have their ETags on the second request', async (_, count, bytes, limits) => {
  const names = Array.from({ length: count }, (_, i) => `many-${bytes}/${i}.bin`);
  for (const [i, name] of names.entries()) one.write(name, contentOf(bytes + i));
  await settled();
  await using fresh = serve({ root: one.root, port: 0, etag: 'content', limits });
  using client = await RawClient.connect(fresh.port);
  const ask = async (name: string): Promise<string | null> =>
    (await client.send(request(`/${name}`, [], 'HEAD')).response('HEAD')).field('ETag');
  for (const name of names) await ask(name);
  await settled();
  const etags: (string | null)[] = [];
  for (const name of names) etags.push(await ask(name));
  expect(etags).toEqual(names.map((_, i) => etagForBytes(contentOf(bytes + i))));
});

test('a large file touched this second keeps its ETag after the second', async () => {
  writeFileSync(one.path('touched.bin'), contentOf(8 * MIB));
  await settled();
  await using fresh = serve({ root: one.root, port: 0, etag: 'content', limits: { revalidateMs: 0 } });
  const etag = (await tagged(fresh.port, '/touched.bin')).field('ETag');
  const seen = new Set<string | null>();
  for (const untilMs = performance.now() + 1300; performance.now() < untilMs; await sleep(2))
    seen.add((await exchange(fresh.port, request('/touched.bin', [], 'HEAD'))).field('ETag'));
  expect([...seen]).toEqual([etag]);
});

describe.each(['stat', 'content'] as const)('with etag %s', (etag) => {
  /** A strong ETag belongs to one representation, even if another has the same bytes, RFC 9110 section 8.8.3.3. */
  test.each<[relation: string, content: string | Buffer, make: (directory: TestDirectory) => void]>([
    ['empty as it is', '', (directory) => directory.write('twin.css.gz', '')],
    ['a copy', contentOf(3000), (directory) => directory.write('twin.css.gz', contentOf(3000))],
    [
      'a hard link',
      contentOf(3000),
      (directory) => linkSync(directory.path('twin.css'), directory.path('twin.css.gz')),
    ],
    ['a large copy', contentOf(MIB), (directory) => directory.write('twin.css.gz', contentOf(MIB))],
    [
      'a large hard link',
      contentOf(MIB),
      (directory) => linkSync(directory.path('twin.css'), directory.path('twin.css.gz')),
    ],
  ])('a precompressed file that is %s of its original has its own ETag', async (_, content, make) => {
    using directory = makeDirectory({ 'twin.css': content });
    make(directory);
    await settled();
    await using fresh = serve({ root: directory.root, port: 0, etag });
    const gzip = 'Accept-Encoding: gzip';
    const plain = (await tagged(fresh.port, '/twin.css')).field('ETag')!;
    const encoded = await tagged(fresh.port, '/twin.css', [gzip]);
    expect(encoded.field('Content-Encoding')).toBe('gzip');
    expect([plain, encoded.field('ETag')]).toEqual([
      expect.stringMatching(/^"[\w-]+"$/),
      expect.stringMatching(/^"[\w-]+-gzip"$/),
    ]);
    expect(encoded.field('ETag')).not.toBe(plain);
    const held = await exchange(fresh.port, request('/twin.css', [gzip, `If-None-Match: ${plain}`]));
    expect([held.status, held.field('Content-Encoding')]).toEqual([200, 'gzip']);
    const part = await exchange(fresh.port, request('/twin.css', [gzip, `If-Range: ${plain}`, 'Range: bytes=0-9']));
    expect(part.status).toBe(200);
  });
});
