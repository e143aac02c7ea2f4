import { utimesSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Server, serve } from '../../../src/index.js';
import { settled, type TestDirectory } from '../../support/directory.js';
import {
  type Coding,
  checkSelection,
  contentIn,
  makePages,
  PAGE_NAMES,
  PAGES,
  partial,
  sliceOf,
  validatorsOf,
} from '../../support/pages.js';
import { exchange, RawClient, request, withoutDate } from '../../support/raw-client.js';
import { checkRow, type Row, testRows } from '../../support/rows.js';
import { contentOf, HELLO, KIB } from '../../support/site.js';

type Ranges = [first: number, last: number][];

/** On the identity representation of either size, RFC 9110 section 14. */
const RANGES: [lines: string[], status: number, ranges?: Ranges][] = [
  [['Range: bytes=0-0'], 206, [[0, 0]]],
  [['Range: bytes=0-99'], 206, [[0, 99]]],
  [['Range: bytes=100-8000'], 206, [[100, 8000]]],
  [['range: BYTES=7-7'], 206, [[7, 7]]],
  [['Range: bytes= 1-2 , '], 206, [[1, 2]]],
  [['Range: bytes=0-9,5-20'], 206, [[0, 20]]],
  [['Range: bytes=0-9,10-20'], 206, [[0, 20]]],
  [['Range: bytes=0-9,60-90'], 206, [[0, 90]]],
  [
    ['Range: bytes=5000-5009,0-9'],
    206,
    [
      [5000, 5009],
      [0, 9],
    ],
  ],
  [
    ['Range: bytes=0-9,99999999-,5000-5009'],
    206,
    [
      [0, 9],
      [5000, 5009],
    ],
  ],
  [
    ['Range: bytes=0-0,1000-1099,2000-2000,4000-4999'],
    206,
    [
      [0, 0],
      [1000, 1099],
      [2000, 2000],
      [4000, 4999],
    ],
  ],
  [['Range: bytes=99999999-'], 416],
  [['Range: bytes=99999999-99999999999999999999999'], 416],
  [['Range: bytes=-0'], 416],
  // Not a set of byte ranges: ignored, section 14.2.
  [['Range: items=0-9'], 200],
  [['Range: bytes'], 200],
  [['Range: bytes='], 200],
  [['Range: bytes=-'], 200],
  [['Range: bytes=9-0'], 200],
  [['Range: bytes=a-9'], 200],
  [['Range: bytes=0-9;1-2'], 200],
  [['Range: bytes=0 -9'], 200],
  [['Range: 0-9'], 200],
  [['Range:'], 200],
  [['Range: bytes=0-9', 'Range: bytes=20-29'], 200],
  // More ranges than are served: ignored.
  [[`Range: bytes=${Array.from({ length: 33 }, (_, at) => `${at * 100}-${at * 100}`).join(',')}`], 200],
  // Preconditions are evaluated first, section 13.2.2.
  [['Range: bytes=0-9', 'If-None-Match: <identity>'], 304],
  [['Range: bytes=0-9', 'If-None-Match: <br>'], 206, [[0, 9]]],
  [['Range: bytes=0-9', 'If-Match: <identity>'], 206, [[0, 9]]],
  [['Range: bytes=0-9', 'If-Match: <br>'], 412],
  [['Range: bytes=99999999-', 'If-Match: <br>'], 412],
  [['Range: bytes=99999999-', 'If-None-Match: <identity>'], 304],
  [['Range: bytes=0-9', 'If-Modified-Since: <modified>'], 304],
  [['Range: bytes=0-9', 'If-Modified-Since: <before>'], 206, [[0, 9]]],
  [['Range: bytes=0-9', 'If-Unmodified-Since: <modified>'], 206, [[0, 9]]],
  [['Range: bytes=0-9', 'If-Unmodified-Since: <before>'], 412],
  // If-Range, section 13.1.5: the part if the validator matches, else the whole.
  [['Range: bytes=0-9', 'If-Range: <identity>'], 206, [[0, 9]]],
  [['Range: bytes=0-9', 'If-Range: <br>'], 200],
  [['Range: bytes=0-9', 'If-Range: W/<identity>'], 200],
  [['Range: bytes=0-9', 'If-Range: "other"'], 200],
  [['Range: bytes=0-9', 'If-Range: *'], 200],
  [['Range: bytes=0-9', 'If-Range: <identity>, <br>'], 200],
  [['Range: bytes=0-9', 'If-Range: <modified>'], 206, [[0, 9]]],
  [['Range: bytes=0-9', 'If-Range: <after>'], 200],
  [['Range: bytes=0-9', 'If-Range: <before>'], 200],
  [['Range: bytes=0-9', 'If-Range: yesterday'], 200],
  [['Range: bytes=99999999-', 'If-Range: <br>'], 200],
  [['Range: bytes=99999999-', 'If-Range: <identity>'], 416],
  [['If-Range: <br>'], 200],
  [['Range: bytes=0-9', 'If-Range: <identity>', 'If-None-Match: <identity>'], 304],
];

/** On an encoded representation: ranges count the encoded bytes, section 14.1.2. */
const ENCODED: [form: Coding, lines: string[], status: number, ranges?: Ranges][] = [
  ['br', ['Range: bytes=0-9'], 206, [[0, 9]]],
  ['zstd', ['Range: bytes=100-1999'], 206, [[100, 1999]]],
  ['gzip', ['Range: bytes=10-2500'], 206, [[10, 2500]]],
  ['br', ['Range: bytes=0-9', 'If-Range: <br>'], 206, [[0, 9]]],
  ['br', ['Range: bytes=0-9', 'If-Range: <identity>'], 200],
  ['br', ['Range: bytes=0-9', 'If-Range: <gzip>'], 200],
  ['gzip', ['Range: bytes=0-9', 'If-Range: <gzip>'], 206, [[0, 9]]],
  ['br', ['Range: bytes=0-9', 'If-Range: <modified>'], 206, [[0, 9]]],
  ['br', ['Range: bytes=0-9', 'If-None-Match: <br>'], 304],
  ['br', ['Range: bytes=0-9', 'If-None-Match: <identity>'], 206, [[0, 9]]],
  ['br', ['Range: bytes=0-9', 'If-Match: <identity>'], 412],
  ['br', ['Range: bytes=0-9', 'If-Match: <br>'], 206, [[0, 9]]],
  ['br', ['Range: bytes=299999-'], 416],
  // Content-Encoding would apply to the multipart body, not to the parts.
  ['br', ['Range: bytes=0-9,1000-1009'], 200],
  ['br', ['Range: bytes=0-9,20-29'], 206, [[0, 29]]],
];

let directory: TestDirectory;
let server: Server;

beforeAll(async () => {
  directory = makePages();
  directory.write('empty.txt', '');
  directory.write('hello.txt', HELLO);
  directory.write('four.txt', 'four');
  directory.write('big.bin', contentOf(400 * KIB));
  await settled();
  server = serve({ root: directory.root, port: 0 });
});

afterAll(async () => {
  await server.stop({ force: true });
  directory[Symbol.dispose]();
});

describe.each(PAGE_NAMES)('a %s page', (page) => {
  let values: Record<string, string>;

  beforeAll(async () => {
    values = await validatorsOf(server.port, page);
  });

  test.each(RANGES)('%j is %i %j', async (lines, status, ranges) => {
    await checkSelection(server.port, page, values, lines, status, 'identity', ranges);
  });

  test.each(ENCODED)('%s with %j is %i %j', async (coding, lines, status, ranges) => {
    await checkSelection(server.port, page, values, [`Accept-Encoding: ${coding}`, ...lines], status, coding, ranges);
  });

  test.each(['identity', 'br', 'zstd', 'gzip'] as const)('ranges at the end of %s use its own size', async (coding) => {
    const size = PAGES[page][coding];
    const ends: [range: string, status: number, ranges?: Ranges][] = [
      ['0-', 206, [[0, size - 1]]],
      [`0-${size - 1}`, 206, [[0, size - 1]]],
      [`0-${size + 5}`, 206, [[0, size - 1]]],
      [`${size - 1}-`, 206, [[size - 1, size - 1]]],
      ['-1', 206, [[size - 1, size - 1]]],
      ['-500', 206, [[size - 500, size - 1]]],
      [`-${size}`, 206, [[0, size - 1]]],
      [`-${size + 1}`, 206, [[0, size - 1]]],
      [`${size - 100}-${size * 2}`, 206, [[size - 100, size - 1]]],
      [`${size}-`, 416],
      [`${size}-${size}`, 416],
    ];
    for (const [range, status, ranges] of ends) {
      const fields = [`Accept-Encoding: ${coding}`, `Range: bytes=${range}`];
      await checkSelection(server.port, page, values, fields, status, coding, ranges);
    }
  });

  test('206 and 416 have the validators of the 200 of the same representation', async () => {
    const whole = await exchange(server.port, request(`/${page}.html`));
    const part = await exchange(server.port, request(`/${page}.html`, ['Range: bytes=0-9']));
    const none = await exchange(server.port, request(`/${page}.html`, ['Range: bytes=999999-']));
    const but = (fields: typeof whole.fields, ...names: string[]) =>
      Object.fromEntries(fields.filter(([name]) => !['Date', 'Content-Length', ...names].includes(name)));
    expect(but(part.fields, 'Content-Range')).toEqual(but(whole.fields));
    expect(none.fields.map(([name]) => name)).not.toContain('Last-Modified');
    expect(none.field('Content-Type')).toBe('text/plain; charset=utf-8');
    expect(none.field('Accept-Ranges')).toBe('bytes');
  });

  test('pipelined consecutive ranges add up to the whole', async () => {
    const size = PAGES[page].identity;
    const step = Math.ceil(size / 7);
    const starts = Array.from({ length: 7 }, (_, at) => at * step);
    using client = await RawClient.connect(server.port);
    client.send(
      starts.map((start) => request(`/${page}.html`, [`Range: bytes=${start}-${start + step - 1}`])).join(''),
    );
    const pieces: Buffer[] = [];
    for (const _ of starts) pieces.push(Buffer.from((await client.response()).body));
    expect(Buffer.concat(pieces).equals(contentIn(page, 'identity'))).toBe(true);
  });

  test.each<[version: string, lines: string[], connection: string | null]>([
    ['1.0', [], 'close'],
    ['1.0', ['Connection: keep-alive'], 'keep-alive'],
    ['1.1', ['Connection: close'], 'close'],
    ['1.1', [], null],
  ])('parts for HTTP/%s with %j have Connection %s', async (version, lines, connection) => {
    const whole = contentIn(page, 'identity');
    const ends = [
      [0, 9],
      [whole.length - 100, whole.length - 1],
    ] as const;
    for (const [first, last] of ends) {
      using client = await RawClient.connect(server.port);
      for (let time = 0; time < (connection === 'close' ? 1 : 3); time++) {
        const fields = ['Host: a', `Range: bytes=${first}-${last}`, ...lines];
        client.send(`GET /${page}.html HTTP/${version}\r\n${fields.join('\r\n')}\r\n\r\n`);
        const response = await client.response();
        expect([response.version, response.status, response.field('Connection')]).toEqual([
          'HTTP/1.1',
          206,
          connection,
        ]);
        expect(response.field('Content-Range')).toBe(`bytes ${first}-${last}/${whole.length}`);
        expect(response.field('ETag')).toBe(values['identity']);
        expect(response.body.equals(whole.subarray(first, last + 1))).toBe(true);
      }
      if (connection === 'close') expect(await client.untilClose()).toHaveLength(0);
      expect([client.failure, client.buffered.length]).toEqual([null, 0]);
    }
  });

  test('a HEAD ignores Range', async () => {
    using client = await RawClient.connect(server.port);
    const plain = await client.send(request(`/${page}.html`, [], 'HEAD')).response('HEAD');
    for (const range of ['bytes=0-9', 'bytes=0-9,5000-5009', 'bytes=99999999-']) {
      const head = await client.send(request(`/${page}.html`, [`Range: ${range}`], 'HEAD')).response('HEAD');
      expect([head.status, withoutDate(head.head)]).toEqual([200, withoutDate(plain.head)]);
    }
  });

  test('each multipart response has a new boundary that does not occur in the file', async () => {
    const boundaries = new Set<string>();
    for (let round = 0; round < 5; round++) {
      const response = await exchange(server.port, request(`/${page}.html`, ['Range: bytes=0-9,5000-5009']));
      boundaries.add(response.field('Content-Type')!);
    }
    expect(boundaries.size).toBe(5);
  });
});

describe('small and odd files', () => {
  const type = 'text/plain; charset=utf-8';
  const ROWS: Row[] = [
    ['GET /empty.txt', ['Range: bytes=0-'], 416, { 'Content-Range': 'bytes */0' }],
    ['GET /empty.txt', ['Range: bytes=-5'], 200, { 'Content-Range': null }, ''],
    ['GET /empty.txt', ['Range: bytes=0-0,-1'], 200, { 'Content-Range': null }, ''],
    ['GET /four.txt', ['Range: bytes=1-2'], 206, { 'Content-Range': 'bytes 1-2/4', 'Content-Type': type }, 'ou'],
    ['GET /four.txt', ['Range: bytes=-9'], 206, { 'Content-Range': 'bytes 0-3/4' }, 'four'],
    ['GET /four.txt', ['Range: bytes=0-0,2-2'], 206, { 'Content-Range': 'bytes 0-2/4' }, 'fou'],
    ['GET /four.txt?query', ['Range: bytes=4-'], 416, { 'Content-Range': 'bytes */4' }],
    // Only files have ranges.
    ['GET /nothing', ['Range: bytes=0-1'], 404, { 'Content-Range': null }, 'Not found.\n'],
    ['GET /big.bin', ['Range: bytes=100-102399'], 206, {}, contentOf(400 * KIB).subarray(100, 102400)],
  ];

  testRows(ROWS, () => server.port);

  test('large parts are sent by descriptor between small ones from memory', async () => {
    const ranges: Ranges = [
      [0, 9],
      [1000, 150_000],
      [200_000, 200_099],
    ];
    const set = ranges.map(([first, last]) => `${first}-${last}`).join(',');
    const response = await exchange(server.port, request('/big.bin', [`Range: bytes=${set}`]));
    expect(response.status).toBe(206);
    const whole = contentOf(400 * KIB);
    expect(
      response.body.equals(partial(response, whole.length, ranges, sliceOf(whole), 'application/octet-stream')),
    ).toBe(true);
  });
});

describe('the same request for a range of a file that is not in memory, many times', () => {
  const NAME = 'repeated.bin';
  const SIZE = 400 * KIB;
  const RANGE = 'Range: bytes=1000-1999';
  const TIMES = 6; // it is parsed, cached as a field section, and then its bytes are kept

  test.each<[fields: string[], status: number]>([
    [[RANGE], 206],
    [['Range: bytes=0-65535'], 206],
    [[RANGE, 'If-Range: "other"'], 200],
    [[RANGE, 'If-None-Match: "other"'], 206],
    [['Range: bytes=-1'], 206],
  ])('%j has the same response, until the file changes', async (fields, status) => {
    const first = contentOf(SIZE);
    directory.write(NAME, first);
    await settled();
    using client = await RawClient.connect(server.port);
    const line = `User-Agent: ${'a'.repeat(30)}`; // long enough to be cached
    const get = (more: string[] = fields, method = 'GET') =>
      client.send(request(`/${NAME}`, [line, ...more], method)).response(method);
    const [before] = [await get()];
    expect(before.status).toBe(status);
    for (let i = 0; i < TIMES; i++) {
      const response = await get();
      expect(withoutDate(response.head)).toBe(withoutDate(before.head));
      expect(response.body.equals(before.body)).toBe(true);
    }
    const other = await get(['Range: bytes=5-9']);
    expect([other.status, other.body.equals(first.subarray(5, 10))]).toEqual([206, true]);
    expect((await get(fields, 'HEAD')).status).toBe(200);
    expect((await get()).body.equals(before.body)).toBe(true);
    const second = Buffer.from(first.map((byte) => byte ^ 0xff));
    directory.write(NAME, second);
    await settled();
    for (let i = 0; i < TIMES; i++)
      expect((await get()).body.equals(before.body.map((byte) => byte ^ 0xff))).toBe(true);
    const closing = await exchange(server.port, request(`/${NAME}`, [...fields, 'Connection: close']));
    expect(closing.body.equals(before.body.map((byte) => byte ^ 0xff))).toBe(true);
  });
});

test('a modification time at the epoch, as reproducible builds set it, is not a date: no Last-Modified, no precondition on it', async () => {
  directory.write('built.txt', HELLO);
  utimesSync(directory.path('built.txt'), 0, 0);
  await settled();
  const rows: Row[] = [
    ['GET /built.txt', [], 200, { 'Last-Modified': null, ETag: /^"/ }, HELLO],
    ['GET /built.txt', ['If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT'], 200, {}, HELLO],
    ['GET /built.txt', [`If-Modified-Since: ${new Date().toUTCString()}`], 200, {}, HELLO],
    ['GET /built.txt', ['If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT'], 200, {}, HELLO],
    ['GET /built.txt', ['Range: bytes=0-1', 'If-Range: Thu, 01 Jan 1970 00:00:00 GMT'], 200, {}, HELLO],
    ['GET /built.txt', ['Range: bytes=0-1'], 206, { 'Last-Modified': null }, 'he'],
  ];
  for (const row of rows) await checkRow(server.port, row);
});
