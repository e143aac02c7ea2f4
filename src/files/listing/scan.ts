import { constants } from '../../sys/binding.js';
import { readEntries } from '../../sys/directory.js';
import { type Kernel, STAT_WORDS, Stat } from '../../sys/kernel.js';
import { directoryFingerprint } from '../resolve/fingerprint.js';
import { isListed, type ListingEntry } from './render.js';
import { TopNames } from './sort.js';

const { O_NOFOLLOW, O_PATH, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } = constants;

/** Each takes three system calls, and requests wait meanwhile: 22 to 30 ms for as many. */
export const MAX_ENTRIES = 5000;
/** Each is read and put in order, and requests wait meanwhile: 110 to 140 ms for as many. */
export const MAX_NAMES = 50_000;

/** The names in a folder that a listing may show. */
interface Names {
  /** In their order, as many as are looked at. */
  readonly first: readonly Buffer[];
  readonly count: number;
  /** There are no more than were counted. */
  readonly isWhole: boolean;
}

/** What a folder has, as far as it is listed. */
export interface DirectoryScan {
  readonly names: Names;
  /** Those among the first that are served. */
  readonly listed: readonly ListingEntry[];
  /** As long as the folder has this one, it has these names; null when it cannot be told. */
  fingerprint: string | null;
}

/**
 * Reads a folder: all its names, and of the first of them what they stand for. Links are listed as what they lead to, by
 * `follow`.
 * @param fd of the folder, open for reading; the caller's
 * @param before what it had before, which is returned when it is the same still
 * @returns -errno when its names cannot be read
 */
export function scanDirectory(
  kernel: Kernel,
  fd: number,
  follow: (name: Buffer) => number,
  before: DirectoryScan | null,
): DirectoryScan | number {
  const fingerprint = directoryFingerprint(kernel, fd, kernel.wallMs());
  const names = fingerprint !== null && fingerprint === before?.fingerprint ? before.names : readNames(kernel, fd);
  if (typeof names === 'number') return names;
  const listed: ListingEntry[] = [];
  for (const name of names.first) {
    const entry = entryOf(kernel, fd, name, follow);
    if (entry !== null) listed.push(entry);
  }
  if (before === null || !sameEntries({ names, listed }, before)) return { names, listed, fingerprint };
  before.fingerprint = fingerprint;
  return before;
}

function readNames(kernel: Kernel, fd: number): Names | number {
  const names = new TopNames(MAX_ENTRIES);
  const add = (name: Buffer): void => {
    if (isListed(name)) names.add(name);
  };
  const result = readEntries(kernel, fd, add, () => names.count > MAX_NAMES);
  if (result < 0) return result;
  return { first: names.first, count: Math.min(names.count, MAX_NAMES), isWhole: names.count <= MAX_NAMES };
}

function entryOf(kernel: Kernel, folder: number, name: Buffer, follow: (name: Buffer) => number): ListingEntry | null {
  let kind = statEntry(kernel, kernel.openat(folder, name, O_PATH | O_NOFOLLOW));
  if (kind === S_IFLNK) kind = statEntry(kernel, follow(name));
  if (kind !== S_IFDIR && kind !== S_IFREG) return null; // what the server does not serve, it does not list
  const modifiedMs = stat[Stat.mtimeSeconds]! * 1000 + Math.floor(stat[Stat.mtimeNanoseconds]! / 1e6);
  return { name, isDirectory: kind === S_IFDIR, size: stat[Stat.size]!, modifiedMs };
}

const stat = new Float64Array(STAT_WORDS);

/** What a descriptor is of, which is closed then; 0 for none. */
function statEntry(kernel: Kernel, fd: number): number {
  if (fd < 0) return 0;
  const result = kernel.fstat(fd, stat);
  kernel.close(fd);
  return result < 0 ? 0 : stat[Stat.mode]! & S_IFMT;
}

function sameEntries({ names, listed }: Omit<DirectoryScan, 'fingerprint'>, before: DirectoryScan): boolean {
  return (
    names.count === before.names.count &&
    names.isWhole === before.names.isWhole &&
    listed.length === before.listed.length &&
    listed.every((entry, at) => sameEntry(entry, before.listed[at]!))
  );
}

const sameEntry = (one: ListingEntry, other: ListingEntry): boolean =>
  one.size === other.size &&
  one.modifiedMs === other.modifiedMs &&
  one.isDirectory === other.isDirectory &&
  one.name.equals(other.name);
