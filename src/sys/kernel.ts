/**
 * The system calls as an interface, which the addon implements and a simulated kernel can replace.
 *
 * - Every call returns a number: `n >= 0` on success, `-errno` on failure (see errno.ts); calls with another result
 *   return that, or `-errno`.
 * - A call throws only for an invalid argument: TypeError or RangeError if a number is not an integer of the C type, or
 *   a range is not inside its array. A negative or closed descriptor is an errno, -EBADF.
 * - Descriptors are plain integers, owned by the caller, and close-on-exec from their creation.
 * - Arrays are used during the call only, except where a call states otherwise.
 * - EINTR is retried, except by `epollWait`, which returns 0, and `close`.
 */
export interface Kernel
  extends EpollCalls,
    SocketCalls,
    StreamCalls,
    FileCalls,
    WatchCalls,
    WakeupCalls,
    LoopCalls,
    Clock {}

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
}

/**
 * The address of a socket, as inet_ntop(3) formats it. For a Unix socket `port` is 0 and `address` is the path: empty
 * if the socket is unnamed, with a leading NUL if it is abstract, unix(7).
 */
export interface SocketAddress {
  family: 'IPv4' | 'IPv6' | 'unix';
  address: string;
  port: number;
}

export interface SocketCalls {
  /** socket(2). Blocking, unless `type` contains SOCK_NONBLOCK. Returns a descriptor. */
  socket(domain: number, type: number, protocol: number): number;
  /** socketpair(2) of AF_UNIX; `type` as for `socket`. Returns both descriptors, or -errno. */
  socketpair(type: number): [number, number] | number;
  /**
   * bind(2) to an IPv4 or IPv6 literal (without a zone), or to a Unix path (with a leading "/"; `port` is ignored).
   * Returns 0; -EINVAL for any other address, -ENAMETOOLONG for a Unix path of more than 107 bytes.
   * @param port 0 to 65535; for 0 the kernel picks a free one
   */
  bind(fd: number, address: string, port: number): number;
  /** connect(2); addresses as for `bind`. Returns 0; -EINPROGRESS if the socket is non-blocking. */
  connect(fd: number, address: string, port: number): number;
  /** listen(2). The kernel limits `backlog` to net.core.somaxconn. Returns 0. */
  listen(fd: number, backlog: number): number;
  /** accept4(2), hot. `flags`: SOCK_NONBLOCK. Returns a descriptor. */
  accept4(fd: number, flags: number): number;
  /** shutdown(2). `how`: SHUT_RD, SHUT_WR, SHUT_RDWR. Returns 0. */
  shutdown(fd: number, how: number): number;
  /** getsockname(2). -EAFNOSUPPORT for a family other than these three. */
  getsockname(fd: number): SocketAddress | number;
  /** getpeername(2). -ENOTCONN if the socket is not connected. */
  getpeername(fd: number): SocketAddress | number;
  /** setsockopt(2) for options whose value is an int. Returns 0. */
  setsockopt(fd: number, level: number, option: number, value: number): number;
  /** getsockopt(2) for options whose value is an int >= 0. Returns the value. */
  getsockopt(fd: number, level: number, option: number): number;
  /** getsockopt(2) of TCP_INFO: tcpi_unacked, for a listener the current length of its accept queue, tcp(7). */
  tcpiUnacked(fd: number): number;
}

export interface StreamCalls {
  /** recv(2), hot. Reads at most `length` bytes into `bytes` at `offset`. Returns the count; 0 at end of file. */
  recv(fd: number, bytes: Uint8Array, offset: number, length: number, flags: number): number;
  /**
   * recv(2) on several sockets in one native call, hot. Each of the first `count` descriptors in `fds` is replaced by
   * its result: the count of bytes, 0 at end of file, or -errno. The i-th reads into `bytes` at `i * stride`, at most
   * `stride - 1` bytes: the byte behind them is not written.
   */
  recvEach(fds: Int32Array, count: number, bytes: Uint8Array, stride: number): void;
  /** send(2), hot. `flags`: MSG_MORE; MSG_NOSIGNAL is always set. Returns the count, which may be short. */
  send(fd: number, bytes: Uint8Array, offset: number, length: number, flags: number): number;
  /**
   * send(2) on several sockets in one native call, hot, with MSG_NOSIGNAL. The i-th of the first `count` descriptors in
   * `fds` sends the part of `bytes` from `ends[i - 1]` (the first from 0) to `ends[i]`, and is replaced by its result:
   * the count, which may be short, or -errno. RangeError, and nothing is sent, if `ends` is not ascending.
   */
  sendEach(fds: Int32Array, ends: Int32Array, count: number, bytes: Uint8Array): void;
  /**
   * sendfile(2). `offset` is a position in the file (0 to 2^53-1). Returns the count, which may be short and is at most
   * 2^31-4096; 0 at the end of the file. sendfile has no MSG_NOSIGNAL: a closed connection is -EPIPE because Node
   * ignores SIGPIPE. Do not add a listener for SIGPIPE: removing it restores the default action, and the signal ends
   * the process.
   */
  sendfile(socketFd: number, fileFd: number, offset: number, count: number): number;
  /** read(2), for descriptors other than sockets. Returns the count; 0 at end of file. */
  read(fd: number, bytes: Uint8Array, offset: number, length: number): number;
  /** write(2), not for sockets. Returns the count; -EPIPE if the read end is closed; SIGPIPE as for `sendfile`. */
  write(fd: number, bytes: Uint8Array, offset: number, length: number): number;
  /** pipe2(2). Returns [read end, write end], or -errno. `flags`: O_NONBLOCK. */
  pipe2(flags: number): [number, number] | number;
}

export interface FileCalls {
  /**
   * openat2(2). `path` is the path's bytes without a final NUL, or a string, which is encoded as UTF-8; a NUL inside is
   * a TypeError. `flags` are those of open(2) for existing files: no mode is passed. `resolve`: RESOLVE_BENEATH and so
   * on. Returns a descriptor; -ENOSYS before Linux 5.6, -EPERM under some seccomp profiles, -EXDEV for a path that
   * escapes `dirfd`, -EAGAIN if a concurrent rename prevented the check.
   */
  openat2(dirfd: number, path: Uint8Array | string, flags: number, resolve: number): number;
  /** openat(2); `path` as for `openat2`. `dirfd` AT_FDCWD is the working directory. Returns a descriptor. */
  openat(dirfd: number, path: Uint8Array | string, flags: number): number;
  /**
   * readlinkat(2). Returns the symlink's target as bytes, or -errno. With an empty `path`, `dirfd` is an O_PATH
   * descriptor of the symlink.
   */
  readlinkat(dirfd: number, path: Uint8Array | string): Uint8Array | number;
  /** fstat(2) into an array of at least STAT_WORDS numbers, with the indexes of `Stat`. Returns 0. */
  fstat(fd: number, out: Float64Array): number;
  /** pread(2). `position`: 0 to 2^53-1. Returns the count; 0 at end of file. */
  pread(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  /**
   * getdents64(2). Fills `bytes` with the next entries of a directory, as many as fit completely, "." and ".."
   * included; `forEachEntry` in directory.ts parses them. Returns the count of bytes; 0 at the end. The position
   * belongs to the open file description: to start again, open the directory again. -EINVAL if the next entry does not
   * fit (a name of 255 bytes takes 280; few file systems have longer names), -ENOTDIR if it is not a directory, -ENOENT
   * if it was removed, -EBADF for an O_PATH descriptor.
   */
  getdents64(fd: number, bytes: Uint8Array): number;
  /**
   * fstatfs(2). Returns f_type, the magic number of the file system as listed in statfs(2), 0 to 2^32-1. An O_PATH
   * descriptor is sufficient. -ENOSYS if the file system does not support the call.
   */
  fstatfs(fd: number): number;
  /** close(2). Returns 0. Not retried after EINTR: on Linux the descriptor is closed then. */
  close(fd: number): number;
}

/** The indexes of the fields in the array that `fstat` fills. Inode and device are split into 32-bit halves. */
export const Stat = {
  mode: 0,
  size: 1,
  mtimeSeconds: 2,
  mtimeNanoseconds: 3,
  ctimeSeconds: 4,
  ctimeNanoseconds: 5,
  inodeLow: 6,
  inodeHigh: 7,
  deviceLow: 8,
  deviceHigh: 9,
  links: 10,
} as const;
export const STAT_WORDS = 11;

export interface WatchCalls {
  /**
   * inotify_init1(2). `flags`: IN_NONBLOCK. Returns a descriptor that is readable when there are events: `read` returns
   * as many as fit completely, -EINVAL if the next one does not fit (272 bytes fit any), and `forEachInotifyEvent` in
   * inotify.ts parses them. -EMFILE at the user's limit of instances (fs.inotify.max_user_instances, inotify(7)) or the
   * process's limit of descriptors.
   */
  inotifyInit1(flags: number): number;
  /**
   * inotify_add_watch(2); `path` as for `openat2`; requires read permission. `mask`: events, and IN_ONLYDIR,
   * IN_DONT_FOLLOW, IN_EXCL_UNLINK, IN_MASK_ADD. Returns a watch descriptor, which is not a file descriptor: it ends
   * with `inotifyRmWatch`, with the file, or with `fd`. The watch belongs to the inode, not the path: for a file that
   * is watched under another path the result is the same number, and its mask is replaced (with IN_MASK_ADD: extended).
   * -ENOENT, -EACCES, -ENOTDIR (IN_ONLYDIR for another kind of file), -ENOSPC at the user's limit of watches
   * (fs.inotify.max_user_watches), -EINVAL if `fd` is not an inotify descriptor or the mask has no event.
   */
  inotifyAddWatch(fd: number, path: Uint8Array | string, mask: number): number;
  /**
   * inotify_rm_watch(2). Returns 0; IN_IGNORED is the watch's last event, behind those that wait to be read. -EINVAL if
   * there is no such watch, or `fd` is not an inotify descriptor.
   */
  inotifyRmWatch(fd: number, wd: number): number;
}

export interface WakeupCalls {
  /** eventfd(2). `initialValue`: 0 to 2^32-1; `flags`: EFD_NONBLOCK, EFD_SEMAPHORE. Returns a descriptor. */
  eventfd(initialValue: number, flags: number): number;
  /** write(2): adds `value` (1 to 2^32-1) to the eventfd's counter, from any thread. Returns 0, or -EAGAIN if full. */
  eventfdWrite(fd: number, value: number): number;
  /** read(2): returns the eventfd's counter (at most 2^53-1) and resets it to 0; -EAGAIN if it is 0. */
  eventfdRead(fd: number): number;
}

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

export interface Clock {
  /** CLOCK_MONOTONIC in milliseconds, with a fraction, from an arbitrary origin. */
  monotonicMs(): number;
  /** CLOCK_REALTIME in milliseconds since 1970-01-01 UTC. */
  wallMs(): number;
}
