import {
  EPOLLERR,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLHUP,
  EPOLLIN,
  EPOLLONESHOT,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
} from '../sys/events.js';

/** The bits of an interest, which a handler asks for, and of readiness, which it is called with. */
export const READABLE = 1;
export const WRITABLE = 2;
/** Reported with READABLE, never asked for: the peer has shut down its side, so one more read finds the end of file. */
export const ENDED = 4;

/**
 * An exceptional condition, EPOLLPRI: out-of-band data of TCP (recv with MSG_OOB), or a change in a file that reports
 * by poll(2), such as a pressure file with a trigger (/proc/pressure), a thermal or gpio file of sysfs, cgroup.events.
 */
export const PRIORITY = 8;

/**
 * An interest: NOTHING, READABLE, WRITABLE, PRIORITY or several of them, `READABLE | PRIORITY`. A plain number, as that
 * is what `|` yields; the reactor checks it.
 */
export type Interest = number;
export const NOTHING = 0;
/** READABLE and WRITABLE. */
export const BOTH = 3;
/** Every bit of an interest, and of readiness. */
export const ANY_INTEREST = READABLE | WRITABLE | PRIORITY;
export const ANY_READINESS = ANY_INTEREST | ENDED;

/** When it is reported, epoll(7): `level` while it lasts, `edge` when it begins, `oneshot` once until rearmed. */
export type Trigger = 'level' | 'edge' | 'oneshot';
export const TRIGGERS: readonly Trigger[] = ['level', 'edge', 'oneshot'];

/** The epoll mask for an interest. EPOLLEXCLUSIVE cannot be combined with EPOLLRDHUP and EPOLLPRI, epoll_ctl(2). */
export function maskOf(interest: Interest, trigger: Trigger, exclusive: boolean): number {
  let mask = interest & PRIORITY ? EPOLLPRI : 0;
  // Edge asks for everything once: an unwanted edge costs nothing, EPOLL_CTL_MOD costs a system call. Except EPOLLPRI,
  // which few want: what has no urgent data need not be woken for it.
  if (trigger === 'edge' && !exclusive) return (mask | EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) >>> 0;
  if (interest & READABLE) mask |= exclusive ? EPOLLIN : EPOLLIN | EPOLLRDHUP;
  if (interest & WRITABLE) mask |= EPOLLOUT;
  if (trigger === 'oneshot') mask |= EPOLLONESHOT;
  if (trigger === 'edge') mask |= EPOLLET;
  if (exclusive) mask |= EPOLLEXCLUSIVE;
  return mask >>> 0;
}

/**
 * EPOLLHUP and EPOLLERR, which the kernel always reports, count as every interest, so that they reach any handler: its
 * own system call reports what has happened.
 */
export function readinessOf(mask: number): number {
  if (mask === EPOLLIN) return READABLE;
  let readiness = 0;
  if (mask & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) readiness |= READABLE;
  if (mask & (EPOLLOUT | EPOLLHUP | EPOLLERR)) readiness |= WRITABLE;
  if (mask & (EPOLLPRI | EPOLLHUP | EPOLLERR)) readiness |= PRIORITY;
  if (mask & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) readiness |= ENDED;
  return readiness;
}
