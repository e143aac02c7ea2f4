import type { ZlibOptions } from 'node:zlib';
import { Failure } from './failure.js';

/** Loaded when it is first needed, which takes milliseconds. */
const zlib = () => process.getBuiltinModule('node:zlib');

/** What ends a flushed block, and is not sent, RFC 7692 section 7.2.1: 00 00 ff ff. */
const TAIL_BYTES = 4;

/** The window of DEFLATE: no reference goes back further. */
const WINDOW_BITS_MAX = 15;

/**
 * Decompresses messages, RFC 7692 section 7.2.2. Without context one object serves all connections. With context it holds
 * what the next message may refer to, at most 32 KiB, instead of a zlib stream.
 */
export class MessageInflater {
  private window: Buffer | null = null;

  /** @param keepsContext whether messages refer to earlier ones of the same connection */
  constructor(private readonly keepsContext: boolean) {}

  /**
   * @param maxBytes the most bytes of the result
   * @returns bytes of its own, or a Failure
   */
  inflate(bytes: Uint8Array, start: number, end: number, maxBytes: number): Buffer | number {
    const { inflateRawSync, constants } = zlib();
    const options: ZlibOptions = {
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: maxBytes,
      chunkSize: chunkBytes(8 * (end - start)),
    };
    if (this.window !== null) options.dictionary = this.window;
    try {
      const inflated = inflateRawSync(bytes.subarray(start, end), options);
      if (this.keepsContext) this.window = lastWindow(this.window, inflated, WINDOW_BITS_MAX);
      return inflated;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? Failure.tooBig : Failure.compressedData;
    }
  }
}

/** Compresses messages, RFC 7692 section 7.2.1. Without context one object serves all connections with the same window. */
export class MessageDeflater {
  private window: Buffer | null = null;

  /**
   * @param windowBits 9 to 15: how far references go back, as negotiated
   * @param keepsContext whether messages refer to earlier ones of the same connection
   * @param level 1 to 9 of zlib
   */
  constructor(
    private readonly windowBits: number,
    private readonly keepsContext: boolean,
    private readonly level: number,
  ) {}

  /** Returns the payload of the frame, which has RSV1. */
  deflate(message: Uint8Array): Buffer {
    const { deflateRawSync, constants } = zlib();
    const { windowBits, level } = this;
    const options: ZlibOptions = {
      finishFlush: constants.Z_SYNC_FLUSH,
      windowBits,
      level,
      chunkSize: chunkBytes(message.length),
    };
    if (this.window !== null) options.dictionary = this.window;
    const deflated = deflateRawSync(message, options);
    if (this.keepsContext) this.window = lastWindow(this.window, message, windowBits);
    return deflated.subarray(0, deflated.length - TAIL_BYTES);
  }
}

/** zlib gives its results in memory of this size: enough for most in one piece, and not 16 KiB for each short message. */
const chunkBytes = (expected: number): number => Math.min(Math.max(expected, 512), 65536);

/** A copy of the last bytes of what was compressed so far, as many as the window has. */
function lastWindow(window: Buffer | null, message: Uint8Array, windowBits: number): Buffer {
  const size = 1 << windowBits;
  const added = message.length > size ? message.subarray(message.length - size) : message;
  const kept = window === null ? 0 : Math.min(window.length, size - added.length);
  const next = Buffer.allocUnsafeSlow(kept + added.length);
  if (kept > 0) window!.copy(next, 0, window!.length - kept);
  next.set(added, kept);
  return next;
}
