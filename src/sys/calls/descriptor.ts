export interface DescriptorCalls {
  /** close(2). Returns 0. Not retried after EINTR: on Linux the descriptor is closed then. */
  close(fd: number): number;
  /**
   * Takes a descriptor out of its worker, which otherwise closes at its end what it opened through these calls, as
   * Node's `trackUnmanagedFds` does for `fs.open`. For a descriptor that outlives the worker, or that something other
   * than `close` here will close: call it before you post the number to another thread, or give it to a `net.Socket`
   * or a function of `node:fs` that closes it. Without effect for descriptors of the main thread and of other calls.
   * Returns 0; -EBADF if it is not open.
   */
  disown(fd: number): number;
  /**
   * fcntl(2) with F_DUPFD_CLOEXEC: the lowest free descriptor from 0, for the same open file description, whose offset
   * and status flags (O_NONBLOCK) both share. Returns it; -EMFILE at the limit of descriptors.
   */
  dup(fd: number): number;
  /**
   * fcntl(2), for commands whose argument is an integer or absent: F_GETFD, F_SETFD, F_GETFL, F_SETFL,
   * F_DUPFD_CLOEXEC, F_GETPIPE_SZ, F_SETPIPE_SZ, F_ADD_SEALS, F_GET_SEALS, F_GETOWN, F_SETOWN, F_GETSIG, F_SETSIG,
   * F_GETLEASE, F_SETLEASE, F_NOTIFY. A RangeError for others, which take an address in memory. Returns what the man
   * page states: flags, a size, a descriptor, 0. F_GETOWN of a process group below 4096 looks like an errno.
   * @param argument 0 by default
   */
  fcntl(fd: number, command: number, argument?: number): number;
  /**
   * flock(2): locks the open file description of a file or directory, until LOCK_UN or its last descriptor is closed.
   * Returns 0; -EWOULDBLOCK with LOCK_NB if another one has the lock. Without LOCK_NB it blocks the thread, and
   * `terminate` of a worker waits for it.
   * @param operation LOCK_SH, LOCK_EX or LOCK_UN, with LOCK_NB
   */
  flock(fd: number, operation: number): number;
  /**
   * ioctl(2), for the requests of this table; a RangeError for others, since the kernel could take the argument as an
   * address. -ENOTTY if the descriptor has no such request, -EINVAL.
   *
   * | argument | requests | returns |
   * | --- | --- | --- |
   * | none | TIOCEXCL, TIOCNXCL, TIOCNOTTY, TIOCSBRK, TIOCCBRK, FIOCLEX, FIONCLEX | 0 |
   * | an int | TIOCSCTTY, TCFLSH, TCSBRK, TCSBRKP, TCXONC; TIOCGPTPEER: open(2) flags | 0; a descriptor, close-on-exec |
   * | an int, which the kernel reads | FIONBIO, FIOASYNC, TIOCSPTLCK, TIOCPKT, TIOCMSET, TIOCMBIS, TIOCMBIC, TIOCSPGRP | 0 |
   * | none | FIONREAD, TIOCINQ, SIOCINQ, TIOCOUTQ, SIOCOUTQ, SIOCATMARK, TIOCGPTN, TIOCGPTLCK, TIOCGPKT, TIOCGEXCL, TIOCMGET, TIOCGPGRP, TIOCGSID, TIOCGETD | the int |
   * | 8 bytes, struct winsize | TIOCGWINSZ, TIOCSWINSZ | 0 |
   * | 40 bytes, struct ifreq, netdevice(7) | SIOCGIFINDEX, SIOCGIFNAME, SIOCGIFADDR, SIOCGIFBRDADDR, SIOCGIFNETMASK, SIOCGIFFLAGS, SIOCGIFHWADDR, SIOCGIFMTU | 0 |
   * @param argument 0 by default; bytes are read and written in place, and a shorter array is a RangeError
   */
  ioctl(fd: number, request: number, argument?: number | Uint8Array): number;
}
