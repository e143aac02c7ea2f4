import type { HeadBytes } from './head-bytes.js';

export type Field = readonly [name: string, value: string];

/** What follows the head. A file's descriptor moves with its body: the outbox that it ends in is its only closer. */
export type Body =
  | { readonly kind: 'none' }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly fd: number; readonly offset: number; readonly length: number };

export const NO_BODY: Body = { kind: 'none' };

/**
 * A response as data: status, fields, body. Nothing is sent where it is made. One that is kept, as a cached file's is,
 * keeps its serialised forms with it, so that sending it again is one send of bytes that are there.
 */
export class Response {
  /** Serialised forms by persistence, made by response-head when first sent. */
  readonly serialized: (HeadBytes | undefined)[] = [];

  /** `fields` without Date, Content-Length and Connection, which are the framing's. */
  constructor(
    readonly status: number,
    readonly fields: readonly Field[],
    /** Replaced by the same bytes elsewhere when head and body are joined. */
    public body: Body,
    /** What GET would send, where the body is not it: for HEAD and 304 of a file. */
    readonly contentLength: number = lengthOf(body),
  ) {}
}

function lengthOf(body: Body): number {
  if (body.kind === 'none') return 0;
  return body.kind === 'bytes' ? body.bytes.length : body.length;
}

/** A short page for a status that has nothing else to say. */
export function textResponse(status: number, text: string, fields: readonly Field[] = []): Response {
  return new Response(status, [['Content-Type', 'text/plain; charset=utf-8'], ...fields], {
    kind: 'bytes',
    bytes: Buffer.from(text),
  });
}
