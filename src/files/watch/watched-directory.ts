import { CODINGS, type ContentCoding, PRECOMPRESSED_SUFFIXES } from '../../http/semantics/accept-encoding.js';
import { deviceInode } from '../../sys/file-id.js';
import type { Kernel } from '../../sys/kernel.js';
import { nonNotifyingName, notifiesChanges } from './filesystem-type.js';
import { CONTENT_CHANGES, type DirectoryListener, type Inotify, NOT_WATCHED } from './inotify.js';
import { unwatchedFilesystem } from './unwatched.js';

/** Something that was made of files and holds until one of them changes. */
export interface Dependent {
  onInvalidated(): void;
}

/** Stands for every entry of a folder, as a listing has them; no file can have this name. */
export const ANY_ENTRY = '/';

/** So many files of a folder cost less to ask about than all its names to read. */
const FEW_FILES = 8;
/** More names are not read, which would hold up requests for some 10 ms; nor are they remembered, should they come to it. */
export const MANY_NAMES = 20_000;

/**
 * A folder of a site that was looked into, and who depends on what stands in it. Names are latin1, a character a byte.
 */
export class WatchedDirectory implements DirectoryListener {
  readonly children = new Map<string, WatchedDirectory>();
  /** Most names have one. */
  private readonly dependents = new Map<string, Dependent | Set<Dependent>>();
  /** The coded forms that lie in here, once they were read. */
  private precompressedNames: Set<string> | null = null;
  /** For how many files that was asked, until it was read. */
  private filesResolved = 0;
  private wd: number;
  /** Why there is no watch, when there was none to be had. */
  private readonly watchError: string | null;
  /** When a watch that was refused is asked for again, on the monotonic clock. */
  private retryMs = 0;
  isGone = false;
  /** The last doubt of its lookup after which it was seen that its name still leads here. */
  verifiedEpoch = 0;

  /**
   * @param fd of the folder, the caller's, needed only here
   * @param notifies whether its file system tells of all changes
   * @param fileSystem its name, if it is known
   * @param deviceInode which folder it is, whatever its name leads to
   */
  constructor(
    private readonly watch: Inotify,
    private readonly parent: WatchedDirectory | null,
    readonly name: string,
    fd: number,
    private readonly notifies: boolean,
    private readonly fileSystem: string | null = null,
    readonly deviceInode = '',
  ) {
    this.wd = watch.add(fd, this, CONTENT_CHANGES);
    this.watchError = this.wd === NOT_WATCHED ? watch.watchError : null;
    parent?.children.set(name, this);
  }

  /** Every change in here is told. */
  get isWatched(): boolean {
    return this.wd !== NOT_WATCHED && this.notifies;
  }

  /** Why not. */
  get unwatchedReason(): string {
    return this.wd === NOT_WATCHED ? (this.watchError ?? 'gone') : unwatchedFilesystem(this.fileSystem);
  }

  /** Below the root, without a slash in front. */
  get path(): string {
    const { parent, name } = this;
    return parent === null || parent.parent === null ? name : `${parent.path}/${name}`;
  }

  /**
   * Asks again for a watch that was refused: a folder may be read again, or another has made room.
   * @param fd as for a new one
   * @param everyMs not more often
   */
  rewatch(fd: number, monotonicMs: () => number, everyMs: number): void {
    if (this.wd !== NOT_WATCHED || !this.watch.hasRoom) return;
    const nowMs = monotonicMs();
    if (nowMs < this.retryMs) return;
    this.retryMs = nowMs + everyMs;
    this.wd = this.watch.add(fd, this, CONTENT_CHANGES);
    if (this.wd === NOT_WATCHED) return;
    // Meanwhile another folder may have come into this place, and theirs are not beneath it. Who depends on them depends on
    // this one too, and so looks by time.
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
    const original = originalOf(name);
    if (original !== null) this.addPrecompressed(name);
    this.invalidate(name);
    this.invalidate(ANY_ENTRY);
    if (original !== null) this.invalidate(original);
    this.children.get(name)?.onDirectoryChanged();
  }

  /**
   * The coded forms that may lie beside a file: all of them while they were not read, which is not worth while for a file
   * or two.
   * @param read what lies in here; null when that is too much, or cannot be read
   */
  precompressedCodings(name: string, read: () => readonly string[] | null): readonly ContentCoding[] {
    if (!this.isWatched) return CODINGS;
    if (this.filesResolved++ === FEW_FILES) this.precompressedNames = setOf(read());
    const { precompressedNames } = this;
    return precompressedNames === null
      ? CODINGS
      : CODINGS.filter((coding) => precompressedNames.has(name + PRECOMPRESSED_SUFFIXES[coding]));
  }

  /** Nothing that was known of it or of what is beneath it holds; it is looked at anew when it is asked for. */
  onDirectoryChanged(): void {
    if (this.isGone) return;
    this.unwatch();
    for (const child of [...this.children.values()]) child.onDirectoryChanged();
    for (const name of [...this.dependents.keys()]) this.invalidate(name);
  }

  private unwatch(): void {
    this.isGone = true;
    if (this.parent?.children.get(this.name) === this) this.parent.children.delete(this.name);
    if (this.wd !== NOT_WATCHED) this.watch.remove(this.wd, this);
    this.wd = NOT_WATCHED;
  }

  private unwatchSubtree(): void {
    this.unwatch();
    for (const child of [...this.children.values()]) child.unwatchSubtree();
  }

  /** A coded form that lies in here, or has lain. */
  private addPrecompressed(name: string): void {
    this.precompressedNames?.add(name);
    if (this.precompressedNames !== null && this.precompressedNames.size > MANY_NAMES) this.precompressedNames = null;
  }

  private invalidate(name: string): void {
    const dependents = this.dependents.get(name);
    if (dependents === undefined) return;
    this.dependents.delete(name);
    if (dependents instanceof Set) for (const dependent of dependents) dependent.onInvalidated();
    else dependents.onInvalidated();
  }
}

/** What lies beside a file under this name, coded, belongs to the file; null for a name that is none of a coded form. */
function originalOf(name: string): string | null {
  for (const coding of CODINGS) {
    const suffix = PRECOMPRESSED_SUFFIXES[coding];
    if (name.endsWith(suffix)) return name.slice(0, -suffix.length);
  }
  return null;
}

function setOf(names: readonly string[] | null): Set<string> | null {
  return names === null ? null : new Set(names.filter((name) => originalOf(name) !== null));
}

/** What something depends on, gathered while it is made. */
export class Dependencies {
  /** The kernel tells of every change that matters. */
  areWatched = true;
  /** Why it does not, as far as it is known: the first of the reasons. */
  unwatchedReason: string | null = null;
  /** A link stood on the way, and names elsewhere matter too. */
  throughSymlink = false;
  /** Where the name that was looked for first stands, whatever it leads to; null when there is no such place. */
  directory: WatchedDirectory | null = null;
  private entries: { readonly folder: WatchedDirectory; readonly name: string }[] = [];

  add(folder: WatchedDirectory, name: string): void {
    if (!folder.isWatched) this.markUnwatched(folder.unwatchedReason);
    if (this.entries.some((entry) => entry.folder === folder && entry.name === name)) return;
    this.entries.push({ folder, name });
  }

  /** The kernel does not tell of every change that matters, and there is somebody who looks by time. */
  markUnwatched(why: string | null): void {
    this.areWatched = false;
    this.unwatchedReason ??= why;
  }

  merge(others: Dependencies): void {
    if (!others.areWatched) this.markUnwatched(others.unwatchedReason);
    for (const { folder, name } of others.entries) this.add(folder, name);
  }

  subscribe(dependent: Dependent): void {
    this.entries = this.entries.slice(); // without the room for more
    for (const { folder, name } of this.entries) folder.subscribe(name, dependent);
  }

  unsubscribe(dependent: Dependent): void {
    for (const { folder, name } of this.entries) folder.unsubscribe(name, dependent);
  }
}

/** The folder behind a descriptor, which stays the caller's. */
export function watchDirectory(
  kernel: Kernel,
  watch: Inotify,
  parent: WatchedDirectory | null,
  name: string,
  fd: number,
): WatchedDirectory {
  const type = kernel.fstatfs(fd);
  // One that does not tell of all is watched all the same: what is changed from here is told even so.
  return new WatchedDirectory(
    watch,
    parent,
    name,
    fd,
    notifiesChanges(type),
    nonNotifyingName(type),
    deviceInode(kernel, fd),
  );
}
