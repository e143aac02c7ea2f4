import { formatDate } from '../../http/date.js';
import type { FieldSection } from '../../http/request/field-section.js';
import type { PartialHead } from '../../http/response/head.js';
import { type BytesBody, type Field, type FileBody, HttpResponse, NO_BODY } from '../../http/response/response.js';
import type { ContentCoding } from '../../http/semantics/accept-encoding.js';
import type { Validators } from '../../http/semantics/preconditions.js';

/** One form of a file: as it is, or in a content coding. */
export class Representation {
  /** Of the answers with a part of it, once there was one. */
  partialHead: PartialHead | null = null;
  /** Fields that are known to name this form's entity tag, and set no other condition. */
  matchingFields: FieldSection | null = null;
  private notModifiedResponse: HttpResponse | null = null;

  constructor(
    readonly coding: ContentCoding | 'identity',
    readonly validators: Validators,
    readonly ok: HttpResponse,
    /** How many of its fields, the first, are about the content that it carries. */
    private readonly contentFields: number,
  ) {}

  get size(): number {
    return this.ok.contentLength;
  }

  /** Has of the 200's fields what RFC 9110 section 15.4.5 asks for: nothing about a content that it does not carry. */
  get notModified(): HttpResponse {
    this.notModifiedResponse ??= new HttpResponse(304, this.ok.fields.slice(this.contentFields), NO_BODY);
    return this.notModifiedResponse;
  }
}

/** What all forms of a file have in common. */
export interface RepresentationFields {
  readonly mediaType: string;
  /** By the site's rules. */
  readonly fields: readonly Field[];
  /** There are, or may be, others: the choice depends on Accept-Encoding. */
  readonly varies: boolean;
}

export function makeRepresentation(
  coding: ContentCoding | 'identity',
  body: BytesBody | FileBody,
  validators: Validators,
  common: RepresentationFields,
): Representation {
  const about = [typeField(common.mediaType), ...(coding === 'identity' ? [] : [codingField(coding)]), ACCEPT_RANGES];
  const { etag, modifiedSeconds, recent } = validators;
  const tags: Field[] = etag === '' ? [] : [['ETag', etag]];
  if (!recent && !Number.isNaN(modifiedSeconds)) tags.push(modifiedField(modifiedSeconds));
  const others = common.varies ? withVary(common.fields, 'Accept-Encoding') : common.fields;
  return new Representation(coding, validators, new HttpResponse(200, about.concat(tags, others), body), about.length);
}

// Thousands of files have the same type and are of the same second: each field is there once.
const ACCEPT_RANGES: Field = ['Accept-Ranges', 'bytes'];
const typeFields = new Map<string, Field>();
const MANY_TYPES = 1000;
let lastModified: Field = ['Last-Modified', ''];
let lastModifiedSeconds = Number.NaN;

const codingField = (coding: ContentCoding): Field => ['Content-Encoding', coding];

function typeField(mediaType: string): Field {
  let field = typeFields.get(mediaType);
  if (field === undefined) {
    field = ['Content-Type', mediaType];
    if (typeFields.size < MANY_TYPES) typeFields.set(mediaType, field);
  }
  return field;
}

function modifiedField(seconds: number): Field {
  if (seconds !== lastModifiedSeconds) {
    lastModified = ['Last-Modified', formatDate(seconds * 1000)];
    lastModifiedSeconds = seconds;
  }
  return lastModified;
}

/** The fields and more of them: a name that both have is the latter's, but for Vary, which has what both say. */
export function mergeFields(fields: readonly Field[], more: readonly Field[]): Field[] {
  const said = new Set(more.map(([name]) => name.toLowerCase()));
  let all = fields.filter(([name]) => isVary(name) || !said.has(name.toLowerCase()));
  for (const field of more) all = isVary(field[0]) ? withVary(all, field[1]) : [...all, field];
  return all;
}

const isVary = (name: string): boolean => name.toLowerCase() === 'vary';

/** The fields with one name more in Vary, RFC 9110 section 12.5.5. */
export function withVary(fields: readonly Field[], on: string): Field[] {
  const vary = fields.filter(([name]) => isVary(name)).map(([, value]) => value);
  if (vary.some((value) => value === '*' || value.toLowerCase().split(/ *, */).includes(on.toLowerCase()))) {
    return [...fields];
  }
  return [...fields.filter(([name]) => !isVary(name)), ['Vary', [...vary, on].join(', ')]];
}
