import { randomUUID } from 'node:crypto';
import { assert } from '../../sys/assert.js';
import { equalsIgnoreCase } from '../headers.js';
import { type BytesBody, type Field, type FileBody, HttpResponse, textResponse } from '../response/response.js';

/** A part of a representation, in bytes. */
export interface ByteRange {
  readonly start: number;
  /** Behind the last byte. */
  readonly end: number;
}

type Whole = { readonly fields: readonly Field[]; readonly body: BytesBody | FileBody };

/**
 * Ranges that one request may ask for. Who resumes a download or seeks in a film asks for one, who reads an archive's
 * index or a linearised PDF for a few; a longer set is no random access but an attack, RFC 9110 section 17.15.
 */
export const MAX_RANGES = 32;

/**
 * Ranges closer than this become one: another part's head would be longer than the bytes between them, section 15.3.7.2,
 * which puts it at about 80 bytes.
 */
const GAP_BYTES = 80;

/** What a part adds to its bytes with a boundary of 36 characters, a long media type and long positions. */
const PART_BYTES = 200;

const UNIT = Buffer.from('bytes=');
const HT = 0x09;
const SP = 0x20;
const COMMA = 0x2c;
const HYPHEN = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

/**
 * The bytes that a Range field asks for, RFC 9110 section 14: in the order of the request, none of them twice, at least
 * one byte each, and within the representation. One range may be the whole.
 * @param value the bytes in which its value stands from `from` to `to`: two lines are no valid set
 * @param size of the representation
 * @returns 416 for a valid set of which nothing can be satisfied; null where the field is ignored and the whole is
 * sent: another unit, no valid set, too many ranges, an empty file's last bytes (there is no Content-Range for them), or
 * parts that would be as long as the whole, so that a short request never makes the answer longer.
 */
export function parseRanges(
  value: Uint8Array,
  from: number,
  to: number,
  size: number,
): readonly ByteRange[] | 416 | null {
  const start = from + UNIT.length;
  if (start > to || !equalsIgnoreCase(value, from, start, UNIT)) return null;
  const ranges: ByteRange[] = [];
  let asked = 0;
  for (let at = start; at < to; at++) {
    at = whitespaceEnd(value, at, to);
    if (at === to) break;
    if (value[at] === COMMA) continue; // an empty element, section 5.6.1.2
    if (++asked > MAX_RANGES) return null;
    const hyphen = digitsEnd(value, at, to);
    if (hyphen === to || value[hyphen] !== HYPHEN) return null;
    const end = digitsEnd(value, hyphen + 1, to);
    const hasFirst = hyphen > at;
    const hasLast = end > hyphen + 1;
    if (!hasFirst && !hasLast) return null;
    const first = numberAt(value, at, hyphen);
    const last = hasLast ? numberAt(value, hyphen + 1, end) : Number.POSITIVE_INFINITY;
    at = whitespaceEnd(value, end, to);
    if (at < to && value[at] !== COMMA) return null;
    if (!hasFirst) {
      if (size === 0 && last > 0) return null;
      if (last > 0) add(ranges, Math.max(0, size - last), size);
    } else {
      if (last < first) return null;
      if (first < size) add(ranges, first, Math.min(last, size - 1) + 1);
    }
  }
  if (asked === 0) return null;
  if (ranges.length === 0) return 416;
  return ranges.length > 1 && lengthOfParts(ranges) >= size ? null : ranges;
}

/**
 * A 206 with these ranges of what a 200 would send, RFC 9110 section 15.3.7: one as it is, several as
 * multipart/byteranges. For one request and not to be kept. The whole instead, as if there were no Range, for several
 * ranges of a content with a coding: Content-Encoding would say that the multipart itself is coded.
 */
export function partialResponse(whole: Whole, ranges: readonly ByteRange[], size: number): HttpResponse {
  const { fields, body } = whole;
  assert(ranges.length > 0, 'a partial response without a range');
  assert(
    (body.kind === 'bytes' ? body.bytes.length : body.length) === size,
    'ranges of another size than the body has',
  );
  const [range] = ranges;
  if (ranges.length === 1) {
    return transient(new HttpResponse(206, [...fields, contentRange(range!, size)], slice(body, range!)));
  }
  return transient(hasContentEncoding(fields) ? new HttpResponse(200, fields, body) : multipart(whole, ranges, size));
}

/**
 * A 416, RFC 9110 section 15.5.17. Of the 200's `fields` it has those that hold for any answer, and the entity tag, which
 * tells the client whether what it holds a part of is still there (section 8.8.3); not what describes a content that is
 * not sent, nor how long that may be kept: this answer is about one range, and caches keep by address, so nobody keeps it.
 */
export function unsatisfiable(fields: readonly Field[], size: number): HttpResponse {
  return transient(
    textResponse(416, `Requested range not satisfiable: the file has ${size} bytes.\n`, [
      ...fields.filter(([name]) => !OF_THE_WHOLE.has(name.toLowerCase())),
      ['Cache-Control', 'no-cache'],
      ['Accept-Ranges', 'bytes'],
      ['Content-Range', `bytes */${size}`],
    ]),
  );
}

const OF_THE_WHOLE: ReadonlySet<string> = new Set([
  'accept-ranges',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-location',
  'content-type',
  'expires',
  'last-modified',
]);

function whitespaceEnd(value: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (value[at] === SP || value[at] === HT)) at++;
  return at;
}

function digitsEnd(value: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && value[at]! >= ZERO && value[at]! <= NINE) at++;
  return at;
}

/** Beyond 2^53 it is rounded, and in the end infinite, which is beyond any file all the same. */
function numberAt(value: Uint8Array, start: number, end: number): number {
  let number = 0;
  for (let at = start; at < end; at++) number = 10 * number + value[at]! - ZERO;
  return number;
}

/**
 * Adds a range to some that are apart from each other, and keeps them so: with those that it overlaps or comes close to
 * it becomes one, which stands where the first of them stood, section 15.3.7.2.
 */
function add(ranges: ByteRange[], start: number, end: number): void {
  if (ranges.length === 0) {
    ranges.push({ start, end });
    return;
  }
  let from = start;
  let to = end;
  let place = -1;
  let count = 0;
  for (const each of ranges) {
    if (each.start - end < GAP_BYTES && start - each.end < GAP_BYTES) {
      if (place < 0) place = count++;
      from = Math.min(from, each.start);
      to = Math.max(to, each.end);
    } else {
      ranges[count++] = each;
    }
  }
  if (place < 0) place = count++;
  ranges.length = Math.min(ranges.length, count);
  ranges[place] = { start: from, end: to };
}

const lengthOfParts = (ranges: readonly ByteRange[]): number =>
  ranges.reduce((bytes, { start, end }) => bytes + end - start + PART_BYTES, 0);

function multipart({ fields, body }: Whole, ranges: readonly ByteRange[], size: number): HttpResponse {
  // Random for each answer: nobody can have written it into the file before, not even who has seen others.
  const boundary = randomUUID();
  const type = fields.filter(([name]) => isContentType(name));
  const parts: (BytesBody | FileBody)[] = [];
  let delimiter = `--${boundary}`;
  let length = 0;
  const push = (part: BytesBody | FileBody): void => {
    parts.push(part);
    length += part.kind === 'bytes' ? part.bytes.length : part.length;
  };
  for (const range of ranges) {
    const lines = [...type, contentRange(range, size)].map(([name, value]) => `${name}: ${value}\r\n`);
    push(asciiBytes(`${delimiter}\r\n${lines.join('')}\r\n`));
    push(slice(body, range));
    delimiter = `\r\n--${boundary}`;
  }
  push(asciiBytes(`${delimiter}--\r\n`));
  const rest = fields.filter(([name]) => !isContentType(name));
  // Without quotes, which some clients take for a part of it, section 14.6.
  const multipartType: Field = ['Content-Type', `multipart/byteranges; boundary=${boundary}`];
  return new HttpResponse(206, [multipartType, ...rest], { kind: 'parts', parts, length });
}

function slice(body: BytesBody | FileBody, { start, end }: ByteRange): BytesBody | FileBody {
  if (body.kind === 'bytes') return { kind: 'bytes', bytes: body.bytes.subarray(start, end) };
  return { kind: 'file', file: body.file, offset: body.offset + start, length: end - start };
}

export const contentRange = ({ start, end }: ByteRange, size: number): Field => [
  'Content-Range',
  `bytes ${start}-${end - 1}/${size}`,
];

const asciiBytes = (text: string): BytesBody => ({ kind: 'bytes', bytes: Buffer.from(text, 'latin1') });

const isContentType = (name: string): boolean => name.toLowerCase() === 'content-type';

const hasContentEncoding = (fields: readonly Field[]): boolean =>
  fields.some(([name]) => name.toLowerCase() === 'content-encoding');

function transient(response: HttpResponse): HttpResponse {
  response.transient = true;
  return response;
}
