import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Server, serve } from '../../../src/index.js';
import { makeDirectory, settled, type TestDirectory } from '../../support/directory.js';
import { partial, rangeOf } from '../../support/pages.js';
import { exchange, type RawResponse, request } from '../../support/raw-client.js';
import { contentOf, KIB } from '../../support/site.js';

const GIB = 2 ** 30;
const SIZE = 5 * GIB;
/** A sparse file: only some bytes across the 32-bit boundary and the last ones are written. */
const MARKS: [at: number, bytes: Buffer][] = [
  [4 * GIB - 40_000, contentOf(100 * KIB)],
  [SIZE - 7, Buffer.from('the end')],
];

const RANGES: [set: string, ranges: [first: number, last: number][]][] = [
  ['0-9', [[0, 9]]],
  ['4294967286-4294967305', [[4_294_967_286, 4_294_967_305]]],
  ['4294967295-4294967295', [[4_294_967_295, 4_294_967_295]]],
  ['4294967296-4294967296', [[4 * GIB, 4 * GIB]]],
  ['4294927296-4295029695', [[4 * GIB - 40_000, 4 * GIB - 40_000 + 100 * KIB - 1]]],
  ['5368709113-', [[SIZE - 7, SIZE - 1]]],
  ['-7', [[SIZE - 7, SIZE - 1]]],
  ['-100000', [[SIZE - 100_000, SIZE - 1]]],
  ['5368709119-9999999999999', [[SIZE - 1, SIZE - 1]]],
  [
    '4294967297-4295037296,10-20,-7',
    [
      [4 * GIB + 1, 4 * GIB + 70_000],
      [10, 20],
      [SIZE - 7, SIZE - 1],
    ],
  ],
];

let directory: TestDirectory;
let server: Server;

beforeAll(async () => {
  directory = makeDirectory();
  const fd = openSync(directory.path('huge.bin'), 'w');
  ftruncateSync(fd, SIZE);
  for (const [at, bytes] of MARKS) writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
  await settled();
  server = serve({ root: directory.root, port: 0 });
});

afterAll(async () => {
  await server.stop({ force: true });
  directory[Symbol.dispose]();
});

const ask = (fields: string[], method = 'GET'): Promise<RawResponse> =>
  exchange(server.port, request('/huge.bin', fields, method));

function bytesFrom(first: number, last: number): Buffer {
  const bytes = Buffer.alloc(last - first + 1);
  for (const [at, mark] of MARKS) {
    const start = Math.max(first, at);
    if (start <= Math.min(last, at + mark.length - 1)) mark.copy(bytes, start - first, start - at, last + 1 - at);
  }
  return bytes;
}

test.each(RANGES)('of 5 GiB bytes=%s', async (set, ranges) => {
  const response = await ask([`Range: bytes=${set}`]);
  const only = ranges.length === 1 ? rangeOf(ranges[0]!, SIZE) : null;
  expect([response.status, response.field('Content-Range')]).toEqual([206, only]);
  const expected = partial(response, SIZE, ranges, bytesFrom, 'application/octet-stream');
  expect(response.body.equals(expected)).toBe(true);
});

test('of 5 GiB: HEAD, 304, 416', async () => {
  const head = await ask([], 'HEAD');
  expect([head.status, head.field('Content-Length')]).toEqual([200, `${SIZE}`]);
  const ranged = await ask(['Range: bytes=4294967296-'], 'HEAD');
  expect([ranged.status, ranged.field('Content-Length')]).toEqual([200, `${SIZE}`]);
  expect((await ask([`If-None-Match: ${head.field('ETag')}`])).status).toBe(304);
  const none = await ask([`Range: bytes=${SIZE}-`]);
  expect([none.status, none.field('Content-Range')]).toEqual([416, `bytes */${SIZE}`]);
});
