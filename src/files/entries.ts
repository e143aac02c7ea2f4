import { constants } from '../sys/binding.js';
import { readEntries } from '../sys/directory.js';
import { type Kernel, STAT_WORDS, Stat } from '../sys/kernel.js';
import { stampOf } from './file.js';
import { isListed, type ListingEntry } from './listing.js';
import { FirstNames } from './name-order.js';

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
export interface Entries {
  readonly names: Names;
  /** Those among the first that are served. */
  readonly listed: readonly ListingEntry[];
  /** As long as the folder has this one, it has these names; null when it cannot be told. */
  stamp: string | null;
}

/**
 * Reads a folder: all its names, and of the first of them what they stand for. Links are listed as what they lead to, by
 * `follow`.
 * @param fd of the folder, open for reading; the caller's
 * @param before what it had before, which is returned when it is the same still
 * @returns -errno when its names cannot be read
 */
export function entriesOf(
  kernel: Kernel,
  fd: number,
  follow: (name: Buffer) => number,
  before: Entries | null,
): Entries | number {
  const stamp = stampOf(kernel, fd, kernel.wallMs());
  const names = stamp !== null && stamp === before?.stamp ? before.names : namesOf(kernel, fd);
  if (typeof names === 'number') return names;
  const listed: ListingEntry[] = [];
  for (const name of names.first) {
    const entry = entryOf(kernel, fd, name, follow);
    if (entry !== null) listed.push(entry);
  }
  if (before === null || !isSame({ names, listed }, before)) return { names, listed, stamp };
  before.stamp = stamp;
  return before;
}

function namesOf(kernel: Kernel, fd: number): Names | number {
  const names = new FirstNames(MAX_ENTRIES);
  const add = (name: Buffer): void => {
    if (isListed(name)) names.add(name);
  };
  const result = readEntries(kernel, fd, add, () => names.count > MAX_NAMES);
  if (result < 0) return result;
  return { first: names.first, count: Math.min(names.count, MAX_NAMES), isWhole: names.count <= MAX_NAMES };
}

function entryOf(kernel: Kernel, folder: number, name: Buffer, follow: (name: Buffer) => number): ListingEntry | null {
  let kind = describe(kernel, kernel.openat(folder, name, O_PATH | O_NOFOLLOW));
  if (kind === S_IFLNK) kind = describe(kernel, follow(name));
  if (kind !== S_IFDIR && kind !== S_IFREG) return null; // what the server does not serve, it does not list
  const modifiedMs = stat[Stat.mtimeSeconds]! * 1000 + Math.floor(stat[Stat.mtimeNanoseconds]! / 1e6);
  return { name, folder: kind === S_IFDIR, size: stat[Stat.size]!, modifiedMs };
}

const stat = new Float64Array(STAT_WORDS);

/** What a descriptor is of, which is closed then; 0 for none. */
function describe(kernel: Kernel, fd: number): number {
  if (fd < 0) return 0;
  const result = kernel.fstat(fd, stat);
  kernel.close(fd);
  return result < 0 ? 0 : stat[Stat.mode]! & S_IFMT;
}

function isSame({ names, listed }: Omit<Entries, 'stamp'>, before: Entries): boolean {
  return (
    names.count === before.names.count &&
    names.isWhole === before.names.isWhole &&
    listed.length === before.listed.length &&
    listed.every((entry, at) => isSameEntry(entry, before.listed[at]!))
  );
}

const isSameEntry = (one: ListingEntry, other: ListingEntry): boolean =>
  one.size === other.size &&
  one.modifiedMs === other.modifiedMs &&
  one.folder === other.folder &&
  one.name.equals(other.name);
