import { type BytesBody, type FileBody, Response } from '../http/response.js';
import { HeadTemplate } from '../http/response-head.js';
import type { Kernel } from '../sys/kernel.js';
import { type ByteRange, contentRange } from './range.js';
import type { Variant } from './variant.js';

/** Up to this size a range is read into memory: one send is cheaper than a send and a sendfile(2). */
const LONGEST_BYTES = 65536;

/**
 * A 206 for one short range, with its bytes behind its head, for who seeks in a film or reads a table a page at a time:
 * what is the same in every one is made once. Null for a long range, and for a file that has become shorter, which is
 * left to the sending: that ends the connection.
 */
export function shortPart(
  kernel: Kernel,
  variant: Variant,
  body: BytesBody | FileBody,
  range: ByteRange,
): Response | null {
  const { ok, size } = variant;
  const { start, end } = range;
  const length = end - start;
  if (length > LONGEST_BYTES) return null;
  variant.partialHead ??= new HeadTemplate(206, ok.fields);
  const field = contentRange(range, size);
  const head = variant.partialHead.with(field, length);
  const { bytes, headBytes } = head;
  if (body.kind === 'bytes') bytes.set(body.bytes.subarray(start, end), headBytes);
  else if (kernel.pread(body.file.fd, bytes, headBytes, length, body.offset + start) !== length) return null;
  const response = new Response(206, [...ok.fields, field], { kind: 'bytes', bytes: bytes.subarray(headBytes) });
  response.keptHead = head;
  response.transient = true;
  return response;
}
