import { constants } from '../../sys/binding.js';
import { forEachEntry } from '../../sys/directory.js';
import { type Kernel, STAT_WORDS, Stat } from '../../sys/kernel.js';
import { directoryFingerprint } from '../resolve/fingerprint.js';
import { isListed, type ListingEntry } from './render.js';
import { TopNames } from './sort.js';

const { O_NOFOLLOW, O_PATH, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } = constants;

/** Each takes three system calls; as many take 22 to 30 ms, in slices. */
export const MAX_ENTRIES = 5000;
/** Each is read and sorted; as many take 110 to 140 ms, in slices. */
export const MAX_NAMES = 50_000;

/** Some hundred names a step: they take 2 ms. */
const READ_BYTES = 16_384;

/** The names in a directory that are not hidden: `first` has MAX_ENTRIES in order, `count` stops at MAX_NAMES. */
interface Names {
  readonly first: readonly Buffer[];
  readonly count: number;
  /** False if the directory has more names than were read. */
  readonly isWhole: boolean;
}

export interface DirectoryScan {
  readonly names: Names;
  /** The directories and regular files among the first names. */
  readonly listed: readonly ListingEntry[];
  /** While the directory has this fingerprint it has these names; null if that is not known. */
  fingerprint: string | null;
}

/** Work in steps, of which each yields how many names it was about. */
export type Steps<Result> = Generator<number, Result, void>;

/** How many entries are a step. */
const STEP_ENTRIES = 50;

/**
 * Reads a directory: all its names, and the entries of the first of them. Symlinks are listed as their targets.
 * @param fd of the directory, open for reading; the caller's
 * @param openTarget opens the target of a symlink by O_PATH
 * @param previous an earlier scan, which is returned if it is the same; its names are read again only if they may differ
 * @returns -errno if the names cannot be read
 */
export function* scanDirectory(
  kernel: Kernel,
  fd: number,
  openTarget: (name: Buffer) => number,
  previous: DirectoryScan | null,
): Steps<DirectoryScan | number> {
  const fingerprint = directoryFingerprint(kernel, fd, kernel.wallMs());
  const names =
    fingerprint !== null && fingerprint === previous?.fingerprint ? previous.names : yield* readNames(kernel, fd);
  if (typeof names === 'number') return names;
  const listed: ListingEntry[] = [];
  for (const [at, name] of names.first.entries()) {
    const entry = entryOf(kernel, fd, name, openTarget);
    if (entry !== null) listed.push(entry);
    if (at % STEP_ENTRIES === STEP_ENTRIES - 1) yield STEP_ENTRIES;
  }
  if (previous === null || !sameEntries({ names, listed }, previous)) return { names, listed, fingerprint };
  previous.fingerprint = fingerprint;
  return previous;
}

function* readNames(kernel: Kernel, fd: number): Steps<Names | number> {
  const names = new TopNames(MAX_ENTRIES);
  const add = (name: Buffer): void => {
    if (isListed(name)) names.add(name);
  };
  const bytes = Buffer.allocUnsafe(READ_BYTES);
  while (names.count <= MAX_NAMES) {
    const length = kernel.getdents64(fd, bytes);
    if (length < 0) return length;
    if (length === 0) break;
    const before = names.count;
    forEachEntry(bytes, length, add);
    yield names.count - before;
  }
  return { first: names.first, count: Math.min(names.count, MAX_NAMES), isWhole: names.count <= MAX_NAMES };
}

function entryOf(
  kernel: Kernel,
  directory: number,
  name: Buffer,
  openTarget: (name: Buffer) => number,
): ListingEntry | null {
  let type = statEntry(kernel, kernel.openat(directory, name, O_PATH | O_NOFOLLOW));
  if (type === S_IFLNK) type = statEntry(kernel, openTarget(name));
  if (type !== S_IFDIR && type !== S_IFREG) return null; // other types are not served
  const modifiedMs = stat[Stat.mtimeSeconds]! * 1000 + Math.floor(stat[Stat.mtimeNanoseconds]! / 1e6);
  return { name, isDirectory: type === S_IFDIR, size: stat[Stat.size]!, modifiedMs };
}

const stat = new Float64Array(STAT_WORDS);

/** The file type of a descriptor, 0 on an error. Closes the descriptor. */
function statEntry(kernel: Kernel, fd: number): number {
  if (fd < 0) return 0;
  const errno = kernel.fstat(fd, stat);
  kernel.close(fd);
  return errno < 0 ? 0 : stat[Stat.mode]! & S_IFMT;
}

function sameEntries({ names, listed }: Omit<DirectoryScan, 'fingerprint'>, previous: DirectoryScan): boolean {
  return (
    names.count === previous.names.count &&
    names.isWhole === previous.names.isWhole &&
    listed.length === previous.listed.length &&
    listed.every(({ size, modifiedMs, isDirectory, name }, at) => {
      const other = previous.listed[at]!;
      const sameStat = size === other.size && modifiedMs === other.modifiedMs && isDirectory === other.isDirectory;
      return sameStat && name.equals(other.name);
    })
  );
}
