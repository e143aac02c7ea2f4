import { kernel as realKernel } from '../sys/binding.js';
import { EBADF, systemError } from '../sys/errno.js';
import { argumentTypeError, shown } from '../sys/error-code.js';
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLONESHOT, EPOLLOUT } from '../sys/events.js';
import { fdOf, type HasFd } from '../sys/fd.js';
import type { Kernel } from '../sys/kernel.js';
import { Epoll } from './epoll.js';
import type { EpollEvent } from './event.js';
import { assertTimeout } from './timed-wait.js';

/**
 * How often it is checked whether a descriptor that is waited for was closed, which the kernel does not report; and the
 * time without a wait after which the shared set is closed. A check costs a system call a descriptor.
 */
const CHECK_MS = 500;

export interface ReadinessOptions {
  /** -1 (no limit, the default), or up to 2^31-1 milliseconds; fractions are rounded up. */
  timeoutMs?: number | undefined;
  /** Rejects the wait with the signal's reason. */
  signal?: AbortSignal | undefined;
}

type Direction = typeof EPOLLIN | typeof EPOLLOUT;

interface Waiter {
  direction: Direction;
  resolve: (ready: boolean) => void;
  reject: (reason: unknown) => void;
  timer: NodeJS.Timeout | null;
  signal: AbortSignal | undefined;
  onAbort: (() => void) | null;
}

/** The waits for one descriptor. */
interface Entry {
  fd: number;
  /** The `data` of the registration: an event of an earlier one is not for these waiters. */
  generation: number;
  waiters: Set<Waiter>;
  /** Referenced for as long as it is waited for: collected, a FileHandle, for instance, is closed. */
  object: unknown;
}

/** The waits of one thread for single descriptors: oneshot registrations in one shared Epoll. */
export class Readiness {
  private epoll: Epoll | null = null;
  private readonly entries = new Map<number, Entry>();
  private generation = 0;
  private checkTimer: NodeJS.Timeout | null = null;
  private idle = false;

  constructor(private readonly kernel: Kernel = realKernel) {}

  async wait(of: HasFd, direction: Direction, options: ReadinessOptions = {}): Promise<boolean> {
    const { timeoutMs = -1, signal } = options;
    const fd = fdOf(of);
    assertTimeout(timeoutMs);
    if (signal !== undefined && !(signal instanceof AbortSignal))
      throw argumentTypeError(`signal must be an AbortSignal, not ${shown(signal)}`);
    signal?.throwIfAborted();
    const entry = this.arm(fd, direction);
    if (typeof of === 'object') entry.object = of;
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { direction, resolve, reject, timer: null, signal, onAbort: null };
      if (timeoutMs >= 0) waiter.timer = setTimeout(() => this.expire(entry, waiter), Math.ceil(timeoutMs));
      if (signal !== undefined) {
        waiter.onAbort = () => {
          this.abandon(entry, waiter);
          reject(signal.reason);
        };
        signal.addEventListener('abort', waiter.onAbort, { once: true });
      }
      entry.waiters.add(waiter);
    });
  }

  /** The entry of `fd`, registered for `direction` as well. @throws a system error */
  private arm(fd: number, direction: Direction): Entry {
    const epoll = this.open();
    const existing = this.entries.get(fd);
    if (existing !== undefined) {
      if (this.rearm(existing, direction)) return existing;
      // The number belongs to another file now, or to none.
      this.rejectClosed(existing);
    }
    this.generation = (this.generation + 1) >>> 0;
    const entry: Entry = { fd, generation: this.generation, waiters: new Set(), object: null };
    epoll.register(fd, direction | EPOLLONESHOT, entry.generation);
    if (this.entries.size === 0) epoll.ref();
    this.entries.set(fd, entry);
    return entry;
  }

  /** Arms an entry for what its waiters want, and `also`. False if its file is closed. */
  private rearm(entry: Entry, also = 0): boolean {
    let mask: number = also;
    for (const { direction } of entry.waiters) mask |= direction;
    try {
      this.epoll!.modify(entry.fd, mask | EPOLLONESHOT, entry.generation);
      return true;
    } catch {
      return false;
    }
  }

  private open(): Epoll {
    this.idle = false;
    if (this.epoll !== null) return this.epoll;
    const epoll = new Epoll({ kernel: this.kernel }).unref();
    this.epoll = epoll;
    this.checkTimer = setInterval(() => this.check(), CHECK_MS).unref();
    void this.dispatchEach(epoll);
    return epoll;
  }

  private async dispatchEach(epoll: Epoll): Promise<void> {
    try {
      for await (const events of epoll) for (const event of events) this.dispatch(event);
    } catch (error) {
      for (const entry of [...this.entries.values()]) this.rejectEntry(entry, error);
      this.close();
    }
  }

  private dispatch({ fd, events, data }: EpollEvent): void {
    const entry = this.entries.get(fd);
    if (entry === undefined || entry.generation !== data) return;
    // An error or a hang-up makes calls in both directions return at once.
    const ready = events & (EPOLLERR | EPOLLHUP) ? EPOLLIN | EPOLLOUT : events;
    for (const waiter of [...entry.waiters]) {
      if ((waiter.direction & ready) === 0) continue;
      this.end(entry, waiter);
      waiter.resolve(true);
    }
    this.disarm(entry);
  }

  private expire(entry: Entry, waiter: Waiter): void {
    // A timer may run before the descriptor's readiness was looked at, above all after 0 ms.
    for (const event of this.epoll?.poll(0) ?? []) this.dispatch(event);
    if (!entry.waiters.has(waiter)) return;
    this.abandon(entry, waiter);
    waiter.resolve(false);
  }

  private abandon(entry: Entry, waiter: Waiter): void {
    this.end(entry, waiter);
    this.disarm(entry);
  }

  /** Arms what is left of an entry, or removes it. */
  private disarm(entry: Entry): void {
    if (this.entries.get(entry.fd) !== entry) return;
    if (entry.waiters.size > 0) {
      if (!this.rearm(entry)) this.rejectClosed(entry);
      return;
    }
    try {
      this.epoll?.unregister(entry.fd);
    } catch {
      // Closed, which has removed it.
    }
    this.forget(entry);
  }

  private check(): void {
    if (this.entries.size === 0) {
      if (this.idle) this.close();
      this.idle = true;
    }
    for (const entry of [...this.entries.values()]) if (!this.rearm(entry)) this.rejectClosed(entry);
  }

  private rejectClosed(entry: Entry): void {
    this.rejectEntry(entry, systemError('epoll_wait', EBADF, `fd ${entry.fd}, closed while it was waited for`));
  }

  private rejectEntry(entry: Entry, reason: unknown): void {
    this.forget(entry);
    for (const waiter of [...entry.waiters]) {
      this.end(entry, waiter);
      waiter.reject(reason);
    }
  }

  private forget(entry: Entry): void {
    this.entries.delete(entry.fd);
    if (this.entries.size === 0) this.epoll?.unref();
  }

  private end(entry: Entry, waiter: Waiter): void {
    entry.waiters.delete(waiter);
    if (waiter.timer !== null) clearTimeout(waiter.timer);
    if (waiter.onAbort !== null) waiter.signal?.removeEventListener('abort', waiter.onAbort);
  }

  private close(): void {
    if (this.checkTimer !== null) clearInterval(this.checkTimer);
    this.epoll?.close();
    this.epoll = this.checkTimer = null;
  }
}

const ofThread = new Readiness();

/**
 * Waits inside Node's event loop until a read of a descriptor would not block: there are bytes, a connection to accept,
 * the end of file, or an error. Resolves with true, or with false after `timeoutMs`. Keeps the process alive.
 *
 * Any number of waits for one descriptor and both directions at once: all that are ready resolve. Readiness is a hint:
 * use non-blocking descriptors, and wait again after EAGAIN. A thread has one epoll set for all of these waits.
 *
 * Abort a wait before you close its descriptor: the kernel does not report a close. It is noticed within half a second,
 * or by the next wait for the same number, and rejects with EBADF.
 * @param fd a descriptor, or an object that has one in `fd` or by `fileno()`
 * @returns rejects with a system error: EPERM (a regular file or directory: these are always ready), EBADF, EMFILE,
 *   ENOSPC; with the reason of the signal; TypeError or RangeError for an invalid argument
 */
export function readable(fd: HasFd, options?: ReadinessOptions): Promise<boolean> {
  return ofThread.wait(fd, EPOLLIN, options);
}

/** As `readable`, until a write would not block: there is space, a connect(2) has ended, or an error. */
export function writable(fd: HasFd, options?: ReadinessOptions): Promise<boolean> {
  return ofThread.wait(fd, EPOLLOUT, options);
}
