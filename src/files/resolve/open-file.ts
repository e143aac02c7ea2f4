import type { Validators } from '../../http/semantics/preconditions.js';
import { constants } from '../../sys/binding.js';
import { ENOENT } from '../../sys/errno.js';
import { type Kernel, STAT_WORDS, Stat } from '../../sys/kernel.js';
import { type FileSystem, FileSystems } from '../watch/file-system.js';
import { currentFingerprint, statFingerprint } from './fingerprint.js';

const { O_NOCTTY, O_NONBLOCK, O_PATH, O_RDONLY, S_IFDIR, S_IFMT, S_IFREG } = constants;

/** Reproducible builds set times to the epoch, or a second after it: they carry no information about the content. */
export const EPOCH_SECONDS = 1;

/** A regular file that was opened below the root, and what fstat(2) reported of it then. */
export interface OpenFile {
  readonly fd: number;
  readonly size: number;
  readonly fingerprint: string;
  readonly validators: Validators;
  /** With the fraction that the file system keeps. */
  readonly modifiedMs: number;
  /** Its fingerprint may stay the same when it changes: it has just changed, or its times do not describe it. */
  readonly racy: boolean;
  readonly fileSystem: FileSystem;
  /** It has other names, in directories that may not be watched. */
  readonly hasHardLinks: boolean;
}

/** Why there is no file: the name is a directory, or -errno. */
export const DIRECTORY = 1;
export type NotAFile = typeof DIRECTORY | number;

const stat = new Float64Array(STAT_WORDS);
const ending = Buffer.allocUnsafeSlow(2);

let racyEtags = 0;

/** Opens a name with flags by one of a root's ways. Returns a descriptor, or -errno. */
export type Opener = (name: Uint8Array, flags: number) => number;

/**
 * Opens a regular file. Looks with O_PATH first, which opens nothing: a FIFO would wait for its writer, and some devices
 * act on being opened. O_NONBLOCK guards the moment in between. The caller owns the descriptor.
 * @param fileSystems remembers their types; without it each call asks for the type
 */
export function openFile(
  kernel: Kernel,
  open: Opener,
  name: Uint8Array,
  wallMs: number,
  fileSystems: FileSystems = new FileSystems(kernel),
): OpenFile | NotAFile {
  const pathFd = open(name, O_PATH);
  if (pathFd < 0) return pathFd;
  const errno = kernel.fstat(pathFd, stat);
  kernel.close(pathFd);
  if (errno < 0) return errno;
  const type = stat[Stat.mode]! & S_IFMT;
  if (type === S_IFDIR) return DIRECTORY;
  if (type !== S_IFREG) return ENOENT;
  const fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return fd;
  const result = kernel.fstat(fd, stat);
  if (result < 0 || (stat[Stat.mode]! & S_IFMT) !== S_IFREG) {
    kernel.close(fd);
    return result < 0 ? result : ENOENT;
  }
  return describeFile(fd, wallMs, fileSystems.of(fd, stat, wallMs));
}

/** The content of a file is longer or shorter than its size: a pseudo-file. */
export const MISMATCH = 1;

/**
 * Reads a whole file, and a byte more, which it must not have.
 * @returns null if it changed meanwhile; MISMATCH; or -errno
 */
export function readFile(kernel: Kernel, file: OpenFile): Uint8Array | null | number {
  const { fd, size } = file;
  const bytes = Buffer.allocUnsafe(size + 1);
  let length = 0;
  do {
    const count = kernel.pread(fd, bytes, length, size + 1 - length, length);
    if (count < 0) return count;
    if (count === 0) break;
    length += count;
  } while (length < size);
  if (!fileUnchanged(kernel, file)) return null;
  return length === size ? bytes.subarray(0, size) : MISMATCH;
}

/** Whether the last byte by a file's size is there, and none behind it: for a file that is not read whole. */
export function endsAtSize(kernel: Kernel, { fd, size }: OpenFile): boolean {
  return kernel.pread(fd, ending, 0, ending.length, size - 1) === 1;
}

/** Whether the file is the same as when it was opened, as far as fstat(2) shows. */
export function fileUnchanged(kernel: Kernel, file: OpenFile): boolean {
  return currentFingerprint(kernel, file.fd) === file.fingerprint;
}

function describeFile(fd: number, wallMs: number, fileSystem: FileSystem): OpenFile {
  const racy = fileSystem.isPseudo || fileSystem.hasRacyTimes(stat, wallMs);
  const modifiedSeconds = stat[Stat.mtimeSeconds]!;
  const fingerprint = statFingerprint(stat);
  // The tag of a racy file is weak and unique, even within a millisecond: the content may change without a trace.
  const etag = racy ? `W/"${fingerprint}-${wallMs.toString(36)}${(racyEtags++).toString(36)}"` : `"${fingerprint}"`;
  const hasDate = modifiedSeconds > EPOCH_SECONDS && !(racy && fileSystem.hasCoarseDates);
  return {
    fd,
    size: stat[Stat.size]!,
    fingerprint,
    modifiedMs: modifiedSeconds * 1000 + stat[Stat.mtimeNanoseconds]! / 1e6,
    validators: {
      etag,
      modifiedSeconds: hasDate ? modifiedSeconds : Number.NaN,
      recent: (modifiedSeconds + 1) * 1000 > wallMs,
    },
    racy,
    fileSystem,
    hasHardLinks: stat[Stat.links]! > 1,
  };
}
