import type { Kernel } from '../sys/kernel.js';
import { CODINGS, SIDECAR_SUFFIXES } from './encoding.js';
import { deliversEvents, silentName } from './file-system.js';
import { CONTENT_CHANGES, NOT_WATCHED, type Watch, type Watched } from './watch.js';

/** Something that was made of files and holds until one of them changes. */
export interface Dependent {
  outdated(): void;
}

/** Stands for every entry of a folder, as a listing has them; no file can have this name. */
export const ANY_ENTRY = '/';

/**
 * A folder of a site that was looked into, and who depends on what stands in it. Names are latin1, a character a byte.
 */
export class Folder implements Watched {
  readonly children = new Map<string, Folder>();
  private readonly dependents = new Map<string, Set<Dependent>>();
  private wd: number;
  isGone = false;

  /**
   * @param fd of the folder, the caller's, needed only here
   * @param speaks whether its file system tells of all changes
   */
  constructor(
    private readonly watch: Watch,
    private readonly parent: Folder | null,
    readonly name: string,
    fd: number,
    private readonly speaks: boolean,
  ) {
    this.wd = watch.add(fd, this, CONTENT_CHANGES);
    parent?.children.set(name, this);
  }

  /** Every change in here is told. */
  get isTold(): boolean {
    return this.wd !== NOT_WATCHED && this.speaks;
  }

  depend(name: string, dependent: Dependent): void {
    const others = this.dependents.get(name);
    if (others) others.add(dependent);
    else this.dependents.set(name, new Set([dependent]));
  }

  release(name: string, dependent: Dependent): void {
    const others = this.dependents.get(name);
    if (others?.delete(dependent) && others.size === 0) this.dependents.delete(name);
  }

  entryChanged(name: string): void {
    this.outdate(name);
    this.outdate(ANY_ENTRY);
    for (const coding of CODINGS) {
      const suffix = SIDECAR_SUFFIXES[coding];
      if (name.endsWith(suffix)) this.outdate(name.slice(0, -suffix.length));
    }
    this.children.get(name)?.folderChanged();
  }

  /** Nothing that was known of it or of what is beneath it holds; it is looked at anew when it is asked for. */
  folderChanged(): void {
    if (this.isGone) return;
    this.isGone = true;
    if (this.parent?.children.get(this.name) === this) this.parent.children.delete(this.name);
    for (const child of [...this.children.values()]) child.folderChanged();
    for (const name of [...this.dependents.keys()]) this.outdate(name);
    if (this.wd !== NOT_WATCHED) this.watch.remove(this.wd, this);
    this.wd = NOT_WATCHED;
  }

  private outdate(name: string): void {
    const dependents = this.dependents.get(name);
    if (dependents === undefined) return;
    this.dependents.delete(name);
    for (const dependent of dependents) dependent.outdated();
  }
}

/** What something depends on, gathered while it is made. */
export class Dependencies {
  /** The kernel tells of every change that matters. */
  areTold = true;
  private readonly entries: { readonly folder: Folder; readonly name: string }[] = [];

  add(folder: Folder, name: string): void {
    if (!folder.isTold) this.areTold = false;
    if (this.entries.some((entry) => entry.folder === folder && entry.name === name)) return;
    this.entries.push({ folder, name });
  }

  merge(others: Dependencies): void {
    if (!others.areTold) this.areTold = false;
    for (const { folder, name } of others.entries) this.add(folder, name);
  }

  attach(dependent: Dependent): void {
    for (const { folder, name } of this.entries) folder.depend(name, dependent);
  }

  detach(dependent: Dependent): void {
    for (const { folder, name } of this.entries) folder.release(name, dependent);
  }
}

/** The folder behind a descriptor, which stays the caller's. */
export function folderOf(kernel: Kernel, watch: Watch, parent: Folder | null, name: string, fd: number): Folder {
  const type = kernel.fstatfs(fd);
  const speaks = deliversEvents(type);
  // It is watched all the same: what is changed from here is told even so.
  if (!speaks) watch.refusal ??= `${silentName(type) ?? 'an unknown file system'} does not tell of all changes`;
  return new Folder(watch, parent, name, fd, speaks);
}
