export interface WakeupCalls {
  /** eventfd(2). `initialValue`: 0 to 2^32-1; `flags`: EFD_NONBLOCK, EFD_SEMAPHORE. Returns a descriptor. */
  eventfd(initialValue: number, flags: number): number;
  /** write(2): adds `value` (1 to 2^32-1) to the eventfd's counter, from any thread. Returns 0, or -EAGAIN if full. */
  eventfdWrite(fd: number, value: number): number;
  /** read(2): returns the eventfd's counter (at most 2^53-1) and resets it to 0; -EAGAIN if it is 0. */
  eventfdRead(fd: number): number;
}
