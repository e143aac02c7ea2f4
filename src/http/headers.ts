import { assert } from '../sys/assert.js';

/** Byte classes of RFC 9110 sections 5.5 and 5.6.2 and of RFC 3986, one bit each. */
export const TOKEN = 1;
export const FIELD_VALUE = 2;
export const TARGET = 4;
export const HOST = 8;
export const DIGIT = 16;

/** For each byte the classes that it belongs to. */
export const CLASSES: Uint8Array = new Uint8Array(256);

function mark(bit: number, characters: string): void {
  for (const character of characters) CLASSES[character.charCodeAt(0)]! |= bit;
}

const ALPHANUMERIC = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
mark(TOKEN, `${ALPHANUMERIC}!#$%&'*+-.^_\`|~`);
// reg-name, RFC 3986 section 3.2.2.
mark(HOST, `${ALPHANUMERIC}-._~!$&'()*+,;=%`);
mark(DIGIT, '0123456789');
// obs-text (0x80 to 0xff) is valid in values, and accepted in targets: some clients send it unencoded.
for (let byte = 0x20; byte < 256; byte++) if (byte !== 0x7f) CLASSES[byte]! |= FIELD_VALUE;
mark(FIELD_VALUE, '\t');
for (let byte = 0x21; byte < 256; byte++) if (byte !== 0x7f) CLASSES[byte]! |= TARGET;
CLASSES[0x23]! &= ~TARGET; // '#': a fragment is never sent

/** The known fields, which the server itself reads: the index of each in the parser's tables. */
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
  forwarded: 18,
  xForwardedFor: 19,
  xForwardedProto: 20,
  xRequestId: 21,
  upgrade: 22,
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
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-request-id',
  'upgrade',
];
export const FIELD_ID_COUNT = FIELD_NAMES.length;

/** All names in one table, so that a lookup touches little memory: each has a row of this many bytes. */
const ROW_BYTES = 32;
const NAME_BYTES = new Uint8Array(ROW_BYTES * FIELD_ID_COUNT);

/** Length, first and last letter are a perfect hash of the known names; any other name fails the comparison. */
const slotOf = (length: number, first: number, last: number): number =>
  (length + (first | 0x20) * 2 + (last | 0x20) * 4) & 255;

const SLOTS = new Int8Array(256).fill(-1);
FIELD_NAMES.forEach((name, id) => {
  assert(name.length < ROW_BYTES, `a known field name is too long for its row: ${name}`);
  NAME_BYTES.set(Buffer.from(name), ROW_BYTES * id);
  const slot = slotOf(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 1));
  assert(SLOTS[slot] === -1, `two known field names share a slot: ${name}`);
  SLOTS[slot] = id;
});

/** The FieldId of a name, case-insensitive; -1 for any other name. */
export function fieldIdOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const id = SLOTS[slotOf(length, bytes[start]!, bytes[end - 1]!)]!;
  if (id < 0 || length >= ROW_BYTES) return -1;
  const row = ROW_BYTES * id;
  for (let i = 0; i < length; i++) if ((bytes[start + i]! | 0x20) !== NAME_BYTES[row + i]) return -1;
  return NAME_BYTES[row + length] === 0 ? id : -1;
}

/**
 * Whether the bytes equal `lower`, case-insensitive. `lower` consists of lower-case letters, digits and hyphens: in all
 * of these bit 5 is set, and it is the bit that distinguishes upper from lower case. The bytes contain no control
 * characters.
 */
export function equalsIgnoreCase(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  const { length } = lower;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) if ((bytes[start + i]! | 0x20) !== lower[i]) return false;
  return true;
}

/**
 * The elements of a comma-separated list, RFC 9110 section 5.6.1, in lower case, trimmed, without empty ones. It makes
 * strings: for fields that are rare or short.
 */
export function listElements(value: string): string[] {
  return value
    .toLowerCase()
    .split(',')
    .map(trimWhitespace)
    .filter((element) => element !== '');
}

/** Whether a text is a token, RFC 9110 section 5.6.2. */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if ((CLASSES[text.charCodeAt(i)]! & TOKEN) === 0) return false;
  return text !== '';
}

/** Trims space and tab only, RFC 9110 section 5.6.3: String.trim removes characters that another implementation would not. */
export function trimWhitespace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && (text[start] === ' ' || text[start] === '\t')) start++;
  while (end > start && (text[end - 1] === ' ' || text[end - 1] === '\t')) end--;
  return text.slice(start, end);
}
