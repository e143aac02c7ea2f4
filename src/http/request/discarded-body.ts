import type { Limits } from '../limits.js';
import type { ErrorStatus } from '../status.js';
import { ChunkedDecoder, DATA, END } from './chunked.js';
import { NEED_MORE, type RequestParser } from './parser.js';

/**
 * A request that has a body, from its head to the body's end. It is answered when the body is read, whoever wanted it:
 * so that a fault in the body's framing is refused, and not taken for the next request. (A request without a body needs
 * none of this: it is answered from the parser's fields where they are.)
 */
export class DiscardedBody {
  /** The head's bytes with one spare byte behind them, to be parsed again when the answer is due. */
  private readonly head: Uint8Array;
  receivedBytes = 0;
  /** How far `read` has used up the bytes. */
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

  /** Makes the parser hold this request again, as it did when its head was read. */
  restore(parser: RequestParser): void {
    parser.parse(this.head, 0, this.head.length - 1);
  }

  /** Reads body bytes and lets them go. NEED_MORE, END with `position` behind the body, or the refusal of what came. */
  read(bytes: Uint8Array, start: number, end: number): typeof NEED_MORE | typeof END | ErrorStatus {
    if (this.decoder !== null) return this.readChunked(this.decoder, bytes, start, end);
    const taken = Math.min(this.remaining, end - start);
    this.remaining -= taken;
    this.receivedBytes += taken;
    this.position = start + taken;
    return this.remaining === 0 ? END : NEED_MORE;
  }

  private readChunked(decoder: ChunkedDecoder, bytes: Uint8Array, start: number, end: number) {
    let answer = decoder.next(bytes, start, end);
    while (answer === DATA) {
      this.receivedBytes += decoder.dataEnd - decoder.dataStart;
      if (this.receivedBytes > this.bodyLimitBytes) return 413;
      answer = decoder.next(bytes, decoder.position, end);
    }
    this.position = decoder.position;
    return answer;
  }
}
