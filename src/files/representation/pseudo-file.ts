import { EAGAIN, systemError } from '../../sys/errno.js';
import type { Kernel } from '../../sys/kernel.js';

/** Read at once, for a Content-Length: about a millisecond. */
const MAX_READ_BYTES = 1_048_576;
/** A first read must be long enough: files of /proc/sys give no second one. */
const SLICE_BYTES = 65_536;

const slice = Buffer.allocUnsafeSlow(SLICE_BYTES);

/** The content of a file whose size is not known before it is read, or its beginning. */
export interface PseudoContent {
  readonly bytes: Buffer;
  readonly isWhole: boolean;
}

/**
 * Reads a file from its position to its end, or up to MAX_READ_BYTES. By read(2), since not all of them have positions;
 * one that would wait for more, such as /proc/kmsg, ends there.
 * @returns -errno if that fails
 */
export function readPseudoFile(kernel: Kernel, fd: number): PseudoContent | number {
  const pieces: Buffer[] = [];
  let length = 0;
  while (length < MAX_READ_BYTES) {
    const count = readSlice(kernel, fd);
    if (count < 0) return count;
    if (count === 0) return { bytes: Buffer.concat(pieces, length), isWhole: true };
    pieces.push(Buffer.from(slice.subarray(0, count)));
    length += count;
  }
  return { bytes: Buffer.concat(pieces, length), isWhole: false };
}

/**
 * The content as a stream, read as fast as it is taken.
 * @param fd at the end of `beginning`; owned, and closed at the end of the stream or when it is cancelled
 */
export function pseudoFileStream(kernel: Kernel, fd: number, beginning: Uint8Array): ReadableStream<Uint8Array> {
  let next: Uint8Array | null = beginning;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (next !== null) {
          controller.enqueue(next);
          next = null;
          return;
        }
        const count = readSlice(kernel, fd);
        if (count > 0) return controller.enqueue(Uint8Array.from(slice.subarray(0, count)));
        kernel.close(fd);
        if (count === 0) controller.close();
        else controller.error(systemError('read', count));
      },
      cancel: () => void kernel.close(fd),
    },
    { highWaterMark: 0 },
  );
}

function readSlice(kernel: Kernel, fd: number): number {
  const count = kernel.read(fd, slice, 0, SLICE_BYTES);
  return count === EAGAIN ? 0 : count;
}
