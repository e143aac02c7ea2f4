import { CLASSES, FIELD_VALUE, TOKEN } from '../http/headers.js';
import {
  type BodySource,
  copyHeaders,
  delegate,
  type HeadersSource,
  NativeHeaders,
  NativeResponse,
  standFor,
} from './native.js';

/** A body that needs no stream to be sent. */
export type PlainBody = string | Uint8Array | null;

/** RFC 9110 sections 15.2 to 15.4: what ends with its head. */
export const isBodiless = (status: number): boolean =>
  status === 204 || status === 205 || status === 304 || status < 200;

const TEXT = 'text/plain;charset=UTF-8';
const FORM = 'application/x-www-form-urlencoded;charset=UTF-8';
const JSON_TYPE = 'application/json';
const NO_INIT: ResponseInit = {};

// Constants of its own: imported ones are looked up at every character.
const classes = CLASSES;
const token = TOKEN;
const fieldValue = FIELD_VALUE;

/**
 * A Response that is made of nothing but what it was given, for most are made, sent and forgotten: Node's own costs
 * 16 µs each, this one 0.1. Whatever else is asked of it is asked of Node's, which is made then. An `instanceof Response`,
 * and in the place of the global class once a server has a handler.
 */
export class FastResponse {
  #status: number;
  #statusText: string;
  /** Undefined for one that only Node's has. */
  #body: PlainBody | undefined;
  /** How much only Node's has; -1 when nobody knows. */
  #length = -1;
  /** The Content-Type that the body brings, as long as `#headers` is not made and `#given` has none. */
  #type: string | null;
  /** Names and values in turn, as they were given; null for none. */
  #given: string[] | null = null;
  #headers: Headers | null = null;
  /** Node's, once there was need of it. */
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
      // Whatever is wrong with it, Node's class has the right words for it.
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
    if (this.#headers === null) {
      this.#headers = new NativeHeaders();
      const given = this.#given ?? [];
      for (let i = 0; i < given.length; i += 2) this.#headers.append(given[i]!, given[i + 1]!);
      if (this.#type !== null) this.#headers.append('content-type', this.#type);
      this.#type = null;
    }
    return this.#headers;
  }

  /** What was not got from elsewhere has none of these. */
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

  /** Node's Response with the same content, from now on the one that has the body's stream. */
  get native(): Response {
    const { headers } = this;
    if (this.#native === null) {
      const init = { status: this.#status, statusText: this.#statusText };
      this.#native = new NativeResponse(this.#body as BodySource, init);
    }
    copyHeaders(headers, this.#native.headers);
    return this.#native;
  }

  /** The body, as long as it is here and nobody has begun to read it; undefined when it must be asked of Node's. */
  static plainBody(response: FastResponse): PlainBody | undefined {
    const native = response.#native;
    const isWhole = native === null || !(native.bodyUsed || native.body?.locked);
    return isWhole ? response.#body : undefined;
  }

  /** How long a body is that is not plain; -1 when nobody knows. */
  static lengthOf(response: FastResponse): number {
    return response.#length;
  }

  /** All its headers, or names and values in turn, beside which it has `typeOf`; null for none. */
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

/** A copy of a body that needs no stream; undefined for others. */
function plainBodyOf(body: BodySource): PlainBody | undefined {
  if (typeof body === 'string' || body === null) return body;
  if (body instanceof Uint8Array) return body.buffer instanceof ArrayBuffer ? new Uint8Array(body) : undefined;
  if (body instanceof ArrayBuffer) return new Uint8Array(body.slice(0));
  if (ArrayBuffer.isView(body)) {
    const { buffer, byteOffset, byteLength } = body;
    return buffer instanceof ArrayBuffer
      ? new Uint8Array(buffer.slice(byteOffset, byteOffset + byteLength))
      : undefined;
  }
  return body instanceof URLSearchParams ? body.toString() : undefined;
}

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
 * A copy of headers, for what was given may change before it is sent: names and values in turn, if they are in order
 * (names that are tokens, values of latin1 without line ends) and no name comes twice; as Headers where Node's class
 * has to put them together; undefined for what it has to judge.
 */
function copyOf(headers: HeadersSource): string[] | Headers | undefined {
  if (headers instanceof NativeHeaders) return new NativeHeaders(headers);
  const copy: string[] = [];
  let isTwice = false;
  if (Array.isArray(headers)) {
    for (const pair of headers) {
      if (!Array.isArray(pair) || pair.length !== 2) return undefined;
      const [name, value] = pair as [unknown, unknown];
      if (!isField(name, value)) return undefined;
      isTwice ||= has(copy, name);
      copy.push(name, trimmed(String(value)));
    }
  } else {
    if (!isRecord(headers)) return undefined;
    for (const name of Object.keys(headers)) {
      const value = headers[name];
      if (!isField(name, value)) return undefined;
      isTwice ||= has(copy, name);
      copy.push(name, trimmed(String(value)));
    }
  }
  if (!isTwice) return copy;
  const together = new NativeHeaders();
  for (let i = 0; i < copy.length; i += 2) together.append(copy[i]!, copy[i + 1]!);
  return together;
}

function isRecord(headers: unknown): headers is Record<string, unknown> {
  if (typeof headers !== 'object' || headers === null || Symbol.iterator in headers) return false;
  const prototype = Object.getPrototypeOf(headers);
  return prototype === Object.prototype || prototype === null;
}

/** Whether it can be sent as it is, and is what Node's class would take it for. */
function isField(name: unknown, value: unknown): name is string {
  if (typeof name !== 'string' || name === '') return false;
  if (typeof value === 'string' ? !isText(value) : typeof value !== 'number') return false;
  for (let i = 0; i < name.length; i++) if (!(classes[name.charCodeAt(i)]! & token)) return false;
  return true;
}

/** Whether a name is among them already, in any case of letters; Set-Cookie may be, RFC 9110 section 5.3. */
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

/** Whether all of it may stand in a head as it is. */
function isText(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (!(classes[text.charCodeAt(i)]! & fieldValue)) return false;
  return true;
}

const isWhitespace = (code: number): boolean => code === 0x20 || code === 0x09;

const trimmed = (value: string): string =>
  isWhitespace(value.charCodeAt(0)) || isWhitespace(value.charCodeAt(value.length - 1))
    ? value.replace(/^[\t ]+|[\t ]+$/g, '')
    : value;

/** Makes the class one of Node's Responses: asked once, when handlers are wanted. */
export function prepareResponse(): void {
  delegate(FastResponse.prototype, NativeResponse.prototype);
  Object.setPrototypeOf(FastResponse, NativeResponse);
  for (const name of ['error', 'json', 'redirect']) {
    if (Object.hasOwn(FastResponse, name)) Object.defineProperty(FastResponse, name, { enumerable: true });
  }
  standFor(FastResponse, NativeResponse);
}
