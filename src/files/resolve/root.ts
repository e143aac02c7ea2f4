import { assert } from '../../sys/assert.js';
import { constants } from '../../sys/binding.js';
import { EAGAIN, ENOSYS, EPERM, systemError } from '../../sys/errno.js';
import type { Kernel } from '../../sys/kernel.js';
import { openByWalk } from './openat-walk.js';

const { AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_DIRECTORY, O_NOFOLLOW, O_PATH } = constants;
const { RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV } = constants;
const RESOLVE = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
const RESOLVE_PLAIN = RESOLVE | RESOLVE_NO_SYMLINKS;
const RESOLVE_IN_MOUNT = RESOLVE_PLAIN | RESOLVE_NO_XDEV;
const DOT = Buffer.from('.');

/** A concurrent rename makes openat2 fail with EAGAIN, openat2(2); more often in a row it is not an accident. */
const RENAME_RETRIES = 16;

/** How names are kept from leading out of the root. */
export type PathResolution = 'openat2' | 'walk';

/**
 * The directory that is served. Every name is opened below its descriptor: by openat2(2) with RESOLVE_BENEATH, or, where
 * the kernel (before 5.6) or a seccomp profile does not allow that, by a walk that is as strict. Probed once, by `open`.
 */
export class Root {
  private constructor(
    private readonly kernel: Kernel,
    private fd: number,
    readonly path: string,
    readonly pathResolution: PathResolution,
  ) {}

  /** @throws a system error with `path`: ENOENT, ENOTDIR, EACCES */
  static open(kernel: Kernel, path: string): Root {
    const fd = kernel.openat(AT_FDCWD, path, O_PATH | O_DIRECTORY);
    if (fd < 0) throw Object.assign(systemError('open', fd, `'${path}'`), { path });
    const probe = kernel.openat2(fd, '.', O_PATH | O_DIRECTORY, RESOLVE);
    if (probe >= 0) {
      kernel.close(probe);
      return new Root(kernel, fd, path, 'openat2');
    }
    if (probe === ENOSYS || probe === EPERM) return new Root(kernel, fd, path, 'walk');
    kernel.close(fd);
    throw Object.assign(systemError('openat2', probe, `'${path}'`), { path });
  }

  /** An O_PATH descriptor of the directory; the root's own. */
  get descriptor(): number {
    return this.fd;
  }

  /**
   * Opens a name below the root, following symlinks that stay there; the descriptor is the caller's.
   * @returns a descriptor, or -errno: EXDEV for a symlink that leads out, ELOOP, ENOENT, ENOTDIR, ENAMETOOLONG, EACCES,
   *   EMFILE
   */
  openBeneath(name: Uint8Array, flags: number): number {
    return this.open(name, flags, RESOLVE);
  }

  /** The same without following any symlink: ELOOP. With O_PATH and O_NOFOLLOW a symlink as the last name is opened. */
  openPlain(name: Uint8Array, flags: number): number {
    return this.open(name, flags, RESOLVE_PLAIN);
  }

  /** The same within the mount of the root: EXDEV where a name on the way, or the last, is a mount. Needs openat2(2). */
  openInMount(name: Uint8Array, flags: number): number {
    return this.open(name, flags, RESOLVE_IN_MOUNT);
  }

  /** `Kernel.openRead` for a name that is a part of bytes, as `openInMount` resolves it. Needs openat2(2). */
  openRead(
    path: Uint8Array,
    start: number,
    end: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    out: Float64Array,
  ): number {
    assert(this.fd >= 0, 'the root is closed');
    return this.kernel.openRead(this.fd, path, start, end - start, RESOLVE_IN_MOUNT, bytes, offset, length, out);
  }

  /** fstat(2) of a directory below the root, whose name is a part of bytes; empty for the root. Follows symlinks on the way. */
  directoryStatus(bytes: Uint8Array, start: number, end: number, out: Float64Array): number {
    if (start === end) return this.kernel.fstat(this.fd, out);
    return this.kernel.fstatat(this.fd, bytes, start, end - start, AT_SYMLINK_NOFOLLOW, out);
  }

  /** Whether a name in a directory is a mount of its own, as far as can be known. Needs openat2(2). */
  isMount(directory: Uint8Array, name: Uint8Array): boolean {
    const parent = this.openPlain(directory, O_PATH | O_DIRECTORY);
    if (parent < 0) return true;
    const fd = this.kernel.openat2(parent, name, O_PATH | O_NOFOLLOW, RESOLVE | RESOLVE_NO_XDEV);
    this.kernel.close(parent);
    if (fd >= 0) this.kernel.close(fd);
    return fd < 0;
  }

  /** Opens a name and follows symlinks wherever they lead, as open(2) does. */
  openAnywhere(name: Uint8Array, flags: number): number {
    assert(this.fd >= 0, 'the root is closed');
    return this.kernel.openat(this.fd, name.length === 0 ? DOT : name, flags);
  }

  private open(name: Uint8Array, flags: number, resolve: number): number {
    assert(this.fd >= 0, 'the root is closed');
    const path = name.length === 0 ? DOT : name;
    if (this.pathResolution === 'walk') return openByWalk(this.kernel, this.fd, path, flags, resolve === RESOLVE);
    let fd = this.kernel.openat2(this.fd, path, flags, resolve);
    for (let retries = 0; fd === EAGAIN && retries < RENAME_RETRIES; retries++) {
      fd = this.kernel.openat2(this.fd, path, flags, resolve);
    }
    return fd;
  }

  /** Idempotent. */
  close(): void {
    if (this.fd < 0) return;
    this.kernel.close(this.fd);
    this.fd = -1;
  }
}
