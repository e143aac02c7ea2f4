export interface SignalCalls {
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
