import { constants } from '../../sys/binding.js';
import { ELOOP, ENOTDIR, EXDEV } from '../../sys/errno.js';
import { type Kernel, STAT_WORDS, Stat } from '../../sys/kernel.js';
import { MAX_SYMLINKS, PathWalk } from './path-walk.js';

const { O_DIRECTORY, O_NOFOLLOW, O_PATH, S_IFDIR, S_IFLNK, S_IFMT } = constants;

/**
 * openat2(2) with RESOLVE_BENEATH in user space: one name at a time, each opened by O_PATH and O_NOFOLLOW in the directory
 * before it, so that nothing can be exchanged between check and use. Symlinks are expanded by hand and must be relative;
 * `..` goes back to the descriptor before, and above the root it is EXDEV.
 */
export function openByWalk(
  kernel: Kernel,
  rootFd: number,
  path: Uint8Array,
  flags: number,
  followSymlinks: boolean,
): number {
  const stat = new Float64Array(STAT_WORDS);
  const directories: number[] = [rootFd];
  const walk = new PathWalk(path, followSymlinks ? MAX_SYMLINKS : 0);
  try {
    for (;;) {
      if (walk.isAbsolute) return EXDEV;
      const { name } = walk;
      const parent = directories.at(-1)!;
      if (name === undefined) return kernel.openat(parent, '.', flags | O_DIRECTORY);
      if (name === '..') {
        if (!walk.leave()) return EXDEV;
        kernel.close(directories.pop()!);
        continue;
      }
      const bytes = Buffer.from(name, 'latin1');
      const fd = kernel.openat(parent, bytes, O_PATH | O_NOFOLLOW);
      if (fd < 0) return fd;
      const errno = kernel.fstat(fd, stat);
      const type = errno < 0 ? 0 : stat[Stat.mode]! & S_IFMT;
      if (type === S_IFDIR) {
        directories.push(fd);
        walk.enter();
        continue;
      }
      const target = type === S_IFLNK ? kernel.readlinkat(fd, '') : null;
      kernel.close(fd);
      if (errno < 0) return errno;
      if (typeof target === 'number') return target;
      if (target !== null) {
        if (!walk.countSymlink()) return ELOOP;
        walk.expand(target);
        continue;
      }
      if (!walk.isLast || walk.needsDirectory) return ENOTDIR;
      // It was not a symlink a moment ago. If it has become one, O_NOFOLLOW fails with ELOOP.
      return kernel.openat(parent, bytes, flags | O_NOFOLLOW);
    }
  } finally {
    for (const fd of directories.slice(1)) kernel.close(fd);
  }
}
