/** The numbers in the `times` of `loopEnclose`. */
export const LOOP_DUE_MS = 0;
export const LOOP_NOW_MS = 1;
export const LOOP_WAITS = 2;
export const LOOP_WAITED_MS = 3;
export const LOOP_LONGEST_TURN_MS = 4;
export const LOOP_TIMES = 5;
/** In place of a number of events. */
export const LOOP_GOES_ON = -(2 ** 31);

/** A descriptor watched by libuv, or an epoll set that encloses libuv's; opaque, returned by `loopStart` and `loopEnclose`. */
export interface LoopWatch {
  readonly __loopWatch: unique symbol;
}

export interface LoopCalls {
  /**
   * uv_poll_start(UV_READABLE) on the libuv loop of this environment: calls `onReadable`, followed by microtasks and
   * nextTick callbacks, whenever `fd` is readable (level-triggered) or has an error (EPOLLERR). What it throws becomes
   * the process's 'uncaughtException'. Keeps the process alive until stopped or unreferenced. Returns the watch, or
   * -errno: -EPERM for a file that cannot be polled, -EEXIST if libuv watches it already. The descriptor stays the
   * caller's, must stay open until `loopStop`, and becomes non-blocking (by uv_poll_init). The watch ends with its
   * thread, but not when the returned object is garbage-collected.
   */
  loopStart(fd: number, onReadable: () => void): LoopWatch | number;
  /**
   * Adds libuv's epoll set (uv_backend_fd) to the set `epfd`, and from then on waits in it where libuv would wait in its
   * own (uv_prepare_start): as long as libuv has nothing to do, an event of the set costs one epoll_wait(2). After each
   * wait with an event, or when `times[0]` has passed, it calls `onTurn` with the number of events in `events`, or -errno
   * of epoll_wait, followed by microtasks and nextTick callbacks. What it throws becomes the process's
   * 'uncaughtException'. Several sets of a thread are waited for with one poll(2). The time of waiting counts as busy in
   * `performance.eventLoopUtilization()`.
   *
   * `events` has three words an event, and `times` five numbers in ms on the clock of `monotonicMs`: when the next turn is
   * due, which the caller sets (0: at once, Infinity: never); the time after the wait, and the present time at the call;
   * the number of waits; the time spent in them; the longest time between two, which the caller may set to 0. Both arrays are used until `loopStop`.
   *
   * Keeps the process alive until stopped or unreferenced. Returns the watch, or -errno of epoll_ctl(2): -EBADF, -EEXIST
   * if the set encloses libuv's already, -ELOOP if libuv watches it, -ENOMEM, -ENOSPC. The set stays the caller's, must
   * stay open until `loopStop`, and is not to be waited for in another way. Its user data is never 2^64-1.
   */
  loopEnclose(
    epfd: number,
    events: Uint32Array,
    times: Float64Array,
    onTurn: (count: number) => void,
  ): LoopWatch | number;
  /**
   * In `onTurn`, after a turn that has queued no microtask and no nextTick callback: waits for the next turn, and returns
   * what `onTurn` would be called with, or LOOP_GOES_ON if it has to return, since libuv has something to do. Returning
   * at once is always right; this saves a call from native code to JavaScript.
   */
  loopWait(): number;
  /** Stops the watch. No callback runs afterwards. Idempotent. */
  loopStop(watch: LoopWatch): void;
  /** Sets whether the watch keeps the process alive. No effect after `loopStop`. */
  loopRef(watch: LoopWatch, referenced: boolean): void;
}
