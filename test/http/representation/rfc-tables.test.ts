import { truncateSync, utimesSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Server, serve } from '../../../src/index.js';
import { ACCEPT_ENCODINGS } from '../../support/accept-encodings.js';
import {
  AT_THE_LIMIT,
  EXAMPLES,
  type Expected,
  GRAMMAR,
  IGNORED,
  LARGE_NUMBERS,
  LONG,
  MIB,
  ONE_RANGE,
  type RangeRow,
  SEVERAL,
} from '../../support/byte-ranges.js';
import {
  AGES,
  DATES,
  EARLIER,
  IF_RANGES,
  LINES,
  LISTS,
  MODIFIED,
  MODIFIED_MEANWHILE,
  NO_MATCH,
  ORDER,
  SAME,
} from '../../support/conditions.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { settled, type TestDirectory } from '../../support/directory.js';
import { type Coding, contentIn, makePages, partial, rangeOf } from '../../support/pages.js';
import { exchange, RawClient, type RawResponse, request, withoutDate } from '../../support/raw-client.js';
import { contentOf, HELLO, KIB } from '../../support/site.js';

// The tables of the unit tests, each row through a socket, all rows over one persistent connection.

/** No filesystem holds a file of 2^53 bytes, and reading a GiB takes too long. */
const isServed = ([, size, expected]: RangeRow): boolean => {
  const [first, last] = typeof expected === 'string' ? expected.split('-').map(Number) : [0, 0];
  return size < 2 ** 40 && (size <= MIB || last! - first! < MIB);
};
const RANGES = [...EXAMPLES, ...ONE_RANGE, ...LARGE_NUMBERS, ...GRAMMAR].filter(isServed);
const SETS = [...SEVERAL, ...AT_THE_LIMIT];
/** Values that fit into a request head. */
const LONGEST = LONG.filter(([value]) => value.length < 12 * KIB);
const SIZES = new Set([...RANGES, ...SETS.map(([, ...row]) => row)].map(([, size]) => size));

let directory: TestDirectory;
let server: Server;
let client: RawClient;
/** The file's ETag without its quotes. */
let opaque: string;

beforeAll(async () => {
  directory = makePages();
  directory.write('dated.txt', HELLO);
  utimesSync(directory.path('dated.txt'), MODIFIED, MODIFIED);
  for (const size of SIZES) {
    directory.write(`${size}.bin`, size <= MIB ? contentOf(size) : '');
    if (size > MIB) truncateSync(directory.path(`${size}.bin`), size);
  }
  await settled();
  server = serve({ root: directory.root, port: 0 });
  opaque = (await exchange(server.port, request('/dated.txt'))).field('ETag')!.slice(1, -1);
  client = await RawClient.connect(server.port);
});

afterAll(async () => {
  client.close();
  await server.stop({ force: true });
  directory[Symbol.dispose]();
});

const ask = (target: string, fields: readonly string[], method = 'GET', peer = client): Promise<RawResponse> =>
  peer.send(request(target, fields, method)).response(method);

/** Requests the file, with its ETag in place of "abc". */
const askDated = (fields: readonly string[], method?: string, peer?: RawClient): Promise<RawResponse> =>
  ask(
    '/dated.txt',
    fields.map((line) => line.replaceAll('abc', opaque).replaceAll('ABC', opaque.toUpperCase())),
    method,
    peer,
  );

async function expectStatus(fields: readonly string[], status: number, peer = client): Promise<RawResponse> {
  const response = await askDated(fields, 'GET', peer);
  expect(response.status, fields.join('\n')).toBe(status);
  const head = await askDated(fields, 'HEAD', peer);
  if (status !== 206) expect(withoutDate(head.head)).toBe(withoutDate(response.head));
  else expect([head.status, head.field('Content-Length')]).toEqual([200, `${HELLO.length}`]);
  const body = { 200: HELLO, 206: HELLO.slice(0, 2), 304: '' }[status];
  if (body !== undefined) expect(response.body.toString()).toBe(body);
  return response;
}

const PART = 'Range: bytes=0-1';

describe('conditions', () => {
  test.each(LISTS)('%s matches the ETag: %s', async (list, has) => {
    await expectStatus([`If-Match: ${list}`], has ? 200 : 412);
    await expectStatus([`If-Match: ${list}`, PART], has ? 206 : 412);
    await expectStatus([`If-None-Match: ${list}`], has ? 304 : 200);
    await expectStatus([`If-None-Match: ${list}`, PART], has ? 304 : 206);
  });

  test.each(LINES)('%j: %s', async (fields, result) => {
    await expectStatus(fields, result);
  });

  test.each(DATES)('on %j (%s)', async (date, is) => {
    await expectStatus([`If-Modified-Since: ${date}`], is === 'same' || is === 'later' ? 304 : 200);
    await expectStatus([`If-Unmodified-Since: ${date}`], is === 'earlier' ? 412 : 200);
    await expectStatus([`If-Unmodified-Since: ${date}`, PART], is === 'earlier' ? 412 : 206);
    await expectStatus([`If-Range: ${date}`, PART], is === 'same' ? 206 : 200);
  });

  test.each(AGES)('on a file modified %i ms ago, with a strong date: %s', async (ageMs, strong) => {
    const kernel = kernelWith({ wallMs: () => MODIFIED * 1000 + ageMs });
    await using then = serve({ root: directory.root, port: 0, kernel });
    using peer = await RawClient.connect(then.port);
    const response = await expectStatus([], 200, peer);
    // A time of the future is replaced by the date of the response, RFC 9110 section 8.8.2.1.
    const early = ageMs < 0 ? response.field('Date') : null;
    expect(response.field('Last-Modified')).toBe(strong ? SAME : early);
    await expectStatus([`If-Modified-Since: ${SAME}`], strong ? 304 : 200, peer);
    await expectStatus([`If-Range: ${SAME}`, PART], strong ? 206 : 200, peer);
    await expectStatus(['If-None-Match: "abc"'], 304, peer);
    await expectStatus(['If-Range: "abc"', PART], 206, peer);
    await expectStatus([`If-Unmodified-Since: ${SAME}`], 200, peer);
    await expectStatus([`If-Unmodified-Since: ${SAME}`, PART], 206, peer);
    await expectStatus([MODIFIED_MEANWHILE], 412, peer);
    await expectStatus([MODIFIED_MEANWHILE, PART], 412, peer);
  });

  test.each(ORDER)('%s', async (_, fields, result) => {
    for (const order of [fields, fields.toReversed()]) {
      await expectStatus(order, result);
      await expectStatus([...order, PART], result === 200 ? 206 : result);
    }
    for (const method of ['PUT', 'DELETE']) expect((await askDated(fields, method)).status).toBe(405);
  });

  test('methods without a representation ignore them', async () => {
    const all = [NO_MATCH, MODIFIED_MEANWHILE, 'If-None-Match: *', `If-Modified-Since: ${EARLIER}`];
    expect((await askDated(all, 'OPTIONS')).status).toBe(204);
    expect((await askDated(all, 'TRACE')).status).toBe(405);
  });

  test.each(IF_RANGES)('%j: %s', async (fields, holds) => {
    await expectStatus([PART, ...fields], holds ? 206 : 200);
  });
});

describe('ranges', () => {
  const bytes = (size: number, first: number, last: number): Buffer =>
    size > MIB ? Buffer.alloc(last - first + 1) : contentOf(size).subarray(first, last + 1);

  async function expectRanges(value: string, size: number, expected: Expected): Promise<void> {
    const fields = [`Range: ${value}`];
    const response = await ask(`/${size}.bin`, fields);
    if (typeof expected === 'string') {
      const ranges = expected.split(' ').map((each) => each.split('-').map(Number) as [number, number]);
      const only = ranges.length === 1 ? rangeOf(ranges[0]!, size) : null;
      expect([response.status, response.field('Content-Range')]).toEqual([206, only]);
      const from = (first: number, last: number): Buffer => bytes(size, first, last);
      expect(response.body.equals(partial(response, size, ranges, from, 'application/octet-stream'))).toBe(true);
    } else {
      const range = expected === 416 ? `bytes */${size}` : null;
      expect([response.status, response.field('Content-Range')]).toEqual([expected ?? 200, range]);
      if (expected === null) expect(response.body.equals(contentOf(size))).toBe(true);
    }
    const head = await ask(`/${size}.bin`, fields, 'HEAD');
    expect([head.status, head.field('Content-Length'), head.field('Content-Range')]).toEqual([200, `${size}`, null]);
  }

  test.each(RANGES)('%j of %i: %j', expectRanges);
  test.each(SETS)('%s: %s of %i', (_, ...row) => expectRanges(...row));
  test.each(LONGEST)('%#', (value, expected) => expectRanges(value, 10, expected));

  test.each(IGNORED)('%j is ignored', async (value) => {
    await expectRanges(value, 10, null);
    await expectRanges(value, 0, null);
  });
});

test.each(ACCEPT_ENCODINGS)('Accept-Encoding %j: %s', async (value, preferences) => {
  const form = preferences.split(' ')[0] as Coding | '';
  const fields = [`Accept-Encoding: ${value}`];
  const response = await ask('/small.html', fields);
  const coding = form === '' || form === 'identity' ? null : form;
  expect([response.status, response.field('Content-Encoding')]).toEqual([form === '' ? 406 : 200, coding]);
  expect(response.field('Vary')).toBe('Accept-Encoding');
  if (form !== '') expect(response.body.equals(contentIn('small', form))).toBe(true);
  expect(withoutDate((await ask('/small.html', fields, 'HEAD')).head)).toBe(withoutDate(response.head));
});
