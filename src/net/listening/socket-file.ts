import { chmodSync, fchmodSync, lstatSync, type Stats, unlinkSync } from 'node:fs';
import { constants } from '../../sys/binding.js';
import { check, EACCES, EADDRINUSE, ECONNREFUSED, systemError } from '../../sys/errno.js';
import type { Kernel } from '../../sys/kernel.js';
import type { UnixAddress } from './listen-address.js';

const { AF_UNIX, SOCK_NONBLOCK, SOCK_STREAM } = constants;

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
 * bind(2) to a path or an abstract name. The file of a server that has ended is taken over: connect(2) is refused there.
 * @returns null for an abstract name
 * @throws a system error: EADDRINUSE if a server listens there, or if there is another kind of file (with `isFile`);
 *   EACCES if that cannot be known, or the directory does not permit it
 */
export function bindUnix(kernel: Kernel, fd: number, { path, mode }: UnixAddress): SocketFile | null {
  if (path.startsWith('\0')) {
    check('bind', kernel.bind(fd, path, 0));
    return null;
  }
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
