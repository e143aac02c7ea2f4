import { CODINGS, type ContentCoding, PRECOMPRESSED_SUFFIXES } from '../../http/semantics/accept-encoding.js';
import { debug, tracing } from '../../sys/debug.js';
import { deviceInode } from '../../sys/file-id.js';
import type { Kernel } from '../../sys/kernel.js';
import { unwatchedFilesystem } from './file-system.js';
import { CONTENT_CHANGES, type DirectoryListener, type Inotify, NOT_WATCHED } from './inotify.js';

/** Something made of files that is valid until one of them changes: a cache entry, an error page. */
export interface Dependent {
  onInvalidated(): void;
}

/** Stands for every entry of a directory, for listings. No file can have this name. */
export const ANY_ENTRY = '/';

/** For so few files, opening each possible precompressed file costs less than reading all names of the directory. */
const FEW_FILES = 8;
/** Larger directories are not scanned (it would block requests for some 10 ms), and their names not cached. */
export const MANY_NAMES = 20_000;

/**
 * A directory on the way of a lookup, and the dependents of its entries: what keeps the cache fresh without system calls.
 * Its state is one of:
 *
 * 1. Watched: inotify reports every change. The event of a name invalidates the dependents of that name, of ANY_ENTRY and,
 *    for a precompressed file, of its original.
 * 2. Unwatched: there is no watch, or the file system does not report all changes. Those that are reported invalidate, and
 *    the dependents are polled besides. Each time `rewatch` tries to watch it again.
 * 3. Gone: it was moved or removed, or its name leads to another directory. Everything that depends on it or on a directory
 *    below is invalidated, and the next lookup makes a new object.
 *
 * Rules: a directory is watched before a name in it is opened, so that no change is missed. A rename is reported to the
 * renamed directory and its parent only, so `onDirectoryChanged` goes down the tree of children. An invalidation ends the
 * subscription to that entry; the dependent ends its others. Names are latin1, a character a byte.
 */
export class WatchedDirectory implements DirectoryListener {
  readonly children = new Map<string, WatchedDirectory>();
  /** By entry; most have one dependent. */
  private readonly dependents = new Map<string, Dependent | Set<Dependent>>();
  private precompressedNames: Set<string> | null = null;
  private filesResolved = 0;
  private wd: number;
  /** Of the first watch. */
  private readonly watchError: string | null;
  /** When a failed watch is tried again, on the monotonic clock. */
  private retryMs = 0;
  isGone = false;
  /** Reported changes of entries. */
  changes = 0;
  /** The epoch of its lookup in which its name was last seen to lead here. */
  verifiedEpoch = 0;
  /** A mount is on the way to it from the root, or is it. */
  isBelowMount = false;

  /**
   * @param fd of the directory; the caller's, used only in the constructor
   * @param pollReason why its file system does not report all changes; null if it does
   * @param deviceInode which directory it is, whatever its name leads to
   */
  constructor(
    private readonly inotify: Inotify,
    private readonly parent: WatchedDirectory | null,
    readonly name: string,
    fd: number,
    private readonly pollReason: string | null = null,
    readonly deviceInode = '',
  ) {
    this.wd = inotify.add(fd, this, CONTENT_CHANGES);
    this.watchError = this.wd === NOT_WATCHED ? inotify.watchError : null;
    parent?.children.set(name, this);
    if (tracing) debug('watch /%s: %s', this.path, this.isWatched ? 'inotify' : this.unwatchedReason);
  }

  get isWatched(): boolean {
    return this.wd !== NOT_WATCHED && this.pollReason === null;
  }

  get unwatchedReason(): string | null {
    return this.wd === NOT_WATCHED ? (this.watchError ?? 'gone') : this.pollReason;
  }

  /** Below the root, without a leading slash. */
  get path(): string {
    const { parent, name } = this;
    return parent === null || parent.parent === null ? name : `${parent.path}/${name}`;
  }

  /**
   * Tries a failed watch again: the directory may be readable by now, or another may have made room.
   * @param fd of the directory, as for the constructor
   * @param intervalMs between two attempts, at least
   */
  rewatch(fd: number, monotonicMs: () => number, intervalMs: number): void {
    if (this.wd !== NOT_WATCHED || !this.inotify.hasRoom) return;
    const nowMs = monotonicMs();
    if (nowMs < this.retryMs) return;
    this.retryMs = nowMs + intervalMs;
    this.wd = this.inotify.add(fd, this, CONTENT_CHANGES);
    if (this.wd === NOT_WATCHED) return;
    if (tracing) debug('watch /%s: inotify', this.path);
    // While there was no watch, another directory may have taken this name: the children are not known to be below it.
    // Their dependents depend on this directory too, and so are polled.
    for (const child of [...this.children.values()]) child.unwatchSubtree();
  }

  subscribe(name: string, dependent: Dependent): void {
    const others = this.dependents.get(name);
    if (others === undefined) this.dependents.set(name, dependent);
    else if (others instanceof Set) others.add(dependent);
    else if (others !== dependent) this.dependents.set(name, new Set([others, dependent]));
  }

  unsubscribe(name: string, dependent: Dependent): void {
    const others = this.dependents.get(name);
    if (others === dependent) this.dependents.delete(name);
    else if (others instanceof Set && others.delete(dependent) && others.size === 0) this.dependents.delete(name);
  }

  onEntryChanged(name: string): void {
    this.changes++;
    const original = originalOf(name);
    // The event may also be of a removal: a surplus name costs an open, a missing one hides a representation.
    if (original !== null) this.precompressedNames?.add(name);
    if (this.precompressedNames !== null && this.precompressedNames.size > MANY_NAMES) this.precompressedNames = null;
    this.invalidate(name);
    this.invalidate(ANY_ENTRY);
    if (original !== null) this.invalidate(original);
    this.children.get(name)?.onDirectoryChanged();
  }

  /**
   * The codings in which a file may have a precompressed one next to it. All codings until the directory is read, which is
   * not worthwhile for a few files.
   * @param readNames reads the names in the directory; null if there are too many, or on an error
   */
  precompressedCodings(name: string, readNames: () => readonly string[] | null): readonly ContentCoding[] {
    if (!this.isWatched) return CODINGS;
    if (this.filesResolved++ === FEW_FILES) {
      const names = readNames();
      this.precompressedNames = names && new Set(names.filter((each) => originalOf(each) !== null));
    }
    const { precompressedNames } = this;
    return precompressedNames === null
      ? CODINGS
      : CODINGS.filter((coding) => precompressedNames.has(name + PRECOMPRESSED_SUFFIXES[coding]));
  }

  /** Invalidates everything in the directory and below; the next resolution opens it again. */
  onDirectoryChanged(): void {
    if (this.isGone) return;
    this.unwatch();
    for (const child of [...this.children.values()]) child.onDirectoryChanged();
    for (const name of [...this.dependents.keys()]) this.invalidate(name);
  }

  private unwatch(): void {
    if (tracing) debug('unwatch /%s', this.path);
    this.isGone = true;
    if (this.parent?.children.get(this.name) === this) this.parent.children.delete(this.name);
    if (this.wd !== NOT_WATCHED) this.inotify.remove(this.wd, this);
    this.wd = NOT_WATCHED;
  }

  private unwatchSubtree(): void {
    this.unwatch();
    for (const child of [...this.children.values()]) child.unwatchSubtree();
  }

  private invalidate(name: string): void {
    const dependents = this.dependents.get(name);
    if (dependents === undefined) return;
    this.dependents.delete(name);
    if (dependents instanceof Set) for (const dependent of dependents) dependent.onInvalidated();
    else dependents.onInvalidated();
  }
}

/** The original of a precompressed file's name; null without such a suffix. */
export function originalOf(name: string): string | null {
  const coding = CODINGS.find((each) => name.endsWith(PRECOMPRESSED_SUFFIXES[each]));
  return coding === undefined ? null : name.slice(0, -PRECOMPRESSED_SUFFIXES[coding].length);
}

/** Watches the directory of a descriptor, which stays the caller's. */
export function watchDirectory(
  kernel: Kernel,
  inotify: Inotify,
  parent: WatchedDirectory | null,
  name: string,
  fd: number,
): WatchedDirectory {
  // A file system that does not report all changes is watched all the same: it reports those made on this machine.
  const pollReason = unwatchedFilesystem(kernel.fstatfs(fd));
  return new WatchedDirectory(inotify, parent, name, fd, pollReason, deviceInode(kernel, fd));
}
