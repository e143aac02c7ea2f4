import { isAbsolute } from 'node:path';
import { constants } from '../../sys/binding.js';
import { debug, tracing } from '../../sys/debug.js';
import { systemError } from '../../sys/errno.js';
import { deviceInode } from '../../sys/file-id.js';
import type { Kernel } from '../../sys/kernel.js';
import type { ResolvedSiteOptions } from '../rules/site-options.js';
import { unwatchedFilesystem } from '../watch/file-system.js';
import { type DirectoryListener, type Inotify, NAME_CHANGES, NOT_WATCHED } from '../watch/inotify.js';
import { Lookup } from './lookup.js';
import { PathWalk } from './path-walk.js';
import { Root } from './root.js';

const { AT_FDCWD, O_DIRECTORY, O_PATH } = constants;

const SLASH = Buffer.from('/');

export interface Release {
  readonly root: Root;
  readonly lookup: Lookup;
}

/**
 * The directory that the root's path leads to, followed again when the path changes: `current -> releases/42` is how
 * deployments switch. Responses of the old release are sent to their end.
 *
 * 1. Every name on the way to the root is watched (`watchPath`), those of symlink targets too. An event makes `check` due
 *    at once; otherwise it is due after `revalidateMs`, or after `pollMs` if a name cannot be watched.
 * 2. `check` renews the watches, and then opens the path: a switch in between is reported. If it leads to another
 *    directory, that is `current`, and everything resolved before is stale.
 * 3. The release before stays as `previous` for `previousReleaseMs`: clients with an old page still find its assets.
 *
 * A dangling path keeps the current release: a deployment is in progress.
 */
export class ReleaseRoot {
  current: Release;
  previous: Release | null = null;
  /** When `check` is due, on the reactor's clock. */
  checkDueMs = 0;
  /** How often the path was found to lead to another directory. */
  changes = 0;
  /** Why the path is polled; null while every change of it is reported. */
  unwatchedReason: string | null = null;
  private previousUntilMs = 0;
  /** Of the names on the way to the root, by watch descriptor. */
  private pathWatches: [wd: number, listener: DirectoryListener][] = [];
  private deviceInode: string;

  /**
   * @param revalidateMs the interval of checks while every change of the path is reported
   * @param pollMs the interval otherwise
   * @throws a system error with `path` when the directory cannot be opened
   */
  constructor(
    private readonly kernel: Kernel,
    private readonly path: string,
    private readonly options: ResolvedSiteOptions,
    private readonly inotify: Inotify,
    private readonly revalidateMs: number,
    private readonly pollMs: number,
  ) {
    this.current = this.releaseOf(Root.open(kernel, path));
    this.deviceInode = deviceInode(this.kernel, this.current.root.descriptor);
    this.watchPath();
  }

  /** Returns whether the path leads to another directory now, so that everything resolved before is stale. */
  check(nowMs: number): boolean {
    if (this.previous !== null && nowMs >= this.previousUntilMs) this.dropPrevious();
    this.markUnverified();
    this.watchPath(); // before the path is opened, so that a later switch is reported
    const isSwitched = this.hasChanged() && this.swapRoot(nowMs);
    const dueMs = nowMs + (this.unwatchedReason === null ? this.revalidateMs : this.pollMs);
    this.checkDueMs = this.previous === null ? dueMs : Math.min(dueMs, this.previousUntilMs);
    return isSwitched;
  }

  markUnverified(): void {
    this.current.lookup.markUnverified();
    this.previous?.lookup.markUnverified();
  }

  invalidate(): void {
    this.current.lookup.invalidate();
    this.previous?.lookup.invalidate();
    this.checkDueMs = 0;
  }

  close(): void {
    for (const [wd, listener] of this.pathWatches) this.inotify.remove(wd, listener);
    this.dropPrevious();
    this.current.lookup.invalidate();
    this.current.root.close();
  }

  private releaseOf(root: Root): Release {
    return { root, lookup: new Lookup(this.kernel, root, this.inotify, this.options.symlinks, this.pollMs) };
  }

  private hasChanged(): boolean {
    const fd = this.kernel.openat(AT_FDCWD, this.path, O_PATH | O_DIRECTORY);
    if (fd < 0) return false;
    const current = deviceInode(this.kernel, fd);
    this.kernel.close(fd);
    return current !== this.deviceInode;
  }

  private swapRoot(nowMs: number): boolean {
    let root: Root;
    try {
      root = Root.open(this.kernel, this.path);
    } catch {
      return false; // removed again, or EMFILE: the next check tries again
    }
    // Ends the watches of the old release before the new one needs some: the limit may be reached.
    this.dropPrevious();
    this.previous = this.current;
    this.previousUntilMs = nowMs + this.options.previousReleaseMs;
    if (this.options.previousReleaseMs === 0) this.dropPrevious();
    this.current = this.releaseOf(root);
    this.deviceInode = deviceInode(this.kernel, root.descriptor);
    this.changes++;
    if (tracing) debug('root %s leads to another directory', this.path);
    return true;
  }

  private dropPrevious(): void {
    this.previous?.lookup.invalidate();
    this.previous?.root.close();
    this.previous = null;
  }

  private watchPath(): void {
    const before = this.pathWatches;
    this.pathWatches = [];
    this.unwatchedReason = null;
    // Not path.resolve(): after a symlink, `current/..` is the parent of its target.
    const path = isAbsolute(this.path) ? this.path : `${process.cwd()}/${this.path}`;
    const walk = new PathWalk(Buffer.from(path));
    for (let { name } = walk; name !== undefined; { name } = walk) {
      if (name === '..') {
        walk.leave();
        continue;
      }
      this.watchName(Buffer.concat([SLASH, walk.parent]), name);
      const target = this.kernel.readlinkat(AT_FDCWD, Buffer.concat([SLASH, walk.path]));
      if (typeof target === 'number') walk.enter();
      else if (walk.countSymlink()) walk.expand(target);
      else break;
    }
    for (const [wd, listener] of before) this.inotify.remove(wd, listener);
  }

  private watchName(directory: Buffer, name: string): void {
    const fd = this.kernel.openat(AT_FDCWD, directory, O_PATH | O_DIRECTORY);
    if (fd < 0) {
      this.unwatchedReason ??= systemError('open', fd).message;
      return;
    }
    const onDirectoryChanged = (): void => {
      this.checkDueMs = 0;
    };
    const onEntryChanged = (changed: string): void => {
      if (changed === name) onDirectoryChanged();
    };
    const listener = { onEntryChanged, onDirectoryChanged };
    const wd = this.inotify.add(fd, listener, NAME_CHANGES);
    if (wd === NOT_WATCHED) this.unwatchedReason ??= this.inotify.watchError ?? '';
    else this.pathWatches.push([wd, listener]);
    this.unwatchedReason ??= unwatchedFilesystem(this.kernel.fstatfs(fd));
    this.kernel.close(fd);
  }
}
