import { argumentRangeError, argumentTypeError, shown } from './error-code.js';

/** The greatest descriptor: a C int. */
const LAST_FD = 0x7fffffff;

/**
 * A descriptor, or an object that has one: in `fd`, as `fs.FileHandle`, terminals and this package's classes, or by
 * `fileno()`, as Python's file objects. The object stays the owner of the descriptor, and must not be collected or
 * closed while the descriptor is in use.
 */
export type HasFd = number | { readonly fd: number } | { fileno(): number };

/**
 * Checks that a number can be a descriptor. Whether it is open, only a system call can find out (EBADF).
 * @throws TypeError if it is not an integer, RangeError if it is negative or beyond a C int
 */
export function assertFd(fd: number, name = 'fd'): void {
  if (!Number.isInteger(fd)) throw argumentTypeError(`${name} must be an integer, a file descriptor, not ${shown(fd)}`);
  if (fd < 0 || fd > LAST_FD)
    throw argumentRangeError(`${name} must be a file descriptor from 0 to ${LAST_FD}, not ${fd}`);
}

/**
 * The descriptor that `value` is or has. `fd` is preferred to `fileno()` if an object has both.
 * @param name of the argument, for the error
 * @throws TypeError if there is no integer in it; RangeError if that is negative, as that of a closed object, or beyond
 *   a C int; what `fileno()` throws
 */
export function fdOf(value: HasFd, name = 'fd'): number {
  if (typeof value === 'number') {
    assertFd(value, name);
    return value;
  }
  const { fd, fileno } = Object(value) as { fd?: unknown; fileno?: unknown };
  if (typeof fd !== 'number' && typeof fileno === 'function') {
    const result: number = fileno.call(value);
    assertFd(result, `fileno() of ${name}`);
    return result;
  }
  if (typeof fd !== 'number') {
    throw argumentTypeError(
      `${name} must be a file descriptor, or an object that has one in fd or by fileno(), not ${shown(value)}`,
    );
  }
  if (fd === -1) throw argumentRangeError(`${name} is an object whose descriptor is closed: its fd is -1`);
  assertFd(fd, `the fd of ${name}`);
  return fd;
}
