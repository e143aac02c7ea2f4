import type { Limits } from '../limits.js';
import type { ErrorStatus } from '../status.js';
import { ChunkedDecoder, DATA, END } from './chunked.js';
import { NEED_MORE, type RequestParser } from './parser.js';

/**
 * The body of a request that no handler reads. The response comes only after the body, so that a framing error in it
 * gets an error response and is not parsed as the next request. The head is copied meanwhile: the parser's positions
 * are not valid after the call that brought it.
 */
export class DiscardedBody {
  /** The head, with one spare byte behind it, to be parsed again when the response is due. */
  private readonly head: Uint8Array;
  receivedBytes = 0;
  /** After `read`: up to where the bytes are used. */
  position = 0;

  private readonly decoder: ChunkedDecoder | null;
  private remaining: number;
  private readonly bodyLimitBytes: number;

  constructor(parser: RequestParser, limits: Limits) {
    this.head = Buffer.allocUnsafe(parser.headEnd - parser.headStart + 1);
    this.head.set(parser.bytes.subarray(parser.headStart, parser.headEnd));
    this.remaining = parser.contentLength;
    this.decoder = parser.contentLength < 0 ? new ChunkedDecoder(limits.headBytes) : null;
    this.bodyLimitBytes = limits.bodyBytes;
  }

  /** Makes the parser describe this request again, as when its head was parsed. */
  restore(parser: RequestParser): void {
    parser.parse(this.head, 0, this.head.length - 1);
  }

  /** Discards bytes of the body. Returns NEED_MORE, END with `position` behind the body, or an error status. */
  read(bytes: Uint8Array, start: number, end: number): typeof NEED_MORE | typeof END | ErrorStatus {
    if (this.decoder !== null) return this.readChunked(this.decoder, bytes, start, end);
    const taken = Math.min(this.remaining, end - start);
    this.remaining -= taken;
    this.receivedBytes += taken;
    this.position = start + taken;
    return this.remaining === 0 ? END : NEED_MORE;
  }

  private readChunked(decoder: ChunkedDecoder, bytes: Uint8Array, start: number, end: number) {
    let result = decoder.next(bytes, start, end);
    while (result === DATA) {
      this.receivedBytes += decoder.dataEnd - decoder.dataStart;
      if (this.receivedBytes > this.bodyLimitBytes) return 413;
      result = decoder.next(bytes, decoder.position, end);
    }
    this.position = decoder.position;
    return result;
  }
}
