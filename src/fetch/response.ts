import { CLASSES, FIELD_VALUE, TOKEN } from '../http/headers.js';
import { withCode } from '../sys/error-code.js';
import { pairsOf } from './foreign-headers.js';
import {
  type BodySource,
  copyHeaders,
  delegate,
  type HeadersSource,
  isOfNode,
  isOfUndici,
  NativeHeaders,
  NativeResponse,
  standFor,
} from './native.js';

/** A body that is sent without a stream. */
export type PlainBody = string | Uint8Array | null;

/** RFC 9110 sections 15.2 to 15.4: a response with this status has no body. */
export const isBodiless = (status: number): boolean =>
  status === 204 || status === 205 || status === 304 || status < 200;

const TEXT = 'text/plain;charset=UTF-8';
const FORM = 'application/x-www-form-urlencoded;charset=UTF-8';
const JSON_TYPE = 'application/json';
const NO_INIT: ResponseInit = {};

// Local constants: imported ones are looked up for every character.
const classes = CLASSES;
const token = TOKEN;
const fieldValue = FIELD_VALUE;

/**
 * A Response that only stores what it is constructed from, for most are made, sent and dropped: Node's own costs 16 µs, this
 * one 0.1. Everything else is delegated to Node's own, made on demand. An `instanceof Response`, and the global class
 * once a server has a handler.
 */
export class FastResponse {
  #status: number;
  #statusText: string;
  /** Undefined if only Node's Response has it. */
  #body: PlainBody | undefined;
  /** The length in bytes of a body that only Node's has; -1 if unknown. */
  #length = -1;
  /** The Content-Type of the body, until `#headers` is made, if `#given` has none. */
  #type: string | null;
  /** Names and values alternating, as given to the constructor; null for none. */
  #given: string[] | null = null;
  #headers: Headers | null = null;
  #native: Response | null = null;

  constructor(body: BodySource = null, init?: ResponseInit) {
    const { status = 200, statusText = '', headers } = init ?? NO_INIT;
    const plain = plainBodyOf(body);
    const copy = headers === undefined ? null : copyOf(headers);
    this.#status = status;
    this.#statusText = statusText;
    this.#body = plain;
    this.#type = null;
    if (plain === undefined || copy === undefined || !isSimple(status, statusText, plain) || isPrimitive(init)) {
      // Anything unusual is Node's to accept or to reject.
      this.#native = new NativeResponse(body, init);
      this.#status = this.#native.status;
      this.#statusText = this.#native.statusText;
      this.#headers = this.#native.headers;
      this.#body = undefined;
      if (body instanceof Blob) this.#length = body.size;
      return;
    }
    if (typeof plain === 'string') this.#type = typeof body === 'string' ? TEXT : FORM;
    if (copy === null) return;
    if (Array.isArray(copy)) {
      this.#given = copy;
      if (this.#type !== null && hasContentType(copy)) this.#type = null;
    } else {
      this.#headers = copy;
      if (this.#type !== null && !copy.has('content-type')) copy.append('content-type', this.#type);
      this.#type = null;
    }
  }

  /** Fetch standard, section 5.5. */
  static json(data: unknown, init?: ResponseInit): FastResponse {
    const text = JSON.stringify(data);
    if (text === undefined) throw new TypeError('Value is not JSON serializable');
    if (init?.headers !== undefined) {
      const { status, statusText } = init;
      const headers = new NativeHeaders(init.headers);
      if (!headers.has('content-type')) headers.append('content-type', JSON_TYPE);
      return new FastResponse(text, { status, statusText, headers } as ResponseInit);
    }
    const response = new FastResponse(text, init);
    if (response.#headers === null) response.#type = JSON_TYPE;
    else response.#headers.set('content-type', JSON_TYPE);
    return response;
  }

  get status(): number {
    return this.#status;
  }

  get statusText(): string {
    return this.#statusText;
  }

  get ok(): boolean {
    return this.#status >= 200 && this.#status < 300;
  }

  get headers(): Headers {
    return this.#madeHeaders();
  }

  /** Not the member, which a program may wrap. */
  #madeHeaders(): Headers {
    if (this.#headers === null) {
      this.#headers = new NativeHeaders();
      const given = this.#given ?? [];
      for (let i = 0; i < given.length; i += 2) this.#headers.append(given[i]!, given[i + 1]!);
      if (this.#type !== null) this.#headers.append('content-type', this.#type);
      this.#type = null;
    }
    return this.#headers;
  }

  /** The defaults of a response that did not come from fetch. */
  get type(): 'default' {
    return 'default';
  }

  get url(): string {
    return '';
  }

  get redirected(): boolean {
    return false;
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.#body === null ? null : (this.native.body as ReadableStream<Uint8Array> | null);
  }

  get bodyUsed(): boolean {
    return this.#native?.bodyUsed ?? false;
  }

  clone(): Response {
    if (this.#native !== null) return this.native.clone();
    const clone = new FastResponse(null);
    clone.#status = this.#status;
    clone.#statusText = this.#statusText;
    clone.#body = this.#body;
    clone.#type = this.#type;
    clone.#given = this.#given;
    if (this.#headers !== null) clone.#headers = new NativeHeaders(this.#headers);
    return clone as unknown as Response;
  }

  /** Node's Response with the same content, which owns the stream of the body from here on. */
  get native(): Response {
    const headers = this.#madeHeaders();
    if (this.#native === null) {
      const init = { status: this.#status, statusText: this.#statusText };
      this.#native = new NativeResponse(this.#body as BodySource, init);
    }
    copyHeaders(headers, this.#native.headers);
    return this.#native;
  }

  /** The body, unless it has been used; undefined if only Node's has it. */
  static plainBody(response: FastResponse): PlainBody | undefined {
    const native = response.#native;
    const isWhole = native === null || !(native.bodyUsed || native.body?.locked);
    return isWhole ? response.#body : undefined;
  }

  /** The length in bytes of a body that is not plain; -1 if unknown. */
  static lengthOf(response: FastResponse): number {
    return response.#length;
  }

  /** Its Headers, or names and values alternating, to which `typeOf` is to be added; null for none. */
  static fieldsOf(response: FastResponse): Headers | readonly string[] | null {
    return response.#headers ?? response.#given;
  }

  static typeOf(response: FastResponse): string | null {
    return response.#type;
  }

  static is(value: unknown): value is FastResponse {
    return typeof value === 'object' && value !== null && #native in value;
  }
}

/** A copy of a body that is text or bytes; undefined for others. */
function plainBodyOf(body: BodySource): PlainBody | undefined {
  if (typeof body === 'string' || body === null) return body;
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return copyOfBytes(body);
  return body instanceof URLSearchParams ? body.toString() : undefined;
}

/**
 * @returns undefined for memory of another realm
 * @throws TypeError ERR_EPOLLET_RESPONSE for detached and for shared memory, of which Node makes an error, an empty body or
 * a text, by its version
 */
function copyOfBytes(body: ArrayBuffer | ArrayBufferView): Uint8Array | undefined {
  try {
    if (body instanceof ArrayBuffer) return new Uint8Array(body.slice(0));
    const { buffer } = body;
    if (buffer instanceof SharedArrayBuffer) throw unusable('shared memory; copy it');
    if (!(buffer instanceof ArrayBuffer)) return undefined;
    if (body instanceof Uint8Array) return new Uint8Array(body);
    return new Uint8Array(buffer.slice(body.byteOffset, body.byteOffset + body.byteLength));
  } catch (error) {
    // The methods of a detached buffer, and of a view beyond the end of a resized one, throw a TypeError.
    if (!(error instanceof TypeError) || 'code' in error) throw error;
    throw unusable('memory that was transferred or shrunk; make the Response first, or of a copy');
  }
}

const unusable = (what: string): TypeError =>
  withCode('ERR_EPOLLET_RESPONSE', new TypeError(`The body of a Response is ${what}`));

const isPrimitive = (init: unknown): boolean =>
  init !== undefined && init !== null && typeof init !== 'object' && typeof init !== 'function';

function isSimple(status: number, statusText: unknown, body: PlainBody): boolean {
  return (
    Number.isInteger(status) &&
    status >= 200 &&
    status <= 599 &&
    (body === null || !isBodiless(status)) &&
    typeof statusText === 'string' &&
    isText(statusText)
  );
}

/**
 * A copy of headers, which the caller may change before they are sent: names and values alternating, if they are valid
 * (names are tokens, values are latin1 without line ends) and no name is repeated; as Headers if Node's class has to
 * combine repeated ones; undefined for anything else, which Node's class accepts or rejects.
 */
function copyOf(headers: HeadersSource): string[] | Headers | undefined {
  if (headers instanceof NativeHeaders) return new NativeHeaders(headers);
  const copy: string[] = [];
  let hasRepeated = false;
  if (Array.isArray(headers)) {
    for (const pair of headers) {
      if (!Array.isArray(pair) || pair.length !== 2) return undefined;
      const [name, value] = pair as [unknown, unknown];
      if (!isField(name, value)) return undefined;
      hasRepeated ||= has(copy, name);
      copy.push(name, trimmed(String(value)));
    }
  } else if (typeof headers === 'object' && headers !== null && 'raw' in headers && Symbol.iterator in headers) {
    return new NativeHeaders(pairsOf(headers as never));
  } else {
    if (!isRecord(headers)) return undefined;
    for (const name of Object.keys(headers)) {
      const value = headers[name];
      if (!isField(name, value)) return undefined;
      hasRepeated ||= has(copy, name);
      copy.push(name, trimmed(String(value)));
    }
  }
  if (!hasRepeated) return copy;
  const combined = new NativeHeaders();
  for (let i = 0; i < copy.length; i += 2) combined.append(copy[i]!, copy[i + 1]!);
  return combined;
}

function isRecord(headers: unknown): headers is Record<string, unknown> {
  if (typeof headers !== 'object' || headers === null || Symbol.iterator in headers) return false;
  const prototype = Object.getPrototypeOf(headers);
  return prototype === Object.prototype || prototype === null;
}

/** Whether it can be sent unchanged, and means the same to Node's class. */
function isField(name: unknown, value: unknown): name is string {
  if (typeof name !== 'string' || name === '') return false;
  if (typeof value === 'string' ? !isText(value) : typeof value !== 'number') return false;
  for (let i = 0; i < name.length; i++) if (!(classes[name.charCodeAt(i)]! & token)) return false;
  return true;
}

/** Whether the name is in the copy already, ignoring case; Set-Cookie may be repeated, RFC 9110 section 5.3. */
function has(copy: readonly string[], name: string): boolean {
  for (let i = 0; i < copy.length; i += 2) {
    if (copy[i]!.length !== name.length) continue;
    const lower = name.toLowerCase();
    if (copy[i]!.toLowerCase() === lower && lower !== 'set-cookie') return true;
  }
  return false;
}

function hasContentType(copy: readonly string[]): boolean {
  for (let i = 0; i < copy.length; i += 2)
    if (copy[i]!.length === 12 && copy[i]!.toLowerCase() === 'content-type') return true;
  return false;
}

function isText(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (!(classes[text.charCodeAt(i)]! & fieldValue)) return false;
  return true;
}

const isWhitespace = (code: number): boolean => code === 0x20 || code === 0x09;

const trimmed = (value: string): string =>
  isWhitespace(value.charCodeAt(0)) || isWhitespace(value.charCodeAt(value.length - 1))
    ? value.replace(/^[\t ]+|[\t ]+$/g, '')
    : value;

/** Makes FastResponse an instance of Node's class, with all its members. To be called once. */
export function prepareResponse(): void {
  delegate(FastResponse.prototype, NativeResponse.prototype, isOfNode(NativeResponse));
  Object.setPrototypeOf(FastResponse, NativeResponse);
  for (const name of ['error', 'json', 'redirect']) {
    if (!isOfUndici(Reflect.get(NativeResponse, name)))
      Reflect.deleteProperty(FastResponse, name); // it is wrapped
    else if (Object.hasOwn(FastResponse, name)) Object.defineProperty(FastResponse, name, { enumerable: true });
  }
  standFor(FastResponse, NativeResponse);
}
