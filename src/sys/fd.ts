/** The highest number that a descriptor, a C int, can have. */
const LAST_FD = 0x7fffffff;

/**
 * Refuses what cannot be a descriptor. Whether it is open, only a system call tells (EBADF).
 * @throws TypeError when it is no integer, RangeError when it is negative or beyond a C int
 */
export function assertFd(fd: number, name = 'fd'): void {
  if (!Number.isInteger(fd)) throw new TypeError(`${name} must be an integer, a file descriptor, not ${String(fd)}`);
  if (fd < 0 || fd > LAST_FD) throw new RangeError(`${name} must be a file descriptor from 0 to ${LAST_FD}, not ${fd}`);
}
