import type { SharedFd } from '../../sys/shared-fd.js';
import type { HeadBytes } from './head-bytes.js';

export type Field = readonly [name: string, value: string];

export interface BytesBody {
  readonly kind: 'bytes';
  readonly bytes: Uint8Array;
}

/** A range of a file. Whoever sends it becomes a user of the descriptor for as long as that takes. */
export interface FileBody {
  readonly kind: 'file';
  readonly file: SharedFd;
  readonly offset: number;
  readonly length: number;
}

/** What follows the head. */
export type Body =
  | { readonly kind: 'none' }
  | BytesBody
  | FileBody
  | { readonly kind: 'parts'; readonly parts: readonly (BytesBody | FileBody)[]; readonly length: number };

export const NO_BODY: Body = { kind: 'none' };

/**
 * A response as data: status, fields, body. Nothing is sent where it is made. One that is kept, as a cached file's is,
 * keeps its serialised forms with it, so that sending it again is one send of bytes that are there.
 */
export class HttpResponse {
  /** The serialised form for a connection that is kept, the usual one, made by response-head when first sent. */
  keepAliveHead: HeadBytes | null = null;
  /** The other forms, by persistence. */
  otherHeads: (HeadBytes | undefined)[] | null = null;
  /** Made for one request and not kept. */
  transient = false;
  /** The descriptor of an answer that is sent once: whoever has sent it lets it go. */
  ownedFile: SharedFd | null = null;

  /** @param given the fields without Date, Content-Length and Connection, which are the framing's. */
  constructor(
    readonly status: number,
    private readonly given: readonly Field[],
    /** Replaced by the same bytes elsewhere when head and body are joined. */
    public body: Body,
    /** What GET would send, where the body is not it: for HEAD and 304 of a file. */
    readonly contentLength: number = lengthOf(body),
  ) {}

  get fields(): readonly Field[] {
    return this.given;
  }
}

function lengthOf(body: Body): number {
  if (body.kind === 'none') return 0;
  return body.kind === 'bytes' ? body.bytes.length : body.length;
}

/** A short page for a status that has nothing else to say. */
export function textResponse(status: number, text: string, fields: readonly Field[] = []): HttpResponse {
  return new HttpResponse(status, [['Content-Type', 'text/plain; charset=utf-8'], ...fields], {
    kind: 'bytes',
    bytes: Buffer.from(text),
  });
}
