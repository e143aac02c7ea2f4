import { FieldId } from '../http/headers.js';
import { copyHead } from '../http/request/head-copy.js';
import type { RequestParser } from '../http/request/parser.js';
import type { BodyQueue } from './body-queue.js';
import { copyHeaders, delegate, NativeHeaders, NativeRequest } from './native.js';

/** A path and query that the URL standard leaves as they are: no dot segments, nothing to encode, no backslash. */
const PLAIN_TARGET =
  /^\/(?!\/)(?:[A-Za-z0-9\-_~!$&()*+,;=:@]|%(?!2[Ee])|\/(?!\.)|\.(?!\.?(?:\/|\?|$)))*(?:\?[A-Za-z0-9\-._~!$&()*+,;=:@%/?]*)?$/;
/** A name that it leaves as it is, which does not end like a number and has no Punycode to check, or an IPv4 address. */
const PLAIN_HOST =
  /^(?:(?!.*xn--)(?:[a-z0-9-]+\.)*[a-z][a-z0-9-]*|(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$|:)|(?=$|:))){4})(?::(?!80$)[1-9]\d{0,4})?$/;

/** Who sent a request, to where. */
export interface FastRequestContext {
  /** `host:port` for a request that names none, which HTTP/1.0 may, or one that is none. */
  readonly defaultHost: string;
  /** Called when a signal is wanted: aborts it when the peer leaves. */
  onSignal(controller: AbortController): void;
}

/**
 * A Request that is made of the head's bytes, and takes from them what is asked for when it is asked for: most handlers
 * look at the address and at the method. What is left is Node's own Request, which is made when something needs it.
 * An `instanceof Request`.
 */
export class FastRequest {
  readonly #head: Buffer;
  readonly #method: string;
  readonly #targetStart: number;
  readonly #targetEnd: number;
  /** Where the Host stands; nowhere when there is none. */
  readonly #hostStart: number = 0;
  readonly #hostEnd: number = 0;
  readonly #context: FastRequestContext;
  readonly #feed: BodyQueue | null;
  #url: string | null = null;
  #headers: Headers | null = null;
  #controller: AbortController | null = null;
  /** The body was read here, and not by Node's class. */
  #isRead = false;
  #native: Request | null = null;

  /** Copies the head: the parser's bytes are another request's soon. */
  constructor(parser: RequestParser, context: FastRequestContext, feed: BodyQueue | null) {
    const { headStart, method } = parser;
    this.#head = copyHead(parser);
    this.#method = method;
    this.#targetStart = parser.targetStart - headStart;
    this.#targetEnd = parser.targetEnd - headStart;
    if (parser.has(FieldId.host)) {
      this.#hostStart = parser.valueStart(FieldId.host) - headStart;
      this.#hostEnd = parser.valueEnd(FieldId.host) - headStart;
    }
    this.#context = context;
    // Fetch standard, section 5.4: these have none, whatever was sent.
    this.#feed = method === 'GET' || method === 'HEAD' ? null : feed;
  }

  /** The head's bytes, which never change. */
  static headOf(request: FastRequest): Uint8Array {
    return request.#head;
  }

  get method(): string {
    return this.#method;
  }

  /** The address in the standard's form, as `new Request` would have it. */
  get url(): string {
    this.#url ??= urlOf(
      this.#head.toString('latin1', this.#targetStart, this.#targetEnd),
      this.#head.toString('latin1', this.#hostStart, this.#hostEnd),
      this.#context.defaultHost,
    );
    return this.#url;
  }

  get headers(): Headers {
    if (this.#headers === null) {
      this.#headers = new NativeHeaders();
      for (const [name, value] of headerPairs(this.#head)) this.#headers.append(name, value); // half as dear as all at once
    }
    return this.#headers;
  }

  /** Aborted when the peer has left, or the server will not wait any longer. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      this.#context.onSignal(this.#controller);
    }
    return this.#controller.signal;
  }

  get duplex(): 'half' {
    return 'half';
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.#feed === null ? null : (this.native.body as ReadableStream<Uint8Array> | null);
  }

  get bodyUsed(): boolean {
    return this.#isRead || this.#native?.bodyUsed === true;
  }

  /** Node's Request with the same content, from now on the one that has the body. */
  get native(): Request {
    if (this.#native === null) {
      const { url, method, signal } = this;
      const headers = this.#headers ?? headerPairs(this.#head);
      const body = this.#feed === null ? null : this.#isRead ? new ReadableStream() : this.#feed.stream();
      this.#native = new NativeRequest(url, { method, headers, signal, body, duplex: 'half' } as RequestInit);
      if (this.#isRead) void this.#native.body?.cancel(); // which makes it a used one
      this.#headers ??= this.#native.headers;
    }
    copyHeaders(this.#headers!, this.#native.headers);
    return this.#native;
  }

  async text(): Promise<string> {
    if (this.#native !== null) return this.#native.text();
    const text = (await this.#whole()).toString();
    return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    if (this.#native !== null) return this.#native.arrayBuffer();
    const { buffer, byteOffset, length } = await this.#whole();
    const isAll = length === buffer.byteLength;
    return (isAll ? buffer : buffer.slice(byteOffset, byteOffset + length)) as ArrayBuffer;
  }

  static is(value: unknown): value is FastRequest {
    return typeof value === 'object' && value !== null && #native in value;
  }

  /** The body, which then is used up. */
  async #whole(): Promise<Buffer> {
    if (this.#feed === null) return Buffer.alloc(0);
    if (this.#isRead) throw new TypeError('Body is unusable: Body has already been read');
    this.#isRead = true;
    return this.#feed.all();
  }
}

/** @param target in origin form, absolute form or `*` */
function urlOf(target: string, host: string, defaultHost: string): string {
  const authority = host === '' ? defaultHost : host;
  if (PLAIN_TARGET.test(target) && PLAIN_HOST.test(authority)) return `http://${authority}${target}`;
  // Bytes are meant as they are: the URL standard would take each for a character, and encode that.
  const encoded = target.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
  const path = encoded.replace(/^https?:\/\/[^/?]*/i, '');
  const origin = path === encoded ? `http://${authority}` : encoded.slice(0, encoded.length - path.length);
  const rest = path === '*' ? '/*' : path;
  // What RFC 3986 takes for a host may be none to the URL standard: 1.2.3.4.5 for one.
  const base = URL.canParse(origin) ? origin : `http://${defaultHost}`;
  return new URL(base + rest).href;
}

/** The fields of a head that was found to be in order. */
function headerPairs(head: Buffer): [name: string, value: string][] {
  const lines = head.toString('latin1', 0, head.length - 1).split('\r\n');
  const fields: [string, string][] = [];
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]!;
    const colon = line.indexOf(':');
    if (colon > 0) fields.push([line.slice(0, colon), line.slice(colon + 1)]); // blanks are cut off by Headers
  }
  return fields;
}

/** Makes the class one of Node's Requests: asked once, when handlers are wanted. */
export function prepareRequest(): void {
  // What a request has from its maker only, and one that came in has from nobody.
  const plain = new NativeRequest('http://localhost/');
  const all = Object.entries(Object.getOwnPropertyDescriptors(NativeRequest.prototype));
  for (const [name, { get, enumerable = false }] of all) {
    if (get === undefined || Object.hasOwn(FastRequest.prototype, name)) continue;
    const value = get.call(plain);
    Object.defineProperty(FastRequest.prototype, name, { get: () => value, enumerable, configurable: true });
  }
  delegate(FastRequest.prototype, NativeRequest.prototype);
}
