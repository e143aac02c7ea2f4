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
export { Epoll, type EpollEvent, type EpollOptions, WORDS_PER_EVENT } from './epoll.js';
