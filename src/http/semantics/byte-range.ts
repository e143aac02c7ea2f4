import { randomUUID } from 'node:crypto';
import { assert } from '../../sys/assert.js';
import { equalsIgnoreCase, FieldId } from '../headers.js';
import type { RequestParser } from '../request/parser.js';
import { type BytesBody, type Field, type FileBody, HttpResponse, textResponse } from '../response/response.js';
import { etagPending, ifRangeMatches, NO_ETAG, type Validators } from './preconditions.js';

/** A part of a representation, in bytes. */
export interface ByteRange {
  readonly start: number;
  /** After the last byte. */
  readonly end: number;
}

/** Why a Range field is ignored, and the whole representation sent. `if-match` is one that is pending; parts of content without
 * validators cannot be joined. */
export type IgnoredRange = 'method' | 'no-validators' | 'repeated' | 'if-match' | 'if-range' | 'invalid';

type Whole = { readonly fields: readonly Field[]; readonly body: BytesBody | FileBody };

/**
 * Ranges per request. Resuming a download or seeking in a film needs one, reading the index of an archive or a linearised
 * PDF a few; a longer set is an attack, RFC 9110 section 17.15.
 */
export const MAX_RANGES = 32;

/** Ranges closer than this become one: the head of another part is longer, about 80 bytes by section 15.3.7.2. */
const GAP_BYTES = 80;

/** What a part adds to its bytes, with a boundary of 36 characters, a long media type and long positions. */
const PART_BYTES = 200;

const RANGE = FieldId.range;
const UNIT = Buffer.from('bytes=');
const HT = 0x09;
const SP = 0x20;
const COMMA = 0x2c;
const HYPHEN = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

/**
 * What to send for the Range field of a request that has one, RFC 9110 section 14.2: the ranges, 416, or the whole
 * representation. Called after the preconditions have passed.
 * @param size of the representation
 */
export function selectRanges(
  request: RequestParser,
  validators: Validators,
  size: number,
  nowMs: () => number,
): readonly ByteRange[] | 416 | IgnoredRange {
  if (request.method !== 'GET') return 'method';
  if (validators.etag === NO_ETAG) return 'no-validators';
  if (request.isRepeated(RANGE)) return 'repeated';
  if (!ifRangeMatches(request, validators, nowMs)) return etagPending(request, validators) ? 'if-match' : 'if-range';
  return parseRanges(request.bytes, request.valueStart(RANGE), request.valueEnd(RANGE), size) ?? 'invalid';
}

/**
 * Parses a Range value, RFC 9110 section 14: ranges in the order of the request, without overlap, of at least one byte
 * each, and within the representation. One range may be the whole.
 * @param value bytes that contain the value from `from` to before `to`
 * @param size of the representation
 * @returns 416 for a valid set that cannot be satisfied; null if the field is to be ignored: another unit, an invalid set,
 *   too many ranges, the last bytes of an empty file (no Content-Range can express them), or parts that would be as long as
 *   the whole, so that a short request never makes the response longer.
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
  let requested = 0;
  for (let at = start; at < to; at++) {
    at = whitespaceEnd(value, at, to);
    if (at === to) break;
    if (value[at] === COMMA) continue; // an empty element, section 5.6.1.2
    if (++requested > MAX_RANGES) return null;
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
  if (requested === 0) return null;
  if (ranges.length === 0) return 416;
  return ranges.length > 1 && lengthOfParts(ranges) >= size ? null : ranges;
}

/**
 * A 206 with these ranges of what a 200 would send, RFC 9110 section 15.3.7: one as it is, several as
 * multipart/byteranges. A 200 with the whole for several ranges of an encoded representation, whose Content-Encoding would
 * apply to the multipart itself. For one request.
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
 * A 416, RFC 9110 section 15.5.17. Of the 200's `fields` it has those that apply to any response, and the entity tag, which
 * shows the client whether the file of its part still exists (section 8.8.3); not those about the content, nor its
 * Cache-Control: the response is about one range, and caches are keyed by URL.
 */
export function unsatisfiable(fields: readonly Field[], size: number): HttpResponse {
  return transient(
    textResponse(416, `Requested range not satisfiable: the file has ${size} bytes.\n`, [
      ...fields.filter(([name]) => !CONTENT_FIELDS.has(name.toLowerCase())),
      ['Cache-Control', 'no-cache'],
      ['Accept-Ranges', 'bytes'],
      ['Content-Range', `bytes */${size}`],
    ]),
  );
}

const CONTENT_FIELDS: ReadonlySet<string> = new Set([
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

/** Beyond 2^53 it is rounded, and in the end infinite: beyond any file in either case. */
function numberAt(value: Uint8Array, start: number, end: number): number {
  let number = 0;
  for (let at = start; at < end; at++) number = 10 * number + value[at]! - ZERO;
  return number;
}

/** Adds a range. Those that it overlaps or nearly touches are merged with it, in the place of the first, section 15.3.7.2. */
function add(ranges: ByteRange[], start: number, end: number): void {
  if (ranges.length === 0) {
    ranges.push({ start, end });
    return;
  }
  let from = start;
  let to = end;
  let index = -1;
  let count = 0;
  for (const each of ranges) {
    if (each.start - end < GAP_BYTES && start - each.end < GAP_BYTES) {
      if (index < 0) index = count++;
      from = Math.min(from, each.start);
      to = Math.max(to, each.end);
    } else {
      ranges[count++] = each;
    }
  }
  if (index < 0) index = count++;
  ranges.length = Math.min(ranges.length, count);
  ranges[index] = { start: from, end: to };
}

const lengthOfParts = (ranges: readonly ByteRange[]): number =>
  ranges.reduce((bytes, { start, end }) => bytes + end - start + PART_BYTES, 0);

function multipart({ fields, body }: Whole, ranges: readonly ByteRange[], size: number): HttpResponse {
  // Random per response, so that no file can contain it.
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
  // Without quotes, which some clients take as part of the boundary, section 14.6.
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
