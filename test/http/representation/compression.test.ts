import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AVAILABLE_CODINGS } from '../../../src/files/representation/compress.js';
import { type Server, serve } from '../../../src/index.js';
import { makeDirectory, settled, type TestDirectory } from '../../support/directory.js';
import { exchange, type RawResponse, request, sleep } from '../../support/raw-client.js';
import { checkRow, type Row, testRows } from '../../support/rows.js';
import { contentOf, KIB, MIB } from '../../support/site.js';

const textOf = (bytes: number): string =>
  'All work and no play makes Jack a dull boy.\n'.repeat(bytes / 44 + 1).slice(0, bytes);

const DECODED = { br: brotliDecompressSync, gzip: gunzipSync } as const;
type Made = keyof typeof DECODED;

let directory: TestDirectory;
let server: Server;

beforeAll(async () => {
  directory = makeDirectory({
    'small.txt': textOf(9000),
    'large.txt': textOf(300 * KIB),
    'tiny.txt': textOf(1023),
    'least.txt': textOf(1024),
    'too-large.txt': textOf(4 * MIB + 1),
    'noise.txt': contentOf(9000),
    'image.png': textOf(9000),
    'data.bin': textOf(9000),
    'notes.custom': textOf(9000),
    'photo.svg': textOf(9000),
    'half.css': textOf(9000),
    'half.css.gz': 'made beforehand',
    'index.html': textOf(9000),
  });
  await settled();
  server = serve({
    root: directory.root,
    port: 0,
    compress: true,
    headers: [
      { match: '*.custom', set: { 'Content-Type': 'text/plain; charset=utf-8' } },
      { match: 'photo.svg', set: { 'Content-Type': 'image/png' } },
    ],
  });
});

afterAll(async () => {
  await server.stop({ force: true });
  directory[Symbol.dispose]();
});

const ask = (target: string, accept: string, fields: string[] = []): Promise<RawResponse> =>
  exchange(server.port, request(target, [`Accept-Encoding: ${accept}`, ...fields]));

/** Requests until the response is encoded, or until the timeout. */
async function encoded(target: string, coding: string, timeoutMs = 4000): Promise<RawResponse> {
  const untilMs = performance.now() + timeoutMs;
  for (;;) {
    const response = await ask(target, coding);
    if (response.field('Content-Encoding') !== null || performance.now() > untilMs) return response;
    await sleep(5);
  }
}

describe.each([
  ['/small.txt', textOf(9000)],
  ['/large.txt', textOf(300 * KIB)],
  ['/least.txt', textOf(1024)],
])('%s', (target, text) => {
  test.each(['br', 'gzip'] as const)(
    'is sent as %s once a request has started its compression',
    async (coding: Made) => {
      const plain = await ask(target, 'identity');
      expect([plain.field('Content-Encoding'), plain.field('Vary')]).toEqual([null, 'Accept-Encoding']);
      const before = await ask(target, coding);
      expect(before.field('Vary')).toBe('Accept-Encoding');
      const response = await encoded(target, coding);
      expect([response.status, response.field('Content-Encoding'), response.field('Vary')]).toEqual([
        200,
        coding,
        'Accept-Encoding',
      ]);
      expect(response.body.length).toBeLessThan(text.length);
      expect(DECODED[coding](response.body).toString()).toBe(text);
      expect(response.field('ETag')).not.toBe(plain.field('ETag'));
      expect(response.field('Last-Modified')).toBe(plain.field('Last-Modified'));
      expect(response.field('Content-Type')).toBe('text/plain; charset=utf-8');
    },
  );

  test('each encoding is a representation of its own', async () => {
    const whole = await encoded(target, 'br');
    const plain = await ask(target, 'identity');
    const values = {
      identity: plain.field('ETag')!,
      br: whole.field('ETag')!,
      gzip: (await encoded(target, 'gzip')).field('ETag')!,
      date: plain.field('Last-Modified')!,
    };
    expect(new Set(Object.values(values)).size).toBe(4);
    const [GET, HEAD] = [`GET ${target}`, `HEAD ${target}`];
    const br = 'Accept-Encoding: br';
    const range = 'Range: bytes=5-9';
    const identity = { ETag: '<identity>', 'Content-Encoding': null, Vary: 'Accept-Encoding' };
    const encodedAsBr = { ETag: '<br>', 'Content-Encoding': 'br', Vary: 'Accept-Encoding' };
    const part = { ...identity, 'Content-Range': `bytes 5-9/${text.length}` };
    const partOfBr = { ...encodedAsBr, 'Content-Range': `bytes 5-9/${whole.body.length}` };
    const [bytes, bytesOfBr] = [text.slice(5, 10), whole.body.subarray(5, 10)];
    const rows: Row[] = [
      [GET, [br], 200, encodedAsBr, whole.body],
      // The tag that the client holds selects, if its coding is accepted.
      [GET, [br, 'If-None-Match: <br>'], 304, { ETag: '<br>', Vary: 'Accept-Encoding' }],
      [GET, [br, 'If-None-Match: <identity>'], 304, { ETag: '<identity>', Vary: 'Accept-Encoding' }],
      [HEAD, [br, 'If-None-Match: <identity>'], 304, { ETag: '<identity>', Vary: 'Accept-Encoding' }],
      [GET, [br, 'If-None-Match: "x", W/<identity>'], 304, { ETag: '<identity>' }],
      [GET, [br, 'If-None-Match: <identity>, <br>'], 304, { ETag: '<br>' }],
      [GET, [br, 'If-None-Match: *'], 304, { ETag: '<br>' }],
      [GET, [br, 'If-None-Match: "x"'], 200, encodedAsBr, whole.body],
      [GET, [br, 'If-None-Match: <gzip>'], 200, encodedAsBr, whole.body],
      [GET, ['Accept-Encoding: br, gzip', 'If-None-Match: <gzip>'], 304, { ETag: '<gzip>' }],
      [GET, ['Accept-Encoding: br, identity;q=0', 'If-None-Match: <identity>'], 200, encodedAsBr, whole.body],
      [GET, ['If-None-Match: <br>'], 200, identity, text],
      [GET, [br, 'If-Match: <identity>'], 200, identity, text],
      [GET, [br, 'If-Match: <br>'], 200, encodedAsBr, whole.body],
      [GET, [br, 'If-Match: <gzip>'], 412],
      [GET, [br, 'If-Match: W/<identity>'], 412],
      // A part is of the file, unless the tag of another representation is with it.
      [GET, [br, range], 206, part, bytes],
      [HEAD, [br, range], 200, encodedAsBr],
      [HEAD, [br, range, 'If-Range: <identity>'], 200, encodedAsBr],
      [GET, [br, 'Range: lines=5-9'], 200, identity, text],
      [GET, [br, range, 'If-Range: <identity>'], 206, part, bytes],
      [GET, [br, range, 'If-Range: <br>'], 206, partOfBr, bytesOfBr],
      [GET, [br, range, 'If-Match: <br>'], 206, partOfBr, bytesOfBr],
      [GET, [br, range, 'If-Match: <identity>'], 206, part, bytes],
      [GET, [br, range, 'If-Range: <gzip>'], 200, identity, text],
      [GET, [br, range, 'If-Range: "x"'], 200, identity, text],
      [GET, [range, 'If-Range: <br>'], 200, identity, text],
      [GET, [br, 'If-Range: <identity>'], 200, encodedAsBr, whole.body],
      // All representations have this date.
      [GET, [br, range, 'If-Range: <date>'], 200, identity, text],
      [GET, ['Accept-Encoding: identity', range, 'If-Range: <date>'], 206, part, bytes],
      [GET, [range, 'If-Range: <date>'], 206, part, bytes],
      [GET, [br, `Range: bytes=${text.length}-`], 416, { 'Content-Range': `bytes */${text.length}` }],
      [GET, ['Accept-Encoding: identity;q=0, br'], 200, encodedAsBr, whole.body],
      [GET, ['Accept-Encoding: identity;q=0, br', range], 206, part, bytes],
      [GET, ['Accept-Encoding: identity;q=0'], 200, identity, text],
    ];
    for (const row of rows) await checkRow(server.port, row, values);
  });
});

test('the parts of a download are of the same representation, if the file is compressed meanwhile', async () => {
  await using fresh = serve({ root: directory.root, port: 0, compress: true });
  const fields = ['Accept-Encoding: deflate, gzip, br'];
  const part = (bytes: string): Promise<RawResponse> =>
    exchange(fresh.port, request('/large.txt', [...fields, `Range: bytes=${bytes}`]));
  const first = await part('0-99999');
  for (let coding: string | null = null; coding === null; await sleep(5)) {
    coding = (await exchange(fresh.port, request('/large.txt', fields))).field('Content-Encoding');
  }
  const rest = await part('100000-');
  expect([first.status, rest.status, rest.field('ETag')]).toEqual([206, 206, first.field('ETag')]);
  expect(`${first.body}${rest.body}`).toBe(textOf(300 * KIB));
});

describe('not compressed', () => {
  const plain = (size: number) => ({ 'Content-Encoding': null, Vary: null, 'Content-Length': `${size}` });
  const ROWS: Row[] = [
    ['GET /tiny.txt', ['Accept-Encoding: br, gzip'], 200, plain(1023)],
    ['GET /image.png', ['Accept-Encoding: br, gzip'], 200, plain(9000)],
    ['GET /data.bin', ['Accept-Encoding: br, gzip'], 200, plain(9000)],
    ['GET /too-large.txt', ['Accept-Encoding: br, gzip'], 200, plain(4 * MIB + 1)],
    // Decided by the Content-Type that is sent.
    ['GET /photo.svg', ['Accept-Encoding: br, gzip'], 200, { ...plain(9000), 'Content-Type': 'image/png' }],
  ];

  // Each row is requested twice; the rows in between leave time for a compression.
  testRows([...ROWS, ...ROWS], () => server.port);

  test('a file that does not get smaller is sent as it is', async () => {
    const response = await encoded('/noise.txt', 'br', 150);
    expect([response.field('Content-Encoding'), response.field('Vary')]).toEqual([null, 'Accept-Encoding']);
    expect(response.body.equals(contentOf(9000))).toBe(true);
  });
});

test('the Content-Type of a header rule decides whether to compress, and adds Vary', async () => {
  const before = await ask('/notes.custom', 'identity');
  expect([before.field('Content-Type'), before.field('Vary')]).toEqual([
    'text/plain; charset=utf-8',
    'Accept-Encoding',
  ]);
  const response = await encoded('/notes.custom', 'br');
  expect([response.field('Content-Encoding'), response.field('Vary')]).toEqual(['br', 'Accept-Encoding']);
});

test('a precompressed file is preferred, and missing codings are compressed', async () => {
  const gzip = await ask('/half.css', 'gzip');
  expect([gzip.field('Content-Encoding'), gzip.body.toString()]).toEqual(['gzip', 'made beforehand']);
  expect(brotliDecompressSync((await encoded('/half.css', 'br')).body).toString()).toBe(textOf(9000));
});

test('a changed file is compressed again', async () => {
  directory.write('changing.txt', textOf(5000));
  await settled();
  await using fresh = serve({ root: directory.root, port: 0, compress: true, limits: { revalidateMs: 0 } });
  const seen = async (): Promise<string> => {
    for (let round = 0; round < 400; round++) {
      const response = await exchange(fresh.port, request('/changing.txt', ['Accept-Encoding: gzip']));
      if (response.field('Content-Encoding') === 'gzip') return gunzipSync(response.body).toString();
      await sleep(5);
    }
    return 'never';
  };
  expect(await seen()).toBe(textOf(5000));
  directory.write('changing.txt', textOf(6000), 60);
  await settled();
  expect(await seen()).toBe(textOf(6000));
});

test('many simultaneous requests cost one compression, and each gets a whole response', async () => {
  const responses = await Promise.all(Array.from({ length: 20 }, () => ask('/index.html', 'br')));
  for (const response of responses) {
    const isEncoded = response.field('Content-Encoding') === 'br';
    expect((isEncoded ? brotliDecompressSync(response.body) : response.body).toString()).toBe(textOf(9000));
  }
});

describe('a request that does not accept identity', () => {
  /** Files that are not compressed yet, never, as gzip only, and stored as gzip. */
  const STATES: Record<string, (port: number) => Promise<void>> = {
    '/small.txt': async () => {},
    '/noise.txt': async (port) => {
      for (const coding of AVAILABLE_CODINGS) {
        await exchange(port, request('/noise.txt', [`Accept-Encoding: ${coding}`]));
        await sleep(100);
      }
    },
    '/tiny.txt': async () => {},
    '/half.css': async () => {},
    '/least.txt': async (port) => {
      for (let coding: string | null = null; coding === null; await sleep(5)) {
        const response = await exchange(port, request('/least.txt', ['Accept-Encoding: gzip']));
        coding = response.field('Content-Encoding');
      }
    },
  };

  test.each<[target: keyof typeof STATES, accept: string, status: number, coding: string | null]>([
    ['/small.txt', 'identity;q=0', 200, null],
    ['/small.txt', '*;q=0', 200, null],
    ['/small.txt', 'deflate, identity;q=0', 200, null],
    ['/small.txt', 'br, identity;q=0', 200, null],
    ['/noise.txt', 'identity;q=0', 200, null],
    ['/noise.txt', 'br, identity;q=0', 200, null],
    ['/noise.txt', 'gzip, br, zstd, *;q=0', 200, null],
    ['/tiny.txt', 'br, identity;q=0', 200, null],
    ['/least.txt', 'gzip, identity;q=0', 200, 'gzip'],
    ['/least.txt', 'br, gzip;q=0.1, identity;q=0', 200, 'gzip'],
    ['/least.txt', 'br, identity;q=0', 200, null], // being compressed
    ['/least.txt', 'identity;q=0', 200, null],
    ['/least.txt', 'deflate, *;q=0', 200, null],
    ['/half.css', 'identity;q=0', 406, null],
    ['/half.css', 'br, identity;q=0', 200, null], // being compressed
    ['/half.css', 'gzip, identity;q=0', 200, 'gzip'],
  ])('for %s with %s gets %i', async (target, accept, status, coding) => {
    await using fresh = serve({ root: directory.root, port: 0, compress: true });
    await STATES[target]!(fresh.port);
    const response = await exchange(fresh.port, request(target, [`Accept-Encoding: ${accept}`]));
    expect([response.status, response.field('Content-Encoding')]).toEqual([status, coding]);
  });

  test('gets identity if nothing is cached, because then nothing is compressed', async () => {
    await using bare = serve({ root: directory.root, port: 0, compress: true, limits: { cacheBytes: 0 } });
    const response = await exchange(bare.port, request('/small.txt', ['Accept-Encoding: br, identity;q=0']));
    expect([response.status, response.body.toString()]).toEqual([200, textOf(9000)]);
  });
});
