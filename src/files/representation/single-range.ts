import { PartialHead } from '../../http/response/head.js';
import { type HeadBytes, JoinedBody } from '../../http/response/head-bytes.js';
import { type BytesBody, type Field, type FileBody, HttpResponse } from '../../http/response/response.js';
import { type ByteRange, contentRange } from '../../http/semantics/byte-range.js';
import type { Kernel } from '../../sys/kernel.js';
import type { Representation } from './representation.js';

/** Ranges up to this size are read into memory: one send is cheaper than a send and a sendfile(2). */
const SMALL_RANGE_BYTES = 65536;

/** A 206 with a prepared head. Its fields are listed only if it is serialized otherwise. */
class SmallRangeResponse extends HttpResponse {
  constructor(
    private readonly representation: Representation,
    private readonly range: ByteRange,
    head: HeadBytes,
  ) {
    super(206, representation.ok.fields, new JoinedBody(head), range.end - range.start);
    this.keepAliveHead = head;
  }

  override get fields(): readonly Field[] {
    return [...super.fields, contentRange(this.range, this.representation.size)];
  }
}

/**
 * A 206 for one small range, with its bytes after a head of which the constant part is built once: clients that seek in a
 * film, or read a database page by page, send many. Null for a larger range, and for a file that has become shorter: then
 * sending fails and closes the connection.
 * @param isKept it responds more than once
 */
export function smallRangeResponse(
  kernel: Kernel,
  representation: Representation,
  body: BytesBody | FileBody,
  range: ByteRange,
  isKept: boolean,
): HttpResponse | null {
  const { ok, size } = representation;
  const { start, end } = range;
  const length = end - start;
  if (length > SMALL_RANGE_BYTES) return null;
  representation.partialHead ??= new PartialHead(ok.fields, size);
  const head = representation.partialHead.of(start, end, isKept);
  const { bytes, headBytes } = head;
  if (body instanceof JoinedBody) body.copyTo(bytes, headBytes, start, end);
  else if (body.kind === 'bytes') bytes.set(body.bytes.subarray(start, end), headBytes);
  else if (kernel.pread(body.file.fd, bytes, headBytes, length, body.offset + start) !== length) return null;
  const response = new SmallRangeResponse(representation, range, head);
  response.transient = !isKept;
  return response;
}
