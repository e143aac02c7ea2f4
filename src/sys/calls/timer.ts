export interface TimerCalls {
  /**
   * timerfd_create(2): a descriptor that is readable when its timer has expired, for an epoll set. Returns it.
   * @param clock CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME (counts suspend too), or CLOCK_REALTIME_ALARM and
   *   CLOCK_BOOTTIME_ALARM (wake the system; -EPERM without CAP_WAKE_ALARM)
   * @param flags TFD_NONBLOCK
   */
  timerfdCreate(clock: number, flags: number): number;
  /**
   * timerfd_settime(2): starts the timer, or stops it if both parts of the initial time are 0. Returns 0; -EINVAL if
   * nanoseconds are 10^9 or more, or if `fd` is not a timerfd.
   * @param flags TFD_TIMER_ABSTIME: the initial time is one of the clock, not from now; TFD_TIMER_CANCEL_ON_SET
   * @param initialS seconds until the first expiration, with `initialNs` nanoseconds (0 to 999,999,999)
   * @param intervalS seconds between further ones, with `intervalNs`; both 0: it expires once
   */
  timerfdSettime(
    fd: number,
    flags: number,
    initialS: number,
    initialNs: number,
    intervalS: number,
    intervalNs: number,
  ): number;
  /**
   * timerfd_gettime(2). Returns the time until the next expiration, relative even with TFD_TIMER_ABSTIME and 0 if the
   * timer is stopped, and the interval: [seconds, nanoseconds, seconds, nanoseconds]; or -errno.
   */
  timerfdGettime(fd: number): [remainingS: number, remainingNs: number, intervalS: number, intervalNs: number] | number;
  /**
   * read(2): the count of expirations since the last read or `timerfdSettime`; -EAGAIN if there was none (a blocking
   * descriptor waits), -ECANCELED if the clock was set (TFD_TIMER_CANCEL_ON_SET).
   */
  timerfdRead(fd: number): number;
}
