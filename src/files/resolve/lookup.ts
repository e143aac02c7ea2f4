import { CODINGS, type ContentCoding } from '../../http/semantics/accept-encoding.js';
import { constants } from '../../sys/binding.js';
import { readEntries } from '../../sys/directory.js';
import { EINVAL, ELOOP, ENOENT, ENOTDIR, EXDEV } from '../../sys/errno.js';
import { deviceInode } from '../../sys/file-id.js';
import type { Kernel } from '../../sys/kernel.js';
import type { SymlinkPolicy } from '../rules/site-options.js';
import type { Inotify } from '../watch/inotify.js';
import { ESCAPING_SYMLINK, NO_OPENAT2 } from '../watch/unwatched.js';
import {
  ANY_ENTRY,
  type Dependencies,
  MANY_NAMES,
  type WatchedDirectory,
  watchDirectory,
} from '../watch/watched-directory.js';
import { type NotAFile, type OpenFile, openFile } from './open-file.js';
import type { Root } from './root.js';

const { O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY } = constants;

/** As many as the kernel itself follows in one name, path_resolution(7). */
const MAX_SYMLINKS = 40;
const SLASH = 0x2f;

/** How many links may still be followed, and whether the last one's target ended with a slash. */
interface SymlinkBudget {
  left: number;
  needsDirectory: boolean;
}

/**
 * Finds names beneath a root and notes what the answer depends on: every folder on the way is watched before it is
 * looked into, and links are followed by hand, one openat2(2) without links for each step, so that it is known which.
 */
export class Lookup {
  private top: WatchedDirectory;
  private epoch = 0;

  /** @param revalidateMs how often a watch that was refused is asked for again, where a folder is looked at by time */
  constructor(
    private readonly kernel: Kernel,
    private readonly root: Root,
    private readonly watch: Inotify,
    private readonly symlinks: SymlinkPolicy,
    private readonly revalidateMs: number,
  ) {
    this.top = this.watchTop();
  }

  /** Nothing that was found holds any more. */
  invalidate(): void {
    this.top.onDirectoryChanged();
  }

  /** A name may lead to another folder by now, and nobody told: each is looked at when it is next on the way. */
  markUnverified(): void {
    this.epoch++;
  }

  /** A regular file; its descriptor is the caller's. */
  file(name: Uint8Array, wallMs: number, dependencies: Dependencies): OpenFile | NotAFile {
    if (this.root.pathResolution === 'walk') {
      dependencies.markUnwatched(NO_OPENAT2); // the walk follows links by itself
      return openFile(this.kernel, (each, flags) => this.openFollowing(each, flags), name, wallMs);
    }
    const names = pathNames(Buffer.from(name));
    const budget = this.symlinkBudget();
    for (;;) {
      let refusal = this.resolveComponents(names, dependencies, budget);
      if (refusal >= 0) {
        const file = openFile(this.kernel, (each, flags) => this.root.openPlain(each, flags), join(names), wallMs);
        if (file !== ELOOP) return budget.needsDirectory ? this.rejectDirectorySlash(file) : file;
        refusal = this.expandSymlink(names, names.length - 1, budget, dependencies);
      }
      if (refusal === EXDEV && this.symlinks === 'follow') return this.openOutsideRoot(name, wallMs, dependencies);
      if (refusal < 0) return refusal;
    }
  }

  /** Opens a folder to read its entries, all of which are depended on; the descriptor is the caller's. */
  directory(name: Uint8Array, dependencies: Dependencies): number {
    if (this.root.pathResolution === 'walk') {
      dependencies.markUnwatched(NO_OPENAT2);
      return this.openFollowing(name, O_RDONLY | O_DIRECTORY);
    }
    const names = [...pathNames(Buffer.from(name)), ANY_ENTRY];
    const refusal = this.resolveComponents(names, dependencies, this.symlinkBudget());
    if (refusal === EXDEV && this.symlinks === 'follow') {
      dependencies.markUnwatched(ESCAPING_SYMLINK); // nobody watches outside
      return this.root.openAnywhere(name, O_RDONLY | O_DIRECTORY);
    }
    return refusal < 0 ? refusal : this.root.openPlain(join(names.slice(0, -1)), O_RDONLY | O_DIRECTORY);
  }

  /** The coded forms that may lie beside a file that was found with these dependencies. */
  precompressedCodings(name: Uint8Array, { directory }: Dependencies): readonly ContentCoding[] {
    if (directory === null) return CODINGS;
    const base = Buffer.from(name).toString('latin1').replace(/.*\//s, '');
    return directory.precompressedCodings(base, () => this.namesOf(directory));
  }

  /** What a folder has; null when that is much, or is not to be read. */
  private namesOf(folder: WatchedDirectory): string[] | null {
    const fd = this.root.openPlain(Buffer.from(folder.path, 'latin1'), O_RDONLY | O_DIRECTORY);
    if (fd < 0) return null;
    const names: string[] = [];
    const keep = (name: Buffer): void => void names.push(name.toString('latin1'));
    const result = readEntries(this.kernel, fd, keep, () => names.length > MANY_NAMES);
    this.kernel.close(fd);
    return result < 0 || names.length > MANY_NAMES ? null : names;
  }

  /** An O_PATH descriptor of what a name leads to, links followed as far as the policy allows; the caller's. */
  openPath(name: Uint8Array): number {
    return this.symlinks === 'deny' ? ELOOP : this.openFollowing(name, O_PATH);
  }

  private watchTop(): WatchedDirectory {
    return watchDirectory(this.kernel, this.watch, null, '', this.root.descriptor);
  }

  private openFollowing(name: Uint8Array, flags: number): number {
    if (this.symlinks === 'deny') return this.root.openPlain(name, flags);
    const fd = this.root.openBeneath(name, flags);
    return fd === EXDEV && this.symlinks === 'follow' ? this.root.openAnywhere(name, flags) : fd;
  }

  /** A link that leads out of the root: nobody watches there. */
  private openOutsideRoot(name: Uint8Array, wallMs: number, dependencies: Dependencies): OpenFile | NotAFile {
    if (this.symlinks !== 'follow') return EXDEV;
    dependencies.markUnwatched(ESCAPING_SYMLINK);
    return openFile(this.kernel, (each, flags) => this.root.openAnywhere(each, flags), name, wallMs);
  }

  private symlinkBudget(): SymlinkBudget {
    return { left: this.symlinks === 'deny' ? 0 : MAX_SYMLINKS, needsDirectory: false };
  }

  /** What a slash stands behind is a folder or nothing, path_resolution(7). */
  private rejectDirectorySlash(found: OpenFile | NotAFile): NotAFile {
    if (typeof found === 'number') return found;
    this.kernel.close(found.fd);
    return ENOTDIR;
  }

  /** Makes the folders on the way such that none is a link, and notes them all. Returns 0, or -errno. */
  private resolveComponents(names: string[], dependencies: Dependencies, budget: SymlinkBudget): number {
    if (this.top.isGone) this.top = this.watchTop();
    else this.rewatch(this.top, this.root.descriptor);
    const folders = [this.top];
    for (let at = 0; at < names.length; ) {
      const name = names[at]!;
      if (name === '..') {
        if (at === 0) return EXDEV;
        names.splice(--at, 2);
        folders.pop();
        continue;
      }
      dependencies.add(folders[at]!, name);
      if (at === names.length - 1) {
        dependencies.directory ??= folders[at]!;
        return 0;
      }
      const next = this.openComponent(folders[at]!, names, at);
      if (typeof next === 'object') {
        folders.push(next);
        at++;
        continue;
      }
      const refusal = next === ELOOP ? this.expandSymlink(names, at, budget, dependencies) : next;
      if (refusal < 0) return refusal;
    }
    return 0;
  }

  /** The folder that stands at `names[at]`, or -errno; ELOOP for a link. */
  private openComponent(folder: WatchedDirectory, names: readonly string[], at: number): WatchedDirectory | number {
    const name = names[at]!;
    const known = folder.children.get(name);
    if (known?.isWatched && known.verifiedEpoch === this.epoch) return known;
    const fd = this.root.openPlain(join(names.slice(0, at + 1)), O_PATH | O_DIRECTORY);
    if (fd < 0) return fd;
    if (known !== undefined && known.deviceInode !== deviceInode(this.kernel, fd)) known.onDirectoryChanged();
    const child = folder.children.get(name) ?? watchDirectory(this.kernel, this.watch, folder, name, fd);
    if (child === known) this.rewatch(child, fd);
    child.verifiedEpoch = this.epoch;
    this.kernel.close(fd);
    return child;
  }

  private rewatch(folder: WatchedDirectory, fd: number): void {
    folder.rewatch(fd, this.kernel.monotonicMs, this.revalidateMs);
  }

  /** Puts what a link at `names[at]` stands for in its place. Returns 0, or -errno. */
  private expandSymlink(names: string[], at: number, budget: SymlinkBudget, dependencies: Dependencies): number {
    if (budget.left-- === 0) return ELOOP;
    const fd = this.root.openPlain(join(names.slice(0, at + 1)), O_PATH | O_NOFOLLOW);
    if (fd < 0) return fd;
    const target = this.kernel.readlinkat(fd, '');
    this.kernel.close(fd);
    if (target === EINVAL || target === ENOENT) return 0; // no link any more: whoever asked looks again
    if (typeof target === 'number') return target;
    dependencies.throughSymlink = true;
    if (target[0] === SLASH) return EXDEV;
    if (at === names.length - 1 && target[target.length - 1] === SLASH) budget.needsDirectory = true;
    names.splice(at, 1, ...pathNames(target));
    return 0;
  }
}

const pathNames = (path: Uint8Array): string[] =>
  Buffer.from(path.buffer, path.byteOffset, path.length)
    .toString('latin1')
    .split('/')
    .filter((name) => name !== '' && name !== '.');

const join = (names: readonly string[]): Buffer => Buffer.from(names.join('/'), 'latin1');
