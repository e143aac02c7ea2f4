/// <reference types="node" preserve="true" />
/**
 * `epollet/epoll`: an epoll set as an object, and the bits of its masks.
 * @module
 */
export {
  describeEvents,
  EPOLLERR,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLHUP,
  EPOLLIN,
  EPOLLMSG,
  EPOLLONESHOT,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDBAND,
  EPOLLRDHUP,
  EPOLLRDNORM,
  EPOLLWAKEUP,
  EPOLLWRBAND,
  EPOLLWRNORM,
} from '../sys/events.js';
export type { HasFd } from '../sys/fd.js';
export { type BusyPollOptions, Epoll, type EpollOptions, type PollAsyncOptions } from './epoll.js';
export { type EpollEvent, WORDS_PER_EVENT } from './event.js';
export { type ReadinessOptions, readable, writable } from './readiness.js';
export type { StrictCode } from './strict.js';
