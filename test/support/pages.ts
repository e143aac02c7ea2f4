import { expect } from 'vitest';
import { makeDirectory, type TestDirectory } from './directory.js';
import { exchange, type RawResponse, request } from './raw-client.js';
import { checkRow } from './rows.js';
import { contentOf, KIB } from './site.js';

export const SUFFIXES = { identity: '', br: '.br', zstd: '.zst', gzip: '.gz' } as const;
export type Coding = keyof typeof SUFFIXES;

/** Sizes of each representation: `small` is sent from memory, `large` by descriptor. */
export const PAGES = {
  small: { identity: 9000, br: 2000, zstd: 2500, gzip: 3000 },
  large: { identity: 300 * KIB, br: 70 * KIB, zstd: 80 * KIB, gzip: 90 * KIB },
} as const;
export type Page = keyof typeof PAGES;
export const PAGE_NAMES = Object.keys(PAGES) as Page[];

export const contentIn = (page: Page, coding: Coding): Buffer => contentOf(PAGES[page][coding]);

/** `small.html` and `large.html`, each with every precompressed file; the server never reads the content of those. */
export function makePages(): TestDirectory {
  const directory = makeDirectory();
  for (const page of PAGE_NAMES)
    for (const coding of Object.keys(SUFFIXES) as Coding[])
      directory.write(`${page}.html${SUFFIXES[coding]}`, contentIn(page, coding));
  return directory;
}

/** The entity tag of each coding, as `<br>`, and dates around the modification, for the rows of a table. */
export async function validatorsOf(port: number, page: Page): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  let modified = '';
  for (const coding of Object.keys(SUFFIXES)) {
    const response = await exchange(port, request(`/${page}.html`, [`Accept-Encoding: ${coding}`]));
    values[coding] = response.field('ETag')!;
    modified = response.field('Last-Modified')!;
  }
  const around = (seconds: number): string => new Date(Date.parse(modified) + seconds * 1000).toUTCString();
  return { ...values, modified, before: around(-1), after: around(1) };
}

/** The fields of a 304, RFC 9110 section 15.4.5. */
const NOT_MODIFIED_FIELDS = ['Date', 'ETag', 'Last-Modified', 'Cache-Control', 'Vary'];

/**
 * Checks one row: which coding is selected and what is sent of it. `ranges` are as in Content-Range, first and last byte.
 */
export async function checkSelection(
  port: number,
  page: Page,
  values: Readonly<Record<string, string>>,
  fields: readonly string[],
  status: number,
  coding: Coding,
  ranges: readonly (readonly [first: number, last: number])[] = [],
): Promise<RawResponse> {
  const whole = contentIn(page, coding);
  const hasContent = status === 200 || status === 206;
  const [only] = ranges;
  const contentRange =
    status === 416 ? `bytes */${whole.length}` : ranges.length === 1 ? rangeOf(only!, whole.length) : null;
  const sent = {
    ...(status === 412 || status === 406 ? { ETag: null } : { ETag: `<${coding}>` }),
    ...(status === 412 ? {} : { Vary: 'Accept-Encoding' }),
    ...(hasContent
      ? {
          'Last-Modified': '<modified>',
          'Accept-Ranges': 'bytes',
          'Content-Type': ranges.length > 1 ? /^multipart\/byteranges; boundary=[\w-]+$/ : 'text/html; charset=utf-8',
        }
      : {}),
    'Content-Encoding': hasContent && coding !== 'identity' ? coding : null,
    'Content-Range': contentRange,
  };
  const response = await checkRow(port, [`GET /${page}.html`, fields, status, sent], values);
  if (status === 200) expect(response.body.equals(whole), 'the whole representation').toBe(true);
  if (status === 206) {
    const parts = partial(response, whole.length, ranges, sliceOf(whole), 'text/html; charset=utf-8');
    expect(response.body.equals(parts), 'the same parts').toBe(true);
  }
  if (status === 304) expect(response.fields.map(([name]) => name).sort()).toEqual([...NOT_MODIFIED_FIELDS].sort());
  return response;
}

export const rangeOf = ([first, last]: readonly [number, number], size: number): string =>
  `bytes ${first}-${last}/${size}`;

/**
 * The expected body of a 206 with these ranges, RFC 9110 section 14.6, with the boundary of the response.
 * @param bytesFrom the bytes of the representation from first to last
 */
export function partial(
  response: RawResponse,
  size: number,
  ranges: readonly (readonly [first: number, last: number])[],
  bytesFrom: (first: number, last: number) => Buffer,
  mediaType: string,
): Buffer {
  if (ranges.length === 1) return bytesFrom(...ranges[0]!);
  const boundary = response.field('Content-Type')!.split('boundary=')[1]!;
  const pieces = ranges.flatMap((range, at) => [
    Buffer.from(
      `${at === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${mediaType}\r\n` +
        `Content-Range: ${rangeOf(range, size)}\r\n\r\n`,
    ),
    bytesFrom(...range),
  ]);
  return Buffer.concat([...pieces, Buffer.from(`\r\n--${boundary}--\r\n`)]);
}

/** `bytesFrom` for a representation in memory. */
export const sliceOf =
  (whole: Buffer) =>
  (first: number, last: number): Buffer =>
    whole.subarray(first, last + 1);
