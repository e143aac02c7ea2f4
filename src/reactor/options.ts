import type { Kernel } from '../sys/kernel.js';
import type { Trigger } from './interest.js';

export interface ReactorOptions {
  /** Used in place of the real system calls; for tests that simulate them. */
  kernel?: Kernel;
  /** The most events of one epoll_wait(2), 1 to 65536; the others come with the next. @default 1024 */
  maxEvents?: number;
}

export interface RegisterOptions {
  /** @default 'level' */
  trigger?: Trigger;
  /** EPOLLEXCLUSIVE: wakes one of several epoll sets that wait for a listener. Level or edge only. @default false */
  exclusive?: boolean;
  /**
   * Called before all others of its turn, for events that their work depends on (such as inotify's); several of them in
   * the order of registration. @default false
   */
  first?: boolean;
}

/** What takes the turns of a reactor. */
export interface Driver {
  stop(): void;
}

/** Counts since the reactor was created; `registered` is the current number of descriptors. */
export interface ReactorStats {
  turns: number;
  events: number;
  /** Events whose token was removed before they were dispatched: by `unregister`, `forget` or `close`. */
  stale: number;
  /** Events without readiness that the handler's interest includes. */
  spurious: number;
  revisits: number;
  expired: number;
  epollCtlCalls: number;
  registered: number;
}
