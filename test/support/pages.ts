import { expect } from 'vitest';
import { type Folder, makeFolder } from './folder.js';
import { exchange, type RawResponse, request } from './raw-client.js';
import { checkRow } from './rows.js';
import { contentOf, KIB } from './site.js';

export const FORMS = { identity: '', br: '.br', zstd: '.zst', gzip: '.gz' } as const;
export type Form = keyof typeof FORMS;

/** Each form of the pages in bytes: kept in memory, and sent by descriptor. */
export const PAGES = {
  small: { identity: 9000, br: 2000, zstd: 2500, gzip: 3000 },
  large: { identity: 300 * KIB, br: 70 * KIB, zstd: 80 * KIB, gzip: 90 * KIB },
} as const;
export type Page = keyof typeof PAGES;
export const PAGE_NAMES = Object.keys(PAGES) as Page[];

export const bytesOf = (page: Page, form: Form): Buffer => contentOf(PAGES[page][form]);

/** `small.html` and `large.html`, each in all its forms; what is in the sidecars is nobody's business but the client's. */
export function makePages(): Folder {
  const folder = makeFolder();
  for (const page of PAGE_NAMES)
    for (const form of Object.keys(FORMS) as Form[]) folder.write(`${page}.html${FORMS[form]}`, bytesOf(page, form));
  return folder;
}

/** What the server says of each form, as `<br>`, and dates around the modification, for the rows of a table. */
export async function validatorsOf(port: number, page: Page): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  let modified = '';
  for (const form of Object.keys(FORMS)) {
    const answer = await exchange(port, request(`/${page}.html`, [`Accept-Encoding: ${form}`]));
    values[form] = answer.field('ETag')!;
    modified = answer.field('Last-Modified')!;
  }
  const around = (seconds: number): string => new Date(Date.parse(modified) + seconds * 1000).toUTCString();
  return { ...values, modified, before: around(-1), after: around(1) };
}

/** What a 200 and a 304 both have, and what no 304 has, RFC 9110 section 15.4.5. */
const KEPT = ['Date', 'ETag', 'Last-Modified', 'Cache-Control', 'Vary'];

/**
 * One row: which form is chosen, and what is sent of it. `ranges` are as in Content-Range, first and last byte.
 */
export async function checkSelection(
  port: number,
  page: Page,
  values: Readonly<Record<string, string>>,
  fields: readonly string[],
  status: number,
  form: Form,
  ranges: readonly (readonly [first: number, last: number])[] = [],
): Promise<RawResponse> {
  const whole = bytesOf(page, form);
  const coding = form === 'identity' ? null : form;
  const isAbout = status === 200 || status === 206;
  const [only] = ranges;
  const contentRange =
    status === 416 ? `bytes */${whole.length}` : ranges.length === 1 ? rangeOf(only!, whole.length) : null;
  const sent = {
    ...(status === 412 || status === 406 ? { ETag: null } : { ETag: `<${form}>` }),
    ...(status === 412 ? {} : { Vary: 'Accept-Encoding' }),
    ...(isAbout
      ? {
          'Last-Modified': '<modified>',
          'Accept-Ranges': 'bytes',
          'Content-Type': ranges.length > 1 ? /^multipart\/byteranges; boundary=[\w-]+$/ : 'text/html; charset=utf-8',
        }
      : {}),
    'Content-Encoding': isAbout ? coding : null,
    'Content-Range': contentRange,
  };
  const answer = await checkRow(port, [`GET /${page}.html`, fields, status, sent], values);
  if (status === 200) expect(answer.body.equals(whole), 'the whole form').toBe(true);
  if (status === 206) {
    const parts = partial(answer, whole.length, ranges, sliceOf(whole), 'text/html; charset=utf-8');
    expect(answer.body.equals(parts), 'the very parts').toBe(true);
  }
  if (status === 304) expect(answer.fields.map(([name]) => name).sort()).toEqual([...KEPT].sort());
  return answer;
}

export const rangeOf = ([first, last]: readonly [number, number], size: number): string =>
  `bytes ${first}-${last}/${size}`;

/**
 * The body of a 206 with these ranges, RFC 9110 section 14.6: with the boundary that the answer has chosen.
 * @param bytesFrom what the form has from first to last
 */
export function partial(
  answer: RawResponse,
  size: number,
  ranges: readonly (readonly [first: number, last: number])[],
  bytesFrom: (first: number, last: number) => Buffer,
  mediaType: string,
): Buffer {
  if (ranges.length === 1) return bytesFrom(...ranges[0]!);
  const boundary = answer.field('Content-Type')!.split('boundary=')[1]!;
  const pieces = ranges.flatMap((range, at) => [
    Buffer.from(
      `${at === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${mediaType}\r\n` +
        `Content-Range: ${rangeOf(range, size)}\r\n\r\n`,
    ),
    bytesFrom(...range),
  ]);
  return Buffer.concat([...pieces, Buffer.from(`\r\n--${boundary}--\r\n`)]);
}

/** For `partial`, of what is in memory. */
export const sliceOf =
  (whole: Buffer) =>
  (first: number, last: number): Buffer =>
    whole.subarray(first, last + 1);
