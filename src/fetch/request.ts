import type { Scheme } from '../http/forwarded.js';
import { FieldId } from '../http/headers.js';
import { headerPairs } from '../http/request/head-text.js';
import type { RequestParser } from '../http/request/parser.js';
import type { SocketAddress } from '../sys/kernel.js';
import type { BodyQueue } from './body-queue.js';
import { markAsClients } from './client-errors.js';
import { copyHeaders, delegate, isOfNode, NativeHeaders, NativeRequest, share } from './native.js';

/** A path and query that the URL standard leaves unchanged: without dot segments, backslashes, or characters to encode. */
const PLAIN_TARGET =
  /^\/(?!\/)(?:[A-Za-z0-9\-_~!$&()*+,;=:@]|%(?!2[Ee])|\/(?!\.)|\.(?!\.?(?:\/|\?|$)))*(?:\?[A-Za-z0-9\-._~!$&()*+,;=:@%/?]*)?$/;
/** A host name that it leaves unchanged, which neither ends in a number nor has Punycode to check, or an IPv4 address. */
const PLAIN_HOST =
  /^(?:(?!.*xn--)(?:[a-z0-9-]+\.)*[a-z][a-z0-9-]*|(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$|:)|(?=$|:))){4})(?::(?!80$)[1-9]\d{0,4})?$/;

/** The headers of received requests, with the fields of their hop. */
const received = new WeakSet<object>();

/** The methods of Node's class, which may be wrapped later; set by `prepareRequest`. */
let ofNode: Pick<Request, 'text' | 'formData' | 'arrayBuffer'>;

/** What a request needs of the connection it came on. */
export interface FastRequestContext {
  /** `host:port` for a request without a Host field, which HTTP/1.0 allows, or whose host is not valid in a URL. */
  readonly defaultHost: string;
  /** By which the client has sent the request to a proxy, also if its target has another; null without a proxy. */
  readonly scheme: Scheme | null;
  /** The client's address; null once it has disconnected. */
  readonly peer: SocketAddress | null;
  /** The request's time from now on, in milliseconds without progress, in place of the limits; 0 is without limit. */
  limitTime(ms: number): void;
  /** Called once, when the signal is first accessed. The context aborts it when the client disconnects. */
  onSignal(controller: AbortController): void;
}

/**
 * A Request over the bytes of a head, which decodes each member when it is first accessed: most handlers need the URL and
 * the method. Everything else is delegated to Node's own Request, made on demand. An `instanceof Request`.
 */
export class FastRequest {
  readonly #head: Buffer;
  readonly #method: string;
  readonly #targetStart: number;
  readonly #targetEnd: number;
  /** Where the host is in the head: in an absolute target or in the Host field; an empty range without one. */
  readonly #hostStart: number = 0;
  readonly #hostEnd: number = 0;
  readonly #context: FastRequestContext;
  readonly #queue: BodyQueue | null;
  #url: string | null = null;
  #headers: Headers | null = null;
  #controller: AbortController | null = null;
  /** The body was read by this class, not by Node's. */
  #isRead = false;
  #native: Request | null = null;

  /** Copies the head: the parser's bytes are valid until the next read only. */
  constructor(parser: RequestParser, context: FastRequestContext, queue: BodyQueue | null) {
    const { headStart, method } = parser;
    this.#head = parser.copyHead();
    this.#method = method;
    this.#targetStart = parser.targetStart - headStart;
    this.#targetEnd = parser.targetEnd - headStart;
    const { authorityStart } = parser;
    if (authorityStart >= 0) {
      this.#hostStart = authorityStart - headStart;
      this.#hostEnd = parser.pathStart - headStart;
    } else if (parser.has(FieldId.host)) {
      this.#hostStart = parser.valueStart(FieldId.host) - headStart;
      this.#hostEnd = parser.valueEnd(FieldId.host) - headStart;
    }
    this.#context = context;
    // Fetch standard, section 5.4: these have no body, even if one was sent.
    this.#queue = method === 'GET' || method === 'HEAD' ? null : queue;
  }

  /** The copy of the head, as `copyHead` made it; immutable. */
  static headOf(request: FastRequest): Uint8Array {
    return request.#head;
  }

  /** Null for anything but a received request. */
  static contextOf(request: unknown): FastRequestContext | null {
    return FastRequest.is(request) ? request.#context : null;
  }

  get method(): string {
    return this.#method;
  }

  /** Absolute, normalized as by `new Request`. */
  get url(): string {
    return this.#absoluteUrl();
  }

  get headers(): Headers {
    if (this.#headers === null) {
      this.#headers = new NativeHeaders();
      for (const [name, value] of this.#pairs()) this.#headers.append(name, value); // half the time of the constructor with pairs
      received.add(this.#headers);
    }
    return this.#headers;
  }

  /** Aborted when the client disconnects, or the handler times out. */
  get signal(): AbortSignal {
    return this.#abortSignal();
  }

  // The members are not used below: a program may wrap them.

  #absoluteUrl(): string {
    this.#url ??= urlOf(
      this.#head.toString('latin1', this.#targetStart, this.#targetEnd),
      this.#head.toString('latin1', this.#hostStart, this.#hostEnd),
      this.#context.defaultHost,
      this.#context.scheme,
    );
    return this.#url;
  }

  #abortSignal(): AbortSignal {
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
    return this.#queue === null ? null : (this.native.body as ReadableStream<Uint8Array> | null);
  }

  get bodyUsed(): boolean {
    return this.#isRead || this.#native?.bodyUsed === true;
  }

  /** Node's Request with the same content, which owns the body from here on. */
  get native(): Request {
    if (this.#native === null) {
      const [url, method, signal] = [this.#absoluteUrl(), this.#method, this.#abortSignal()];
      const headers = this.#headers ?? this.#pairs();
      const body = this.#queue === null ? null : this.#isRead ? new ReadableStream() : this.#queue.stream();
      this.#native = new NativeRequest(url, { method, headers, signal, body, duplex: 'half' } as RequestInit);
      if (this.#isRead) void this.#native.body?.cancel(); // sets its bodyUsed
      this.#headers ??= this.#native.headers;
      received.add(this.#native.headers).add(this.#headers);
    }
    copyHeaders(this.#headers!, this.#native.headers);
    return this.#native;
  }

  text(): Promise<string> {
    return this.#text();
  }

  async #text(): Promise<string> {
    if (this.#native !== null) return ofNode.text.call(this.#native);
    const text = (await this.#whole()).toString();
    return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }

  async json(): Promise<unknown> {
    return parsed(await this.#text());
  }

  async formData(): Promise<FormData> {
    const { native } = this;
    if (native.bodyUsed) return ofNode.formData.call(native);
    try {
      return await ofNode.formData.call(native);
    } catch (error) {
      throw markAsClients(error);
    }
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    if (this.#native !== null) return ofNode.arrayBuffer.call(this.#native);
    const { buffer, byteOffset, length } = await this.#whole();
    const isAll = length === buffer.byteLength;
    return (isAll ? buffer : buffer.slice(byteOffset, byteOffset + length)) as ArrayBuffer;
  }

  /** Whether these are the headers of a received request. */
  static hasMade(headers: object): boolean {
    return received.has(headers);
  }

  static is(value: unknown): value is FastRequest {
    return typeof value === 'object' && value !== null && #native in value;
  }

  /** The fields; the host of an absolute target replaces the Host field, RFC 9112 section 3.2.2. */
  #pairs(): [name: string, value: string][] {
    const pairs = headerPairs(this.#head);
    if (this.#hostStart === 0 || this.#hostStart > this.#targetEnd) return pairs;
    const host = this.#head.toString('latin1', this.#hostStart, this.#hostEnd);
    return [['Host', host], ...pairs.filter(([name]) => name.toLowerCase() !== 'host')];
  }

  async #whole(): Promise<Buffer> {
    if (this.#queue === null) return Buffer.alloc(0);
    if (this.#isRead) throw new TypeError('Body is unusable: Body has already been read');
    this.#isRead = true;
    return this.#queue.all();
  }
}

/** @throws SyntaxError for text that is not JSON */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw markAsClients(error);
  }
}

/**
 * @param target in origin form, absolute form or `*`
 * @param host that of an absolute target, else of the Host field; empty without one
 */
function urlOf(target: string, host: string, defaultHost: string, given: Scheme | null): string {
  const authority = host === '' ? defaultHost : host;
  if (PLAIN_TARGET.test(target) && PLAIN_HOST.test(authority)) {
    if (given !== 'https') return `http://${authority}${target}`;
    if (!authority.endsWith(':443')) return `https://${authority}${target}`;
  }
  const scheme = given ?? (/^https:/i.test(target) ? 'https' : 'http');
  // Percent-encodes the bytes: the URL standard would take each for a character, and encode that as UTF-8.
  const encoded = target.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
  const path = encoded.replace(/^https?:\/\/[^/?]*/i, '');
  const origin = `${scheme}://${authority}`;
  const rest = path === '*' ? '/*' : path;
  // A host that is valid in RFC 3986 may not be so in the URL standard, such as 1.2.3.4.5.
  const url = URL.canParse(origin) ? new URL(origin + rest) : null;
  return url !== null && hasValidPunycode(url.hostname)
    ? url.href
    : new URL(`${given ?? 'http'}://${defaultHost}${rest}`).href;
}

/**
 * Since June 2026 the URL standard accepts invalid Punycode (`xn--a`) in a domain of ASCII only, and Node 24 and 26 do. Node
 * 20 and 22 do not, so that a handler there could not parse such a `url`: it is not valid here, in any version. All of
 * them check a domain that is not of ASCII only.
 */
const hasValidPunycode = (hostname: string): boolean =>
  !hostname.includes('xn--') || URL.canParse(`http://\xe4.${hostname}`);

/** Makes FastRequest an instance of Node's class, with all its members. To be called once. */
export function prepareRequest(): void {
  // Members that only the init of a Request sets (mode, credentials …) have their defaults here.
  const plain = new NativeRequest('http://localhost/');
  const all = Object.entries(Object.getOwnPropertyDescriptors(NativeRequest.prototype));
  for (const [name, { get, enumerable = false }] of all) {
    if (get === undefined || Object.hasOwn(FastRequest.prototype, name)) continue;
    const value = get.call(plain);
    Object.defineProperty(FastRequest.prototype, name, { get: () => value, enumerable, configurable: true });
  }
  const { text, formData, arrayBuffer } = NativeRequest.prototype;
  ofNode = { text, formData, arrayBuffer };
  const isNodes = isOfNode(NativeRequest);
  delegate(FastRequest.prototype, NativeRequest.prototype, isNodes);
  if (isNodes) share(FastRequest.prototype, NativeRequest.prototype, FastRequest.is);
}
