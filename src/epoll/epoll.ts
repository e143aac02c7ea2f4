import { kernel as realKernel } from '../sys/binding.js';
import { check } from '../sys/errno.js';
import { argumentRangeError, argumentTypeError, withCode } from '../sys/error-code.js';
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
} from '../sys/events.js';
import { assertFd } from '../sys/fd.js';
import type { Kernel } from '../sys/kernel.js';

/** The numbers of one event in the array that `pollInto` fills: mask, descriptor, data. */
export const WORDS_PER_EVENT = 3;

/** The default for `maxEvents` of `poll`. Further events are returned by the next call. */
const DEFAULT_MAX_EVENTS = 1024;
/** 768 KiB of events; epoll_wait(2) itself accepts about 178 million. */
const LAST_MAX_EVENTS = 65_536;
/** epoll_wait(2) takes a C int of milliseconds: 24 days and 20 hours. */
const LAST_TIMEOUT_MS = 0x7fffffff;

// The default of Python's select.epoll.
const DEFAULT_EVENTS = EPOLLIN | EPOLLOUT | EPOLLPRI;

export interface EpollEvent {
  /** The registered descriptor. If it was closed meanwhile, its number may belong to another file. */
  fd: number;
  /** What is ready, unsigned; see `describeEvents`. */
  events: number;
  /** The data given to `register` or `modify`; 0 by default. */
  data: number;
}

export interface EpollOptions {
  /** Used in place of the real system calls; for tests that simulate them. */
  kernel?: Kernel;
}

/**
 * An epoll set, epoll(7), with the method names of Python's `select.epoll`; times are in milliseconds.
 *
 * Sockets, pipes, FIFOs, terminals, eventfds and other epoll sets can be registered; regular files and directories
 * cannot (EPERM). The set owns its own descriptor, not the registered ones: unregister a descriptor before closing it.
 * Closing the last duplicate of a descriptor removes it too; but while a duplicate (dup, fork) is open, the set keeps
 * reporting it, and only closing the set stops that, epoll(7), question 6.
 *
 * `poll` with a timeout blocks the JavaScript thread: no timer, promise or signal handler runs meanwhile. In a program
 * with other work, use a Reactor, or poll with a timeout of 0.
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

  /** The set's own descriptor, which can be registered with another set; -1 once closed. */
  get fd(): number {
    return this.descriptor;
  }

  get closed(): boolean {
    return this.descriptor < 0;
  }

  /**
   * Adds a descriptor, epoll_ctl(2) with EPOLL_CTL_ADD.
   * @param events a mask of EPOLL bits; EPOLLERR and EPOLLHUP are always reported, even for a mask of 0
   * @param data 0 to 2^32-1, returned with each event; for instance a generation, to detect events of an earlier user
   *   of the same number
   * @throws a system error: EEXIST (registered already), EPERM (a file that cannot be polled), EBADF, ELOOP (sets that
   *   watch each other, or nested more than five deep), EINVAL (EPOLLEXCLUSIVE with bits that it excludes), ENOSPC
   *   (fs.epoll.max_user_watches), ENOMEM; TypeError or RangeError for an invalid argument; ERR_EPOLLET_CLOSED
   */
  register(fd: number, events: number = DEFAULT_EVENTS, data = 0): void {
    this.control('EPOLL_CTL_ADD', EPOLL_CTL_ADD, fd, events, data);
  }

  /**
   * Replaces the mask and the data of a registered descriptor, EPOLL_CTL_MOD; the default for `data` is 0, not the
   * earlier value. It arms oneshot again, and makes edge report once more what is ready.
   * @throws a system error: ENOENT (not registered), EBADF, EINVAL (EPOLLEXCLUSIVE in either mask), ENOMEM
   */
  modify(fd: number, events: number, data = 0): void {
    this.control('EPOLL_CTL_MOD', EPOLL_CTL_MOD, fd, events, data);
  }

  /**
   * Removes a descriptor, EPOLL_CTL_DEL.
   * @throws a system error: ENOENT (not registered), EBADF (closed, and removed from the set by that, epoll(7))
   */
  unregister(fd: number): void {
    this.control('EPOLL_CTL_DEL', EPOLL_CTL_DEL, fd, 0, 0);
  }

  /**
   * Waits until a descriptor is ready, epoll_wait(2). Returns the events; an empty array after the timeout. After a
   * signal it waits for the rest of the time, as Python does (PEP 475).
   * @param timeoutMs -1 waits without limit, 0 returns at once; else up to 2^31-1 milliseconds, fractions rounded up
   * @param maxEvents the most events of one call, 1 to 65536; further ones are returned by the next call
   */
  poll(timeoutMs = -1, maxEvents: number = DEFAULT_MAX_EVENTS): EpollEvent[] {
    assertInteger('maxEvents', maxEvents, 1, LAST_MAX_EVENTS);
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
   * As `poll`, into an array of the caller's, without creating an object. Returns the count of events, as many as fit
   * and at most 65536. An event is three numbers: its mask, the descriptor, its data.
   * ```ts
   * const events = new Uint32Array(WORDS_PER_EVENT * 256);
   * const count = epoll.pollInto(events);
   * for (let at = 0; at < WORDS_PER_EVENT * count; at += WORDS_PER_EVENT) {
   *   const mask = events[at]!, fd = events[at + 1]!, data = events[at + 2]!;
   * }
   * ```
   * @param events must have room for at least one event
   */
  pollInto(events: Uint32Array, timeoutMs = -1): number {
    if (!(events instanceof Uint32Array))
      throw argumentTypeError(`events must be a Uint32Array, not ${String(events)}`);
    const room = Math.min(Math.floor(events.length / WORDS_PER_EVENT), LAST_MAX_EVENTS);
    if (room < 1)
      throw argumentRangeError(`events must have room for ${WORDS_PER_EVENT} numbers, not ${events.length}`);
    return this.wait(events, room, timeoutMs);
  }

  /** Closes the set, not the registered descriptors. Idempotent. */
  close(): void {
    if (this.descriptor < 0) return;
    const fd = this.descriptor;
    this.descriptor = -1;
    this.kernel.close(fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  private control(name: string, operation: number, fd: number, events: number, data: number): void {
    this.assertOpen();
    assertFd(fd);
    if (fd === this.descriptor) throw argumentRangeError(`fd ${fd} is this Epoll itself, which cannot watch itself`);
    const mask = assertEvents(events);
    assertInteger('data', data, 0, 0xffffffff);
    const result = this.kernel.epollCtl(this.descriptor, operation, fd, mask, fd, data);
    if (result < 0) check('epoll_ctl', result, `${name} fd ${fd} ${describeEvents(mask)}`);
  }

  private wait(events: Uint32Array, maxEvents: number, timeoutMs: number): number {
    this.assertOpen();
    if (typeof timeoutMs !== 'number') throw argumentTypeError(`timeoutMs must be a number, not ${String(timeoutMs)}`);
    if (timeoutMs !== -1 && !(timeoutMs >= 0 && timeoutMs <= LAST_TIMEOUT_MS)) {
      throw argumentRangeError(`timeoutMs must be -1 (no limit) or from 0 to ${LAST_TIMEOUT_MS}, not ${timeoutMs}`);
    }
    let waitMs = Math.ceil(timeoutMs);
    const dueMs = waitMs > 0 ? this.kernel.monotonicMs() + timeoutMs : 0;
    for (;;) {
      const count = check('epoll_wait', this.kernel.epollWait(this.descriptor, events, maxEvents, waitMs));
      if (count > 0 || waitMs === 0) return count;
      // No event before the timeout: the call was interrupted by a signal.
      if (waitMs > 0) {
        waitMs = Math.ceil(dueMs - this.kernel.monotonicMs());
        if (waitMs <= 0) return 0;
      }
    }
  }

  private assertOpen(): void {
    if (this.descriptor >= 0) return;
    throw withCode('ERR_EPOLLET_CLOSED', new Error('This Epoll is closed.'));
  }
}

function assertInteger(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value)) throw argumentTypeError(`${name} must be an integer, not ${String(value)}`);
  if (value < min || value > max) throw argumentRangeError(`${name} must be from ${min} to ${max}, not ${value}`);
}
