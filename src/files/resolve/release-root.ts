import { isAbsolute } from 'node:path';
import { constants } from '../../sys/binding.js';
import { systemError } from '../../sys/errno.js';
import { deviceInode } from '../../sys/file-id.js';
import type { Kernel } from '../../sys/kernel.js';
import type { ResolvedSiteOptions } from '../rules/site-options.js';
import { nonNotifyingName, notifiesChanges } from '../watch/filesystem-type.js';
import { type DirectoryListener, type Inotify, NAME_CHANGES, NOT_WATCHED } from '../watch/inotify.js';
import { unwatchedFilesystem } from '../watch/unwatched.js';
import { Lookup } from './lookup.js';
import { PathWalk } from './path-walk.js';
import { Root } from './root.js';

const { AT_FDCWD, O_DIRECTORY, O_PATH } = constants;

const SLASH = Buffer.from('/');

/** One name on the way to the root, in the folder that has it. */
class PathWatch implements DirectoryListener {
  readonly wd: number;

  constructor(
    private readonly watch: Inotify,
    folderFd: number,
    private readonly name: string,
    private readonly onChange: () => void,
  ) {
    this.wd = watch.add(folderFd, this, NAME_CHANGES);
  }

  onEntryChanged(name: string): void {
    if (name === this.name) this.onChange();
  }

  onDirectoryChanged(): void {
    this.onChange();
  }

  close(): void {
    if (this.wd !== NOT_WATCHED) this.watch.remove(this.wd, this);
  }
}

/** A root that was opened, and the way to find names beneath it. */
export interface Release {
  readonly root: Root;
  readonly lookup: Lookup;
}

/**
 * The folder to which the root's path leads at the moment. A path with a link in it, `current -> releases/42`, is
 * followed again when the link is switched; what is being sent of the old release is sent to its end.
 */
export class ReleaseRoot {
  current: Release;
  /** The release before, for as long as it may still be asked. */
  previous: Release | null = null;
  /** When `check` is due, on the reactor's clock. */
  checkDueMs = 0;
  changes = 0;
  private previousUntilMs = 0;
  private pathWatches: PathWatch[] = [];
  /** Why a change of the path is not told, but looked for; null when it is told. */
  unwatchedReason: string | null = null;
  private identity: string;

  /**
   * @param trustMs how long the path is believed in where every change of it is told
   * @param lookMs and how long where it is not
   * @throws a system error with `path` when there is no folder that can be opened
   */
  constructor(
    private readonly kernel: Kernel,
    private readonly path: string,
    private readonly options: ResolvedSiteOptions,
    private readonly watch: Inotify,
    private readonly trustMs: number,
    private readonly lookMs: number,
  ) {
    this.current = this.releaseOf(Root.open(kernel, path));
    this.identity = deviceInode(this.kernel, this.current.root.descriptor);
    this.watchPath();
  }

  /** Follows the path again, if need be. True when it led to another folder, and nothing that was found before holds. */
  check(nowMs: number): boolean {
    if (this.previous !== null && nowMs >= this.previousUntilMs) this.dropPrevious();
    this.markUnverified();
    this.watchPath(); // before the look, so that a switch after it is told
    const switched = this.hasChanged() && this.swapRoot(nowMs);
    const dueMs = nowMs + (this.unwatchedReason === null ? this.trustMs : this.lookMs);
    this.checkDueMs = this.previous === null ? dueMs : Math.min(dueMs, this.previousUntilMs);
    return switched;
  }

  /** Names may lead to other folders than they did, and nobody told. */
  markUnverified(): void {
    this.current.lookup.markUnverified();
    this.previous?.lookup.markUnverified();
  }

  /** Nothing that was found holds. */
  invalidate(): void {
    this.current.lookup.invalidate();
    this.previous?.lookup.invalidate();
    this.checkDueMs = 0;
  }

  close(): void {
    for (const guard of this.pathWatches) guard.close();
    this.dropPrevious();
    this.current.lookup.invalidate();
    this.current.root.close();
  }

  private releaseOf(root: Root): Release {
    return { root, lookup: new Lookup(this.kernel, root, this.watch, this.options.symlinks, this.lookMs) };
  }

  /** A path that leads nowhere at the moment is on its way to somewhere: until then the release stays. */
  private hasChanged(): boolean {
    const fd = this.kernel.openat(AT_FDCWD, this.path, O_PATH | O_DIRECTORY);
    if (fd < 0) return false;
    const identity = deviceInode(this.kernel, fd);
    this.kernel.close(fd);
    return identity !== this.identity;
  }

  private swapRoot(nowMs: number): boolean {
    let root: Root;
    try {
      root = Root.open(this.kernel, this.path);
    } catch {
      return false; // gone again, or no descriptor left: the next check will tell
    }
    // The watches of what goes are let go before the new root wants one: there may be none left.
    this.dropPrevious();
    if (this.options.previousReleaseMs > 0) {
      this.previous = this.current;
      this.previousUntilMs = nowMs + this.options.previousReleaseMs;
    } else {
      this.current.lookup.invalidate();
      this.current.root.close();
    }
    this.current = this.releaseOf(root);
    this.identity = deviceInode(this.kernel, root.descriptor);
    this.changes++;
    return true;
  }

  private dropPrevious(): void {
    this.previous?.lookup.invalidate();
    this.previous?.root.close();
    this.previous = null;
  }

  /** Watches every name that the path goes through, those of its links' targets too. */
  private watchPath(): void {
    const before = this.pathWatches;
    this.pathWatches = [];
    this.unwatchedReason = null;
    // Not resolve(), for which `current/..` is where the link lies, and not where it leads.
    const path = isAbsolute(this.path) ? this.path : `${process.cwd()}/${this.path}`;
    const walk = new PathWalk(Buffer.from(path));
    for (let { name } = walk; name !== undefined; { name } = walk) {
      if (name === '..') {
        walk.leave();
        continue;
      }
      this.watchName(`/${walk.parent.toString('latin1')}`, name);
      const target = this.kernel.readlinkat(AT_FDCWD, Buffer.concat([SLASH, walk.path]));
      if (typeof target === 'number') walk.enter();
      else if (walk.countSymlink()) walk.expand(target);
      else break;
    }
    for (const guard of before) guard.close();
  }

  private watchName(folder: string, name: string): void {
    const fd = this.kernel.openat(AT_FDCWD, Buffer.from(folder, 'latin1'), O_PATH | O_DIRECTORY);
    if (fd < 0) {
      this.unwatchedReason ??= systemError('open', fd).message;
      return;
    }
    const guard = new PathWatch(this.watch, fd, name, () => {
      this.checkDueMs = 0;
    });
    this.pathWatches.push(guard);
    const type = this.kernel.fstatfs(fd);
    if (guard.wd === NOT_WATCHED) this.unwatchedReason ??= this.watch.watchError ?? '';
    else if (!notifiesChanges(type)) this.unwatchedReason ??= unwatchedFilesystem(nonNotifyingName(type));
    this.kernel.close(fd);
  }
}
