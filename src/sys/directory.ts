import { assert } from './assert.js';
import type { Kernel } from './kernel.js';

/** The kind of an entry, readdir(3): the file system does not say; fstat(2) does. */
export const DT_UNKNOWN = 0;
/** A folder. */
export const DT_DIR = 4;
/** A regular file. */
export const DT_REG = 8;
/** A symbolic link. */
export const DT_LNK = 10;

/** struct linux_dirent64 of getdents64(2): inode and offset, 64 bits each; d_reclen, 16 bits; d_type; the name, a NUL. */
const RECORD_LENGTH = 16;
const TYPE = 18;
const NAME = 19;

/**
 * Calls `each` for every entry that `getdents64` has put into `bytes`, in the folder's order, which is none. "." and
 * ".." are entries too.
 * @param length what `getdents64` returned
 * @param each `name` as its bytes, which need not be text. It is a part of `bytes`, not a copy: valid until they are
 *   filled again. `type`: DT_DIR and its like; every file system may say DT_UNKNOWN.
 */
export function forEachEntry(bytes: Uint8Array, length: number, each: (name: Buffer, type: number) => void): void {
  assert(length >= 0 && length <= bytes.length, 'length is no part of the bytes');
  const entries = Buffer.from(bytes.buffer, bytes.byteOffset, length);
  for (let at = 0; at < length; ) {
    // The kernel hands out whole records, each with a name and its NUL.
    assert(at + NAME < length, 'the bytes end within an entry');
    const end = at + entries.readUInt16LE(at + RECORD_LENGTH);
    // The first NUL: the bytes behind it, up to the next record's alignment, are whatever was there before.
    const nameEnd = entries.indexOf(0, at + NAME);
    assert(end <= length && nameEnd >= 0 && nameEnd < end, 'the bytes end within a name');
    each(entries.subarray(at + NAME, nameEnd), entries[at + TYPE]!);
    at = end;
  }
}

/** A few hundred entries a call, getdents64(2). */
const READ_BYTES = 32768;

/**
 * Calls `each` for the entries of a folder, as `forEachEntry` does, until there are no more or, between two calls of the
 * kernel, until there are enough. The descriptor is the caller's, and its position is behind what was read.
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
