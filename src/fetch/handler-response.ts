import { type Body, HttpResponse, NO_BODY } from '../http/response/response.js';
import { reasonOf } from '../http/status.js';
import { withCode } from '../sys/error-code.js';
import { NativeHeaders } from './native.js';
import { FastResponse, isBodiless } from './response.js';

/** Fields that belong to the server: framing, the connection and the date, RFC 9110 section 7.6.1. */
const SERVER_FIELDS = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'te',
  'date',
]);
/** RFC 9110 section 5.6.2. */
const NAME = /^[\w!#$%&'*+\-.^`|~]+$/;
/** RFC 9110 section 5.5: a character beyond latin1 would become another one, or a line end, as a byte. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The Response of a handler as data, for one request: its field lines are made while they are checked. */
class HandlerResponse extends HttpResponse {
  constructor(
    status: number,
    private readonly statusText: string,
    private readonly head: Draft,
    body: Body,
    contentLength: number,
  ) {
    super(status, [], body, contentLength);
    this.transient = true;
    this.closesConnection = head.closesConnection;
  }

  override get fieldLines(): string {
    return this.head.lines;
  }

  override get reason(): string {
    return this.statusText || reasonOf(this.status);
  }
}

/** What the fields of a Response come to. */
interface Draft {
  lines: string;
  /** Of the Content-Length field; -1 without one. */
  length: number;
  closesConnection: boolean;
  isEndless: boolean;
}

/**
 * @param response any: a FastResponse, Node's own, or one of undici's or a polyfill's
 * @throws TypeError ERR_EPOLLET_RESPONSE for anything but a Response, a field that cannot be sent, or a used body
 */
export function toHttpResponse(response: unknown): HttpResponse {
  return FastResponse.is(response) ? fromFast(response) : fromForeign(response);
}

function fromFast(response: FastResponse): HttpResponse {
  const { status, statusText } = response;
  const draft = newDraft();
  const fields = FastResponse.fieldsOf(response);
  if (fields !== null) {
    if (fields instanceof NativeHeaders) for (const [name, value] of fields) addChecked(draft, name, value);
    else for (let i = 0; i < fields.length; i += 2) add(draft, fields[i]!, fields[i + 1]!);
  }
  const type = FastResponse.typeOf(response);
  if (type !== null) draft.lines += `Content-Type: ${type}\r\n`;
  if (isBodiless(status)) return bodiless(status, statusText, draft);
  const plain = FastResponse.plainBody(response);
  if (plain === null) return bodiless(status, statusText, draft);
  if (typeof plain === 'string') {
    const length = Buffer.byteLength(plain);
    return new HandlerResponse(status, statusText, draft, { kind: 'text', text: plain, length }, length);
  }
  if (plain !== undefined)
    return new HandlerResponse(status, statusText, draft, { kind: 'bytes', bytes: plain }, plain.length);
  const length = FastResponse.lengthOf(response);
  if (length >= 0) draft.length = length;
  return streamed(status, statusText, draft, streamOf(response.native));
}

function fromForeign(value: unknown): HttpResponse {
  const response = checked(value);
  const { status, statusText } = response;
  const reason = typeof statusText === 'string' && VALUE.test(statusText) ? statusText : '';
  const draft = newDraft();
  const isDecoded = wasDecoded(response);
  for (const [name, text] of response.headers)
    if (!isDecoded || !/^content-(?:encoding|length)$/i.test(name)) addChecked(draft, name, text);
  return isBodiless(status) ? bodiless(status, reason, draft) : streamed(status, reason, draft, streamOf(response));
}

const newDraft = (): Draft => ({ lines: '', length: -1, closesConnection: false, isEndless: false });

/**
 * Without a body a handler may know what GET would send, or not: only a Content-Length above 0 counts, RFC 9110
 * section 8.6. With 205 nothing is sent, section 15.3.6.
 */
function bodiless(status: number, reason: string, draft: Draft): HttpResponse {
  const length = draft.length > 0 && status !== 205 ? draft.length : -1;
  return new HandlerResponse(status, reason, draft, NO_BODY, length);
}

function streamed(status: number, reason: string, draft: Draft, stream: ReadableStream<Uint8Array> | null) {
  if (stream === null) return bodiless(status, reason, draft);
  const { length, isEndless } = draft;
  return new HandlerResponse(status, reason, draft, { kind: 'stream', stream, length, isEndless }, length);
}

function add(draft: Draft, name: string, value: string): void {
  const lower = name.toLowerCase();
  if (lower === 'content-length') {
    if (/^\d{1,15}$/.test(value)) draft.length = Number(value);
    return;
  }
  if (lower === 'connection') draft.closesConnection ||= /(?:^|,)\s*close\s*(?:,|$)/i.test(value);
  if (SERVER_FIELDS.has(lower)) return;
  if (lower === 'content-type') draft.isEndless = value.toLowerCase().startsWith('text/event-stream');
  draft.lines += `${name}: ${value}\r\n`;
}

/** For headers of other classes, and of Node's, which accepts control characters. */
function addChecked(draft: Draft, name: string, value: string): void {
  if (!NAME.test(name) || !VALUE.test(value))
    throw unsendable(`The field ${JSON.stringify(name)} of the Response cannot be sent: ${JSON.stringify(value)}`);
  add(draft, name, value);
}

/** The content codings that fetch decodes, RFC 9110 section 8.4.1; undici decodes zstd from 7.11 on. */
const DECODED = new Set(['gzip', 'x-gzip', 'deflate', 'br']);
const [major = 0, minor = 0] = (process.versions['undici'] ?? '').split('.').map(Number);
if (major > 7 || (major === 7 && minor >= 11)) DECODED.add('zstd');

/** Whether fetch decoded its body, so that its headers describe another one: Fetch standard, section 4.6. */
function wasDecoded({ url, body, headers }: Response): boolean {
  if (url === '' || url === undefined || body === null || typeof headers.get !== 'function') return false;
  const codings = headers.get('content-encoding');
  return codings?.split(',').every((coding) => DECODED.has(coding.trim().toLowerCase())) ?? false;
}

function streamOf(response: Response): ReadableStream<Uint8Array> | null {
  const { body } = response;
  if (response.bodyUsed || body?.locked) throw unsendable('The body of the Response is used up already');
  if (body === null || body === undefined || body instanceof ReadableStream) {
    return (body ?? null) as ReadableStream<Uint8Array> | null;
  }
  return ReadableStream.from(body as AsyncIterable<Uint8Array>) as ReadableStream<Uint8Array>; // Node's, or a polyfill's
}

function checked(value: unknown): Response {
  const response = value as Response | null;
  const isResponse =
    typeof response === 'object' &&
    response !== null &&
    Number.isInteger(response.status) &&
    typeof response.headers?.[Symbol.iterator] === 'function';
  if (!isResponse) throw unsendable(`A handler must return a Response, not ${value === null ? 'null' : typeof value}`);
  if (response.status >= 200 && response.status <= 599) return response;
  throw unsendable(`A handler must return a Response that can be sent, not one of status ${response.status}`);
}

const unsendable = (message: string): TypeError => withCode('ERR_EPOLLET_RESPONSE', new TypeError(message));
