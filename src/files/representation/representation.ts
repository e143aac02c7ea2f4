import { formatDate } from '../../http/date.js';
import type { FieldSection } from '../../http/request/field-section.js';
import type { PartialHead } from '../../http/response/head.js';
import {
  type BytesBody,
  type Field,
  type FileBody,
  fieldLines,
  HttpResponse,
  NO_BODY,
  type StreamBody,
} from '../../http/response/response.js';
import type { ContentCoding } from '../../http/semantics/accept-encoding.js';
import { NO_ETAG, type Validators } from '../../http/semantics/preconditions.js';

/** One representation of a file: as it is stored, or in a content coding. */
export class Representation {
  /** The prepared head of its 206 responses; null before the first. */
  partialHead: PartialHead | null = null;
  /** A field section known to have this entity tag in If-None-Match, and no other precondition. */
  matchingFields: FieldSection | null = null;
  /** The field section of the last GET with a range that may be repeated, and the 206 once it was. */
  rangeFields: FieldSection | null = null;
  repeatedRange: HttpResponse | null = null;
  private notModifiedResponse: HttpResponse | null = null;

  constructor(
    readonly coding: ContentCoding | 'identity',
    readonly validators: Validators,
    readonly ok: HttpResponse,
    /** How many of the first fields of `ok` describe the content. */
    private readonly contentFields: number,
    /** Of a file, or of all there is; otherwise compressed for a request, and perhaps gone at the next. */
    readonly isStored: boolean,
  ) {}

  get size(): number {
    return this.ok.contentLength;
  }

  /** The 304: the fields of the 200 except those that describe the content, RFC 9110 section 15.4.5. */
  get notModified(): HttpResponse {
    this.notModifiedResponse ??= new HttpResponse(304, this.ok.fields.slice(this.contentFields), NO_BODY);
    return this.notModifiedResponse;
  }
}

export interface RepresentationFields {
  readonly mediaType: string;
  /** By the site's rules, without Content-Type. */
  readonly fields: readonly Field[];
  /** The coding of the file that is the identity here: it is stored so under its own name. */
  readonly storedCoding?: ContentCoding | null;
  /** There are, or may be, several: the choice depends on Accept-Encoding. */
  readonly varies: boolean;
}

export function makeRepresentation(
  coding: ContentCoding | 'identity',
  body: BytesBody | FileBody | StreamBody,
  validators: Validators,
  common: RepresentationFields,
  isStored = true,
): Representation {
  const encodedAs = coding === 'identity' ? (common.storedCoding ?? null) : coding;
  const encoding: Field[] = encodedAs === null ? [] : [['Content-Encoding', encodedAs]];
  const { etag, modifiedSeconds, recent } = validators;
  const hasRanges = etag !== NO_ETAG;
  const contentFields = [typeField(common.mediaType), ...encoding, ...(hasRanges ? [ACCEPT_RANGES] : [])];
  const validatorFields: Field[] = etag === '' || !hasRanges ? [] : [['ETag', etag]];
  if (!recent && !Number.isNaN(modifiedSeconds)) validatorFields.push(modifiedField(modifiedSeconds));
  const others = common.varies ? withVary(common.fields, 'Accept-Encoding') : common.fields;
  const ok = new HttpResponse(200, contentFields.concat(validatorFields, others), body);
  return new Representation(coding, validators, ok, contentFields.length, isStored);
}

// Thousands of files share a type and, after a deployment, a second: each field is one object.
export const ACCEPT_RANGES: Field = ['Accept-Ranges', 'bytes'];
const typeFields = new Map<string, Field>();
const MAX_TYPES = 1000;
/** By the second, modulo their number: files of one deployment have a few. */
const modifiedFields: (Field | undefined)[] = new Array(256);
const modifiedSeconds = new Float64Array(256);
const LAST_MODIFIED = 'Last-Modified';
/** Their lines in a head, at the same places. */
const modifiedLines: (Buffer | undefined)[] = new Array(256);
export const MODIFIED_LINE_BYTES = `${LAST_MODIFIED}: ${formatDate(0)}\r\n`.length;

export function typeField(mediaType: string): Field {
  let field = typeFields.get(mediaType);
  if (field === undefined) {
    field = ['Content-Type', mediaType];
    if (typeFields.size < MAX_TYPES) typeFields.set(mediaType, field);
  }
  return field;
}

export function modifiedField(seconds: number): Field {
  const at = seconds & 255;
  const known = modifiedFields[at];
  if (known !== undefined && modifiedSeconds[at] === seconds) return known;
  const field: Field = [LAST_MODIFIED, formatDate(seconds * 1000)];
  modifiedFields[at] = field;
  modifiedLines[at] = Buffer.from(fieldLines([field]), 'latin1');
  modifiedSeconds[at] = seconds;
  return field;
}

/** The same as the line of a head. */
export function modifiedLine(seconds: number): Buffer {
  modifiedField(seconds);
  return modifiedLines[seconds & 255]!;
}

/** Fields with others merged in: those of `more` replace fields of the same name, except Vary, which is combined. */
export function mergeFields(fields: readonly Field[], more: readonly Field[]): Field[] {
  const replaced = new Set(more.map(([name]) => name.toLowerCase()));
  let all = fields.filter(([name]) => isVary(name) || !replaced.has(name.toLowerCase()));
  for (const field of more) all = isVary(field[0]) ? withVary(all, field[1]) : [...all, field];
  return all;
}

/** The response with more fields, for one request. */
export function withFields(response: HttpResponse, fields: readonly Field[]): HttpResponse {
  const { status, body, contentLength, ownedFile } = response;
  const extended = new HttpResponse(status, mergeFields(response.fields, fields), body, contentLength);
  extended.transient = true;
  extended.ownedFile = ownedFile;
  return extended;
}

const isVary = (name: string): boolean => name.toLowerCase() === 'vary';

/** The fields with a name added to Vary, RFC 9110 section 12.5.5. */
export function withVary(fields: readonly Field[], added: string): Field[] {
  const vary = fields.filter(([name]) => isVary(name)).map(([, value]) => value);
  if (vary.some((value) => value === '*' || value.toLowerCase().split(/ *, */).includes(added.toLowerCase()))) {
    return [...fields];
  }
  return [...fields.filter(([name]) => !isVary(name)), ['Vary', [...vary, added].join(', ')]];
}
