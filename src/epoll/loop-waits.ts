import { systemError } from '../sys/errno.js';
import type { EpollEvent } from './event.js';
import type { SetDescriptor } from './set-descriptor.js';

/** A pending `pollAsync`. It references the Epoll, in `poll`, so that a set is not collected while it is waited for. */
interface Waiter {
  /** One `poll(0)` of the set. */
  poll: () => EpollEvent[];
  resolve: (events: EpollEvent[]) => void;
  reject: (reason: unknown) => void;
  timer: NodeJS.Timeout | null;
  signal: AbortSignal | undefined;
  onAbort: (() => void) | null;
}

/**
 * The waits for one epoll set inside libuv's loop, which polls the set's own descriptor. One iteration of the loop
 * resolves one wait, the oldest, with one batch: however much is ready, timers and other descriptors get their turn.
 */
export class LoopWaits {
  /** In the order in which they began. */
  private readonly waiters = new Set<Waiter>();

  /** @param referenced whether waits keep the process alive */
  constructor(
    private readonly descriptor: SetDescriptor,
    private referenced: boolean,
  ) {}

  /**
   * Resolves with the events of one `poll`, or with none after the timeout.
   * @param timeoutMs -1, or up to 2^31-1
   * @param signal is not aborted yet
   * @param poll returns what is ready, without waiting
   */
  wait(timeoutMs: number, signal: AbortSignal | undefined, poll: () => EpollEvent[]): Promise<EpollEvent[]> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { poll, resolve, reject, timer: null, signal, onAbort: null };
      this.startWatch();
      if (timeoutMs >= 0) {
        waiter.timer = setTimeout(() => this.expire(waiter), Math.ceil(timeoutMs));
        if (!this.referenced) waiter.timer.unref();
      }
      if (signal !== undefined) {
        waiter.onAbort = () => {
          this.end(waiter);
          reject(signal.reason);
        };
        signal.addEventListener('abort', waiter.onAbort, { once: true });
      }
      this.waiters.add(waiter);
    });
  }

  /** Sets whether pending waits, and later ones, keep the process alive. */
  setReferenced(referenced: boolean): void {
    this.referenced = referenced;
    if (this.waiters.size > 0) this.descriptor.refWatch(referenced);
    for (const { timer } of this.waiters) referenced ? timer?.ref() : timer?.unref();
  }

  /** Rejects every pending wait. */
  rejectAll(reason: unknown): void {
    for (const waiter of this.waiters) {
      this.end(waiter);
      waiter.reject(reason);
    }
  }

  /** Stops libuv's watch if nothing is waited for. */
  release(): void {
    if (this.waiters.size === 0) this.descriptor.stopWatch();
  }

  private startWatch(): void {
    if (this.descriptor.isWatched) {
      if (this.waiters.size === 0) this.descriptor.refWatch(this.referenced);
      return;
    }
    const result = this.descriptor.startWatch(() => this.onReadable());
    if (result < 0) throw systemError('epoll_ctl', result, 'in the loop of Node');
    if (!this.referenced) this.descriptor.refWatch(false);
  }

  private onReadable(): void {
    const [oldest] = this.waiters;
    // Between two waits the watch is kept, since a new one costs more than a wait. Here the second one did not come.
    if (oldest === undefined) return this.release();
    try {
      const events = oldest.poll();
      if (events.length > 0) this.resolve(oldest, events);
    } catch (error) {
      this.rejectAll(error);
      this.release();
    }
  }

  private expire(waiter: Waiter): void {
    const [oldest] = this.waiters;
    try {
      this.resolve(waiter, waiter === oldest ? waiter.poll() : []);
    } catch (error) {
      this.end(waiter);
      waiter.reject(error);
    }
  }

  private resolve(waiter: Waiter, events: EpollEvent[]): void {
    this.end(waiter);
    waiter.resolve(events);
  }

  private end(waiter: Waiter): void {
    this.waiters.delete(waiter);
    if (waiter.timer !== null) clearTimeout(waiter.timer);
    if (waiter.onAbort !== null) waiter.signal?.removeEventListener('abort', waiter.onAbort);
    if (this.waiters.size === 0) this.descriptor.refWatch(false);
  }
}
