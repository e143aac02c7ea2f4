import { argumentRangeError, argumentTypeError } from './error-code.js';

/*
 * The bits of an epoll mask, epoll_ctl(2). They are the same on every architecture of Linux, and literals, so that code
 * that only computes with masks needs no addon. JavaScript's `|` and `&` yield a negative number if bit 31 (EPOLLET) is
 * set: every function of this package accepts a mask signed or unsigned, and returns it unsigned.
 */

/** Readable: bytes, a connection to accept, or the end of file. */
export const EPOLLIN = 0x001;
/** An exceptional condition, such as out-of-band data of TCP. */
export const EPOLLPRI = 0x002;
/** Writable. */
export const EPOLLOUT = 0x004;
/** An error; or, on a pipe, the read end is closed. Always reported. */
export const EPOLLERR = 0x008;
/** Both directions are shut down. Always reported; bytes sent before that can still be read. */
export const EPOLLHUP = 0x010;
/** As EPOLLIN for most descriptors, poll(2). */
export const EPOLLRDNORM = 0x040;
/** Priority band data can be read, poll(2). */
export const EPOLLRDBAND = 0x080;
/** As EPOLLOUT for most descriptors, poll(2). */
export const EPOLLWRNORM = 0x100;
/** Priority data can be written, poll(2). */
export const EPOLLWRBAND = 0x200;
/** Ignored by the kernel, poll(2). */
export const EPOLLMSG = 0x400;
/** The peer of a stream socket has shut down its sending side. */
export const EPOLLRDHUP = 0x2000;
/** Wake one of several epoll sets that wait for the same descriptor. EPOLL_CTL_ADD only; not with ONESHOT or RDHUP. */
export const EPOLLEXCLUSIVE = 0x10000000;
/** Prevents suspend while the event is handled. Ignored without CAP_BLOCK_SUSPEND. */
export const EPOLLWAKEUP = 0x20000000;
/** Report once; then disable the descriptor until EPOLL_CTL_MOD. */
export const EPOLLONESHOT = 0x40000000;
/** Edge-triggered: report when readiness begins, not as long as it lasts. */
export const EPOLLET = 0x80000000;

/** epoll_create1(2): close-on-exec. */
export const EPOLL_CLOEXEC = 0x80000;
/** epoll_ctl(2): add. */
export const EPOLL_CTL_ADD = 1;
/** epoll_ctl(2): remove. */
export const EPOLL_CTL_DEL = 2;
/** epoll_ctl(2): modify. */
export const EPOLL_CTL_MOD = 3;
/** eventfd(2): non-blocking. */
export const EFD_NONBLOCK = 0x800;
/** eventfd(2): a read decrements the counter by one instead of resetting it. */
export const EFD_SEMAPHORE = 1;

const names: readonly (readonly [number, string])[] = [
  [EPOLLIN, 'EPOLLIN'],
  [EPOLLPRI, 'EPOLLPRI'],
  [EPOLLOUT, 'EPOLLOUT'],
  [EPOLLERR, 'EPOLLERR'],
  [EPOLLHUP, 'EPOLLHUP'],
  [EPOLLRDNORM, 'EPOLLRDNORM'],
  [EPOLLRDBAND, 'EPOLLRDBAND'],
  [EPOLLWRNORM, 'EPOLLWRNORM'],
  [EPOLLWRBAND, 'EPOLLWRBAND'],
  [EPOLLMSG, 'EPOLLMSG'],
  [EPOLLRDHUP, 'EPOLLRDHUP'],
  [EPOLLEXCLUSIVE, 'EPOLLEXCLUSIVE'],
  [EPOLLWAKEUP, 'EPOLLWAKEUP'],
  [EPOLLONESHOT, 'EPOLLONESHOT'],
  [EPOLLET, 'EPOLLET'],
];

/**
 * A mask as text: `describeEvents(EPOLLIN | EPOLLET)` is 'EPOLLIN|EPOLLET'. 0 is '0'; bits without a name are one
 * hexadecimal number at the end.
 * @throws as `assertEvents`
 */
export function describeEvents(mask: number): string {
  let rest = assertEvents(mask);
  const parts: string[] = [];
  for (const [bit, name] of names) {
    if ((rest & bit) === 0) continue;
    parts.push(name);
    rest = (rest & ~bit) >>> 0;
  }
  if (rest !== 0) parts.push(`0x${rest.toString(16)}`);
  return parts.join('|') || '0';
}

/**
 * Returns a mask as an unsigned number.
 * @throws TypeError if it is not an integer, RangeError if it has more than 32 bits
 */
export function assertEvents(mask: number): number {
  if (!Number.isInteger(mask))
    throw argumentTypeError(`events must be an integer, a set of EPOLL bits, not ${String(mask)}`);
  if (mask < -0x80000000 || mask > 0xffffffff) throw argumentRangeError(`events must be a set of 32 bits, not ${mask}`);
  return mask >>> 0;
}
