import { latin1 } from '../../http/text.js';
import { constants } from '../../sys/binding.js';
import { DT_DIR, DT_LNK, DT_REG, readEntries } from '../../sys/directory.js';
import { type Kernel, STAT_WORDS, Stat } from '../../sys/kernel.js';
import { LOCAL } from '../watch/file-system.js';
import { MANY_NAMES, originalOf, type WatchedDirectory } from '../watch/watched-directory.js';
import type { Release } from './release-root.js';

const { O_DIRECTORY, O_RDONLY } = constants;

/** For so few files, looking at each costs less than reading all names of the directory. */
const FEW_FILES = 8;
/** Reading a name costs about a sixteenth of what it saves a request to know all names. */
const NAMES_A_REQUEST = 16;
/** 300 bytes each, without the names. */
const MAX_DIRECTORIES = 4096;
/** Of files with precompressed ones, in all directories: 100 bytes each. */
const MAX_NAMES = 20_000;

/** What identifies a state of a directory: any change of its names changes its times. */
const STAMPS = [
  Stat.mtimeNanoseconds,
  Stat.mtimeSeconds,
  Stat.ctimeNanoseconds,
  Stat.ctimeSeconds,
  Stat.inodeLow,
  Stat.inodeHigh,
  Stat.deviceLow,
  Stat.deviceHigh,
] as const;

/** Of these an open has no effect: that of a symlink is not followed. */
const SAFE_TYPES: ReadonlySet<number> = new Set([DT_REG, DT_DIR, DT_LNK]);

const NO_NAMES: ReadonlySet<string> = new Set();

const stat = new Float64Array(STAT_WORDS);

class KnownDirectory {
  /** Its names were read while it had these stamps. */
  isRead = false;
  readonly stamps = new Float64Array(STAMPS.length);
  /** Requests since its names were read, and before it is worthwhile to read them again. */
  requests = 0;
  dueRequests = FEW_FILES;
  /** It has no FIFO, no device, and not too many names. */
  isSafe = false;
  /** The files that have precompressed ones. */
  originals: ReadonlySet<string> = NO_NAMES;
  /** As `watched` found it in the lookup's epoch `watchedEpoch`. */
  watched: WatchedDirectory | null = null;
  watchedEpoch = -1;
  /** Of `watched`, when it had these stamps. */
  changes = -1;

  constructor(readonly path: string) {}
}

/**
 * Which files can be opened without a look at their types and their neighbours: directories that have neither FIFOs nor devices,
 * which must not be opened, and the files in them that have no precompressed ones. All names of a directory are read after some
 * requests for its files, and known as long as its times stay the same: one stat(2) for each request in place of the calls for
 * each file; none where the cache has the directory watched. What is requested once gets no watch of its own: a site may have
 * more directories than those.
 */
export class PlainDirectories {
  private readonly known = new Map<number, KnownDirectory>();
  private names = 0;

  /** @param precompressed whether precompressed files matter */
  constructor(
    private readonly kernel: Kernel,
    private readonly release: Release,
    private readonly precompressed: boolean,
  ) {}

  /**
   * Whether a name, which need not exist, is known to be that of a file without further ones, in a directory without FIFOs and
   * devices. Where it is not known, it may be so too.
   * @param bytes that contain the path of the directory below the root from `start` to before `slash`, and of the file up to `end`
   * @param hash of the directory's path, seeded
   */
  isPlain(bytes: Uint8Array, start: number, slash: number, end: number, hash: number, wallMs: number): boolean {
    const directory = this.known.get(hash);
    if (directory === undefined || !isPathOf(directory, bytes, start, slash)) {
      this.add(hash, latin1(bytes, start, slash));
      return false;
    }
    directory.requests++;
    if (!this.isUnchanged(directory, bytes, start, slash)) {
      directory.isRead = false;
      if (directory.requests < directory.dueRequests) return false;
      this.read(directory, bytes.subarray(start, slash), wallMs);
    }
    if (!directory.isRead || !directory.isSafe) return false;
    return (
      directory.originals.size === 0 ||
      !directory.originals.has(latin1(bytes, slash === start ? start : slash + 1, end))
    );
  }

  /** Whether the names are those that were read. Where a watch reports every change that takes no call. */
  private isUnchanged(directory: KnownDirectory, bytes: Uint8Array, start: number, slash: number): boolean {
    if (!directory.isRead) return false;
    const { watched } = directory;
    if (watched !== null && !watched.isGone && watched.changes === directory.changes) return true;
    if (this.release.root.directoryStatus(bytes, start, slash, stat) !== 0 || !hasStamps(directory)) return false;
    if (watched !== null) directory.changes = watched.changes;
    return true;
  }

  /**
   * A directory whose names are known, watched with those on the way to it; null if it cannot be, or there is a symlink or a mount.
   * What it was known of is to be asked for again (`isPlain`) once it is watched.
   */
  watched(bytes: Uint8Array, start: number, slash: number, hash: number): WatchedDirectory | null {
    const directory = this.known.get(hash);
    if (directory === undefined || !directory.isRead || !isPathOf(directory, bytes, start, slash)) return null;
    const { lookup } = this.release;
    if (directory.watchedEpoch === lookup.epoch && directory.watched?.isGone !== true) return directory.watched;
    directory.watched = lookup.watchedDirectory(bytes.subarray(start, slash));
    directory.watchedEpoch = lookup.epoch;
    directory.changes = -1;
    return directory.watched;
  }

  private add(hash: number, path: string): void {
    if (this.known.size >= MAX_DIRECTORIES || this.names >= MAX_NAMES) {
      this.known.clear();
      this.names = 0;
    }
    this.known.set(hash, new KnownDirectory(path));
  }

  private read(directory: KnownDirectory, path: Uint8Array, wallMs: number): void {
    this.names -= directory.originals.size;
    directory.originals = NO_NAMES;
    directory.requests = 0;
    directory.dueRequests = MANY_NAMES / NAMES_A_REQUEST; // if it fails
    const fd = this.release.root.openInMount(path, O_RDONLY | O_DIRECTORY);
    if (fd < 0) return;
    if (this.kernel.fstat(fd, stat) === 0 && !LOCAL.hasRacyTimes(stat, wallMs)) {
      keepStamps(directory);
      this.readNames(directory, fd);
      directory.isRead = this.kernel.fstat(fd, stat) === 0 && hasStamps(directory);
    } else {
      directory.dueRequests = FEW_FILES; // it has just changed
    }
    this.kernel.close(fd);
  }

  private readNames(directory: KnownDirectory, fd: number): void {
    const originals = new Set<string>();
    let count = 0;
    let isSafe = true;
    const add = (name: Buffer, type: number): void => {
      count++;
      if (!SAFE_TYPES.has(type)) isSafe = false;
      const original = this.precompressed ? originalOf(name.toString('latin1')) : null;
      if (original !== null) originals.add(original);
    };
    const isEnough = (): boolean => !isSafe || count > MANY_NAMES || originals.size > MAX_NAMES;
    const errno = readEntries(this.kernel, fd, add, isEnough);
    directory.isSafe = errno === 0 && !isEnough();
    if (directory.isSafe && originals.size > 0) directory.originals = originals;
    this.names += directory.originals.size;
    directory.dueRequests = count / NAMES_A_REQUEST;
  }
}

function keepStamps({ stamps }: KnownDirectory): void {
  for (let i = 0; i < STAMPS.length; i++) stamps[i] = stat[STAMPS[i]!]!;
}

function hasStamps({ stamps }: KnownDirectory): boolean {
  for (let i = 0; i < STAMPS.length; i++) if (stamps[i] !== stat[STAMPS[i]!]) return false;
  return true;
}

function isPathOf({ path }: KnownDirectory, bytes: Uint8Array, start: number, end: number): boolean {
  if (path.length !== end - start) return false;
  for (let i = 0; i < path.length; i++) if (path.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
