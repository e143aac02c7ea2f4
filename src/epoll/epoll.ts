import { kernel as realKernel } from '../sys/binding.js';
import { check, EBADF, EINVAL, ENOTTY, systemError } from '../sys/errno.js';
import { argumentRangeError, argumentTypeError, shown, withCode } from '../sys/error-code.js';
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
import { assertFd, fdOf, type HasFd } from '../sys/fd.js';
import type { Kernel } from '../sys/kernel.js';
import { type EpollEvent, WORDS_PER_EVENT } from './event.js';
import { LoopWaits } from './loop-waits.js';
import { closeWhenCollected, SetDescriptor } from './set-descriptor.js';
import { StrictChecks } from './strict.js';
import { assertTimeout, waitFor } from './timed-wait.js';

/** The default for `maxEvents` of `poll`. Further events are returned by the next call. */
const DEFAULT_MAX_EVENTS = 1024;
/** 768 KiB of events; epoll_wait(2) itself accepts about 178 million. */
const LAST_MAX_EVENTS = 65_536;

/** BUSY_POLL_BUDGET of the kernel. */
const DEFAULT_BUSY_POLL_BUDGET = 8;

// The default of Python's select.epoll.
const DEFAULT_EVENTS = EPOLLIN | EPOLLOUT | EPOLLPRI;

export interface EpollOptions {
  /** Used in place of the real system calls; for tests that simulate them. */
  kernel?: Kernel;
  /**
   * Warns of the traps of epoll(7), with `process.emitWarning` and a code each; see docs/epoll-and-reactor.md. For
   * development: it makes more system calls. False by default.
   */
  strict?: boolean;
}

/** How `poll` polls network devices that support it before it sleeps, ioctl_eventpoll(2). */
export interface BusyPollOptions {
  /** Microseconds to poll before sleeping, 0 to 2^31-1; 0 turns it off. */
  us: number;
  /** The most packets of one attempt, 0 to 65535, above 64 with CAP_NET_ADMIN; 8 by default. */
  budget?: number;
  /** Keeps the device's interrupts off while the program polls often enough. False by default. */
  prefer?: boolean;
}

export interface PollAsyncOptions {
  /** The most events of one batch, 1 to 65536; 1024 by default. */
  maxEvents?: number | undefined;
  /** Rejects the wait with the signal's reason. */
  signal?: AbortSignal | undefined;
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
 * with other work wait with `pollAsync` or `for await`, or use a Reactor.
 *
 * Close a set. One that is dropped instead is closed when it is collected, at a time of the engine's choice; a set with
 * a pending `pollAsync` is not collected. Its number alone, in `fd`, does not keep it.
 */
export class Epoll {
  private readonly kernel: Kernel;
  private readonly descriptor: SetDescriptor;
  private waits: LoopWaits | null = null;
  private referenced = true;
  private buffer: Uint32Array | null = null;
  /** The registered objects by their descriptors: collected, a FileHandle, for instance, is closed. */
  private objects: Map<number, object> | null = null;
  private readonly checks: StrictChecks | null;

  /**
   * epoll_create1(2) with EPOLL_CLOEXEC.
   * @throws a system error: EMFILE, ENFILE, ENOMEM
   */
  constructor(options?: EpollOptions);
  constructor(options: EpollOptions = {}, fd?: number) {
    this.kernel = options.kernel ?? realKernel;
    if (options.strict !== undefined && typeof options.strict !== 'boolean')
      throw argumentTypeError(`strict must be a boolean, not ${shown(options.strict)}`);
    this.checks = options.strict ? new StrictChecks(this.kernel) : null;
    fd ??= check('epoll_create1', this.kernel.epollCreate1(EPOLL_CLOEXEC));
    this.descriptor = new SetDescriptor(this.kernel, fd);
    closeWhenCollected(this, this.descriptor);
    if (this.checks !== null) closeWhenCollected(this, this.checks);
  }

  /**
   * Takes over an existing epoll descriptor, such as one that was inherited or received over a Unix socket. As with
   * Python's `epoll.fromfd` it is owned from here on: `close` closes it. What is registered stays registered, with the
   * data that it was registered with: this class uses the low 32 bits of epoll's user data for the descriptor and the
   * high ones for `data`, and so reports the user data of another program as they are.
   * @throws a system error: EBADF (not open), EMFILE, ENFILE; TypeError if it is not an epoll descriptor
   */
  static fromFd(fd: number, options: EpollOptions = {}): Epoll {
    assertFd(fd);
    const kernel = options.kernel ?? realKernel;
    // epoll_wait(2) would take events out of the set. The removal of a descriptor that cannot be in it is ENOENT.
    const probe = check('eventfd', kernel.eventfd(0, 0));
    const result = kernel.epollCtl(fd, EPOLL_CTL_DEL, probe, 0, 0, 0);
    kernel.close(probe);
    if (result === EBADF || fd === probe) throw systemError('epoll_ctl', EBADF, `fd ${fd}`);
    if (result === EINVAL) throw argumentTypeError(`fd ${fd} is not an epoll descriptor`);
    return new (Epoll as new (options: EpollOptions, fd: number) => Epoll)(options, fd);
  }

  /** The set's own descriptor, which can be registered with another set; -1 once closed. */
  get fd(): number {
    return this.descriptor.fd;
  }

  /** As `fd`, under the name of Python's. @throws ERR_EPOLLET_CLOSED */
  fileno(): number {
    this.assertOpen();
    return this.descriptor.fd;
  }

  get closed(): boolean {
    return this.descriptor.fd < 0;
  }

  /**
   * Adds a descriptor, epoll_ctl(2) with EPOLL_CTL_ADD.
   * @param fd a descriptor, or an object that has one in `fd` or by `fileno()`: it is referenced until it is
   *   unregistered or the set is closed, and events report the number
   * @param events a mask of EPOLL bits; EPOLLERR and EPOLLHUP are always reported, even for a mask of 0
   * @param data 0 to 2^32-1, returned with each event; for instance a generation, to detect events of an earlier user
   *   of the same number
   * @throws a system error: EEXIST (registered already), EPERM (a file that cannot be polled), EBADF, ELOOP (sets that
   *   watch each other, or nested more than five deep), EINVAL (EPOLLEXCLUSIVE with bits that it excludes), ENOSPC
   *   (fs.epoll.max_user_watches), ENOMEM; TypeError or RangeError for an invalid argument; ERR_EPOLLET_CLOSED
   */
  register(fd: HasFd, events: number = DEFAULT_EVENTS, data = 0): void {
    const number = this.control('EPOLL_CTL_ADD', EPOLL_CTL_ADD, fd, events, data);
    if (typeof fd === 'object') {
      this.objects ??= new Map();
      this.objects.set(number, fd);
    } else {
      this.objects?.delete(number);
    }
  }

  /**
   * Replaces the mask and the data of a registered descriptor, EPOLL_CTL_MOD; the default for `data` is 0, not the
   * earlier value. It arms oneshot again, and makes edge report once more what is ready.
   * @throws a system error: ENOENT (not registered), EBADF, EINVAL (EPOLLEXCLUSIVE in either mask), ENOMEM
   */
  modify(fd: HasFd, events: number, data = 0): void {
    this.control('EPOLL_CTL_MOD', EPOLL_CTL_MOD, fd, events, data);
  }

  /**
   * Removes a descriptor, EPOLL_CTL_DEL.
   * @throws a system error: ENOENT (not registered), EBADF (closed, and removed from the set by that, epoll(7))
   */
  unregister(fd: HasFd): void {
    const number = this.control('EPOLL_CTL_DEL', EPOLL_CTL_DEL, fd, 0, 0);
    this.objects?.delete(number);
  }

  /**
   * Waits until a descriptor is ready, epoll_wait(2). Returns the events; an empty array after the timeout. After a
   * signal it waits for the rest of the time, as Python does (PEP 475).
   * @param timeoutMs -1 waits without limit, 0 returns at once; else up to 2^31-1 milliseconds. Fractions are exact to
   *   a nanosecond by epoll_pwait2(2), and rounded up to milliseconds before Linux 5.11
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
    return this.checks === null ? ready : this.checks.track(ready);
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
    if (!(events instanceof Uint32Array)) throw argumentTypeError(`events must be a Uint32Array, not ${shown(events)}`);
    const room = Math.min(Math.floor(events.length / WORDS_PER_EVENT), LAST_MAX_EVENTS);
    if (room < 1)
      throw argumentRangeError(`events must have room for ${WORDS_PER_EVENT} numbers, not ${events.length}`);
    return this.wait(events, room, timeoutMs);
  }

  /**
   * As `poll`, inside Node's event loop: timers, promises, signals and other descriptors go on meanwhile, and at most
   * one batch is returned in an iteration of the loop, so a level-triggered descriptor that stays ready does not starve
   * them. The process stays alive while something is waited for, except after `unref`.
   *
   * Several waits at once are served in the order of their calls: each batch goes to the oldest. `poll` during a wait
   * takes the events that are ready.
   * @param timeoutMs as for `poll`; 0 takes what is ready after this iteration, whether others wait or not
   * @returns rejects with ERR_EPOLLET_CLOSED if the set is closed meanwhile, with the reason of an aborted signal, and
   *   for the same reasons as `poll`
   */
  async pollAsync(timeoutMs = -1, options: PollAsyncOptions = {}): Promise<EpollEvent[]> {
    const { maxEvents = DEFAULT_MAX_EVENTS, signal } = options;
    this.assertOpen();
    assertTimeout(timeoutMs);
    assertInteger('maxEvents', maxEvents, 1, LAST_MAX_EVENTS);
    if (signal !== undefined && !(signal instanceof AbortSignal))
      throw argumentTypeError(`signal must be an AbortSignal, not ${shown(signal)}`);
    signal?.throwIfAborted();
    this.waits ??= new LoopWaits(this.descriptor, this.referenced);
    if (timeoutMs !== 0) {
      this.checks?.onWait(this.descriptor.fd);
      return this.waits.wait(timeoutMs, signal, () => this.poll(0, maxEvents));
    }
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    return this.poll(0, maxEvents);
  }

  /**
   * `for await (const events of epoll)`: batches without end, each as of `pollAsync()`. It ends when the set is closed;
   * leaving the loop stops the wait and does not close the set.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<EpollEvent[], void, undefined> {
    this.assertOpen();
    try {
      for (;;) yield await this.pollAsync();
    } catch (error) {
      if (!this.closed) throw error;
    } finally {
      this.waits?.release();
    }
  }

  /**
   * How waits poll network devices busily.
   * @throws a system error: ENOTTY before Linux 6.9, EOPNOTSUPP if the kernel is built without it; ERR_EPOLLET_CLOSED
   */
  get busyPoll(): Required<BusyPollOptions> {
    this.assertOpen();
    const params = this.kernel.epollGetParams(this.descriptor.fd);
    if (typeof params === 'number') throw busyPollError('EPIOCGPARAMS', params);
    return { us: params.busyPollUs, budget: params.busyPollBudget, prefer: params.preferBusyPoll };
  }

  /**
   * Sets how waits poll network devices busily.
   * @throws as `busyPoll`; EPERM for a budget above 64; TypeError or RangeError
   */
  setBusyPoll({ us, budget = DEFAULT_BUSY_POLL_BUDGET, prefer = false }: BusyPollOptions): void {
    this.assertOpen();
    assertInteger('us', us, 0, 0x7fffffff);
    assertInteger('budget', budget, 0, 0xffff);
    if (typeof prefer !== 'boolean') throw argumentTypeError(`prefer must be a boolean, not ${shown(prefer)}`);
    const result = this.kernel.epollSetParams(this.descriptor.fd, us, budget, prefer);
    if (result < 0) throw busyPollError('EPIOCSPARAMS', result);
  }

  /** Keeps the process alive during asynchronous waits. This is the initial state. */
  ref(): this {
    return this.setReferenced(true);
  }

  /** Lets the process exit during asynchronous waits. */
  unref(): this {
    return this.setReferenced(false);
  }

  /** Closes the set, not the registered descriptors. Pending waits reject with ERR_EPOLLET_CLOSED. Idempotent. */
  close(): void {
    this.descriptor.close();
    this.objects = null;
    this.checks?.close();
    this.waits?.rejectAll(closedError());
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** As `close`, for `await using`: nothing is waited for. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  private control(name: string, operation: number, of: HasFd, events: number, data: number): number {
    this.assertOpen();
    const fd = fdOf(of);
    const epfd = this.descriptor.fd;
    if (fd === epfd) throw argumentRangeError(`fd ${fd} is this Epoll itself, which cannot watch itself`);
    const mask = assertEvents(events);
    assertInteger('data', data, 0, 0xffffffff);
    const result = this.kernel.epollCtl(epfd, operation, fd, mask, fd, data);
    this.checks?.onControl(epfd, operation, fd, mask, data, result);
    if (result < 0) check('epoll_ctl', result, `${name} fd ${fd} ${describeEvents(mask)}`);
    return fd;
  }

  private wait(events: Uint32Array, maxEvents: number, timeoutMs: number): number {
    this.assertOpen();
    assertTimeout(timeoutMs);
    const { checks } = this;
    const epfd = this.descriptor.fd;
    if (checks === null) return waitFor(this.kernel, epfd, events, maxEvents, timeoutMs);
    if (timeoutMs < 0 || timeoutMs >= 1) checks.onWait(epfd);
    const count = waitFor(this.kernel, epfd, events, maxEvents, timeoutMs);
    checks.onBatch(epfd, events, count, count === maxEvents);
    return count;
  }

  private setReferenced(referenced: boolean): this {
    this.referenced = referenced;
    this.waits?.setReferenced(referenced);
    return this;
  }

  private assertOpen(): void {
    if (this.descriptor.fd < 0) throw closedError();
  }
}

function busyPollError(request: string, result: number): Error {
  return systemError('ioctl', result, result === ENOTTY ? `${request}, which needs Linux 6.9` : request);
}

function closedError(): Error {
  return withCode('ERR_EPOLLET_CLOSED', new Error('This Epoll is closed.'));
}

function assertInteger(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value)) throw argumentTypeError(`${name} must be an integer, not ${shown(value)}`);
  if (value < min || value > max) throw argumentRangeError(`${name} must be from ${min} to ${max}, not ${value}`);
}
