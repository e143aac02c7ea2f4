import { formatDate } from '../http/date.js';
import { type BytesBody, type Field, type FileBody, NO_BODY, Response } from '../http/response.js';
import type { PartialHead } from '../http/response-head.js';
import type { Validators } from './conditional.js';
import type { Coding } from './encoding.js';

/** One form of a file: as it is, or in a content coding. */
export interface Variant {
  readonly coding: Coding | 'identity';
  readonly size: number;
  readonly validators: Validators;
  readonly ok: Response;
  readonly notModified: Response;
  /** Of the answers with a part of it, once there was one. */
  partialHead: PartialHead | null;
}

/** What all forms of a file have in common. */
export interface VariantFields {
  readonly mediaType: string;
  /** By the site's rules. */
  readonly fields: readonly Field[];
  /** There are, or may be, others: the choice depends on Accept-Encoding. */
  readonly varies: boolean;
}

export function variantOf(
  coding: Coding | 'identity',
  body: BytesBody | FileBody,
  validators: Validators,
  common: VariantFields,
): Variant {
  const about: Field[] = [['Content-Type', common.mediaType]];
  if (coding !== 'identity') about.push(['Content-Encoding', coding]);
  about.push(['Accept-Ranges', 'bytes']);
  // What a 304 has of the 200's fields, RFC 9110 section 15.4.5: nothing about a content that it does not carry.
  const kept: Field[] = [];
  if (validators.etag.length > 0) kept.push(['ETag', validators.etag.toString('latin1')]);
  if (!Number.isNaN(validators.modifiedSeconds)) {
    kept.push(['Last-Modified', formatDate(validators.modifiedSeconds * 1000)]);
  }
  kept.push(...(common.varies ? varying(common.fields, 'Accept-Encoding') : common.fields));
  return {
    coding,
    size: body.kind === 'bytes' ? body.bytes.length : body.length,
    validators,
    ok: new Response(200, [...about, ...kept], body),
    notModified: new Response(304, kept, NO_BODY),
    partialHead: null,
  };
}

/** The fields and more of them: a name that both have is the latter's, but for Vary, which has what both say. */
export function combined(fields: readonly Field[], more: readonly Field[]): Field[] {
  const said = new Set(more.map(([name]) => name.toLowerCase()));
  let all = fields.filter(([name]) => isVary(name) || !said.has(name.toLowerCase()));
  for (const field of more) all = isVary(field[0]) ? varying(all, field[1]) : [...all, field];
  return all;
}

const isVary = (name: string): boolean => name.toLowerCase() === 'vary';

/** The fields with one name more in Vary, RFC 9110 section 12.5.5. */
export function varying(fields: readonly Field[], on: string): Field[] {
  const vary = fields.filter(([name]) => isVary(name)).map(([, value]) => value);
  if (vary.some((value) => value === '*' || value.toLowerCase().split(/ *, */).includes(on.toLowerCase()))) {
    return [...fields];
  }
  return [...fields.filter(([name]) => !isVary(name)), ['Vary', [...vary, on].join(', ')]];
}
