import type { Kernel } from '../sys/kernel.js';
import type { Trigger } from './interest.js';

export interface ReactorOptions {
  kernel?: Kernel;
  /** How many events one epoll_wait may bring, 1 to 65536. @default 1024 */
  maxEvents?: number;
}

export interface RegisterOptions {
  /** @default 'level' */
  trigger?: Trigger;
  /** EPOLLEXCLUSIVE: of several epoll sets that wait for one listener, wake one. Level or edge only. @default false */
  exclusive?: boolean;
  /** Told before all others of its turn, for news that the others' work depends on; of several in the order in which they joined. @default false */
  first?: boolean;
}

/** What the reactor has done since it was made. */
export interface ReactorStats {
  turns: number;
  events: number;
  /** Events for a token that was gone when they were dispatched. */
  stale: number;
  /** Events that brought nothing that anybody wanted. */
  spurious: number;
  revisits: number;
  expired: number;
  epollCtlCalls: number;
  registered: number;
}
