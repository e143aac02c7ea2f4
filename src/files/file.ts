import { constants } from '../sys/binding.js';
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
} from '../sys/errno.js';
import { type Kernel, STAT_WORDS, Stat } from '../sys/kernel.js';
import type { Validators } from './conditional.js';
import type { Root } from './root.js';

const { O_NOCTTY, O_NONBLOCK, O_PATH, O_RDONLY, S_IFDIR, S_IFMT, S_IFREG } = constants;

/**
 * A file whose change is younger than this may change again without its times moving: the kernel's coarse clock steps
 * every 1 to 10 ms (CONFIG_HZ).
 */
const CLOCK_STEP_MS = 20;

/** Times at the epoch, or a second after it, are what reproducible builds write: they say nothing of the content. */
const EPOCH_SECONDS = 1;
/** HTTP's dates have four digits for the year, RFC 9110 section 5.6.7. */
const YEAR_10000_SECONDS = 253_402_300_800;

/** A regular file that was opened beneath the root, and what its descriptor said of it. */
export interface OpenFile {
  readonly fd: number;
  readonly size: number;
  /** Differs whenever the file does, as far as fstat(2) can tell. */
  readonly identity: string;
  readonly validators: Validators;
  /** The file is so young that its identity may stay the same when it changes. */
  readonly young: boolean;
}

/** Why there is no file: what is asked for is a folder, or the errno of the refusal. */
export const FOLDER = 1;
export type NoFile = typeof FOLDER | number;

const stat = new Float64Array(STAT_WORDS);

/**
 * Opens a regular file. Looks by O_PATH first, which opens nothing: a FIFO would wait for its writer, and some devices
 * act on being opened. O_NONBLOCK guards the moment in between. The caller owns the descriptor.
 */
export function openFile(kernel: Kernel, root: Root, name: Uint8Array, wallMs: number): OpenFile | NoFile {
  const look = root.openBeneath(name, O_PATH);
  if (look < 0) return look;
  const looked = kernel.fstat(look, stat);
  kernel.close(look);
  if (looked < 0) return looked;
  const kind = stat[Stat.mode]! & S_IFMT;
  if (kind === S_IFDIR) return FOLDER;
  if (kind !== S_IFREG) return ENOENT;
  const fd = root.openBeneath(name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
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
  if (kernel.fstat(file.fd, stat) < 0 || identityOf(stat) !== file.identity) return null;
  return bytes;
}

/** What a name that leads nowhere, or out of the root, or to no file, is refused with by open(2) and openat2(2). */
const NOTHING_THERE: readonly number[] = [ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP, EXDEV, ENXIO, ENODEV];

/** The status for a file that could not be opened. */
export function statusOf(refusal: number): 403 | 404 | 500 | 503 {
  if (NOTHING_THERE.includes(refusal)) return 404;
  if (refusal === EACCES) return 403;
  return [EMFILE, ENFILE, ENOMEM, EAGAIN].includes(refusal) ? 503 : 500;
}

function described(fd: number, wallMs: number): OpenFile {
  // The change time, for the modification time can be set back by anybody who may write.
  const changedMs = stat[Stat.ctimeSeconds]! * 1000 + stat[Stat.ctimeNanoseconds]! / 1e6;
  const young = Math.abs(wallMs - changedMs) < CLOCK_STEP_MS;
  const modifiedSeconds = stat[Stat.mtimeSeconds]!;
  // A young file's tag is never met again: what it stands for may change without a trace.
  const tag = young ? `W/"${tagOf(stat)}-${wallMs.toString(36)}"` : `"${tagOf(stat)}"`;
  return {
    fd,
    size: stat[Stat.size]!,
    identity: identityOf(stat),
    validators: {
      etag: Buffer.from(tag),
      modifiedSeconds:
        modifiedSeconds > EPOCH_SECONDS && modifiedSeconds < YEAR_10000_SECONDS ? modifiedSeconds : Number.NaN,
    },
    young,
  };
}

const identityOf = (of: Float64Array): string => of.join(' ');

const TAGGED = [
  Stat.mtimeSeconds,
  Stat.mtimeNanoseconds,
  Stat.ctimeSeconds,
  Stat.ctimeNanoseconds,
  Stat.size,
  Stat.inodeLow,
  Stat.inodeHigh,
];

/** Times, size and inode, hashed: an inode's number is nobody's business. FNV-1a, twice 32 bits. */
function tagOf(of: Float64Array): string {
  let high = 0x811c9dc5;
  let low = 0x2b5a3c17;
  for (const field of TAGGED) {
    let rest = of[field]!;
    for (let i = 0; i < 7; i++) {
      const byte = rest % 256;
      high = Math.imul(high ^ byte, 0x01000193);
      low = Math.imul(low ^ (byte + i), 0x01000193);
      rest = Math.floor(rest / 256);
    }
  }
  return (high >>> 0).toString(36) + (low >>> 0).toString(36);
}
