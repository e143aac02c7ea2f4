import type { Validators } from '../../http/semantics/preconditions.js';
import { constants } from '../../sys/binding.js';
import {
  EACCES,
  EAGAIN,
  ELOOP,
  EMFILE,
  ENAMETOOLONG,
  ENFILE,
  ENODEV,
  ENOENT,
  ENOMEM,
  ENOTDIR,
  ENXIO,
  EXDEV,
} from '../../sys/errno.js';
import { type Kernel, STAT_WORDS, Stat } from '../../sys/kernel.js';

const { O_NOCTTY, O_NONBLOCK, O_PATH, O_RDONLY, S_IFDIR, S_IFMT, S_IFREG } = constants;

/**
 * A file whose change is younger than this may change again without its times moving: the kernel's coarse clock steps
 * every 1 to 10 ms (CONFIG_HZ).
 */
const RACY_MS = 20;

/** Times at the epoch, or a second after it, are what reproducible builds write: they say nothing of the content. */
const EPOCH_SECONDS = 1;

/** A regular file that was opened beneath the root, and what its descriptor said of it. */
export interface OpenFile {
  readonly fd: number;
  readonly size: number;
  /** Differs whenever the file does, as far as fstat(2) can tell. */
  readonly fingerprint: string;
  readonly validators: Validators;
  /** With the fraction that the file system keeps. */
  readonly modifiedMs: number;
  /** The file is so young that its identity may stay the same when it changes. */
  readonly racy: boolean;
  /** It has other names, in folders that may not be watched. */
  readonly hasHardLinks: boolean;
}

/** Why there is no file: what is asked for is a folder, or the errno of the refusal. */
export const DIRECTORY = 1;
export type NotAFile = typeof DIRECTORY | number;

const stat = new Float64Array(STAT_WORDS);

let racyEtags = 0;

/** How a name is opened: with these flags, by one of a root's ways. */
export type Opener = (name: Uint8Array, flags: number) => number;

/**
 * Opens a regular file. Looks by O_PATH first, which opens nothing: a FIFO would wait for its writer, and some devices
 * act on being opened. O_NONBLOCK guards the moment in between. The caller owns the descriptor.
 */
export function openFile(kernel: Kernel, open: Opener, name: Uint8Array, wallMs: number): OpenFile | NotAFile {
  const look = open(name, O_PATH);
  if (look < 0) return look;
  const looked = kernel.fstat(look, stat);
  kernel.close(look);
  if (looked < 0) return looked;
  const kind = stat[Stat.mode]! & S_IFMT;
  if (kind === S_IFDIR) return DIRECTORY;
  if (kind !== S_IFREG) return ENOENT;
  const fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return fd;
  const result = kernel.fstat(fd, stat);
  if (result < 0 || (stat[Stat.mode]! & S_IFMT) !== S_IFREG) {
    kernel.close(fd);
    return result < 0 ? result : ENOENT;
  }
  return described(fd, wallMs);
}

/** Reads a file whole; null when it does not have the size that was promised, or changed while it was read. */
export function readFile(kernel: Kernel, file: OpenFile): Uint8Array | null {
  const bytes = Buffer.allocUnsafe(file.size);
  let length = 0;
  while (length < file.size) {
    const got = kernel.pread(file.fd, bytes, length, file.size - length, length);
    if (got <= 0) return null;
    length += got;
  }
  return fileUnchanged(kernel, file) ? bytes : null;
}

/** Whether the file is still what it was when it was opened, as far as fstat(2) can tell. */
export function fileUnchanged(kernel: Kernel, file: OpenFile): boolean {
  return kernel.fstat(file.fd, stat) >= 0 && file.fingerprint === fingerprint(stat);
}

/**
 * What an open file is just now, among all files of all devices, written out: of as many files as a table of them has,
 * two could share a hash. Null when it does not have this size.
 */
export function fileVersion(kernel: Kernel, fd: number, size: number): string | null {
  if (kernel.fstat(fd, stat) < 0 || stat[Stat.size] !== size) return null;
  return VERSIONED.map((field) => stat[field]!.toString(36)).join(' ');
}

/** What a name that leads nowhere, or out of the root, or to no file, is refused with by open(2) and openat2(2). */
const NOTHING_THERE: readonly number[] = [ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP, EXDEV, ENXIO, ENODEV];

/** The status for a file that could not be opened. */
export function statusForErrno(refusal: number): 403 | 404 | 500 | 503 {
  if (NOTHING_THERE.includes(refusal)) return 404;
  if (refusal === EACCES) return 403;
  return [EMFILE, ENFILE, ENOMEM, EAGAIN].includes(refusal) ? 503 : 500;
}

/** The same as long as a folder has the same names, as far as fstat(2) can tell; null while it cannot. */
export function directoryFingerprint(kernel: Kernel, fd: number, wallMs: number): string | null {
  return kernel.fstat(fd, stat) < 0 || isRacy(wallMs) ? null : fingerprint(stat);
}

function isRacy(wallMs: number): boolean {
  // The change time, for the modification time can be set back by anybody who may write.
  const changedMs = stat[Stat.ctimeSeconds]! * 1000 + stat[Stat.ctimeNanoseconds]! / 1e6;
  return Math.abs(wallMs - changedMs) < RACY_MS;
}

function described(fd: number, wallMs: number): OpenFile {
  const racy = isRacy(wallMs);
  const modifiedSeconds = stat[Stat.mtimeSeconds]!;
  const recent = (modifiedSeconds + 1) * 1000 > wallMs;
  // A young file's tag is never met again, not in the same millisecond: what it stands for may change without a trace.
  const hashed = fingerprint(stat);
  const tag = racy ? `W/"${hashed}-${wallMs.toString(36)}${(racyEtags++).toString(36)}"` : `"${hashed}"`;
  return {
    fd,
    size: stat[Stat.size]!,
    fingerprint: hashed,
    modifiedMs: modifiedSeconds * 1000 + stat[Stat.mtimeNanoseconds]! / 1e6,
    validators: {
      etag: tag,
      modifiedSeconds: modifiedSeconds > EPOCH_SECONDS ? modifiedSeconds : Number.NaN,
      recent,
    },
    racy,
    hasHardLinks: stat[Stat.links]! > 1,
  };
}

const TAGGED = [
  Stat.mtimeSeconds,
  Stat.mtimeNanoseconds,
  Stat.ctimeSeconds,
  Stat.ctimeNanoseconds,
  Stat.size,
  Stat.inodeLow,
  Stat.inodeHigh,
];

const VERSIONED = [...TAGGED, Stat.deviceLow, Stat.deviceHigh];

/** Times, size and inode, hashed: an inode's number is nobody's business. FNV-1a, twice 32 bits. */
function fingerprint(of: Float64Array): string {
  let high = 0x811c9dc5;
  let low = 0x2b5a3c17;
  for (const field of TAGGED) {
    const value = of[field]!;
    const lower = value | 0;
    const upper = Math.floor(value / 2 ** 32);
    for (let i = 0; i < 7; i++) {
      const byte = ((i < 4 ? lower : upper) >>> (8 * (i & 3))) & 0xff;
      high = Math.imul(high ^ byte, 0x01000193);
      low = Math.imul(low ^ (byte + i), 0x01000193);
    }
  }
  return (high >>> 0).toString(36) + (low >>> 0).toString(36);
}
