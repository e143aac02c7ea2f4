import { assert } from '../sys/assert.js';
import { check } from '../sys/errno.js';
import { withCode } from '../sys/error-code.js';
import type { LoopWatch } from '../sys/kernel.js';
import { assertNoDriver, assertReactor } from './arguments.js';
import { attach, detach } from './attachment.js';
import { NEVER } from './deadlines.js';
import type { Driver } from './options.js';
import type { Reactor } from './reactor.js';
import { Wakeup } from './wakeup.js';

/**
 * The most turns, and milliseconds, of one libuv callback. An iteration of libuv costs about 0.8 µs, an empty wait
 * about 0.1 µs; after eight turns or half a millisecond, timers and other descriptors have waited long enough.
 */
const TURNS_PER_CALLBACK = 8;
const CALLBACK_BUDGET_MS = 0.5;

/**
 * Runs a reactor inside libuv's loop: its epoll descriptor is watched by uv_poll, so that Node's timers, promises,
 * streams and signals keep working. On readiness it takes turns until nothing is ready or the budget is spent; then
 * libuv goes on. What a handler throws becomes the process's 'uncaughtException'. The reactor stays the caller's, and has
 * one driver at a time; its `close` stops the driver.
 */
export class NestedDriver implements Driver {
  private watch: LoopWatch | null;
  private timer: NodeJS.Timeout | null = null;
  private timerDueMs = NEVER;
  private soon: NodeJS.Immediate | null = null;
  private referenced = true;
  private readonly onWork = (): void => this.runSoon();

  /**
   * @throws a system error if libuv cannot watch the epoll descriptor; ERR_EPOLLET_PLATFORM under Bun and Deno; an
   *   assertion error if the reactor has a driver
   */
  constructor(private readonly reactor: Reactor) {
    assertReactor(reactor);
    assertNoDriver(reactor);
    const watch = reactor.kernel.loopStart(reactor.fd, () => this.run());
    this.watch = check('epoll_ctl', watch, `epfd ${reactor.fd} in libuv's loop`);
    attach(reactor, this, this.onWork);
    this.runSoon();
  }

  /** Keeps the process alive, as a Node server does. This is the initial state. */
  ref(): void {
    this.setReferenced(true);
  }

  /** Lets the process exit while the reactor has descriptors registered. */
  unref(): void {
    this.setReferenced(false);
  }

  /** Takes no further turn. May be called from inside a turn. The reactor stays open, for another driver. Idempotent. */
  stop(): void {
    if (this.watch === null) return;
    this.reactor.kernel.loopStop(this.watch);
    this.watch = null;
    detach(this.reactor, this, this.onWork);
    if (this.soon) clearImmediate(this.soon);
    if (this.timer) clearTimeout(this.timer);
    this.soon = this.timer = null;
  }

  [Symbol.dispose](): void {
    this.stop();
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

  /** Takes a turn for work that is queued in user space: the epoll descriptor does not become readable for it. */
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
    if (dueMs >= this.timerDueMs) return; // the timer that is set is early enough
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
 * Runs a reactor in the foreground with `epoll_wait(-1)`, until stopped. JavaScript timers, promises and signal
 * handlers do not run meanwhile: for the concurrency models and for measurements. `run` returns after `stop`, which a
 * handler may call; another thread stops it with `kernel.eventfdWrite(driver.stopFd, 1)`.
 */
export class BlockingDriver implements Driver {
  private readonly wakeup: Wakeup;
  private stopped = false;
  private running = false;

  /** @throws a system error of `Wakeup`; an assertion error if the reactor has a driver */
  constructor(private readonly reactor: Reactor) {
    assertReactor(reactor);
    assertNoDriver(reactor);
    this.wakeup = new Wakeup(reactor, () => this.stop());
    reactor.driver = this;
  }

  /** An eventfd(2), owned by the driver; -1 once `run` has returned, or `stop` was called before it. */
  get stopFd(): number {
    return this.wakeup.fd;
  }

  /**
   * Blocks the thread until `stop`; returns at once after it.
   * @throws what a handler throws, which ends the run; ERR_EPOLLET_CLOSED if an exception has ended it before
   */
  run(): void {
    assert(!this.running, 'a run inside a run');
    if (this.stopped) return;
    if (this.wakeup.fd < 0)
      throw withCode('ERR_EPOLLET_CLOSED', new Error('An exception has ended this BlockingDriver: make another.'));
    this.running = true;
    try {
      while (!this.stopped) this.reactor.turn(-1);
    } finally {
      this.running = false;
      this.release();
    }
  }

  /** Makes `run` return after this turn. The reactor stays open, for another driver. Idempotent. */
  stop(): void {
    this.stopped = true;
    if (!this.running) this.release();
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  private release(): void {
    if (this.reactor.driver === this) this.reactor.driver = null;
    this.wakeup.close();
  }
}
