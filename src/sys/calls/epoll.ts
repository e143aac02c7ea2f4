/** How epoll_wait polls network devices, ioctl_eventpoll(2). */
export interface EpollParams {
  /** Microseconds to poll busily before waiting; 0 turns it off. 0 to 2^31-1. */
  busyPollUs: number;
  /** The most packets per attempt. 0 to 65535; above 64 needs CAP_NET_ADMIN. */
  busyPollBudget: number;
  /** Whether interrupts of the device stay off while the program polls often enough. */
  preferBusyPoll: boolean;
}

export interface EpollCalls {
  /** epoll_create1(2). `flags`: EPOLL_CLOEXEC, which is always set. Returns a descriptor. -EMFILE, -ENFILE, -ENOMEM. */
  epollCreate1(flags: number): number;
  /**
   * epoll_ctl(2). `operation`: EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL. `events` is the raw mask; `dataLow` and
   * `dataHigh` are the halves of epoll's 64-bit user data (each 0 to 2^32-1), which come with every event. Returns 0.
   */
  epollCtl(epfd: number, operation: number, fd: number, events: number, dataLow: number, dataHigh: number): number;
  /**
   * epoll_wait(2), hot. Fills `events` with three words for each event: mask, dataLow, dataHigh. Returns the count of
   * events; 0 after the timeout or a signal.
   * @param maxEvents 1 to events.length / 3. On architectures whose struct epoll_event is not three words (all but
   *   x86-64), one call returns at most 1024 events.
   * @param timeoutMs whole milliseconds, up to 2^31-1; -1 waits without limit, 0 returns at once
   */
  epollWait(epfd: number, events: Uint32Array, maxEvents: number, timeoutMs: number): number;
  /**
   * epoll_pwait2(2), hot: as `epollWait`, with a timeout in nanoseconds. -ENOSYS before Linux 5.11.
   * @param timeoutNs whole nanoseconds, up to 2^53-1 (104 days); -1 waits without limit, 0 returns at once
   */
  epollPwait2(epfd: number, events: Uint32Array, maxEvents: number, timeoutNs: number): number;
  /**
   * ioctl_eventpoll(2) with EPIOCGPARAMS. Returns the parameters; -ENOTTY before Linux 6.9, -EOPNOTSUPP if the kernel
   * is built without busy polling, -EINVAL or -ENOTTY if `epfd` is not an epoll set.
   */
  epollGetParams(epfd: number): EpollParams | number;
  /** ioctl_eventpoll(2) with EPIOCSPARAMS. Returns 0; -EINVAL, -EPERM for a `busyPollBudget` above 64; else as above. */
  epollSetParams(epfd: number, busyPollUs: number, busyPollBudget: number, preferBusyPoll: boolean): number;
}
