import { assert } from '../../sys/assert.js';
import { constants } from '../../sys/binding.js';
import { EAGAIN, ENOSYS, EPERM, systemError } from '../../sys/errno.js';
import type { Kernel } from '../../sys/kernel.js';
import { openByWalk } from './openat-walk.js';

const { AT_FDCWD, O_DIRECTORY, O_PATH, RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS } = constants;
const RESOLVE = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
const DOT = Buffer.from('.');

/** A rename elsewhere under way makes openat2 give up with EAGAIN, openat2(2); this often in a row it is no accident. */
const RENAME_RETRIES = 16;

/** How it is made sure that no name leads out of the root. */
export type PathResolution = 'openat2' | 'walk';

/**
 * The folder that is served. Every name is opened beneath its descriptor: by openat2(2) with RESOLVE_BENEATH, or, where
 * the kernel (before 5.6) or a seccomp profile has none, by a walk that is as strict. Which one is found out once.
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

  /** Of the folder itself, an O_PATH descriptor; the root's own. */
  get descriptor(): number {
    return this.fd;
  }

  /**
   * Opens a name beneath the root, following links that stay there; the descriptor is the caller's.
   * @returns -errno: EXDEV for a link that leads out, ELOOP, ENOENT, ENOTDIR, ENAMETOOLONG, EACCES, EMFILE
   */
  openBeneath(name: Uint8Array, flags: number): number {
    return this.open(name, flags, true);
  }

  /** The same without following any link: ELOOP; with O_PATH and O_NOFOLLOW the last name may be one, and is opened. */
  openPlain(name: Uint8Array, flags: number): number {
    return this.open(name, flags, false);
  }

  /** Opens a name and follows links wherever they lead, as open(2) does. */
  openAnywhere(name: Uint8Array, flags: number): number {
    assert(this.fd >= 0, 'the root is closed');
    return this.kernel.openat(this.fd, name.length === 0 ? DOT : name, flags);
  }

  private open(name: Uint8Array, flags: number, links: boolean): number {
    assert(this.fd >= 0, 'the root is closed');
    const path = name.length === 0 ? DOT : name;
    if (this.pathResolution === 'walk') return openByWalk(this.kernel, this.fd, path, flags, links);
    const resolve = links ? RESOLVE : RESOLVE | RESOLVE_NO_SYMLINKS;
    let fd = this.kernel.openat2(this.fd, path, flags, resolve);
    for (let retries = 0; fd === EAGAIN && retries < RENAME_RETRIES; retries++) {
      fd = this.kernel.openat2(this.fd, path, flags, resolve);
    }
    return fd;
  }

  /** Twice is fine. */
  close(): void {
    if (this.fd < 0) return;
    this.kernel.close(this.fd);
    this.fd = -1;
  }
}
