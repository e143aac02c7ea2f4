import { listElements } from '../http/headers.js';
import { type HeadersSource, NativeHeaders, NativeRequest, type RequestSource } from './native.js';
import { FastRequest } from './request.js';

/** Fields of one hop, RFC 9110 section 7.6.1, and Expect: undici throws on most of them, for it sets them itself. */
const HOP_BY_HOP = ['expect', 'keep-alive', 'proxy-connection', 'te', 'transfer-encoding', 'upgrade'];
/** What a Connection field cannot take from a request: it would be another one. */
const END_TO_END = new Set(['host', 'content-length']);
const NAME = /^[\w!#$%&'*+\-.^`|~]+$/;

/** Node demands it of every body that is a stream. */
export const HALF = { duplex: 'half' } as const;

/** Whether the body is a stream without the `duplex` that Node, and no other implementation, demands. */
export function lacksDuplex(init: RequestInit | undefined): boolean {
  return (
    typeof init === 'object' &&
    init !== null &&
    init.body instanceof ReadableStream &&
    (init as { duplex?: unknown }).duplex === undefined
  );
}

/**
 * The names of the fields that a call of fetch has and that must not be sent on, as a program that passes on a received
 * request has them: those of the client's hop, and a Content-Length that is not that of the body.
 */
export function unfitFields(input: RequestSource, init: RequestInit | undefined): string[] {
  const request = input instanceof NativeRequest ? input : null;
  const given = init?.headers ?? request?.headers;
  if (given === undefined) return [];
  const headers = headersOf(given);
  if (headers === null) return [];
  const names = HOP_BY_HOP.filter((name) => headers.has(name));
  const connection = headers.get('connection');
  if (connection !== null) {
    const options = listElements(connection).filter((option) => option !== 'close' && option !== 'keep-alive');
    if (options.length > 0 || FastRequest.hasMade(given)) names.push('connection');
    names.push(...options.filter((option) => NAME.test(option) && !END_TO_END.has(option)));
  }
  if (headers.has('content-length') && !isStream(init?.body ?? request?.body)) names.push('content-length');
  return names;
}

/** Whether its length is not known, and so the Content-Length is that of the received body; else fetch computes it. */
const isStream = (body: unknown): boolean => typeof body === 'object' && body !== null && Symbol.asyncIterator in body;

/** Null for headers that fetch will reject. */
function headersOf(given: HeadersSource): Headers | null {
  if (given instanceof NativeHeaders) return given;
  try {
    return new NativeHeaders(given);
  } catch {
    return null;
  }
}
