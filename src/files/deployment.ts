import { dirname, isAbsolute, join } from 'node:path';
import { constants } from '../sys/binding.js';
import { systemError } from '../sys/errno.js';
import type { Kernel } from '../sys/kernel.js';
import { deliversEvents, silentName } from './file-system.js';
import { identityOf } from './identity.js';
import { Lookup } from './lookup.js';
import type { ResolvedSiteOptions } from './options.js';
import { Root } from './root.js';
import { silenceOf } from './untold.js';
import { NAME_CHANGES, NOT_WATCHED, type Watch, type Watched } from './watch.js';

const { AT_FDCWD, O_DIRECTORY, O_PATH } = constants;

/** As many as the kernel itself follows in one name, path_resolution(7). */
const MAX_LINKS = 40;

/** One name on the way to the root, in the folder that has it. */
class Guard implements Watched {
  readonly wd: number;

  constructor(
    private readonly watch: Watch,
    folderFd: number,
    private readonly name: string,
    private readonly suspect: () => void,
  ) {
    this.wd = watch.add(folderFd, this, NAME_CHANGES);
  }

  entryChanged(name: string): void {
    if (name === this.name) this.suspect();
  }

  folderChanged(): void {
    this.suspect();
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
export class Deployment {
  current: Release;
  /** The release before, for as long as it may still be asked. */
  previous: Release | null = null;
  /** When `check` is due, on the reactor's clock. */
  dueMs = 0;
  switches = 0;
  private previousUntilMs = 0;
  private guards: Guard[] = [];
  /** Why a change of the path is not told, but looked for; null when it is told. */
  untold: string | null = null;
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
    private readonly watch: Watch,
    private readonly trustMs: number,
    private readonly lookMs: number,
  ) {
    this.current = this.releaseOf(Root.open(kernel, path));
    this.identity = identityOf(this.kernel, this.current.root.descriptor);
    this.guard();
  }

  /** Follows the path again, if need be. True when it led to another folder, and nothing that was found before holds. */
  check(nowMs: number): boolean {
    if (this.previous !== null && nowMs >= this.previousUntilMs) this.dropPrevious();
    this.doubt();
    this.guard(); // before the look, so that a switch after it is told
    const switched = this.isSwitched() && this.switchOver(nowMs);
    const dueMs = nowMs + (this.untold === null ? this.trustMs : this.lookMs);
    this.dueMs = this.previous === null ? dueMs : Math.min(dueMs, this.previousUntilMs);
    return switched;
  }

  /** Names may lead to other folders than they did, and nobody told. */
  doubt(): void {
    this.current.lookup.doubt();
    this.previous?.lookup.doubt();
  }

  /** Nothing that was found holds. */
  outdate(): void {
    this.current.lookup.outdate();
    this.previous?.lookup.outdate();
    this.dueMs = 0;
  }

  close(): void {
    for (const guard of this.guards) guard.close();
    this.dropPrevious();
    this.current.lookup.outdate();
    this.current.root.close();
  }

  private releaseOf(root: Root): Release {
    return { root, lookup: new Lookup(this.kernel, root, this.watch, this.options.symlinks, this.lookMs) };
  }

  /** A path that leads nowhere at the moment is on its way to somewhere: until then the release stays. */
  private isSwitched(): boolean {
    const fd = this.kernel.openat(AT_FDCWD, this.path, O_PATH | O_DIRECTORY);
    if (fd < 0) return false;
    const identity = identityOf(this.kernel, fd);
    this.kernel.close(fd);
    return identity !== this.identity;
  }

  private switchOver(nowMs: number): boolean {
    let root: Root;
    try {
      root = Root.open(this.kernel, this.path);
    } catch {
      return false; // gone again, or no descriptor left: the next check will tell
    }
    // The watches of what goes are let go before the new root wants one: there may be none left.
    this.dropPrevious();
    if (this.options.keepPreviousMs > 0) {
      this.previous = this.current;
      this.previousUntilMs = nowMs + this.options.keepPreviousMs;
    } else {
      this.current.lookup.outdate();
      this.current.root.close();
    }
    this.current = this.releaseOf(root);
    this.identity = identityOf(this.kernel, root.descriptor);
    this.switches++;
    return true;
  }

  private dropPrevious(): void {
    this.previous?.lookup.outdate();
    this.previous?.root.close();
    this.previous = null;
  }

  /** Watches every name that the path goes through, those of its links' targets too. */
  private guard(): void {
    const before = this.guards;
    this.guards = [];
    this.untold = null;
    // Not resolve(), for which `current/..` is where the link lies, and not where it leads.
    let names = namesIn(isAbsolute(this.path) ? this.path : `${process.cwd()}/${this.path}`);
    let folder = '/';
    for (let links = 0; names.length > 0 && links <= MAX_LINKS; ) {
      const name = names.shift()!;
      if (name === '..') {
        folder = dirname(folder);
        continue;
      }
      this.watchName(folder, name);
      const target = this.kernel.readlinkat(AT_FDCWD, join(folder, name));
      if (typeof target === 'number') {
        folder = join(folder, name);
        continue;
      }
      links++;
      const text = Buffer.from(target).toString();
      if (text.startsWith('/')) folder = '/';
      names = [...namesIn(text), ...names];
    }
    for (const guard of before) guard.close();
  }

  private watchName(folder: string, name: string): void {
    const fd = this.kernel.openat(AT_FDCWD, folder, O_PATH | O_DIRECTORY);
    if (fd < 0) {
      this.untold ??= systemError('open', fd).message;
      return;
    }
    const guard = new Guard(this.watch, fd, Buffer.from(name).toString('latin1'), () => {
      this.dueMs = 0;
    });
    this.guards.push(guard);
    const type = this.kernel.fstatfs(fd);
    if (guard.wd === NOT_WATCHED) this.untold ??= this.watch.refusal ?? '';
    else if (!deliversEvents(type)) this.untold ??= silenceOf(silentName(type));
    this.kernel.close(fd);
  }
}

const namesIn = (path: string): string[] => path.split('/').filter((name) => name !== '' && name !== '.');
