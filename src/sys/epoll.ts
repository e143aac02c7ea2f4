import { kernel as realKernel } from './binding.js';
import { check } from './errno.js';
import {
  assertEvents,
  describeEvents,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
} from './events.js';
import { assertFd } from './fd.js';
import type { Kernel } from './kernel.js';

/** How many numbers an event takes in the array that `pollInto` fills: mask, descriptor, data. */
export const WORDS_PER_EVENT = 3;

/** What `poll` takes from the kernel in one call when it is not told otherwise. What does not fit comes next time. */
const DEFAULT_MAX_EVENTS = 1024;
/** 768 KiB of events; epoll_wait(2) itself would take some 178 million. */
const LAST_MAX_EVENTS = 65_536;
/** epoll_wait(2) takes a C int of milliseconds: 24 days and 20 hours. */
const LAST_TIMEOUT_MS = 0x7fffffff;

/** What Python's select.epoll asks for when nothing is said. */
const DEFAULT_EVENTS = EPOLLIN | EPOLLOUT | EPOLLPRI;

/** One report of the kernel. */
export interface EpollEvent {
  /** The number that was registered. It may be another file's by now, if it was closed and opened again. */
  fd: number;
  /** What is ready, unsigned; see `describeEvents`. */
  events: number;
  /** What was given to `register` or `modify`, else 0. */
  data: number;
}

export interface EpollOptions {
  /** In place of the real one; for tests that simulate it. */
  kernel?: Kernel;
}

/**
 * An epoll set, epoll(7), with the names and the meaning of Python's `select.epoll`; times are in milliseconds.
 *
 * Any descriptor can be registered that the kernel can poll: sockets, pipes, FIFOs, terminals, eventfds, other epoll
 * sets; not regular files and directories (EPERM). The set owns its own descriptor and none that is registered:
 * unregister one before it is closed. To close the last copy of one removes it as well, but as long as a copy is open
 * elsewhere (dup, fork) the set goes on reporting it, and nothing but closing the set can stop that, epoll(7).
 *
 * `poll` with a timeout blocks the whole JavaScript thread: no timer, promise or signal handler runs meanwhile. In a
 * program that has something else to do, use the Reactor, or poll with 0.
 */
export class Epoll {
  private readonly kernel: Kernel;
  private descriptor: number;
  private buffer: Uint32Array | null = null;

  /**
   * epoll_create1(2) with EPOLL_CLOEXEC.
   * @throws a system error: EMFILE, ENFILE, ENOMEM
   */
  constructor(options: EpollOptions = {}) {
    this.kernel = options.kernel ?? realKernel;
    this.descriptor = check('epoll_create1', this.kernel.epollCreate1(EPOLL_CLOEXEC));
  }

  /** The set's own descriptor, which can be registered in another set; -1 once closed. */
  get fd(): number {
    return this.descriptor;
  }

  get closed(): boolean {
    return this.descriptor < 0;
  }

  /**
   * Joins a descriptor, epoll_ctl(2).
   * @param events EPOLL bits; EPOLLERR and EPOLLHUP are reported whether asked for or not, even with 0
   * @param data 0 to 2^32-1, handed back with each event, for instance a generation that tells two users of one number apart
   * @throws a system error: EEXIST (registered already), EPERM (a file that cannot be polled), EBADF, ELOOP (sets that
   *   watch each other, or a chain of more than five), EINVAL (EPOLLEXCLUSIVE with bits it refuses), ENOSPC, ENOMEM
   */
  register(fd: number, events: number = DEFAULT_EVENTS, data = 0): void {
    this.control('EPOLL_CTL_ADD', EPOLL_CTL_ADD, fd, events, data);
  }

  /**
   * Changes what is asked of a registered descriptor, and its data: without `data` that becomes 0. To modify arms
   * oneshot again, and makes edge report once more what is ready.
   * @throws a system error: ENOENT (not registered), EBADF, EINVAL (EPOLLEXCLUSIVE, before or now), ENOMEM
   */
  modify(fd: number, events: number, data = 0): void {
    this.control('EPOLL_CTL_MOD', EPOLL_CTL_MOD, fd, events, data);
  }

  /**
   * Leaves.
   * @throws a system error: ENOENT (not registered), EBADF (closed already, and thereby gone from the set, epoll(7))
   */
  unregister(fd: number): void {
    this.control('EPOLL_CTL_DEL', EPOLL_CTL_DEL, fd, 0, 0);
  }

  /**
   * Waits until something is ready, epoll_wait(2), and returns what it is; an empty array when the time is over. A
   * signal does not end it: the rest of the time is waited for, as PEP 475 has it.
   * @param timeoutMs -1 waits for ever, 0 returns at once; otherwise up to 2^31-1 milliseconds, fractions rounded up
   * @param maxEvents the most that one call returns, 1 to 65536; the others are ready still at the next call
   */
  poll(timeoutMs = -1, maxEvents: number = DEFAULT_MAX_EVENTS): EpollEvent[] {
    assertCount(maxEvents);
    if (this.buffer === null || this.buffer.length < WORDS_PER_EVENT * maxEvents) {
      this.buffer = new Uint32Array(WORDS_PER_EVENT * maxEvents);
    }
    const { buffer } = this;
    const count = this.wait(buffer, maxEvents, timeoutMs);
    const ready: EpollEvent[] = [];
    for (let at = 0; at < WORDS_PER_EVENT * count; at += WORDS_PER_EVENT) {
      ready.push({ fd: buffer[at + 1]!, events: buffer[at]!, data: buffer[at + 2]! });
    }
    return ready;
  }

  /**
   * The same into an array of the caller's, as many events as fit, and without making an object. Returns their count.
   * An event is three numbers: its mask, the descriptor, its data.
   * ```ts
   * const events = new Uint32Array(WORDS_PER_EVENT * 256);
   * const count = epoll.pollInto(events);
   * for (let at = 0; at < WORDS_PER_EVENT * count; at += WORDS_PER_EVENT) {
   *   const mask = events[at]!, fd = events[at + 1]!, data = events[at + 2]!;
   * }
   * ```
   * @param events room for at least one event
   */
  pollInto(events: Uint32Array, timeoutMs = -1): number {
    if (!(events instanceof Uint32Array)) throw new TypeError(`events must be a Uint32Array, not ${String(events)}`);
    const room = Math.min(Math.floor(events.length / WORDS_PER_EVENT), LAST_MAX_EVENTS);
    if (room < 1) throw new RangeError(`events must have room for ${WORDS_PER_EVENT} numbers, not ${events.length}`);
    return this.wait(events, room, timeoutMs);
  }

  /** Closes the set, not what is registered in it. Twice is fine. */
  close(): void {
    if (this.descriptor < 0) return;
    const fd = this.descriptor;
    this.descriptor = -1;
    this.kernel.close(fd);
  }

  /** As `close`: `using epoll = new Epoll()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  private control(name: string, operation: number, fd: number, events: number, data: number): void {
    this.assertOpen();
    assertFd(fd);
    if (fd === this.descriptor) throw new RangeError(`fd ${fd} is this Epoll itself, which cannot watch itself`);
    const mask = assertEvents(events);
    if (!Number.isInteger(data)) throw new TypeError(`data must be an integer, not ${String(data)}`);
    if (data < 0 || data > 0xffffffff) throw new RangeError(`data must be from 0 to 4294967295, not ${data}`);
    const result = this.kernel.epollCtl(this.descriptor, operation, fd, mask, fd, data);
    if (result < 0) check('epoll_ctl', result, `${name} fd ${fd} ${describeEvents(mask)}`);
  }

  private wait(events: Uint32Array, maxEvents: number, timeoutMs: number): number {
    this.assertOpen();
    if (typeof timeoutMs !== 'number') throw new TypeError(`timeoutMs must be a number, not ${String(timeoutMs)}`);
    if (timeoutMs !== -1 && !(timeoutMs >= 0 && timeoutMs <= LAST_TIMEOUT_MS)) {
      throw new RangeError(`timeoutMs must be -1 (for ever) or from 0 to ${LAST_TIMEOUT_MS}, not ${timeoutMs}`);
    }
    let waitMs = Math.ceil(timeoutMs);
    const dueMs = waitMs > 0 ? this.kernel.monotonicMs() + timeoutMs : 0;
    for (;;) {
      const count = check('epoll_wait', this.kernel.epollWait(this.descriptor, events, maxEvents, waitMs));
      if (count > 0 || waitMs === 0) return count;
      // Nothing before the time is over: a signal. Without a time there is nothing else that it could be.
      if (waitMs > 0) {
        waitMs = Math.ceil(dueMs - this.kernel.monotonicMs());
        if (waitMs <= 0) return 0;
      }
    }
  }

  private assertOpen(): void {
    if (this.descriptor >= 0) return;
    throw Object.assign(new Error('This Epoll is closed.'), { code: 'ERR_EPOLL_CLOSED' });
  }
}

function assertCount(maxEvents: number): void {
  if (!Number.isInteger(maxEvents)) throw new TypeError(`maxEvents must be an integer, not ${String(maxEvents)}`);
  if (maxEvents < 1 || maxEvents > LAST_MAX_EVENTS) {
    throw new RangeError(`maxEvents must be from 1 to ${LAST_MAX_EVENTS}, not ${maxEvents}`);
  }
}
