import { PartialHead } from '../../http/response/head.js';
import { type HeadBytes, JoinedBody } from '../../http/response/head-bytes.js';
import { type BytesBody, type Field, type FileBody, HttpResponse } from '../../http/response/response.js';
import { type ByteRange, contentRange } from '../../http/semantics/byte-range.js';
import type { Kernel } from '../../sys/kernel.js';
import type { Representation } from './representation.js';

/** Up to this size a range is read into memory: one send is cheaper than a send and a sendfile(2). */
const SMALL_RANGE_BYTES = 65536;

/** A 206 whose head is there already: its fields are listed only for who sends it in another form. */
class SmallRangeResponse extends HttpResponse {
  constructor(
    private readonly variant: Representation,
    private readonly range: ByteRange,
    head: HeadBytes,
  ) {
    super(206, variant.ok.fields, new JoinedBody(head), range.end - range.start);
    this.keepAliveHead = head;
    this.transient = true;
  }

  override get fields(): readonly Field[] {
    return [...super.fields, contentRange(this.range, this.variant.size)];
  }
}

/**
 * A 206 for one short range, with its bytes behind its head, for who seeks in a film or reads a table a page at a time:
 * what is the same in every one is made once. Null for a long range, and for a file that has become shorter, which is
 * left to the sending: that ends the connection.
 */
export function smallRangeResponse(
  kernel: Kernel,
  variant: Representation,
  body: BytesBody | FileBody,
  range: ByteRange,
): HttpResponse | null {
  const { ok, size } = variant;
  const { start, end } = range;
  const length = end - start;
  if (length > SMALL_RANGE_BYTES) return null;
  variant.partialHead ??= new PartialHead(ok.fields, size);
  const head = variant.partialHead.of(start, end);
  const { bytes, headBytes } = head;
  if (body.kind === 'bytes') bytes.set(body.bytes.subarray(start, end), headBytes);
  else if (kernel.pread(body.file.fd, bytes, headBytes, length, body.offset + start) !== length) return null;
  return new SmallRangeResponse(variant, range, head);
}
