import { CODINGS, type ContentCoding } from '../../http/semantics/accept-encoding.js';
import { constants } from '../../sys/binding.js';
import { readEntries } from '../../sys/directory.js';
import { EINVAL, ELOOP, ENOENT, ENOTDIR, EXDEV } from '../../sys/errno.js';
import { deviceInode } from '../../sys/file-id.js';
import type { Kernel } from '../../sys/kernel.js';
import type { SymlinkPolicy } from '../rules/site-options.js';
import { Dependencies } from '../watch/dependencies.js';
import { type FileSystem, FileSystems } from '../watch/file-system.js';
import type { Inotify } from '../watch/inotify.js';
import { ESCAPING_SYMLINK, FILE_MOUNT, NO_OPENAT2 } from '../watch/unwatched.js';
import { ANY_ENTRY, MANY_NAMES, type WatchedDirectory, watchDirectory } from '../watch/watched-directory.js';
import { type NotAFile, type Opener, type OpenFile, openFile } from './open-file.js';
import { MAX_SYMLINKS, PathWalk } from './path-walk.js';
import type { Root } from './root.js';

const { O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY } = constants;

/**
 * Opens names below a root and collects what each result depends on, so that inotify can invalidate it. With openat2(2) it
 * works as follows; without it, `openByWalk` resolves whole paths, and everything is unwatched.
 *
 * 1. Every directory on the way is watched before it is looked into, so that no change is missed. Known directories
 *    (`WatchedDirectory`) are not opened again, unless `markUnverified` was called.
 * 2. Names are opened with RESOLVE_NO_SYMLINKS. ELOOP means that one is a symlink: it is read and expanded (`PathWalk`), and
 *    the directories on its way are dependencies too.
 * 3. The last name is a dependency whether it exists or not: its creation invalidates a 404. So is a symlink on the way. A
 *    directory on the way is not: when its own name changes, it invalidates what depends on the names in it.
 *
 * A symlink that is absolute or leads out of the root is EXDEV, unless the policy is `follow`: then it is followed as
 * by open(2), and unwatched. If the policy is `deny`, every symlink is ELOOP.
 */
export class Lookup {
  private top: WatchedDirectory;
  /** Directories that were verified in it lead where they led then. */
  epoch = 0;
  private readonly fileSystems: FileSystems;

  /** @param revalidateMs the interval at which a failed watch is tried again */
  constructor(
    private readonly kernel: Kernel,
    private readonly root: Root,
    private readonly inotify: Inotify,
    private readonly symlinks: SymlinkPolicy,
    private readonly revalidateMs: number,
  ) {
    this.fileSystems = new FileSystems(kernel);
    this.top = watchDirectory(kernel, inotify, null, '', root.descriptor);
  }

  invalidate(): void {
    this.fileSystems.forget();
    this.top.onDirectoryChanged();
  }

  /** A name may lead to another directory without an event (a mount): each is opened and compared when it is next used. */
  markUnverified(): void {
    this.epoch++;
  }

  /** Opens a regular file; its descriptor is the caller's. */
  file(name: Uint8Array, wallMs: number, dependencies: Dependencies): OpenFile | NotAFile {
    if (this.root.pathResolution === 'walk') {
      dependencies.markUnwatched(NO_OPENAT2);
      return this.openFile((each, flags) => this.openFollowing(each, flags), name, wallMs);
    }
    const walk = new PathWalk(name, this.symlinks === 'deny' ? 0 : MAX_SYMLINKS);
    for (;;) {
      const parent = this.resolveDirectories(walk, dependencies);
      let errno = typeof parent === 'number' ? parent : 0;
      if (typeof parent === 'object') {
        const file = this.fileIn(parent, walk, wallMs, dependencies);
        if (typeof file === 'object' && walk.needsDirectory) {
          this.kernel.close(file.fd);
          return ENOTDIR; // a trailing slash requires a directory, path_resolution(7)
        }
        if (file !== ELOOP) return file;
        errno = this.expandSymlink(walk, dependencies);
      }
      if (errno === EXDEV && this.symlinks === 'follow') {
        dependencies.markUnwatched(ESCAPING_SYMLINK);
        return this.openFile((each, flags) => this.root.openAnywhere(each, flags), name, wallMs);
      }
      if (errno < 0) return errno;
    }
  }

  /**
   * Opens the last name of a path whose directory is resolved. A file that is a mount is written under the other names that
   * it has elsewhere: no watch of this directory reports that.
   */
  private fileIn(
    directory: WatchedDirectory,
    walk: PathWalk,
    wallMs: number,
    dependencies: Dependencies,
  ): OpenFile | NotAFile {
    const { root } = this;
    let isPlain = directory.isBelowMount;
    const open = (each: Uint8Array, flags: number): number => {
      const fd = isPlain ? EXDEV : root.openInMount(each, flags);
      if (fd !== EXDEV) return fd;
      isPlain = true;
      return root.openPlain(each, flags);
    };
    const file = this.openFile(open, walk.path, wallMs);
    if (typeof file === 'object' && isPlain) {
      const isMount = !directory.isBelowMount || root.isMount(walk.parent, Buffer.from(walk.name!, 'latin1'));
      if (isMount) dependencies.markUnwatched(FILE_MOUNT);
    }
    return file;
  }

  private openFile(open: Opener, name: Uint8Array, wallMs: number): OpenFile | NotAFile {
    return openFile(this.kernel, open, name, wallMs, this.fileSystems);
  }

  /** Opens a directory to read its entries, which all become dependencies. Returns a descriptor, the caller's, or -errno. */
  directory(name: Uint8Array, dependencies: Dependencies): number {
    if (this.root.pathResolution === 'walk') {
      dependencies.markUnwatched(NO_OPENAT2);
      return this.openFollowing(name, O_RDONLY | O_DIRECTORY);
    }
    const walk = new PathWalk(name, this.symlinks === 'deny' ? 0 : MAX_SYMLINKS);
    walk.names.push(ANY_ENTRY);
    const directory = this.resolveDirectories(walk, dependencies);
    if (directory === EXDEV && this.symlinks === 'follow') {
      dependencies.markUnwatched(ESCAPING_SYMLINK);
      return this.root.openAnywhere(name, O_RDONLY | O_DIRECTORY);
    }
    return typeof directory === 'number' ? directory : this.root.openPlain(walk.parent, O_RDONLY | O_DIRECTORY);
  }

  /**
   * A directory, watched like those on the way to it; null if that cannot be, or a symlink or a mount is on the way. Until it is
   * gone, and as long as `epoch` is the same, names in it depend on nothing else.
   */
  watchedDirectory(name: Uint8Array): WatchedDirectory | null {
    const walk = new PathWalk(name, 0);
    walk.names.push(ANY_ENTRY);
    const dependencies = new Dependencies();
    const directory = this.resolveDirectories(walk, dependencies);
    if (typeof directory === 'number' || !dependencies.areWatched || directory.isBelowMount) return null;
    return directory;
  }

  /** Of a file, by its fstat(2); null if it is not known yet. */
  fileSystemOf(stat: Float64Array, wallMs: number): FileSystem | null {
    return this.fileSystems.known(stat, wallMs);
  }

  /** The codings in which a file, opened with these dependencies, may have a precompressed file next to it. */
  precompressedCodings(name: Uint8Array, { directory }: Dependencies): readonly ContentCoding[] {
    if (directory === null) return CODINGS;
    const base = Buffer.from(name).toString('latin1').replace(/.*\//s, '');
    return directory.precompressedCodings(base, () => this.namesIn(directory));
  }

  /** Null if there are more than MANY_NAMES, or on an error. */
  private namesIn(directory: WatchedDirectory): string[] | null {
    const fd = this.root.openPlain(Buffer.from(directory.path, 'latin1'), O_RDONLY | O_DIRECTORY);
    if (fd < 0) return null;
    const names: string[] = [];
    const add = (name: Buffer): void => void names.push(name.toString('latin1'));
    const errno = readEntries(this.kernel, fd, add, () => names.length > MANY_NAMES);
    this.kernel.close(fd);
    return errno < 0 || names.length > MANY_NAMES ? null : names;
  }

  /** An O_PATH descriptor of what a name leads to, by symlinks as far as the policy allows; the caller's. */
  openPath(name: Uint8Array): number {
    return this.symlinks === 'deny' ? ELOOP : this.openFollowing(name, O_PATH);
  }

  private openFollowing(name: Uint8Array, flags: number): number {
    if (this.symlinks === 'deny') return this.root.openPlain(name, flags);
    const fd = this.root.openBeneath(name, flags);
    return fd === EXDEV && this.symlinks === 'follow' ? this.root.openAnywhere(name, flags) : fd;
  }

  /** Opens the directories on the way to the last name, and makes every name a dependency. Returns its directory, or -errno. */
  private resolveDirectories(walk: PathWalk, dependencies: Dependencies): WatchedDirectory | number {
    if (this.top.isGone) this.top = watchDirectory(this.kernel, this.inotify, null, '', this.root.descriptor);
    else this.top.rewatch(this.root.descriptor, this.kernel.monotonicMs, this.revalidateMs);
    const directories = [this.top];
    walk.restart();
    for (let { name } = walk; name !== undefined; { name } = walk) {
      if (name === '..') {
        if (!walk.leave()) return EXDEV;
        const { name: left } = directories.pop()!;
        dependencies.add(directories.at(-1)!, left); // what follows is not below it
        continue;
      }
      const parent = directories.at(-1)!;
      if (walk.isLast) {
        dependencies.add(parent, name);
        dependencies.directory ??= parent;
        return parent;
      }
      const next = this.openDirectory(parent, name, walk.path);
      if (typeof next === 'object') {
        dependencies.addDirectory(parent);
        directories.push(next);
        walk.enter();
        continue;
      }
      dependencies.add(parent, name);
      const errno = next === ELOOP ? this.expandSymlink(walk, dependencies) : next;
      if (errno < 0) return errno;
    }
    return directories.at(-1)!;
  }

  /** @returns the directory with a name in `parent`, or -errno: ELOOP for a symlink */
  private openDirectory(parent: WatchedDirectory, name: string, path: Buffer): WatchedDirectory | number {
    const known = parent.children.get(name);
    if (known?.isWatched && known.verifiedEpoch === this.epoch) return known;
    let fd = parent.isBelowMount ? EXDEV : this.root.openInMount(path, O_PATH | O_DIRECTORY);
    const isBelowMount = fd === EXDEV;
    if (isBelowMount) fd = this.root.openPlain(path, O_PATH | O_DIRECTORY);
    if (fd < 0) return fd;
    if (known !== undefined && known.deviceInode !== deviceInode(this.kernel, fd)) known.onDirectoryChanged();
    const child = parent.children.get(name) ?? watchDirectory(this.kernel, this.inotify, parent, name, fd);
    if (child === known) child.rewatch(fd, this.kernel.monotonicMs, this.revalidateMs);
    child.verifiedEpoch = this.epoch;
    child.isBelowMount = isBelowMount;
    this.kernel.close(fd);
    return child;
  }

  /** Returns 0, or -errno. */
  private expandSymlink(walk: PathWalk, dependencies: Dependencies): number {
    if (!walk.countSymlink()) return ELOOP;
    const fd = this.root.openPlain(walk.path, O_PATH | O_NOFOLLOW);
    if (fd < 0) return fd;
    const target = this.kernel.readlinkat(fd, '');
    this.kernel.close(fd);
    if (target === EINVAL || target === ENOENT) return 0; // not a symlink any more: the caller opens it again
    if (typeof target === 'number') return target;
    dependencies.throughSymlink = true;
    walk.expand(target);
    return walk.isAbsolute ? EXDEV : 0;
  }
}
