import { assert } from '../sys/assert.js';
import { constants, kernel as realKernel } from '../sys/binding.js';
import { systemError } from '../sys/errno.js';
import { argumentRangeError } from '../sys/error-code.js';
import { fdOf, type HasFd } from '../sys/fd.js';
import type { Kernel } from '../sys/kernel.js';
import {
  assertHandler,
  assertInterest,
  assertReactorOptions,
  assertReadiness,
  assertRegisterOptions,
  assertTimeout,
  closedError,
  rejectBatchEndHandler,
  rejectDeadline,
  rejectToken,
} from './arguments.js';
import { Arming } from './arming.js';
import { type BatchEndHandler, BatchEndQueue, bringForward } from './batch-end.js';
import { Deadlines, NEVER } from './deadlines.js';
import { ANY_READINESS, BOTH, ENDED, type Interest, READABLE, readinessOf } from './interest.js';
import type { Driver, ReactorOptions, ReactorStats, RegisterOptions } from './options.js';
import { type Handler, MARK_EXCLUSIVE, MARK_ONESHOT, nextFirstGeneration, Registry, type Token } from './registry.js';
import { Revisits } from './revisits.js';
import { rethrow } from './thrown.js';

const { EPOLL_CLOEXEC } = constants;

const DEFAULT_MAX_EVENTS = 1024;

/**
 * Waits for the readiness of descriptors with epoll(7) and calls their handlers. One `turn` is
 * 1. arm: interests that have changed are passed to epoll_ctl(2);
 * 2. wait: one epoll_wait(2), as long as there is nothing to revisit and no deadline is due;
 * 3. dispatch: each event's token is resolved, stale ones are dropped, handlers are called; then the handlers that
 *    asked for the end of the batch;
 * 4. revisit: handlers with readiness that they have not used up are called again;
 * 5. expire: handlers whose deadline has passed are called.
 *
 * Rules:
 * - A handler names an interest; `Arming` is the one place that turns interests into epoll_ctl, and only if they differ
 *   from what the kernel has.
 * - A token is a slot and its generation, carried in epoll's 64-bit user data. A descriptor's number does not identify
 *   it: within one batch of events, the number of a closed descriptor can come back as another connection.
 * - Readiness is a hint: EPOLLHUP and EPOLLERR count as every interest, and the handler's own system call reports what
 *   has happened.
 * - An exception from a handler does not keep the others from being called: the kernel would not report an edge again.
 * - Whatever throws inside a turn, the next one works.
 *
 * Calls with an invalid argument throw TypeError or RangeError (ERR_EPOLLET_ARGUMENT) and change nothing; a token that is
 * not registered is an assertion error; after `close`, all but `close`, `unregister` and `forget` throw
 * ERR_EPOLLET_CLOSED.
 *
 * The reactor owns its epoll descriptor; registered descriptors belong to their registrants. It is not thread-safe:
 * another thread wakes it through a Wakeup. A driver takes its turns, or the caller does.
 */
export class Reactor {
  readonly kernel: Kernel;
  /** CLOCK_MONOTONIC in milliseconds, read once a turn after the wait. */
  nowMs: number;
  /** The epoll descriptor, which is readable when a descriptor in it is ready, epoll(7); -1 once closed. */
  fd: number;
  /** Called when work is added outside a turn: the driver takes a turn soon. */
  onWork: (() => void) | null = null;
  /** Called in every turn, between the wait and the first handler. */
  onTurn: (() => void) | null = null;
  /** Called at the end of every turn with the number of its events. Must not throw. */
  onTurnEnd: ((events: number) => void) | null = null;
  /** Set by the driver; `close` stops it. */
  driver: Driver | null = null;

  private readonly registry = new Registry(undefined, nextFirstGeneration());
  private readonly deadlines = new Deadlines();
  private readonly arming: Arming;
  /** Of one wait: three words an event, the mask, the slot and its generation. For a driver that waits itself. */
  readonly events: Uint32Array;
  private readonly revisits = new Revisits(this.registry);
  private readonly batchEnd = new BatchEndQueue();
  /** Slots whose events are dispatched before all others of their turn, in this order. */
  private readonly firstSlots: number[] = [];
  private turning = false;
  private expiring = false;
  private readonly thrown: unknown[] = [];
  private tasklessEvents = 0;
  private readonly counts = { turns: 0, events: 0, stale: 0, spurious: 0, revisits: 0, expired: 0 };

  constructor(options: ReactorOptions = {}) {
    assertReactorOptions(options);
    this.kernel = options.kernel ?? realKernel;
    this.events = new Uint32Array(3 * (options.maxEvents ?? DEFAULT_MAX_EVENTS));
    const fd = this.kernel.epollCreate1(EPOLL_CLOEXEC);
    if (fd < 0) throw systemError('epoll_create1', fd);
    this.fd = fd;
    this.arming = new Arming(this.kernel, this.registry, fd);
    this.nowMs = this.kernel.monotonicMs();
  }

  /**
   * Adds a descriptor to the epoll set. It stays the caller's, and must stay open until `unregister` or `forget`. A
   * descriptor has at most one token in a reactor.
   * @param target the descriptor, or an object that has it in `fd` or by `fileno()`
   * @throws a system error: EEXIST if it is registered already, EPERM for a regular file or directory, EBADF, ENOSPC
   *   (fs.epoll.max_user_watches), ENOMEM, ELOOP (sets that watch each other)
   */
  register(target: HasFd, handler: Handler, interest: Interest, options: RegisterOptions = {}): Token {
    if (this.fd < 0) throw closedError('Reactor');
    const fd = fdOf(target);
    if (fd === this.fd) throw argumentRangeError(`fd ${fd} is this Reactor itself, which cannot watch itself`);
    assertHandler(handler);
    assertRegisterOptions(options);
    const exclusive = options.exclusive === true;
    assertInterest(interest, exclusive);
    const slot = this.registry.add(fd, handler, interest, options.trigger ?? 'level');
    if (exclusive) this.registry.marks[slot]! |= MARK_EXCLUSIVE;
    try {
      this.arming.join(slot);
    } catch (error) {
      this.registry.remove(slot);
      throw error;
    }
    if (options.first) this.firstSlots.push(slot);
    return this.registry.tokenOf(slot);
  }

  /** The token of a registered descriptor, as `register` returned it; -1 if it has none here. */
  tokenOf(fd: number): Token {
    const slot = this.registry.slotOfFd(fd);
    return slot < 0 ? -1 : this.registry.tokenOf(slot);
  }

  /**
   * Changes the interest before the next wait. With NOTHING the descriptor leaves the epoll set until the next change.
   * An error of epoll_ctl(2) is thrown by the next turn: EBADF or ENOENT if the descriptor was closed.
   */
  modify(token: Token, interest: Interest): void {
    const slot = this.registry.find(token);
    if (slot < 0) return rejectToken(this, token, 'modify');
    if (this.registry.wanted[slot] === interest) return;
    if (typeof interest !== 'number' || (interest & BOTH) !== interest)
      assertInterest(interest, (this.registry.marks[slot]! & MARK_EXCLUSIVE) !== 0);
    this.registry.wanted[slot] = interest;
    const isNew = this.arming.mark(slot);
    const isRevisit = (this.registry.missed[slot]! & interest) !== 0 && this.revisits.mark(slot);
    if ((isNew || isRevisit) && !this.turning) this.onWork?.();
  }

  /**
   * Removes the descriptor from the epoll set. It stays open.
   * @throws EBADF or ENOENT if it was closed before; the token is removed all the same
   */
  unregister(token: Token): void {
    const slot = this.registry.find(token);
    if (slot < 0) return rejectToken(this, token, 'unregister');
    const error = this.arming.leave(slot);
    this.drop(slot);
    if (error !== null) throw error;
  }

  /**
   * Removes the token without a system call, for an owner that closes the descriptor at once: the kernel removes a
   * closed descriptor itself, epoll(7), question 6. If there is a duplicate (dup, fork), use `unregister`.
   */
  forget(token: Token): void {
    const slot = this.registry.find(token);
    if (slot < 0) return rejectToken(this, token, 'forget');
    this.drop(slot);
  }

  /**
   * Calls the handler again for readiness that it has not used up: in this turn after all events (in the next one if
   * this is a revisit already), or as soon as its interest includes it. The kernel would not report it again under edge
   * and oneshot, and never reports bytes that are in user space already.
   */
  revisit(token: Token, readiness: number = READABLE): void {
    const slot = this.registry.find(token);
    if (slot < 0) return rejectToken(this, token, 'revisit');
    if (typeof readiness !== 'number' || (readiness & ANY_READINESS) !== readiness) assertReadiness(readiness);
    this.registry.missed[slot]! |= readiness;
    if (this.registry.wanted[slot]! & readiness && this.revisits.mark(slot) && !this.turning) this.onWork?.();
  }

  /**
   * Calls `onBatchEnd` once after all events of this batch are dispatched; from `onDeadline`, after all deadlines. Inside
   * a turn only.
   */
  notifyAtBatchEnd(handler: BatchEndHandler): void {
    if (typeof handler?.onBatchEnd !== 'function') rejectBatchEndHandler(handler);
    assert(this.turning, 'notifyAtBatchEnd outside a turn');
    this.batchEnd.add(handler);
  }

  /**
   * Calls the handler's `onDeadline` once `nowMs` has reached `dueMs`, on the clock of `nowMs`. Replaces the token's
   * earlier deadline; NEVER clears it.
   */
  setDeadline(token: Token, dueMs: number): void {
    const slot = this.registry.find(token);
    if (slot < 0) return rejectToken(this, token, 'setDeadline');
    if (typeof dueMs !== 'number' || Number.isNaN(dueMs)) rejectDeadline(dueMs);
    // One that is past already belongs to the next turn: a handler that sets one each time must not block this turn.
    this.deadlines.set(slot, this.expiring && dueMs <= this.nowMs ? this.nowMs + 1 : dueMs);
    if (!this.turning && this.deadlines.nextMs() === dueMs) this.onWork?.(); // the driver waits for a later one
  }

  /** When the next turn is due, for a deadline or a retry of epoll_ctl; NEVER if neither is set. May be too early. */
  nextDeadlineMs(): number {
    return Math.min(this.deadlines.nextMs(), this.arming.retryMs);
  }

  /** Whether a turn has something to do that `fd` does not show. */
  get hasWork(): boolean {
    return !this.revisits.isEmpty || this.arming.hasWork;
  }

  get stats(): ReactorStats {
    return { ...this.counts, epollCtlCalls: this.arming.calls, registered: this.registry.size };
  }

  /** Updates `nowMs` outside a turn, for a caller that is about to set deadlines after a long time. */
  readClock(): void {
    this.nowMs = this.kernel.monotonicMs();
  }

  /**
   * One turn. Returns the number of events, revisits and deadlines; 0 if nothing was ready.
   * @param timeoutMs the longest wait in milliseconds; -1 waits without limit, 0 returns at once
   * @throws what a handler threw, after all others were called: an AggregateError if there were several
   */
  turn(timeoutMs: number): number {
    if (timeoutMs !== 0) assertTimeout(timeoutMs);
    this.begin();
    let ran = 0;
    try {
      this.arming.apply(this.thrown);
      const count = this.kernel.epollWait(this.fd, this.events, this.events.length / 3, this.waitMs(timeoutMs));
      ran = this.pass(count, this.kernel.monotonicMs());
    } catch (error) {
      this.thrown.push(error); // of a simulated kernel
    }
    this.end();
    return ran;
  }

  /**
   * A turn of a driver that has waited itself, and waits again afterwards: it arms last.
   * @param count how many events are in `events`, or -errno of the wait
   * @param nowMs the time after the wait
   * @returns whether it may have queued microtasks or nextTick callbacks
   * @throws as `turn` does
   */
  turnAfterWait(count: number, nowMs: number): boolean {
    this.begin();
    let ran = -1;
    try {
      ran = this.pass(count, nowMs);
      if (this.fd >= 0) this.arming.apply(this.thrown);
    } catch (error) {
      this.thrown.push(error);
    }
    this.end();
    return ran !== this.tasklessEvents;
  }

  /** Called by a handler, once for an event that it has used up without queueing a microtask or a nextTick callback. */
  noteTaskless(): void {
    this.tasklessEvents++;
  }

  /**
   * Closes the epoll descriptor, stops the driver and removes every token; registered descriptors stay open. Inside a
   * turn, no further `onReady` or `onDeadline` is called. Idempotent.
   */
  close(): void {
    if (this.fd < 0) return;
    this.driver?.stop();
    this.kernel.close(this.fd);
    this.fd = -1;
    for (let slot = 0; slot < this.registry.handlers.length; slot++)
      if (this.registry.handlers[slot] !== null) this.drop(slot);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  private begin(): void {
    if (this.fd < 0) throw closedError('Reactor');
    assert(!this.turning, 'a turn inside a turn');
    this.turning = true;
    this.tasklessEvents = 0;
  }

  private end(): void {
    this.turning = this.expiring = false;
    if (this.thrown.length > 0) rethrow(this.thrown);
  }

  private pass(count: number, nowMs: number): number {
    this.nowMs = nowMs;
    this.counts.turns++;
    this.arming.retry(nowMs);
    this.callOnTurn();
    if (count > 0) this.dispatch(count);
    else if (count < 0) this.thrown.push(systemError('epoll_wait', count, `epfd ${this.fd}`));
    this.batchEnd.run(this.thrown);
    const ran = count + (this.revisits.isEmpty ? 0 : this.revisitAll()) + this.expire();
    this.batchEnd.run(this.thrown);
    if (this.onTurnEnd !== null) this.onTurnEnd(count);
    return ran;
  }

  private callOnTurn(): void {
    try {
      this.onTurn?.();
    } catch (error) {
      this.thrown.push(error);
    }
  }

  private waitMs(timeoutMs: number): number {
    if (timeoutMs === 0 || !this.revisits.isEmpty) return 0;
    let wait = timeoutMs < 0 ? NEVER : Math.ceil(timeoutMs);
    const dueMs = this.nextDeadlineMs();
    if (dueMs !== NEVER) wait = Math.min(wait, Math.max(0, Math.ceil(dueMs - this.kernel.monotonicMs())));
    return wait === NEVER ? -1 : Math.min(wait, 0x7fffffff);
  }

  private dispatch(count: number): void {
    const { events, registry } = this;
    this.counts.events += count;
    bringForward(events, count, this.firstSlots);
    for (let at = 0; at < 3 * count; at += 3) {
      const slot = events[at + 1]!;
      if (registry.generations[slot] !== events[at + 2]) {
        this.counts.stale++;
        continue;
      }
      if (registry.marks[slot]! & MARK_ONESHOT) this.arming.spend(slot);
      this.notify(slot, registry.missed[slot]! | readinessOf(events[at]!));
    }
  }

  private revisitAll(): number {
    const tokens = this.revisits.take();
    for (let i = 0; i < tokens.length; i++) {
      const slot = this.revisits.unmark(tokens[i]!);
      // Removed, or dispatched by an event.
      if (slot < 0 || (this.registry.missed[slot]! & this.registry.wanted[slot]!) === 0) continue;
      this.counts.revisits++;
      this.notify(slot, this.registry.missed[slot]!);
    }
    const count = tokens.length;
    tokens.length = 0;
    this.batchEnd.run(this.thrown);
    return count;
  }

  private notify(slot: number, readiness: number): void {
    const { registry } = this;
    const due = readiness & registry.wanted[slot]!;
    registry.missed[slot] = readiness & ~due;
    if (due === 0) {
      this.counts.spurious++;
      return;
    }
    try {
      registry.handlers[slot]!.onReady(due | (readiness & ENDED));
    } catch (error) {
      this.thrown.push(error);
    }
  }

  private expire(): number {
    if (this.deadlines.nextMs() > this.nowMs) return 0;
    let count = 0;
    this.expiring = true;
    for (let slot = this.deadlines.expired(this.nowMs); slot >= 0; slot = this.deadlines.expired(this.nowMs)) {
      count++;
      try {
        this.registry.handlers[slot]?.onDeadline?.();
      } catch (error) {
        this.thrown.push(error);
      }
    }
    this.expiring = false;
    this.counts.expired += count;
    return count;
  }

  private drop(slot: number): void {
    this.deadlines.clear(slot);
    this.registry.remove(slot);
    const at = this.firstSlots.indexOf(slot);
    if (at >= 0) this.firstSlots.splice(at, 1);
  }
}
