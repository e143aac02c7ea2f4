import { chmodSync, fchmodSync, lstatSync, type Stats, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { constants } from '../../sys/binding.js';
import { check, EACCES, EADDRINUSE, ECONNREFUSED, EWOULDBLOCK, systemError } from '../../sys/errno.js';
import type { Kernel } from '../../sys/kernel.js';
import type { UnixAddress } from './listen-address.js';

const { AF_UNIX, AT_FDCWD, LOCK_EX, LOCK_NB, O_DIRECTORY, O_RDONLY, SOCK_NONBLOCK, SOCK_STREAM } = constants;

/** A start has the lock for a fraction of a millisecond; half a second is enough on a busy machine. */
const LOCK_WAIT_MS = 1;
const LOCK_WAITS = 500;

/**
 * Everyone may connect, as with nginx, systemd and uvicorn: connect(2) needs permission to write, and a proxy has a user
 * of its own. A mode, or the permissions of its directory, restrict it.
 */
export const DEFAULT_UNIX_MODE = 0o666;

/** The file of a bound Unix socket. */
export class SocketFile {
  private constructor(
    private readonly path: string,
    private readonly dev: number,
    private readonly ino: number,
  ) {}

  static of(path: string): SocketFile {
    const { dev, ino } = lstatSync(path);
    return new SocketFile(path, dev, ino);
  }

  /** Removes the file, unless another server has put its own in its place. */
  remove(): void {
    const now = statOf(this.path);
    if (now?.dev === this.dev && now.ino === this.ino) unlink(this.path);
  }
}

/**
 * Calls bind(2) and listen(2) for a path or an abstract name. The file of a server that has ended is taken over: connect(2)
 * is refused there.
 * @returns null for an abstract name
 * @throws a system error: EADDRINUSE if a server listens there, or if there is another kind of file (with `isFile`);
 *   EACCES if that cannot be known, or the directory does not permit it
 */
export function listenUnix(kernel: Kernel, fd: number, address: UnixAddress, backlog: number): SocketFile | null {
  if (address.path.startsWith('\0')) {
    check('bind', kernel.bind(fd, address.path, 0));
    check('listen', kernel.listen(fd, backlog));
    return null;
  }
  const lock = lockedDirectory(kernel, address.path);
  try {
    const file = bind(kernel, fd, address);
    const result = kernel.listen(fd, backlog);
    if (result < 0) file.remove();
    check('listen', result);
    return file;
  } finally {
    if (lock >= 0) kernel.close(lock);
  }
}

/**
 * Locks the directory of a socket from bind(2) to listen(2), in between which connect(2) is refused as by a file that is
 * stale: of two servers that start at the same time, one would remove the file of the other. A lock file would stay
 * behind. Without the lock where the directory may not be read, or has one of another purpose, such as that of flock(1).
 * @returns a descriptor, whose close(2) ends the lock; an errno
 */
function lockedDirectory(kernel: Kernel, path: string): number {
  const fd = kernel.openat(AT_FDCWD, dirname(path), O_RDONLY | O_DIRECTORY);
  if (fd < 0) return fd;
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let waits = 0; waits < LOCK_WAITS && kernel.flock(fd, LOCK_EX | LOCK_NB) === EWOULDBLOCK; waits++)
    Atomics.wait(clock, 0, 0, LOCK_WAIT_MS);
  return fd;
}

function bind(kernel: Kernel, fd: number, { path, mode }: UnixAddress): SocketFile {
  // The kernel makes the file with the permissions of the socket, less the umask: it is never more open than asked for.
  fchmodSync(fd, mode ?? DEFAULT_UNIX_MODE);
  let result = kernel.bind(fd, path, 0);
  if (result === EADDRINUSE) {
    const found = statOf(path);
    if (found !== null && !found.isSocket()) throw Object.assign(systemError('bind', result), { isFile: true });
    if (found !== null && isStale(kernel, path)) unlink(path);
    result = kernel.bind(fd, path, 0);
  }
  check('bind', result);
  chmodSync(path, mode ?? DEFAULT_UNIX_MODE);
  return SocketFile.of(path);
}

function isStale(kernel: Kernel, path: string): boolean {
  const fd = check('socket', kernel.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
  const result = kernel.connect(fd, path, 0);
  kernel.close(fd);
  if (result === EACCES) check('connect', result);
  return result === ECONNREFUSED;
}

function statOf(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null;
}

function unlink(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
