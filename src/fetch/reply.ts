import { reasonOf } from '../http/status.js';
import { NativeHeaders } from './native.js';
import { FastResponse, isBodiless } from './response.js';

/** A Response as it goes on the wire, but for the framing, which depends on the connection. */
export interface Reply {
  readonly status: number;
  readonly reason: string;
  /** Whole lines, each with its end. */
  readonly fields: string;
  readonly body: string | Uint8Array | ReadableStream<Uint8Array> | null;
  /** What GET would send, by Content-Length; -1 when nobody knows. */
  readonly length: number;
  /** The handler wants the connection closed. */
  readonly close: boolean;
  /** An event stream never ends by itself, HTML section 9.2. */
  readonly endless: boolean;
}

type Draft = { -readonly [Key in keyof Reply]: Reply[Key] };

/** What the handler cannot know: framing, the connection and the date are the server's, RFC 9110 section 7.6.1. */
const OWN_FIELDS = new Set([
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
/** RFC 9110 section 5.5: what is no latin1 would be other characters, or line ends, once it is bytes. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * @param response any: of the light class, Node's, or undici's own
 * @throws TypeError for what is no Response, has a field that cannot be sent, or a body that is used up
 */
export function replyOf(response: unknown): Reply {
  return FastResponse.is(response) ? fastReply(response) : foreignReply(response);
}

function fastReply(response: FastResponse): Reply {
  const { status, statusText } = response;
  const reply = draft(status, statusText);
  const fields = FastResponse.fieldsOf(response);
  if (fields !== null) {
    if (fields instanceof NativeHeaders) for (const [name, value] of fields) addChecked(reply, name, value);
    else for (let i = 0; i < fields.length; i += 2) add(reply, fields[i]!, fields[i + 1]!);
  }
  const type = FastResponse.typeOf(response);
  if (type !== null) reply.fields += `Content-Type: ${type}\r\n`;
  if (isBodiless(status)) return bodiless(reply);
  const plain = FastResponse.plainBody(response);
  if (plain === undefined) {
    reply.body = streamOf(response.native);
    const length = FastResponse.lengthOf(response);
    if (length >= 0) reply.length = length;
  } else if (plain !== null) {
    reply.body = plain;
    reply.length = typeof plain === 'string' ? Buffer.byteLength(plain) : plain.length;
  } else if (reply.length < 0) reply.length = 0;
  return reply;
}

function foreignReply(value: unknown): Reply {
  const response = checked(value);
  const { status, statusText } = response;
  const reply = draft(status, typeof statusText === 'string' && VALUE.test(statusText) ? statusText : '');
  const isDecoded = wasDecoded(response);
  for (const [name, text] of response.headers)
    if (!isDecoded || !/^content-(?:encoding|length)$/i.test(name)) addChecked(reply, name, text);
  if (isBodiless(status)) return bodiless(reply);
  reply.body = streamOf(response);
  if (reply.body === null && reply.length < 0) reply.length = 0;
  return reply;
}

const draft = (status: number, statusText: string): Draft => ({
  status,
  reason: statusText || reasonOf(status),
  fields: '',
  body: null,
  length: -1,
  close: false,
  endless: false,
});

function bodiless(reply: Draft): Reply {
  // 304 says what 200 would send; 205 sends nothing, RFC 9110 section 15.3.6.
  if (reply.length < 0 || reply.status === 205) reply.length = 0;
  return reply;
}

function add(reply: Draft, name: string, value: string): void {
  const lower = name.toLowerCase();
  if (lower === 'content-length') {
    if (/^\d{1,15}$/.test(value)) reply.length = Number(value);
    return;
  }
  if (lower === 'connection') reply.close ||= /(?:^|,)\s*close\s*(?:,|$)/i.test(value);
  if (OWN_FIELDS.has(lower)) return;
  if (lower === 'content-type') reply.endless = value.toLowerCase().startsWith('text/event-stream');
  reply.fields += `${name}: ${value}\r\n`;
}

/** For headers of others, and of Node's class, which takes control characters. */
function addChecked(reply: Draft, name: string, value: string): void {
  if (!NAME.test(name) || !VALUE.test(value))
    throw new TypeError(`The field ${JSON.stringify(name)} of the Response cannot be sent: ${JSON.stringify(value)}`);
  add(reply, name, value);
}

/** The codings that fetch takes off a body that it got, RFC 9110 section 8.4.1; undici has zstd from 7.11 on. */
const DECODED = new Set(['gzip', 'x-gzip', 'deflate', 'br']);
const [major = 0, minor = 0] = (process.versions['undici'] ?? '').split('.').map(Number);
if (major > 7 || (major === 7 && minor >= 11)) DECODED.add('zstd');

/** Whether fetch got it, and its headers speak of a body that is not the one it has now: Fetch standard, section 4.6. */
function wasDecoded({ url, body, headers }: Response): boolean {
  if (url === '' || url === undefined || body === null || typeof headers.get !== 'function') return false;
  const codings = headers.get('content-encoding');
  return codings?.split(',').every((coding) => DECODED.has(coding.trim().toLowerCase())) ?? false;
}

function streamOf(response: Response): ReadableStream<Uint8Array> | null {
  const { body } = response;
  if (response.bodyUsed || body?.locked) throw new TypeError('The body of the Response is used up already');
  if (body === null || body === undefined || body instanceof ReadableStream) {
    return (body ?? null) as ReadableStream<Uint8Array> | null;
  }
  return ReadableStream.from(body as AsyncIterable<Uint8Array>) as ReadableStream<Uint8Array>; // of Node, or a polyfill's
}

function checked(value: unknown): Response {
  const response = value as Response | null;
  const is =
    typeof response === 'object' &&
    response !== null &&
    Number.isInteger(response.status) &&
    typeof response.headers?.[Symbol.iterator] === 'function';
  if (!is) throw new TypeError(`A handler must return a Response, not ${value === null ? 'null' : typeof value}`);
  if (response.status >= 200 && response.status <= 599) return response;
  throw new TypeError(`A handler must return a Response that can be sent, not one of status ${response.status}`);
}
