import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

const { errno } = constants;

/*
 * The errnos as the calls return them: NEGATIVE, for comparisons such as `count === EAGAIN`. errno(3) has their
 * meanings. The numbers differ between architectures.
 */
export const E2BIG = -errno.E2BIG;
export const EACCES = -errno.EACCES;
export const EADDRINUSE = -errno.EADDRINUSE;
export const EADDRNOTAVAIL = -errno.EADDRNOTAVAIL;
export const EAFNOSUPPORT = -errno.EAFNOSUPPORT;
export const EAGAIN = -errno.EAGAIN;
export const EALREADY = -errno.EALREADY;
export const EBADF = -errno.EBADF;
export const EBUSY = -errno.EBUSY;
export const ECONNABORTED = -errno.ECONNABORTED;
export const ECONNREFUSED = -errno.ECONNREFUSED;
export const ECONNRESET = -errno.ECONNRESET;
export const EEXIST = -errno.EEXIST;
export const EFAULT = -errno.EFAULT;
export const EHOSTUNREACH = -errno.EHOSTUNREACH;
export const EINPROGRESS = -errno.EINPROGRESS;
export const EINTR = -errno.EINTR;
export const EINVAL = -errno.EINVAL;
export const EIO = -errno.EIO;
export const EISCONN = -errno.EISCONN;
export const EISDIR = -errno.EISDIR;
export const ELOOP = -errno.ELOOP;
export const EMFILE = -errno.EMFILE;
export const EMSGSIZE = -errno.EMSGSIZE;
export const ENAMETOOLONG = -errno.ENAMETOOLONG;
export const ENETUNREACH = -errno.ENETUNREACH;
export const ENFILE = -errno.ENFILE;
export const ENOBUFS = -errno.ENOBUFS;
export const ENODATA = -errno.ENODATA;
export const ENODEV = -errno.ENODEV;
export const ENOENT = -errno.ENOENT;
export const ENOMEM = -errno.ENOMEM;
export const ENOPROTOOPT = -errno.ENOPROTOOPT;
export const ENOSPC = -errno.ENOSPC;
export const ENOSYS = -errno.ENOSYS;
export const ENOTCONN = -errno.ENOTCONN;
export const ENOTDIR = -errno.ENOTDIR;
export const ENOTSOCK = -errno.ENOTSOCK;
export const ENXIO = -errno.ENXIO;
export const EOPNOTSUPP = -errno.EOPNOTSUPP;
export const EOVERFLOW = -errno.EOVERFLOW;
export const EPERM = -errno.EPERM;
export const EPIPE = -errno.EPIPE;
export const EPROTO = -errno.EPROTO;
export const EPROTONOSUPPORT = -errno.EPROTONOSUPPORT;
export const EPROTOTYPE = -errno.EPROTOTYPE;
export const ESPIPE = -errno.ESPIPE;
export const ETIMEDOUT = -errno.ETIMEDOUT;
export const EXDEV = -errno.EXDEV;

/** The names of the errnos that libuv, and so Node's own table, does not have. */
const namesBeyondLibuv = new Map(Object.entries(errno).map(([name, number]) => [-number, name]));

/**
 * An Error in the form of Node's system errors: `code` ('EEXIST'), `errno` (negative), `syscall`, and a message such as
 * `EEXIST: file already exists, epoll_ctl`.
 * @param syscall the call's name in the man pages
 * @param result what the call returned: -4095 to -1
 * @param detail is appended to the message: the descriptor or the path, for instance
 */
export function systemError(syscall: string, result: number, detail?: string): NodeJS.ErrnoException {
  const [code, text] = getSystemErrorMap().get(result) ?? [namesBeyondLibuv.get(result), undefined];
  const message = `${code ?? 'UNKNOWN'}: ${text ?? `system error ${result}`}, ${syscall}${detail ? ` ${detail}` : ''}`;
  const error: NodeJS.ErrnoException = new Error(message);
  error.errno = result;
  error.code = code ?? 'UNKNOWN';
  error.syscall = syscall;
  Error.captureStackTrace(error, systemError);
  return error;
}

/**
 * Returns a result that is not negative.
 * @throws the system error of a negative one
 */
export function check(syscall: string, result: number, detail?: string): number {
  if (result < 0) throw systemError(syscall, result, detail);
  return result;
}
