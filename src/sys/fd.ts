import { argumentRangeError, argumentTypeError } from './error-code.js';

/** The greatest descriptor: a C int. */
const LAST_FD = 0x7fffffff;

/**
 * Checks that a number can be a descriptor. Whether it is open, only a system call can find out (EBADF).
 * @throws TypeError if it is not an integer, RangeError if it is negative or beyond a C int
 */
export function assertFd(fd: number, name = 'fd'): void {
  if (!Number.isInteger(fd))
    throw argumentTypeError(`${name} must be an integer, a file descriptor, not ${String(fd)}`);
  if (fd < 0 || fd > LAST_FD)
    throw argumentRangeError(`${name} must be a file descriptor from 0 to ${LAST_FD}, not ${fd}`);
}
