/*
 * The bits of an epoll mask, epoll_ctl(2). They are the same on every architecture of Linux, and literals, so that
 * code which only computes with masks needs no addon. JavaScript's `|` and `&` yield a negative number when bit 31
 * (EPOLLET) is set: every function of this package takes both readings of a mask, and what it returns is unsigned.
 */

/** There is something to read, or the end of file. */
export const EPOLLIN = 0x001;
/** An exceptional condition, such as TCP's out-of-band data. */
export const EPOLLPRI = 0x002;
/** There is room to write. */
export const EPOLLOUT = 0x004;
/** An error, or the reader of a pipe has gone. Always reported, asked for or not. */
export const EPOLLERR = 0x008;
/** Both directions have ended. Always reported; what was sent before can still be read. */
export const EPOLLHUP = 0x010;
/** As EPOLLIN for most descriptors, poll(2). */
export const EPOLLRDNORM = 0x040;
/** Priority band data to read, poll(2). */
export const EPOLLRDBAND = 0x080;
/** As EPOLLOUT for most descriptors, poll(2). */
export const EPOLLWRNORM = 0x100;
/** Room for priority data, poll(2). */
export const EPOLLWRBAND = 0x200;
/** Without a meaning; part of the set since the beginning. */
export const EPOLLMSG = 0x400;
/** The peer of a stream socket has shut down its sending side. */
export const EPOLLRDHUP = 0x2000;
/** Of several epoll sets that wait for one descriptor, wake one. EPOLL_CTL_ADD only; refuses ONESHOT and RDHUP. */
export const EPOLLEXCLUSIVE = 0x10000000;
/** Keep the system from suspending while the event is handled. Without CAP_BLOCK_SUSPEND it is ignored. */
export const EPOLLWAKEUP = 0x20000000;
/** Report once, then stay silent until armed again by EPOLL_CTL_MOD. */
export const EPOLLONESHOT = 0x40000000;
/** Report when readiness changes, not as long as it lasts. */
export const EPOLLET = 0x80000000;

/** epoll_create1(2). */
export const EPOLL_CLOEXEC = 0x80000;
/** epoll_ctl(2): join. */
export const EPOLL_CTL_ADD = 1;
/** epoll_ctl(2): leave. */
export const EPOLL_CTL_DEL = 2;
/** epoll_ctl(2): change. */
export const EPOLL_CTL_MOD = 3;
/** eventfd(2). */
export const EFD_NONBLOCK = 0x800;
/** eventfd(2): a read takes one, not all. */
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
 * A mask in words: `describeEvents(EPOLLIN | EPOLLET)` is 'EPOLLIN|EPOLLET'. 0 is '0'; bits without a name are one
 * hexadecimal number at the end.
 */
export function describeEvents(mask: number): string {
  let rest = assertEvents(mask);
  const words: string[] = [];
  for (const [bit, name] of names) {
    if ((rest & bit) === 0) continue;
    words.push(name);
    rest = (rest & ~bit) >>> 0;
  }
  if (rest !== 0) words.push(`0x${rest.toString(16)}`);
  return words.join('|') || '0';
}

/**
 * Returns a mask as an unsigned number.
 * @throws TypeError when it is no integer, RangeError when it has more than 32 bits
 */
export function assertEvents(mask: number): number {
  if (!Number.isInteger(mask))
    throw new TypeError(`events must be an integer, a set of EPOLL bits, not ${String(mask)}`);
  if (mask < -0x80000000 || mask > 0xffffffff) throw new RangeError(`events must be a set of 32 bits, not ${mask}`);
  return mask >>> 0;
}
