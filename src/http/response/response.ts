import { assert } from '../../sys/assert.js';
import type { SharedFd } from '../../sys/shared-fd.js';
import { reasonOf } from '../status.js';
import type { HeadBytes } from './head-bytes.js';

export type Field = readonly [name: string, value: string];

export interface BytesBody {
  readonly kind: 'bytes';
  readonly bytes: Uint8Array;
}

/** Text that is encoded as UTF-8 when it is sent, in one piece of memory with its head. */
export interface TextBody {
  readonly kind: 'text';
  readonly text: string;
  /** In bytes, as UTF-8. */
  readonly length: number;
}

/** A range of a file. Sending it takes a reference to the descriptor until the last byte is sent. */
export interface FileBody {
  readonly kind: 'file';
  readonly file: SharedFd;
  readonly offset: number;
  readonly length: number;
}

/** A stream: sent by reading it to its end, else to be cancelled. */
export interface StreamBody {
  readonly kind: 'stream';
  readonly stream: ReadableStream<Uint8Array>;
  /** As the response's Content-Length has it; -1 if unknown. */
  readonly length: number;
  /** An event stream never ends by itself, HTML section 9.2. */
  readonly isEndless: boolean;
}

/** What follows the head. */
export type Body =
  | { readonly kind: 'none' }
  | BytesBody
  | TextBody
  | FileBody
  | StreamBody
  | { readonly kind: 'parts'; readonly parts: readonly (BytesBody | FileBody)[]; readonly length: number };

export const NO_BODY: Body = { kind: 'none' };

/** CR or LF in a value would split the response, RFC 9110 section 5.5. */
const INVALID_FIELD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * A response as data: status, fields, body. Nothing is sent where it is made. A cached response caches its serialized
 * heads too, so that sending it again is one send of existing bytes.
 */
export class HttpResponse {
  /** The serialized head for a persistent HTTP/1.1 connection, the usual one, made by head.ts when first sent. */
  keepAliveHead: HeadBytes | null = null;
  /** The other heads: for a connection that is closed, and for HTTP/1.0 with keep-alive. */
  otherHeads: (HeadBytes | undefined)[] | null = null;
  transient = false;
  /** The descriptor of a response that is sent once: released by the sender. */
  ownedFile: SharedFd | null = null;
  /** Whether it responds to HEAD in place of a response to GET that is a stream of unknown length. */
  isStreamedForGet = false;
  /** Whether the connection is to be closed after it, whatever the request asked for. */
  closesConnection = false;

  /** @param given the fields except Date, Content-Length and Connection, which belong to the framing */
  constructor(
    readonly status: number,
    private readonly given: readonly Field[],
    /** Replaced by the same bytes elsewhere when head and body are joined. */
    public body: Body,
    /** What GET would send, if the body is not it, as for HEAD and for the 304 of a file; -1 if unknown. */
    public contentLength: number = lengthOf(body),
  ) {}

  get fields(): readonly Field[] {
    return this.given;
  }

  get fieldLines(): string {
    return fieldLines(this.fields);
  }

  get reason(): string {
    return reasonOf(this.status);
  }

  /** Bytes of body that are sent for GET or, with `isHead`, for HEAD; 0 if unknown. */
  bodyBytes(isHead: boolean): number {
    return isHead || this.body.kind === 'none' ? 0 : Math.max(0, this.contentLength);
  }
}

/** No status: the response is not made yet. */
export const LATER = 0;

/** In place of a response: once `ready` is fulfilled, the same request is to be served again. */
export class LaterResponse<Request = never> extends HttpResponse {
  /** @param again serves the request; null if the files do */
  constructor(
    readonly ready: Promise<void>,
    readonly again: ((request: Request) => HttpResponse) | null = null,
  ) {
    super(LATER, [], NO_BODY);
  }
}

export function fieldLines(fields: readonly Field[]): string {
  let lines = '';
  for (const [name, value] of fields) {
    assert(!INVALID_FIELD_VALUE.test(value), `the value of ${name} would end its line`);
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

/** Of all names and values. */
export function bytesOfFields(fields: readonly Field[]): number {
  let bytes = 0;
  for (const [name, value] of fields) bytes += name.length + value.length;
  return bytes;
}

function lengthOf(body: Body): number {
  if (body.kind === 'none') return 0;
  return body.kind === 'bytes' ? body.bytes.length : body.length;
}

/** A response whose body is one short plain-text sentence. */
export function textResponse(status: number, text: string, fields: readonly Field[] = []): HttpResponse {
  return new HttpResponse(status, [['Content-Type', 'text/plain; charset=utf-8'], ...fields], {
    kind: 'bytes',
    bytes: Buffer.from(text),
  });
}
