import { systemError } from '../sys/errno.js';
import type { LoopWatch } from '../sys/kernel.js';
import { NEVER } from './deadlines.js';
import type { Reactor } from './reactor.js';
import { Wakeup } from './wakeup.js';

/**
 * How many turns one callback of libuv may take. An iteration of libuv costs about 0.8 µs, an empty wait 0.1; beyond
 * eight, or half a millisecond, timers and other descriptors have waited long enough.
 */
const TURNS_PER_CALLBACK = 8;
const CALLBACK_BUDGET_MS = 0.5;

/**
 * The reactor's epoll descriptor inside libuv's: timers, promises, streams and signals of Node go on working. Turns
 * are taken on readiness until nothing is ready or the budget is spent; then libuv has its iteration.
 */
export class NestedDriver {
  private watch: LoopWatch | null;
  private timer: NodeJS.Timeout | null = null;
  private timerDueMs = NEVER;
  private soon: NodeJS.Immediate | null = null;
  private referenced = true;

  constructor(private readonly reactor: Reactor) {
    const watch = reactor.kernel.loopStart(reactor.fd, () => this.run());
    if (typeof watch === 'number') throw systemError('epoll_ctl', watch);
    this.watch = watch;
    reactor.onWork = () => this.runSoon();
    this.runSoon();
  }

  /** Whether the reactor keeps the process alive, as a Node server does; it does unless told otherwise. */
  ref(): void {
    this.setReferenced(true);
  }

  unref(): void {
    this.setReferenced(false);
  }

  /** May be called from inside a turn, and more than once. The reactor stays open. */
  stop(): void {
    if (this.watch === null) return;
    this.reactor.kernel.loopStop(this.watch);
    this.watch = null;
    this.reactor.onWork = null;
    if (this.soon) clearImmediate(this.soon);
    if (this.timer) clearTimeout(this.timer);
    this.soon = this.timer = null;
  }

  private run(): void {
    try {
      let ran = this.reactor.turn(0);
      const startMs = this.reactor.nowMs;
      for (let turns = 1; ran > 0 && this.watch !== null && turns < TURNS_PER_CALLBACK; turns++) {
        ran = this.reactor.turn(0);
        if (this.reactor.nowMs - startMs > CALLBACK_BUDGET_MS) break;
      }
    } finally {
      if (this.watch !== null) {
        if (this.reactor.hasWork) this.runSoon();
        this.armTimer();
      }
    }
  }

  /** The epoll descriptor is silent about work that is queued in user space. */
  private runSoon(): void {
    if (this.soon !== null) return;
    this.soon = setImmediate(() => {
      this.soon = null;
      this.run();
    });
    if (!this.referenced) this.soon.unref();
  }

  private armTimer(): void {
    const dueMs = this.reactor.nextDeadlineMs();
    if (dueMs >= this.timerDueMs) return; // the timer that is armed asks early enough
    if (this.timer) clearTimeout(this.timer);
    this.timerDueMs = dueMs;
    const delayMs = Math.max(1, Math.ceil(dueMs - this.reactor.kernel.monotonicMs()));
    this.timer = setTimeout(
      () => {
        this.timer = null;
        this.timerDueMs = NEVER;
        this.run();
      },
      Math.min(delayMs, 0x7fffffff),
    );
    this.timer.unref(); // the watch decides what keeps the process alive
  }

  private setReferenced(referenced: boolean): void {
    this.referenced = referenced;
    if (this.watch !== null) this.reactor.kernel.loopRef(this.watch, referenced);
    if (this.soon) referenced ? this.soon.ref() : this.soon.unref();
  }
}

/**
 * `epoll_wait(-1)` in the foreground, until stopped. JavaScript timers, promises and signal handlers never run
 * meanwhile: for the models and for measurements. `run` returns after `stop`, which any handler may call; another
 * thread stops it by `kernel.eventfdWrite(driver.stopFd, 1)`.
 */
export class BlockingDriver {
  private readonly wakeup: Wakeup;
  private stopped = false;

  constructor(private readonly reactor: Reactor) {
    this.wakeup = new Wakeup(reactor, () => this.stop());
  }

  /** An eventfd(2), the driver's own; valid until `run` has returned. */
  get stopFd(): number {
    return this.wakeup.fd;
  }

  run(): void {
    try {
      while (!this.stopped) this.reactor.turn(-1);
    } finally {
      this.wakeup.close();
    }
  }

  /** From inside a turn. */
  stop(): void {
    this.stopped = true;
  }
}
