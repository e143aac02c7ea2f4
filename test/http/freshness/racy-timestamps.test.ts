import { renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Limits } from '../../../src/http/limits.js';
import { type ServeOptions, type Server, serve } from '../../../src/index.js';
import { kernel as realKernel } from '../../../src/sys/binding.js';
import { makeWatchedDirectory } from '../../support/changer.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { settled } from '../../support/directory.js';
import { exchange, request } from '../../support/raw-client.js';
import { checkRow, type Row } from '../../support/rows.js';
import { contentOf } from '../../support/site.js';

/** The second of the simulated clock; the files are created an hour later, so that none has a racy ctime. */
const SECOND = Math.floor(Date.now() / 1000) - 3600;
const WHOLE = contentOf(3000);
const ENCODED = contentOf(1000);

let directory: ReturnType<typeof makeWatchedDirectory>;
let server: Server;
let passedMs: number;

const kernel = kernelWith({
  wallMs: () => SECOND * 1000 + 500 + passedMs,
  monotonicMs: () => realKernel.monotonicMs() + passedMs,
});

const path = (name: string): string => join(directory.path, name);
const put = (name: string, content: string | Uint8Array, second: number): void => {
  writeFileSync(path(name), content);
  utimesSync(path(name), second, second);
};
const start = (options: Partial<ServeOptions> = {}): void => {
  server = serve({ port: 0, root: directory.path, ...options });
};

beforeEach(() => {
  directory = makeWatchedDirectory();
  passedMs = 0;
});

afterEach(async () => {
  await server.stop({ force: true });
  directory[Symbol.dispose]();
});

const PART = 'Range: bytes=0-9';
const BR = 'Accept-Encoding: br';

/** Preconditions on a file whose date may still change: which ones it cannot satisfy, and which one it can fail. */
const UNDATED: [lines: string[], status: number][] = [
  [[], 200],
  [[PART], 206],
  [['If-Unmodified-Since: <earlier>'], 412],
  [['If-Unmodified-Since: <earlier>', PART], 412],
  [['If-Unmodified-Since: <same>'], 200],
  [['If-Unmodified-Since: <same>', PART], 206],
  [['If-Unmodified-Since: <later>'], 200],
  [['If-Unmodified-Since: <later>', PART], 206],
  [['If-Unmodified-Since: yesterday', PART], 206],
  [['If-Unmodified-Since: <earlier>', 'If-Match: *'], 200],
  [['If-Unmodified-Since: <earlier>', 'If-None-Match: *'], 412],
  [['If-Unmodified-Since: <same>', 'If-None-Match: *'], 304],
  [['If-Modified-Since: <earlier>'], 200],
  [['If-Modified-Since: <same>'], 200],
  [['If-Modified-Since: <later>'], 200],
  [['If-Range: <earlier>', PART], 200],
  [['If-Range: <same>', PART], 200],
  [['If-Range: <later>', PART], 200],
];

/** The same once the second is over. */
const DATED: typeof UNDATED = UNDATED.map(([lines, status]) => {
  const [line] = lines;
  if (line === 'If-Modified-Since: <same>' || line === 'If-Modified-Since: <later>') return [lines, 304];
  return [lines, line === 'If-Range: <same>' ? 206 : status];
});

const around = (second: number): Record<string, string> => {
  const date = (at: number): string => new Date(at * 1000).toUTCString();
  return { earlier: date(second - 1), same: date(second), later: date(second + 1) };
};

/** A time that has not come is replaced by the Date of the first response, RFC 9110 section 8.8.2.1. */
const NOW = new Date(SECOND * 1000).toUTCString();

/**
 * [file, its second, that of its precompressed file, fields of the request, Last-Modified of the selected one before it
 * is dated, seconds until it is]
 */
const FILES: [string, second: number, number | null, fields: string[], date: string | null, seconds: number][] = [
  ['a file of this second', SECOND, null, [], null, 1],
  ['a file and its precompressed file of this second', SECOND, SECOND, [], null, 1],
  ['a precompressed file of this second', SECOND - 3600, SECOND, [BR], null, 1],
  ['a file of the future', SECOND + 7200, null, [], NOW, 7201],
  ['a precompressed file of the future', SECOND - 3600, SECOND + 7200, [BR], NOW, 7201],
  ['a file and its precompressed file of the future', SECOND + 7200, SECOND + 7200, [BR], NOW, 7201],
];

describe.each<[string, Partial<Limits>]>([
  ['in memory', {}],
  ['by descriptor', { maxCachedFileBytes: 0 }],
  ['not cached', { cacheBytes: 0 }],
])('%s', (_, limits) => {
  test.each(FILES)('%s', async (_, second, precompressed, fields, first, seconds) => {
    put('a.html', WHOLE, second);
    if (precompressed !== null) put('a.html.br', ENCODED, precompressed);
    start({ kernel, limits });
    const recent = fields.includes(BR) ? precompressed! : second;
    const whole = fields.includes(BR) ? ENCODED : WHOLE;
    const checkAll = async (rows: typeof UNDATED, date: string | null): Promise<void> => {
      for (const [lines, status] of rows) {
        const sent = status === 412 ? {} : { ETag: /^"/, 'Last-Modified': date };
        const body = status === 206 ? whole.subarray(0, 10) : status === 200 ? whole : /^/;
        await checkRow(server.port, ['GET /a.html', [...fields, ...lines], status, sent, body], around(recent));
      }
    };
    await checkAll(UNDATED, first);
    passedMs = seconds * 1000 - 501;
    // The time has come, and its second is not over.
    await checkAll(UNDATED, limits.cacheBytes === 0 ? null : first);
    passedMs = seconds * 1000 + 500;
    await checkAll(DATED, '<same>');
  });
});

test('a fallback page of this second gets its Last-Modified once the second is over', async () => {
  put('index.html', WHOLE, SECOND);
  start({ kernel, fallback: 'index.html' });
  const row = (fields: string[], status: number, date: string | null): Row => [
    'GET /route',
    ['Accept: text/html', ...fields],
    status,
    status === 412 ? {} : { 'Last-Modified': date },
  ];
  const check = (each: Row) => checkRow(server.port, each, around(SECOND));
  await check(row([], 200, null));
  await check(row(['If-Unmodified-Since: <earlier>'], 412, null));
  await check(row(['If-Modified-Since: <same>'], 200, null));
  passedMs = 500;
  await check(row([], 200, '<same>'));
  await check(row(['If-Unmodified-Since: <earlier>'], 412, null));
  await check(row(['If-Modified-Since: <same>'], 304, '<same>'));
});

test('content ETags come without Last-Modified', async () => {
  put('a.html', WHOLE, SECOND);
  start({ kernel, etag: 'content' });
  for (const line of ['If-Unmodified-Since: <earlier>', 'If-Modified-Since: <later>']) {
    const row: Row = ['GET /a.html', [line], 200, { 'Last-Modified': null }, WHOLE];
    await checkRow(server.port, row, around(SECOND));
  }
});

test.each<[string, (content: Uint8Array) => void]>([
  [
    'replaced',
    (content) => {
      writeFileSync(path('new.txt'), content);
      renameSync(path('new.txt'), path('f.txt'));
    },
  ],
  ['edited in place', (content) => writeFileSync(path('f.txt'), content)],
])('a resumed download of a file that was %s meanwhile gets a 412', async (_, change) => {
  put('f.txt', WHOLE, SECOND - 3600);
  await settled();
  start();
  const ask = (fields: string[]) => exchange(server.port, request('/f.txt', fields));
  const modified = (await ask([])).field('Last-Modified');
  expect((await ask(['Range: bytes=0-1499'])).status).toBe(206);
  change(contentOf(3001));
  await settled();
  const rest = await ask(['Range: bytes=1500-2999', `If-Unmodified-Since: ${modified}`]);
  expect([rest.status, rest.field('Content-Range')]).toEqual([412, null]);
});
