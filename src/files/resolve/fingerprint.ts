import { type Kernel, STAT_WORDS, Stat } from '../../sys/kernel.js';
import { LOCAL } from '../watch/file-system.js';

/*
 * A fingerprint of a file or directory, from its times, size and inode, is another one after every change that fstat(2)
 * shows. It identifies a state; `deviceInode` identifies a file in whatever state.
 */

const TIMES = [Stat.mtimeSeconds, Stat.mtimeNanoseconds, Stat.ctimeSeconds, Stat.ctimeNanoseconds];
const FINGERPRINTED = [...TIMES, Stat.size, Stat.inodeLow, Stat.inodeHigh];
const WITH_DEVICE = [...FINGERPRINTED, Stat.deviceLow, Stat.deviceHigh];

const stat = new Float64Array(STAT_WORDS);

/** Two numbers of 32 bits in base 36. */
export const FINGERPRINT_BYTES = 14;
const DIGITS = Buffer.from('0123456789abcdefghijklmnopqrstuvwxyz');

const written = Buffer.alloc(FINGERPRINT_BYTES);

/** Hashed, since clients see it in entity tags and an inode's number is not theirs to know. FNV-1a, twice 32 bits. */
export function statFingerprint(stat: Float64Array): string {
  return written.toString('latin1', 0, writeStatFingerprint(stat, written));
}

/** Writes `statFingerprint` at the start of `out`. Returns its length. */
export function writeStatFingerprint(stat: Float64Array, out: Uint8Array): number {
  let high = 0x811c9dc5;
  let low = 0x2b5a3c17;
  for (const field of FINGERPRINTED) {
    const value = stat[field]!;
    const lower = value | 0;
    const upper = Math.floor(value / 2 ** 32);
    for (let i = 0; i < 7; i++) {
      const byte = ((i < 4 ? lower : upper) >>> (8 * (i & 3))) & 0xff;
      high = Math.imul(high ^ byte, 0x01000193);
      low = Math.imul(low ^ (byte + i), 0x01000193);
    }
  }
  return writeBase36(low >>> 0, out, writeBase36(high >>> 0, out, 0));
}

/** As toString(36) does, which is four times as slow. Returns the end. */
function writeBase36(value: number, out: Uint8Array, start: number): number {
  let end = start + 1;
  for (let power = 36; value >= power; power *= 36) end++;
  let rest = value;
  for (let at = end; at-- > start; ) {
    const next = Math.floor(rest / 36);
    out[at] = DIGITS[rest - 36 * next]!;
    rest = next;
  }
  return end;
}

/** Null when fstat fails. */
export function currentFingerprint(kernel: Kernel, fd: number): string | null {
  return kernel.fstat(fd, stat) < 0 ? null : statFingerprint(stat);
}

/**
 * The fingerprint among all files of all devices, not hashed: in a table of many files two could have the same hash. Null
 * when the file does not have this size.
 */
export function exactFingerprint(kernel: Kernel, fd: number, size: number): string | null {
  if (kernel.fstat(fd, stat) < 0 || stat[Stat.size] !== size) return null;
  return WITH_DEVICE.map((field) => stat[field]!.toString(36)).join(' ');
}

/** The same as long as the directory has the same names. Null when fstat fails, or the times are racy. */
export function directoryFingerprint(kernel: Kernel, fd: number, wallMs: number): string | null {
  return kernel.fstat(fd, stat) < 0 || LOCAL.hasRacyTimes(stat, wallMs) ? null : statFingerprint(stat);
}
