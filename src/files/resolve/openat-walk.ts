import { constants } from '../../sys/binding.js';
import { ELOOP, ENOTDIR, EXDEV } from '../../sys/errno.js';
import { type Kernel, STAT_WORDS, Stat } from '../../sys/kernel.js';

const { O_DIRECTORY, O_NOFOLLOW, O_PATH, S_IFDIR, S_IFLNK, S_IFMT } = constants;

/** As many as the kernel itself follows in one name, path_resolution(7). */
const MAX_SYMLINKS = 40;

/**
 * openat2(2) with RESOLVE_BENEATH in user space: one component at a time, each opened by O_PATH and O_NOFOLLOW in the
 * folder before it, so that nothing can be exchanged between check and use. Links are followed by hand and must be
 * relative; `..` goes back to the descriptor that led here, and above the root it is EXDEV.
 */
export function openByWalk(
  kernel: Kernel,
  rootFd: number,
  path: Uint8Array | string,
  flags: number,
  links: boolean,
): number {
  const stat = new Float64Array(STAT_WORDS);
  const folders: number[] = [rootFd];
  const todo = pathNames(path);
  if (todo.absolute) return EXDEV;
  let linksLeft = links ? MAX_SYMLINKS : 0;
  let needsFolder = todo.trailingSlash;
  try {
    for (;;) {
      const name = todo.names.shift();
      const here = folders[folders.length - 1]!;
      if (name === undefined) return kernel.openat(here, '.', flags | O_DIRECTORY);
      if (name === '..') {
        if (folders.length === 1) return EXDEV;
        kernel.close(folders.pop()!);
        continue;
      }
      const bytes = Buffer.from(name, 'latin1');
      const fd = kernel.openat(here, bytes, O_PATH | O_NOFOLLOW);
      if (fd < 0) return fd;
      const failed = kernel.fstat(fd, stat);
      const kind = failed < 0 ? 0 : stat[Stat.mode]! & S_IFMT;
      if (kind === S_IFDIR) {
        folders.push(fd);
        continue;
      }
      if (kind === S_IFLNK) {
        const target = kernel.readlinkat(fd, '');
        kernel.close(fd);
        if (typeof target === 'number') return target;
        if (linksLeft-- === 0) return ELOOP;
        const more = pathNames(target);
        if (more.absolute) return EXDEV;
        needsFolder ||= more.trailingSlash && todo.names.length === 0;
        todo.names.unshift(...more.names);
        continue;
      }
      kernel.close(fd);
      if (failed < 0) return failed;
      if (todo.names.length > 0 || needsFolder) return ENOTDIR;
      // The last name, and no link a moment ago: if it has become one, O_NOFOLLOW refuses it.
      return kernel.openat(here, bytes, flags | O_NOFOLLOW);
    }
  } finally {
    for (const fd of folders.slice(1)) kernel.close(fd);
  }
}

/** Names as latin1 strings, one character a byte; `.` and empty ones say nothing. */
function pathNames(path: Uint8Array | string): { names: string[]; absolute: boolean; trailingSlash: boolean } {
  const text = Buffer.from(path as Uint8Array).toString('latin1');
  const names = text.split('/').filter((name) => name !== '' && name !== '.');
  return { names, absolute: text.startsWith('/'), trailingSlash: text.endsWith('/') };
}
