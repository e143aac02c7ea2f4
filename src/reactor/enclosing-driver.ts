import { kernel as realKernel } from '../sys/binding.js';
import {
  LOOP_DUE_MS,
  LOOP_GOES_ON,
  LOOP_LONGEST_TURN_MS,
  LOOP_NOW_MS,
  LOOP_TIMES,
  LOOP_WAITED_MS,
} from '../sys/calls/loop.js';
import { check } from '../sys/errno.js';
import type { LoopWatch } from '../sys/kernel.js';
import { assertNoDriver, assertReactor } from './arguments.js';
import { attach, detach } from './attachment.js';
import type { Driver } from './options.js';
import type { Reactor } from './reactor.js';

/**
 * Runs a reactor in Node's loop with the nesting turned round: libuv's epoll descriptor is one of the reactor's, which
 * waits where libuv would. An event of the reactor passes through libuv only when libuv has something to do itself, so
 * that Node's timers, promises, streams and signals keep working. What a handler throws becomes the process's
 * 'uncaughtException'. The reactor stays the caller's, and has one driver at a time; its `close` stops the driver.
 * Several reactors of a thread may have such drivers: they are waited for together, at a system call more.
 *
 * `performance.eventLoopUtilization()` counts the time of waiting as busy; where that matters, use a NestedDriver.
 */
export class EnclosingDriver implements Driver {
  private watch: LoopWatch | null;
  private readonly times = new Float64Array(LOOP_TIMES);
  private readonly onWork = (): void => this.schedule();
  /** Of a simulated kernel. */
  private readonly hasOwnClock: boolean;

  /**
   * @throws a system error of epoll_ctl(2): ELOOP if libuv polls the reactor's descriptor; ERR_EPOLLET_PLATFORM under Bun
   *   and Deno; an assertion error if the reactor has a driver
   */
  constructor(private readonly reactor: Reactor) {
    assertReactor(reactor);
    assertNoDriver(reactor);
    const { kernel, fd, events } = reactor;
    this.hasOwnClock = kernel.monotonicMs !== realKernel.monotonicMs;
    this.times[LOOP_NOW_MS] = realKernel.monotonicMs();
    const watch = kernel.loopEnclose(fd, events, this.times, (count) => this.run(count));
    this.watch = check('epoll_ctl', watch, `libuv's loop in epfd ${fd}`);
    attach(reactor, this, this.onWork);
  }

  /** Milliseconds spent in waits since the start. */
  get waitedMs(): number {
    return this.times[LOOP_WAITED_MS]!;
  }

  /** The longest time between two waits, in ms, since the last call of this method or the start. */
  takeLongestTurnMs(): number {
    const longest = this.times[LOOP_LONGEST_TURN_MS]!;
    this.times[LOOP_LONGEST_TURN_MS] = 0;
    return longest;
  }

  /** Keeps the process alive, as a Node server does. This is the initial state. */
  ref(): void {
    if (this.watch !== null) this.reactor.kernel.loopRef(this.watch, true);
  }

  /** Lets the process exit while the reactor has descriptors registered. */
  unref(): void {
    if (this.watch !== null) this.reactor.kernel.loopRef(this.watch, false);
  }

  /** Takes no further turn. May be called from inside a turn. The reactor stays open, for another driver. Idempotent. */
  stop(): void {
    if (this.watch === null) return;
    this.reactor.kernel.loopStop(this.watch);
    this.watch = null;
    detach(this.reactor, this, this.onWork);
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  /** Returns after a turn that may have queued microtasks, which run then, or if libuv has something to do. */
  private run(count: number): void {
    const { reactor, times } = this;
    const { kernel } = reactor;
    for (let ready = count; ready !== LOOP_GOES_ON; ready = kernel.loopWait()) {
      let hasTasks = true;
      try {
        hasTasks = reactor.turnAfterWait(ready, this.hasOwnClock ? kernel.monotonicMs() : times[LOOP_NOW_MS]!);
      } finally {
        this.schedule();
      }
      if (hasTasks) return;
    }
  }

  /** Sets when the next turn is due: at once for work that is queued in user space, which no descriptor shows. */
  private schedule(): void {
    const dueMs = this.reactor.hasWork ? 0 : this.reactor.nextDeadlineMs();
    const isOwn = this.hasOwnClock && dueMs !== 0;
    this.times[LOOP_DUE_MS] = isOwn ? this.times[LOOP_NOW_MS]! + dueMs - this.reactor.kernel.monotonicMs() : dueMs;
  }
}
