import type { Dependent, WatchedDirectory } from './watched-directory.js';

/** A name in a directory, and its place in the table of its directory: measured at about this, without the text. */
const ENTRY_BYTES = 160;

interface Name {
  readonly directory: WatchedDirectory;
  readonly name: string;
}

const NO_NAMES: readonly Name[] = [];

/** The directory entries that something depends on, collected while it is resolved. */
export class Dependencies {
  areWatched = true;
  /** Why not: the first reason, as far as it is known. */
  unwatchedReason: string | null = null;
  /** A symlink was on the way, so that names elsewhere matter too. */
  throughSymlink = false;
  /** The directory of the name that was resolved first, whatever the name leads to; null when there is none. */
  directory: WatchedDirectory | null = null;
  // Most have one name, and live as long as a cache entry: the first is in no array.
  private firstDirectory: WatchedDirectory | null = null;
  private firstName = '';
  private others: readonly Name[] = NO_NAMES;

  /** Of a name in a directory that is watched, as are those on the way to it. */
  static ofName(directory: WatchedDirectory, name: string): Dependencies {
    const dependencies = new Dependencies();
    dependencies.directory = directory;
    dependencies.firstDirectory = directory;
    dependencies.firstName = name;
    return dependencies;
  }

  /** The memory that they hold. */
  get bytes(): number {
    let bytes = this.firstDirectory === null ? 0 : ENTRY_BYTES + this.firstName.length;
    for (const { name } of this.others) bytes += ENTRY_BYTES + name.length;
    return bytes;
  }

  /** @param name of an entry, which need not exist; or ANY_ENTRY */
  add(directory: WatchedDirectory, name: string): void {
    this.addDirectory(directory);
    if (this.firstDirectory === null) {
      this.firstDirectory = directory;
      this.firstName = name;
      return;
    }
    if (this.firstDirectory === directory && this.firstName === name) return;
    if (this.others.some((entry) => entry.directory === directory && entry.name === name)) return;
    this.others = [...this.others, { directory, name }];
  }

  /** @param directory with a directory on the way, which invalidates what is below it when its name changes */
  addDirectory(directory: WatchedDirectory): void {
    if (!directory.isWatched) this.markUnwatched(directory.unwatchedReason);
  }

  /** Not every change that matters is reported: the caller must poll. */
  markUnwatched(reason: string | null): void {
    this.areWatched = false;
    this.unwatchedReason ??= reason;
  }

  merge(others: Dependencies): void {
    if (!others.areWatched) this.markUnwatched(others.unwatchedReason);
    if (others.firstDirectory !== null) this.add(others.firstDirectory, others.firstName);
    for (const { directory, name } of others.others) this.add(directory, name);
  }

  subscribe(dependent: Dependent): void {
    this.firstDirectory?.subscribe(this.firstName, dependent);
    for (const { directory, name } of this.others) directory.subscribe(name, dependent);
  }

  unsubscribe(dependent: Dependent): void {
    this.firstDirectory?.unsubscribe(this.firstName, dependent);
    for (const { directory, name } of this.others) directory.unsubscribe(name, dependent);
  }
}
