import { renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Limits } from '../../../src/http/limits.js';
import { type ServeOptions, type Server, serve } from '../../../src/index.js';
import { kernel as realKernel } from '../../../src/sys/binding.js';
import { tellingFolder } from '../../support/changer.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { settled } from '../../support/directory.js';
import { exchange, request } from '../../support/raw-client.js';
import { checkRow, type Row } from '../../support/rows.js';
import { contentOf } from '../../support/site.js';

/** The second in which the server's clock stands; the files were made an hour later, so that none of them is young. */
const SECOND = Math.floor(Date.now() / 1000) - 3600;
const WHOLE = contentOf(3000);
const CODED = contentOf(1000);

let directory: ReturnType<typeof tellingFolder>;
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
  directory = tellingFolder();
  passedMs = 0;
});

afterEach(async () => {
  await server.stop({ force: true });
  directory[Symbol.dispose]();
});

const PART = 'Range: bytes=0-9';
const BR = 'Accept-Encoding: br';

/** The same conditions for any file: those that a date that may still change cannot fulfil, and the one that it can break. */
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

/** What the second's end makes different. */
const DATED: typeof UNDATED = UNDATED.map(([lines, status]) => {
  const [line] = lines;
  if (line === 'If-Modified-Since: <same>' || line === 'If-Modified-Since: <later>') return [lines, 304];
  return [lines, line === 'If-Range: <same>' ? 206 : status];
});

const around = (second: number): Record<string, string> => {
  const date = (at: number): string => new Date(at * 1000).toUTCString();
  return { earlier: date(second - 1), same: date(second), later: date(second + 1) };
};

/** [file, its second, that of its sidecar, the request's field for the form that is recent, how many seconds that takes] */
const FILES: [what: string, second: number, sidecar: number | null, fields: string[], seconds: number][] = [
  ['a file of this second', SECOND, null, [], 1],
  ['a file of this second with a sidecar of this second', SECOND, SECOND, [], 1],
  ['a sidecar of this second', SECOND - 3600, SECOND, [BR], 1],
  ['a file of the future', SECOND + 7200, null, [], 7201],
  ['a sidecar of the future', SECOND - 3600, SECOND + 7200, [BR], 7201],
];

describe.each<[string, Partial<Limits>]>([
  ['in memory', {}],
  ['by descriptor', { maxCachedFileBytes: 0 }],
  ['not kept', { cacheBytes: 0 }],
])('%s', (_, limits) => {
  test.each(FILES)('%s', async (_, second, sidecar, fields, seconds) => {
    put('a.html', WHOLE, second);
    if (sidecar !== null) put('a.html.br', CODED, sidecar);
    start({ kernel, limits });
    const recent = fields.includes(BR) ? sidecar! : second;
    const whole = fields.includes(BR) ? CODED : WHOLE;
    const checkAll = async (rows: typeof UNDATED, date: string | null): Promise<void> => {
      for (const [lines, status] of rows) {
        const sent = status === 412 ? {} : { ETag: /^"/, 'Last-Modified': date };
        const body = status === 206 ? whole.subarray(0, 10) : status === 200 ? whole : /^/;
        await checkRow(server.port, ['GET /a.html', [...fields, ...lines], status, sent, body], around(recent));
      }
    };
    await checkAll(UNDATED, null);
    passedMs = seconds * 1000 - 501;
    await checkAll(UNDATED, null);
    passedMs = seconds * 1000 + 500;
    await checkAll(DATED, '<same>');
  });
});

test('a fallback page of this second has its date when that is over', async () => {
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

test('tags by content know of no date, of this second or any other', async () => {
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
])('a download does not go on with another file that was %s under way', async (_, change) => {
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
