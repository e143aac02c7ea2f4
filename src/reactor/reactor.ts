import { assert } from '../sys/assert.js';
import { constants, kernel as realKernel } from '../sys/binding.js';
import { systemError } from '../sys/errno.js';
import { argumentRangeError } from '../sys/error-code.js';
import type { Kernel } from '../sys/kernel.js';
import { Arming } from './arming.js';
import { type BatchEndHandler, BatchEndQueue, bringForward } from './batch-end.js';
import { Deadlines, NEVER } from './deadlines.js';
import { ENDED, type Interest, READABLE, readinessOf } from './interest.js';
import type { ReactorOptions, ReactorStats, RegisterOptions } from './options.js';
import { type Handler, MARK_EXCLUSIVE, MARK_REVISIT, MARK_SPENT, Registry, slotOf, type Token } from './registry.js';

const { EPOLL_CLOEXEC } = constants;

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
 * - Readiness is a hint: EPOLLHUP and EPOLLERR count as readable and writable, and the handler's own system call
 *   reports what has happened.
 * - An exception from a handler does not keep the others from being called: the kernel would not report an edge again.
 *
 * The reactor owns its epoll descriptor; registered descriptors belong to their registrants. It is not thread-safe:
 * another thread wakes it through a Wakeup. One of the two drivers calls `turn`, or the caller does.
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

  private readonly registry = new Registry();
  private readonly deadlines = new Deadlines();
  private readonly arming: Arming;
  private readonly events: Uint32Array;
  private readonly maxEvents: number;
  private revisits: Token[] = [];
  private revisitsBefore: Token[] = [];
  private readonly batchEnd = new BatchEndQueue();
  /** Slots whose events are dispatched before all others of their turn, in this order. */
  private readonly firstSlots: number[] = [];
  private turning = false;
  private expiring = false;
  private thrown: unknown[] = [];
  private readonly counts = { turns: 0, events: 0, stale: 0, spurious: 0, revisits: 0, expired: 0 };

  constructor(options: ReactorOptions = {}) {
    const maxEvents = options.maxEvents ?? 1024;
    if (!Number.isInteger(maxEvents) || maxEvents < 1 || maxEvents > 65536) {
      throw argumentRangeError(`maxEvents must be an integer from 1 to 65536, not ${maxEvents}`);
    }
    this.kernel = options.kernel ?? realKernel;
    this.maxEvents = maxEvents;
    this.events = new Uint32Array(3 * maxEvents);
    const fd = this.kernel.epollCreate1(EPOLL_CLOEXEC);
    if (fd < 0) throw systemError('epoll_create1', fd);
    this.fd = fd;
    this.arming = new Arming(this.kernel, this.registry, fd);
    this.nowMs = this.kernel.monotonicMs();
  }

  /**
   * Adds a descriptor to the epoll set. It stays the caller's, and must stay open until `unregister` or `forget`.
   * @throws a system error: EEXIST if it is registered already, EPERM for a regular file or directory, EBADF, ENOSPC
   *   (fs.epoll.max_user_watches), ENOMEM
   */
  register(fd: number, handler: Handler, interest: Interest, options: RegisterOptions = {}): Token {
    assert(this.fd >= 0, 'the reactor is closed');
    const trigger = options.trigger ?? 'level';
    assert(!(options.exclusive && trigger === 'oneshot'), 'EPOLLEXCLUSIVE cannot be combined with EPOLLONESHOT');
    const slot = this.registry.add(fd, handler, interest, trigger);
    this.registry.marks[slot]! &= ~(MARK_EXCLUSIVE | MARK_SPENT | MARK_REVISIT); // of an earlier user of the slot
    if (options.exclusive) this.registry.marks[slot]! |= MARK_EXCLUSIVE;
    const result = this.arming.arm(slot);
    if (result < 0) {
      this.registry.remove(slot);
      throw systemError('epoll_ctl', result);
    }
    if (options.first) this.firstSlots.push(slot);
    return this.registry.tokenOf(slot);
  }

  /**
   * Changes the interest before the next wait. With NOTHING the descriptor leaves the epoll set until the next change.
   */
  modify(token: Token, interest: Interest): void {
    const slot = this.registry.find(token);
    assert(slot >= 0, 'modify of a token that is not registered');
    if (this.registry.wanted[slot] === interest) return;
    this.registry.wanted[slot] = interest;
    if (this.arming.mark(slot) && !this.turning) this.onWork?.();
    if (this.registry.missed[slot]! & interest) this.markRevisit(slot);
  }

  /** Removes the descriptor from the epoll set. It stays open. */
  unregister(token: Token): void {
    const slot = this.registry.find(token);
    assert(slot >= 0, 'unregister of a token that is not registered');
    this.arming.leave(slot);
    this.drop(slot);
  }

  /**
   * Removes the token without a system call, for an owner that closes the descriptor at once: the kernel removes a
   * closed descriptor itself, epoll(7), question 6. If there is a duplicate (dup, fork), use `unregister`.
   */
  forget(token: Token): void {
    const slot = this.registry.find(token);
    assert(slot >= 0, 'forget of a token that is not registered');
    this.drop(slot);
  }

  /**
   * Calls the handler again for readiness that it has not used up: in this turn after all events (in the next one if
   * this is a revisit already), or as soon as its interest includes it. The kernel would not report it again under edge
   * and oneshot, and never reports bytes that are in user space already.
   */
  revisit(token: Token, readiness: number = READABLE): void {
    const slot = this.registry.find(token);
    assert(slot >= 0, 'revisit of a token that is not registered');
    this.registry.missed[slot]! |= readiness;
    if (this.registry.wanted[slot]! & readiness) this.markRevisit(slot);
  }

  /** Calls `onBatchEnd` once after all events of this batch are dispatched. From `onReady` only. */
  notifyAtBatchEnd(handler: BatchEndHandler): void {
    assert(this.turning, 'notifyAtBatchEnd outside a turn');
    this.batchEnd.add(handler);
  }

  /**
   * Calls the handler's `onDeadline` once `nowMs` has reached `dueMs`, on the clock of `nowMs`. Replaces the token's
   * earlier deadline; NEVER clears it.
   */
  setDeadline(token: Token, dueMs: number): void {
    const slot = this.registry.find(token);
    assert(slot >= 0, 'deadline of a token that is not registered');
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
    return this.revisits.length > 0 || this.arming.hasWork;
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
    assert(this.fd >= 0, 'the reactor is closed');
    assert(!this.turning, 'a turn inside a turn');
    this.turning = true;
    this.arming.apply();
    const count = this.kernel.epollWait(this.fd, this.events, this.maxEvents, this.waitMs(timeoutMs));
    this.nowMs = this.kernel.monotonicMs();
    this.counts.turns++;
    this.arming.retry(this.nowMs);
    if (this.onTurn !== null) this.callOnTurn(this.onTurn);
    if (count > 0) this.dispatch(count);
    if (!this.batchEnd.isEmpty) this.batchEnd.run(this.thrown);
    const ran = count + (this.revisits.length > 0 ? this.revisitAll() : 0) + this.expire();
    this.turning = false;
    if (count < 0) throw systemError('epoll_wait', count);
    if (this.thrown.length > 0) this.rethrow();
    return ran;
  }

  /** Closes the epoll descriptor; registered descriptors stay open. Idempotent. */
  close(): void {
    if (this.fd < 0) return;
    this.kernel.close(this.fd);
    this.fd = -1;
  }

  private rethrow(): never {
    const [first, ...others] = this.thrown.splice(0);
    throw others.length === 0 ? first : new AggregateError([first, ...others], 'several handlers threw in one turn');
  }

  private callOnTurn(onTurn: () => void): void {
    try {
      onTurn();
    } catch (error) {
      this.thrown.push(error);
    }
  }

  private waitMs(timeoutMs: number): number {
    if (timeoutMs === 0 || this.revisits.length > 0) return 0;
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
      if (registry.triggers[slot] === 'oneshot') this.arming.spend(slot);
      this.notify(slot, registry.missed[slot]! | readinessOf(events[at]!));
    }
  }

  private revisitAll(): number {
    const tokens = this.revisits;
    this.revisits = this.revisitsBefore;
    this.revisitsBefore = tokens;
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i]!;
      this.registry.marks[slotOf(token)]! &= ~MARK_REVISIT;
      const slot = this.registry.find(token);
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

  private markRevisit(slot: number): void {
    if (this.registry.marks[slot]! & MARK_REVISIT) return;
    this.registry.marks[slot]! |= MARK_REVISIT;
    this.revisits.push(this.registry.tokenOf(slot));
    if (!this.turning) this.onWork?.();
  }

  private drop(slot: number): void {
    this.deadlines.clear(slot);
    this.registry.remove(slot);
    const at = this.firstSlots.indexOf(slot);
    if (at >= 0) this.firstSlots.splice(at, 1);
  }
}
