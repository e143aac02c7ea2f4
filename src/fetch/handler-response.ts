import { listElements } from '../http/headers.js';
import { type Field, HttpResponse, NO_BODY } from '../http/response/response.js';
import { reasonOf } from '../http/status.js';
import { withCode } from '../sys/error-code.js';
import { takeFile } from './file-stream.js';
import { pairsOf } from './foreign-headers.js';
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

const UNKNOWN_LENGTH = -1;
const NO_FIELDS: readonly Field[] = [];

/** The Response of a handler as data, for one request: its field lines are made while they are checked. */
class HandlerResponse extends HttpResponse {
  lines = '';
  /** What its Connection fields name, in lower case: fields of one hop, RFC 9110 section 7.6.1. */
  hopByHop: readonly string[] | null = null;
  isEndless = false;

  constructor(
    status: number,
    private readonly statusText: string,
  ) {
    super(status, NO_FIELDS, NO_BODY, UNKNOWN_LENGTH);
    this.transient = true;
  }

  override get fieldLines(): string {
    const { lines, hopByHop } = this;
    if (hopByHop === null) return lines;
    const isKept = (line: string): boolean => !hopByHop.includes(line.slice(0, line.indexOf(':')).toLowerCase());
    return lines
      .split(/(?<=\n)/)
      .filter(isKept)
      .join('');
  }

  override get reason(): string {
    return this.statusText || reasonOf(this.status);
  }
}

/**
 * @param response any: a FastResponse, Node's own, or one of undici's or a polyfill's
 * @throws TypeError ERR_EPOLLET_RESPONSE for anything but a Response, a field that cannot be sent, or a used body
 */
export function toHttpResponse(response: unknown): HttpResponse {
  return FastResponse.is(response) ? fromFast(response) : fromForeign(response);
}

function fromFast(source: FastResponse): HttpResponse {
  const { status } = source;
  const response = new HandlerResponse(status, source.statusText);
  const fields = FastResponse.fieldsOf(source);
  if (fields !== null) {
    if (fields instanceof NativeHeaders) for (const [name, value] of fields) addChecked(response, name, value);
    else for (let i = 0; i < fields.length; i += 2) add(response, fields[i]!, fields[i + 1]!);
  }
  const type = FastResponse.typeOf(source);
  if (type !== null) response.lines += `Content-Type: ${type}\r\n`;
  const plain = isBodiless(status) ? null : FastResponse.plainBody(source);
  if (plain === null) return withoutBody(response);
  if (plain === undefined) {
    const length = FastResponse.lengthOf(source);
    if (length >= 0) response.contentLength = length;
    return withStream(response, streamOf(source.native));
  }
  if (typeof plain === 'string') {
    response.contentLength = Buffer.byteLength(plain);
    response.body = { kind: 'text', text: plain, length: response.contentLength };
  } else {
    response.contentLength = plain.length;
    response.body = { kind: 'bytes', bytes: plain };
  }
  return response;
}

function fromForeign(value: unknown): HttpResponse {
  const { source, status, statusText } = checked(value);
  const response = new HandlerResponse(
    status,
    typeof statusText === 'string' && VALUE.test(statusText) ? statusText : '',
  );
  const isDecoded = wasDecoded(source);
  for (const [name, text] of pairsOf(source.headers))
    if (!isDecoded || !/^content-(?:encoding|length)$/i.test(name)) addChecked(response, name, text);
  // Of its own connection, not of that of the client, RFC 9110 section 7.6.1: undici closes it after each HEAD.
  if (isFetched(source)) response.closesConnection = false;
  if (isBodiless(status)) return withoutBody(response);
  const stream = streamOf(source);
  return stream === null && isFetched(source) ? ofFetchedHead(response) : withStream(response, stream);
}

/** Of fetch with HEAD: what it has, or has not, of a length is that of GET. */
function ofFetchedHead(response: HandlerResponse): HttpResponse {
  response.isStreamedForGet = response.contentLength < 0;
  return response;
}

/**
 * Without a body a handler may know what GET would send, or not: only a Content-Length above 0 counts, RFC 9110
 * section 8.6. With 205 nothing is sent, section 15.3.6.
 */
function withoutBody(response: HandlerResponse): HttpResponse {
  if (response.contentLength === 0 || response.status === 205) response.contentLength = UNKNOWN_LENGTH;
  return response;
}

function withStream(response: HandlerResponse, stream: ReadableStream<Uint8Array> | null): HttpResponse {
  if (stream === null) return withoutBody(response);
  const taken = takeFile(stream);
  if (taken !== null) {
    response.body = taken.content;
    response.contentLength = taken.content.length;
    response.ownedFile = taken.file;
    return response;
  }
  response.body = { kind: 'stream', stream, length: response.contentLength, isEndless: response.isEndless };
  return response;
}

function add(response: HandlerResponse, name: string, value: string): void {
  const lower = name.toLowerCase();
  if (lower === 'content-length') {
    if (/^\d{1,15}$/.test(value)) response.contentLength = Number(value);
    return;
  }
  if (lower === 'connection') {
    const options = listElements(value);
    response.closesConnection ||= options.includes('close');
    response.hopByHop = [...(response.hopByHop ?? []), ...options];
  }
  if (SERVER_FIELDS.has(lower)) return;
  if (lower === 'content-type') response.isEndless = value.toLowerCase().startsWith('text/event-stream');
  response.lines += `${name}: ${value}\r\n`;
}

/** For headers of other classes, and of Node's, which accepts control characters. */
function addChecked(response: HandlerResponse, name: string, value: string): void {
  if (!NAME.test(name) || !VALUE.test(value))
    throw unsendable(`The field ${JSON.stringify(name)} of the Response cannot be sent: ${JSON.stringify(value)}`);
  add(response, name, value);
}

/** The content codings that fetch decodes, RFC 9110 section 8.4.1; undici decodes zstd from 7.11 on. */
const DECODED = new Set(['gzip', 'x-gzip', 'deflate', 'br']);
const [major = 0, minor = 0] = (process.versions['undici'] ?? '').split('.').map(Number);
if (major > 7 || (major === 7 && minor >= 11)) DECODED.add('zstd');

/** Whether it is a response of fetch; others have no URL. */
const isFetched = ({ url }: Response): boolean => url !== '' && url !== undefined;

/**
 * Whether fetch decoded its body, so that its headers describe another one: Fetch standard, section 4.6. Of a response to
 * HEAD, or a 304, it would have decoded the body of the GET.
 */
function wasDecoded(source: Response): boolean {
  const { headers } = source;
  if (!isFetched(source) || typeof headers.get !== 'function') return false;
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

function checked(value: unknown): { source: Response; status: number; statusText: unknown } {
  const source = (typeof value === 'object' ? value : null) as Response | null;
  const { status, statusText, headers } = source ?? {};
  const isResponse = Number.isInteger(status) && typeof headers?.[Symbol.iterator] === 'function';
  if (source === null || status === undefined || !isResponse)
    throw unsendable(`A handler must return a Response, not ${value === null ? 'null' : typeof value}`);
  if (status >= 200 && status <= 599) return { source, status, statusText };
  throw unsendable(`A handler must return a Response that can be sent, not one of status ${status}`);
}

const unsendable = (message: string): TypeError => withCode('ERR_EPOLLET_RESPONSE', new TypeError(message));
