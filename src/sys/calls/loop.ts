/** A descriptor watched by libuv; opaque, returned by `loopStart`. */
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
  /** Stops the watch. No callback runs afterwards. Idempotent. */
  loopStop(watch: LoopWatch): void;
  /** Sets whether the watch keeps the process alive. No effect after `loopStop`. */
  loopRef(watch: LoopWatch, referenced: boolean): void;
}
