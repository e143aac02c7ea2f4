import { assert } from '../sys/assert.js';
import { constants, kernel as realKernel } from '../sys/binding.js';
import { systemError } from '../sys/errno.js';
import type { Kernel } from '../sys/kernel.js';
import { Arming } from './arming.js';
import { type BatchEndHandler, BatchEndQueue, bringForward } from './batch-end.js';
import { Deadlines, NEVER } from './deadlines.js';
import { ENDED, type Interest, READABLE, readinessOf } from './interest.js';
import type { ReactorOptions, ReactorStats, RegisterOptions } from './options.js';
import { type Handler, MARK_EXCLUSIVE, MARK_REVISIT, MARK_SPENT, Registry, slotOf, type Token } from './registry.js';

const { EPOLL_CLOEXEC } = constants;

/**
 * Waits for readiness and hands it to handlers: one `turn` arms what changed, waits once, dispatches, revisits who
 * spent its budget, and expires deadlines. It owns its epoll descriptor and nothing else; the descriptors that are
 * registered stay their owners'. Not thread-safe: another thread wakes it through a Wakeup.
 */
export class Reactor {
  readonly kernel: Kernel;
  /** CLOCK_MONOTONIC in milliseconds, read once a turn after the wait. */
  nowMs: number;
  /** The epoll descriptor; readable when a turn would find something. -1 once closed. */
  fd: number;
  /** Called when work was left outside a turn, so that whoever drives the reactor takes another one soon. */
  onWork: (() => void) | null = null;
  /** Called in every turn between the wait and the first handler. */
  onTurn: (() => void) | null = null;

  private readonly registry = new Registry();
  private readonly deadlines = new Deadlines();
  private readonly arming: Arming;
  private readonly events: Uint32Array;
  private readonly maxEvents: number;
  private revisits: Token[] = [];
  private revisitsBefore: Token[] = [];
  private readonly batchEnd = new BatchEndQueue();
  /** Who are told before the others of their turn, in this order. */
  private readonly firstSlots: number[] = [];
  private turning = false;
  private expiring = false;
  private thrown: unknown[] = [];
  private readonly counts = { turns: 0, events: 0, stale: 0, spurious: 0, revisits: 0, expired: 0 };

  constructor(options: ReactorOptions = {}) {
    const maxEvents = options.maxEvents ?? 1024;
    if (!Number.isInteger(maxEvents) || maxEvents < 1 || maxEvents > 65536) {
      throw new RangeError(`maxEvents must be an integer from 1 to 65536, not ${maxEvents}`);
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
   * Joins a descriptor, which must stay open until `unregister` or `forget`.
   * @throws a system error: EEXIST when it is registered already, EPERM for a regular file, EBADF, ENOSPC, ENOMEM
   */
  register(fd: number, handler: Handler, interest: Interest, options: RegisterOptions = {}): Token {
    assert(this.fd >= 0, 'the reactor is closed');
    const trigger = options.trigger ?? 'level';
    assert(!(options.exclusive && trigger === 'oneshot'), 'EPOLLEXCLUSIVE refuses EPOLLONESHOT');
    const slot = this.registry.add(fd, handler, interest, trigger);
    this.registry.marks[slot]! &= ~(MARK_EXCLUSIVE | MARK_SPENT | MARK_REVISIT); // may be another's that had the slot
    if (options.exclusive) this.registry.marks[slot]! |= MARK_EXCLUSIVE;
    const result = this.arming.arm(slot);
    if (result < 0) {
      this.registry.remove(slot);
      throw systemError('epoll_ctl', result);
    }
    if (options.first) this.firstSlots.push(slot);
    return this.registry.tokenOf(slot);
  }

  /** Changes the interest; takes effect before the next wait. NOTHING leaves the epoll set until asked again. */
  modify(token: Token, interest: Interest): void {
    const slot = this.registry.find(token);
    assert(slot >= 0, 'modify of a token that is not registered');
    if (this.registry.wanted[slot] === interest) return;
    this.registry.wanted[slot] = interest;
    if (this.arming.mark(slot) && !this.turning) this.onWork?.();
    if (this.registry.missed[slot]! & interest) this.markRevisit(slot);
  }

  /** Leaves. The descriptor may be used on. */
  unregister(token: Token): void {
    const slot = this.registry.find(token);
    assert(slot >= 0, 'unregister of a token that is not registered');
    this.arming.leave(slot);
    this.drop(slot);
  }

  /**
   * Leaves without a system call, for the owner of the only copy of a descriptor who closes it at once: the kernel
   * then removes it by itself, epoll(7). With a copy elsewhere (dup, fork) use `unregister`.
   */
  forget(token: Token): void {
    const slot = this.registry.find(token);
    assert(slot >= 0, 'forget of a token that is not registered');
    this.drop(slot);
  }

  /**
   * The handler has not used up this readiness: tell it again without waiting, after the others of this turn (in the
   * next one, if it is being told again already), or as soon as it wants it. Edge and oneshot will not be told by the
   * kernel, nor will anybody whose bytes are in user space already.
   */
  revisit(token: Token, readiness: number = READABLE): void {
    const slot = this.registry.find(token);
    assert(slot >= 0, 'revisit of a token that is not registered');
    this.registry.missed[slot]! |= readiness;
    if (this.registry.wanted[slot]! & readiness) this.markRevisit(slot);
  }

  /** Calls `onSettle` when all of this batch have been told. From inside `onReady` only, and once. */
  notifyAtBatchEnd(settler: BatchEndHandler): void {
    assert(this.turning, 'settleLater outside a turn');
    this.batchEnd.add(settler);
  }

  /** Calls the handler's `onDeadline` when `nowMs` has passed `dueMs`; replaces the deadline before. NEVER clears it. */
  setDeadline(token: Token, dueMs: number): void {
    const slot = this.registry.find(token);
    assert(slot >= 0, 'deadline of a token that is not registered');
    // One that is past already is the next turn's: a handler that sets such a one each time would never come to an end.
    this.deadlines.set(slot, this.expiring && dueMs <= this.nowMs ? this.nowMs + 1 : dueMs);
    if (!this.turning && this.deadlines.nextMs() === dueMs) this.onWork?.(); // whoever drives waits for a later one
  }

  /** When the next deadline, or the next try of what the kernel refused, is worth a turn; NEVER when there is none. */
  nextDeadlineMs(): number {
    return Math.min(this.deadlines.nextMs(), this.arming.retryMs);
  }

  /** Whether a turn has something to do that no descriptor will tell. */
  get hasWork(): boolean {
    return this.revisits.length > 0 || this.arming.hasWork;
  }

  get stats(): ReactorStats {
    return { ...this.counts, epollCtlCalls: this.arming.calls, registered: this.registry.size };
  }

  /** Reads the clock outside a turn, for whoever is about to set deadlines after a long wait. */
  readClock(): void {
    this.nowMs = this.kernel.monotonicMs();
  }

  /**
   * One pass. Returns how much it had to do, 0 when nothing was ready. What a handler throws is thrown on once
   * everybody has been told: the kernel would not repeat an edge.
   * @param timeoutMs how long to wait at most; -1 waits for ever, 0 returns at once
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
    if (this.onTurn !== null) this.announceTurn(this.onTurn);
    if (count > 0) this.dispatch(count);
    if (!this.batchEnd.isEmpty) this.batchEnd.run(this.thrown);
    const ran = count + (this.revisits.length > 0 ? this.visitAgain() : 0) + this.expire();
    this.turning = false;
    if (count < 0) throw systemError('epoll_wait', count);
    if (this.thrown.length > 0) this.throwOn();
    return ran;
  }

  /** Closes the epoll descriptor. What is registered stays open and is told nothing more. Twice is fine. */
  close(): void {
    if (this.fd < 0) return;
    this.kernel.close(this.fd);
    this.fd = -1;
  }

  private throwOn(): never {
    const [first, ...others] = this.thrown.splice(0);
    throw others.length === 0 ? first : new AggregateError([first, ...others], 'several handlers threw in one turn');
  }

  private announceTurn(onTurn: () => void): void {
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

  private visitAgain(): number {
    const tokens = this.revisits;
    this.revisits = this.revisitsBefore;
    this.revisitsBefore = tokens;
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i]!;
      this.registry.marks[slotOf(token)]! &= ~MARK_REVISIT;
      const slot = this.registry.find(token);
      if (slot < 0 || (this.registry.missed[slot]! & this.registry.wanted[slot]!) === 0) continue; // gone, or told by an event meanwhile
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
    const place = this.firstSlots.indexOf(slot);
    if (place >= 0) this.firstSlots.splice(place, 1);
  }
}
