import {
  EPOLLERR,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLHUP,
  EPOLLIN,
  EPOLLONESHOT,
  EPOLLOUT,
  EPOLLRDHUP,
} from '../sys/events.js';

/** The bits of an interest, which a handler asks for, and of readiness, which it is called with. */
export const READABLE = 1;
export const WRITABLE = 2;
/** Reported with READABLE, never asked for: the peer has shut down its side, so one more read finds the end of file. */
export const ENDED = 4;

/** An interest: NOTHING, READABLE, WRITABLE or both. */
export type Interest = 0 | 1 | 2 | 3;
export const NOTHING = 0;
export const BOTH = 3;

/** When it is reported, epoll(7): `level` while it lasts, `edge` when it begins, `oneshot` once until rearmed. */
export type Trigger = 'level' | 'edge' | 'oneshot';
export const TRIGGERS: readonly Trigger[] = ['level', 'edge', 'oneshot'];

/** The epoll mask for an interest. EPOLLEXCLUSIVE cannot be combined with EPOLLRDHUP, epoll_ctl(2). */
export function maskOf(interest: Interest, trigger: Trigger, exclusive: boolean): number {
  // Edge asks for everything once: an unwanted edge costs nothing, EPOLL_CTL_MOD costs a system call.
  if (trigger === 'edge' && !exclusive) return (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) >>> 0;
  let mask = 0;
  if (interest & READABLE) mask |= exclusive ? EPOLLIN : EPOLLIN | EPOLLRDHUP;
  if (interest & WRITABLE) mask |= EPOLLOUT;
  if (trigger === 'oneshot') mask |= EPOLLONESHOT;
  if (trigger === 'edge') mask |= EPOLLET;
  if (exclusive) mask |= EPOLLEXCLUSIVE;
  return mask >>> 0;
}

/** EPOLLHUP and EPOLLERR count as readable and writable: the handler's own system call reports what has happened. */
export function readinessOf(mask: number): number {
  if (mask === EPOLLIN) return READABLE;
  let readiness = 0;
  if (mask & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) readiness |= READABLE;
  if (mask & (EPOLLOUT | EPOLLHUP | EPOLLERR)) readiness |= WRITABLE;
  if (mask & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) readiness |= ENDED;
  return readiness;
}
