import { assert } from '../sys/assert.js';

/** Byte classes of RFC 9110 section 5.5 and 5.6.2 and of RFC 3986, one bit each. */
export const TOKEN = 1;
export const FIELD_VALUE = 2;
export const TARGET = 4;
export const HOST = 8;
export const DIGIT = 16;

/** For every byte the classes it belongs to. */
export const CLASSES = new Uint8Array(256);

function mark(bit: number, characters: string): void {
  for (const character of characters) CLASSES[character.charCodeAt(0)]! |= bit;
}

const ALPHANUMERIC = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
mark(TOKEN, `${ALPHANUMERIC}!#$%&'*+-.^_\`|~`);
// reg-name, RFC 3986 section 3.2.2.
mark(HOST, `${ALPHANUMERIC}-._~!$&'()*+,;=%`);
mark(DIGIT, '0123456789');
// obs-text (0x80 to 0xff) is allowed in values and, as clients that do not encode send it, in targets.
for (let byte = 0x20; byte < 256; byte++) if (byte !== 0x7f) CLASSES[byte]! |= FIELD_VALUE;
mark(FIELD_VALUE, '\t');
for (let byte = 0x21; byte < 256; byte++) if (byte !== 0x7f) CLASSES[byte]! |= TARGET;
CLASSES[0x23]! &= ~TARGET; // '#': a fragment is never sent

/** Fields that the server itself reads, by the place in which the parser remembers them. */
export const FieldId = {
  host: 0,
  connection: 1,
  contentLength: 2,
  transferEncoding: 3,
  expect: 4,
  ifNoneMatch: 5,
  ifModifiedSince: 6,
  userAgent: 7,
  referer: 8,
  range: 9,
  ifRange: 10,
  ifMatch: 11,
  ifUnmodifiedSince: 12,
  acceptEncoding: 13,
  accept: 14,
  origin: 15,
  accessControlRequestMethod: 16,
  accessControlRequestHeaders: 17,
} as const;
const FIELD_NAMES = [
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'expect',
  'if-none-match',
  'if-modified-since',
  'user-agent',
  'referer',
  'range',
  'if-range',
  'if-match',
  'if-unmodified-since',
  'accept-encoding',
  'accept',
  'origin',
  'access-control-request-method',
  'access-control-request-headers',
];
export const FIELD_ID_COUNT = FIELD_NAMES.length;

/** All names in one table, so that a look-up touches little memory: each has a row of this many bytes. */
const ROW_BYTES = 32;
const NAME_BYTES = new Uint8Array(ROW_BYTES * FIELD_ID_COUNT);

/** Length, first and last letter tell the known names apart; whatever else falls on them fails the comparison. */
const slotOf = (length: number, first: number, last: number): number =>
  (length + (first | 0x20) * 4 + (last | 0x20)) & 255;

const SLOTS = new Int8Array(256).fill(-1);
FIELD_NAMES.forEach((name, known) => {
  assert(name.length < ROW_BYTES, `a known field name is too long for its row: ${name}`);
  NAME_BYTES.set(Buffer.from(name), ROW_BYTES * known);
  const place = slotOf(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 1));
  assert(SLOTS[place] === -1, `two known field names share a place: ${name}`);
  SLOTS[place] = known;
});

/** Which known field this name is, in any case of letters; -1 for any other. */
export function fieldIdOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const known = SLOTS[slotOf(length, bytes[start]!, bytes[end - 1]!)]!;
  if (known < 0 || length >= ROW_BYTES) return -1;
  const row = ROW_BYTES * known;
  for (let i = 0; i < length; i++) if ((bytes[start + i]! | 0x20) !== NAME_BYTES[row + i]) return -1;
  return NAME_BYTES[row + length] === 0 ? known : -1;
}

/**
 * Whether the bytes, which are no control characters, spell `lower`, which is letters, digits and hyphens, in any case:
 * bit 5 is set in all of these, and is what tells capitals from small letters.
 */
export function equalsIgnoreCase(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  const { length } = lower;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) if ((bytes[start + i]! | 0x20) !== lower[i]) return false;
  return true;
}

/**
 * The elements of a comma-separated list, RFC 9110 section 5.6.1, in lower case and without the blanks around them;
 * empty ones are left out. For fields that are rare or short: it makes strings.
 */
export function listElements(value: string): string[] {
  return value
    .toLowerCase()
    .split(',')
    .map(trimWhitespace)
    .filter((element) => element !== '');
}

/** Space and tab only: String.trim takes bytes for blanks that another reader does not. */
function trimWhitespace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && (text[start] === ' ' || text[start] === '\t')) start++;
  while (end > start && (text[end - 1] === ' ' || text[end - 1] === '\t')) end--;
  return text.slice(start, end);
}
