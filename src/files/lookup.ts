import { constants } from '../sys/binding.js';
import { readEntries } from '../sys/directory.js';
import { EINVAL, ELOOP, ENOENT, ENOTDIR, EXDEV } from '../sys/errno.js';
import type { Kernel } from '../sys/kernel.js';
import { CODINGS, type Coding } from './encoding.js';
import { type NoFile, type OpenFile, openFile } from './file.js';
import { identityOf } from './identity.js';
import type { SymlinkPolicy } from './options.js';
import type { Root } from './root.js';
import { ANY_ENTRY, type Dependencies, type Folder, folderOf, MANY_NAMES } from './tree.js';
import { LINKS_OUT, NO_OPENAT2 } from './untold.js';
import type { Watch } from './watch.js';

const { O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY } = constants;

/** As many as the kernel itself follows in one name, path_resolution(7). */
const MAX_LINKS = 40;
const SLASH = 0x2f;

/** How many links may still be followed, and whether the last one's target ended with a slash. */
interface LinkBudget {
  left: number;
  needsFolder: boolean;
}

/**
 * Finds names beneath a root and notes what the answer depends on: every folder on the way is watched before it is
 * looked into, and links are followed by hand, one openat2(2) without links for each step, so that it is known which.
 */
export class Lookup {
  private top: Folder;
  private doubts = 0;

  /** @param freshnessMs how often a watch that was refused is asked for again, where a folder is looked at by time */
  constructor(
    private readonly kernel: Kernel,
    private readonly root: Root,
    private readonly watch: Watch,
    private readonly symlinks: SymlinkPolicy,
    private readonly freshnessMs: number,
  ) {
    this.top = this.watchTop();
  }

  /** Nothing that was found holds any more. */
  outdate(): void {
    this.top.folderChanged();
  }

  /** A name may lead to another folder by now, and nobody told: each is looked at when it is next on the way. */
  doubt(): void {
    this.doubts++;
  }

  /** A regular file; its descriptor is the caller's. */
  file(name: Uint8Array, wallMs: number, dependencies: Dependencies): OpenFile | NoFile {
    if (this.root.containment === 'walk') {
      dependencies.leaveUntold(NO_OPENAT2); // the walk follows links by itself
      return openFile(this.kernel, (each, flags) => this.openFollowing(each, flags), name, wallMs);
    }
    const names = namesIn(Buffer.from(name));
    const budget = this.linkBudget();
    for (;;) {
      let refusal = this.straighten(names, dependencies, budget);
      if (refusal >= 0) {
        const file = openFile(this.kernel, (each, flags) => this.root.openPlain(each, flags), join(names), wallMs);
        if (file !== ELOOP) return budget.needsFolder ? this.asFolder(file) : file;
        refusal = this.follow(names, names.length - 1, budget, dependencies);
      }
      if (refusal === EXDEV && this.symlinks === 'follow') return this.fileOutside(name, wallMs, dependencies);
      if (refusal < 0) return refusal;
    }
  }

  /** Opens a folder to read its entries, all of which are depended on; the descriptor is the caller's. */
  folder(name: Uint8Array, dependencies: Dependencies): number {
    if (this.root.containment === 'walk') {
      dependencies.leaveUntold(NO_OPENAT2);
      return this.openFollowing(name, O_RDONLY | O_DIRECTORY);
    }
    const names = [...namesIn(Buffer.from(name)), ANY_ENTRY];
    const refusal = this.straighten(names, dependencies, this.linkBudget());
    if (refusal === EXDEV && this.symlinks === 'follow') {
      dependencies.leaveUntold(LINKS_OUT); // nobody watches outside
      return this.root.openAnywhere(name, O_RDONLY | O_DIRECTORY);
    }
    return refusal < 0 ? refusal : this.root.openPlain(join(names.slice(0, -1)), O_RDONLY | O_DIRECTORY);
  }

  /** The coded forms that may lie beside a file that was found with these dependencies. */
  codingsBeside(name: Uint8Array, { folder }: Dependencies): readonly Coding[] {
    if (folder === null) return CODINGS;
    const base = Buffer.from(name).toString('latin1').replace(/.*\//s, '');
    return folder.codingsBeside(base, () => this.namesOf(folder));
  }

  /** What a folder has; null when that is much, or is not to be read. */
  private namesOf(folder: Folder): string[] | null {
    const fd = this.root.openPlain(Buffer.from(folder.path, 'latin1'), O_RDONLY | O_DIRECTORY);
    if (fd < 0) return null;
    const names: string[] = [];
    const keep = (name: Buffer): void => void names.push(name.toString('latin1'));
    const result = readEntries(this.kernel, fd, keep, () => names.length > MANY_NAMES);
    this.kernel.close(fd);
    return result < 0 || names.length > MANY_NAMES ? null : names;
  }

  /** An O_PATH descriptor of what a name leads to, links followed as far as the policy allows; the caller's. */
  look(name: Uint8Array): number {
    return this.symlinks === 'deny' ? ELOOP : this.openFollowing(name, O_PATH);
  }

  private watchTop(): Folder {
    return folderOf(this.kernel, this.watch, null, '', this.root.descriptor);
  }

  private openFollowing(name: Uint8Array, flags: number): number {
    if (this.symlinks === 'deny') return this.root.openPlain(name, flags);
    const fd = this.root.openBeneath(name, flags);
    return fd === EXDEV && this.symlinks === 'follow' ? this.root.openAnywhere(name, flags) : fd;
  }

  /** A link that leads out of the root: nobody watches there. */
  private fileOutside(name: Uint8Array, wallMs: number, dependencies: Dependencies): OpenFile | NoFile {
    if (this.symlinks !== 'follow') return EXDEV;
    dependencies.leaveUntold(LINKS_OUT);
    return openFile(this.kernel, (each, flags) => this.root.openAnywhere(each, flags), name, wallMs);
  }

  private linkBudget(): LinkBudget {
    return { left: this.symlinks === 'deny' ? 0 : MAX_LINKS, needsFolder: false };
  }

  /** What a slash stands behind is a folder or nothing, path_resolution(7). */
  private asFolder(found: OpenFile | NoFile): NoFile {
    if (typeof found === 'number') return found;
    this.kernel.close(found.fd);
    return ENOTDIR;
  }

  /** Makes the folders on the way such that none is a link, and notes them all. Returns 0, or -errno. */
  private straighten(names: string[], dependencies: Dependencies, budget: LinkBudget): number {
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
        dependencies.folder ??= folders[at]!;
        return 0;
      }
      const next = this.step(folders[at]!, names, at);
      if (typeof next === 'object') {
        folders.push(next);
        at++;
        continue;
      }
      const refusal = next === ELOOP ? this.follow(names, at, budget, dependencies) : next;
      if (refusal < 0) return refusal;
    }
    return 0;
  }

  /** The folder that stands at `names[at]`, or -errno; ELOOP for a link. */
  private step(folder: Folder, names: readonly string[], at: number): Folder | number {
    const name = names[at]!;
    const known = folder.children.get(name);
    if (known?.isTold && known.seenAfter === this.doubts) return known;
    const fd = this.root.openPlain(join(names.slice(0, at + 1)), O_PATH | O_DIRECTORY);
    if (fd < 0) return fd;
    if (known !== undefined && known.identity !== identityOf(this.kernel, fd)) known.folderChanged();
    const child = folder.children.get(name) ?? folderOf(this.kernel, this.watch, folder, name, fd);
    if (child === known) this.rewatch(child, fd);
    child.seenAfter = this.doubts;
    this.kernel.close(fd);
    return child;
  }

  private rewatch(folder: Folder, fd: number): void {
    folder.rewatch(fd, this.kernel.monotonicMs, this.freshnessMs);
  }

  /** Puts what a link at `names[at]` stands for in its place. Returns 0, or -errno. */
  private follow(names: string[], at: number, budget: LinkBudget, dependencies: Dependencies): number {
    if (budget.left-- === 0) return ELOOP;
    const fd = this.root.openPlain(join(names.slice(0, at + 1)), O_PATH | O_NOFOLLOW);
    if (fd < 0) return fd;
    const target = this.kernel.readlinkat(fd, '');
    this.kernel.close(fd);
    if (target === EINVAL || target === ENOENT) return 0; // no link any more: whoever asked looks again
    if (typeof target === 'number') return target;
    dependencies.areLinked = true;
    if (target[0] === SLASH) return EXDEV;
    if (at === names.length - 1 && target[target.length - 1] === SLASH) budget.needsFolder = true;
    names.splice(at, 1, ...namesIn(target));
    return 0;
  }
}

const namesIn = (path: Uint8Array): string[] =>
  Buffer.from(path.buffer, path.byteOffset, path.length)
    .toString('latin1')
    .split('/')
    .filter((name) => name !== '' && name !== '.');

const join = (names: readonly string[]): Buffer => Buffer.from(names.join('/'), 'latin1');
