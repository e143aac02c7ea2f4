import { assert } from './assert.js';
import type { Kernel } from './kernel.js';

/** An entry's type, readdir(3): the file system does not provide it; use fstat(2). */
export const DT_UNKNOWN = 0;
export const DT_DIR = 4;
export const DT_REG = 8;
export const DT_LNK = 10;

/** Offsets in struct linux_dirent64, getdents64(2): inode and offset, 64 bits each; d_reclen, 16; d_type; name, NUL. */
const RECORD_LENGTH = 16;
const TYPE = 18;
const NAME = 19;

/**
 * Calls `each` for every entry in the result of `getdents64`, in no particular order, "." and ".." included.
 * @param length what `getdents64` returned
 * @param each `name` is the entry's name in bytes, which need not be UTF-8; a view of `bytes`, valid until they are
 *   filled again. `type` is DT_DIR and so on; any file system may report DT_UNKNOWN.
 */
export function forEachEntry(bytes: Uint8Array, length: number, each: (name: Buffer, type: number) => void): void {
  assert(length >= 0 && length <= bytes.length, 'length is not within the bytes');
  const entries = Buffer.from(bytes.buffer, bytes.byteOffset, length);
  for (let at = 0; at < length; ) {
    // The kernel returns complete records, each with a name and its NUL.
    assert(at + NAME < length, 'the bytes end within an entry');
    const end = at + entries.readUInt16LE(at + RECORD_LENGTH);
    // Up to the first NUL: the padding behind it is not initialized.
    const nameEnd = entries.indexOf(0, at + NAME);
    assert(end <= length && nameEnd >= 0 && nameEnd < end, 'the bytes end within a name');
    each(entries.subarray(at + NAME, nameEnd), entries[at + TYPE]!);
    at = end;
  }
}

/** Enough for some hundred entries per call. */
const READ_BYTES = 32768;

/**
 * Calls `each` for the entries of a directory, as `forEachEntry` does, until there are no more, or `isEnough` returns
 * true between two system calls. The descriptor stays the caller's; its position is behind the entries that were read.
 * @returns 0, or -errno
 */
export function readEntries(
  kernel: Kernel,
  fd: number,
  each: (name: Buffer, type: number) => void,
  isEnough: () => boolean,
): number {
  const bytes = Buffer.allocUnsafe(READ_BYTES);
  for (;;) {
    const length = kernel.getdents64(fd, bytes);
    if (length <= 0) return length;
    forEachEntry(bytes, length, each);
    if (isEnough()) return 0;
  }
}
