/** A signal that was read, signalfd(2). */
export interface SignalDetails {
  signal: number;
  /** Its cause: SI_USER (kill), SI_QUEUE, SI_KERNEL, CLD_EXITED and so on, sigaction(2). */
  code: number;
  /** The sender, or for SIGCHLD the child; 0 from the kernel. */
  pid: number;
  uid: number;
  /** For SIGCHLD the exit code or the signal, by `code`. */
  status: number;
  /** The integer that sigqueue(3) passed. */
  value: number;
}

export interface SignalCalls {
  /**
   * signalfd(2): a descriptor that is readable when one of the signals is pending. Returns it.
   *
   * Blocks the signals in every thread of the process, as signalfd requires, and in those that start later: their
   * default action (SIGTERM ends the process) and listeners of `process.on` no longer run. Closing the descriptor does
   * not give them back: call `unblockSignals`. Child processes that Node starts do not inherit the mask. With SIGCHLD,
   * `child_process` does not notice the end of its children.
   * @param signals signal(7). A RangeError for SIGKILL and SIGSTOP, which cannot be blocked, for SIGSEGV, SIGBUS,
   *   SIGFPE and SIGILL, and for those of the C library
   * @param flags SFD_NONBLOCK
   */
  signalfd(signals: readonly number[], flags: number): number;
  /** read(2): the next pending signal; -EAGAIN if there is none (a blocking descriptor waits). */
  signalfdRead(fd: number): SignalDetails | number;
  /**
   * Gives signals back: what they did before `signalfd` (the default action, or the listeners of `process.on`) happens
   * again, at once for those that are pending. Unblocks them in the calling thread, which is sufficient for the process:
   * call it in the main thread, or in one that lives as long. Returns 0.
   */
  unblockSignals(signals: readonly number[]): number;
  /**
   * pidfd_open(2): a descriptor of a process, which becomes readable when the process has ended, and never names
   * another one, as a reused pid would. It does not reap a child: Node does that, and emits 'exit'. Returns the
   * descriptor; -ESRCH if there is no such process, -ENOSYS before Linux 5.3.
   * @param flags PIDFD_NONBLOCK (Linux 5.10)
   */
  pidfdOpen(pid: number, flags: number): number;
  /**
   * pidfd_send_signal(2). Returns 0; -ESRCH if the process has ended, -EPERM. `signal` 0 only checks.
   */
  pidfdSendSignal(fd: number, signal: number): number;
}
