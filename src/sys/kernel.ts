/**
 * The system calls as an interface: what the addon implements and a simulated kernel can stand in for.
 *
 * Every call that can fail returns a number: `n >= 0` on success, `-errno` on refusal (see errno.ts). Calls that have
 * something to tell return that value, or `-errno`. Nothing here throws but `TypeError` and `RangeError`, for arguments
 * that are no such thing: a number must be an integer of the C type, a part of an array must lie inside it. A descriptor
 * that is negative or closed is no misuse but a refusal, EBADF. Descriptors are plain integers that the caller owns: what a call opens, the caller closes.
 * All descriptors are created close-on-exec. Every call retries EINTR itself, but for `epollWait`, which returns 0.
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
  /** epoll_create1(2). `flags`: EPOLL_CLOEXEC. Returns a descriptor, close-on-exec whatever the flags say. */
  epollCreate1(flags: number): number;
  /**
   * epoll_ctl(2). `events` is the raw mask; `dataLow` and `dataHigh` are the halves of epoll's 64-bit user data
   * (each 0 to 2^32-1), handed back with every event.
   */
  epollCtl(epfd: number, operation: number, fd: number, events: number, dataLow: number, dataHigh: number): number;
  /**
   * epoll_wait(2), hot. Fills `events` with three words an event: mask, dataLow, dataHigh. Returns the number of events.
   * @param maxEvents 1 to events.length / 3. Where the kernel's events are not three words (all but x86-64), at most
   *   1024 come in one call.
   * @param timeoutMs whole milliseconds, up to 2^31-1; -1 waits for ever (and blocks the thread), 0 returns at once
   */
  epollWait(epfd: number, events: Uint32Array, maxEvents: number, timeoutMs: number): number;
}

/**
 * An address of a socket as inet_ntop(3) prints it; `port` is 0 for a Unix socket. The address of a Unix socket is
 * empty when it has none, and begins with a NUL when it is abstract, unix(7).
 */
export interface SocketAddress {
  family: 'IPv4' | 'IPv6' | 'unix';
  address: string;
  port: number;
}

export interface SocketCalls {
  /** socket(2). Blocking, unless SOCK_NONBLOCK is added to `type`. */
  socket(domain: number, type: number, protocol: number): number;
  /** socketpair(2), AF_UNIX. `type` as for `socket`. Returns both descriptors, or -errno. */
  socketpair(type: number): [number, number] | number;
  /**
   * bind(2) to an IPv4 or IPv6 literal (without a zone), or to a Unix path (starts with "/"; port is ignored).
   * -EINVAL for anything else, -ENAMETOOLONG for a Unix path of more than 107 bytes.
   * @param port 0 to 65535; 0 picks a free one
   */
  bind(fd: number, address: string, port: number): number;
  /** connect(2), same addresses as bind. A non-blocking socket answers -EINPROGRESS. */
  connect(fd: number, address: string, port: number): number;
  /** listen(2). */
  listen(fd: number, backlog: number): number;
  /** accept4(2), hot. Returns the new descriptor; `flags`: SOCK_NONBLOCK (close-on-exec always). */
  accept4(fd: number, flags: number): number;
  /** shutdown(2). `how`: SHUT_RD, SHUT_WR, SHUT_RDWR. */
  shutdown(fd: number, how: number): number;
  /** getsockname(2). -EAFNOSUPPORT for a family that is none of the three. */
  getsockname(fd: number): SocketAddress | number;
  /** getpeername(2). -ENOTCONN without a peer. */
  getpeername(fd: number): SocketAddress | number;
  /** setsockopt(2) for options whose value is an int. */
  setsockopt(fd: number, level: number, option: number, value: number): number;
  /** getsockopt(2) for options whose value is an int that is not negative. */
  getsockopt(fd: number, level: number, option: number): number;
  /** getsockopt(2) TCP_INFO: tcpi_unacked, which for a listener is the number of connections waiting in its accept queue. */
  tcpiUnacked(fd: number): number;
}

export interface StreamCalls {
  /** recv(2), hot. Reads at most `length` bytes into `bytes` from `offset`. Returns the count; 0 at end of file. */
  recv(fd: number, bytes: Uint8Array, offset: number, length: number, flags: number): number;
  /**
   * recv(2) on several sockets in one crossing, hot. Replaces each of the first `count` descriptors in `fds` by its
   * result: the count of bytes, 0 at end of file, or -errno. The i-th reads into `bytes` from `i * stride`, at most
   * `stride - 1` bytes: the byte behind them is the caller's.
   */
  recvEach(fds: Int32Array, count: number, bytes: Uint8Array, stride: number): void;
  /** send(2), hot. MSG_NOSIGNAL is always set; `flags`: MSG_MORE. Returns the count, which may be short. */
  send(fd: number, bytes: Uint8Array, offset: number, length: number, flags: number): number;
  /**
   * send(2) on several sockets in one crossing, hot, with MSG_NOSIGNAL. The i-th of the first `count` descriptors in
   * `fds` sends the part of `bytes` from the end of the one before it (the first from 0) up to `ends[i]`, and is replaced
   * by its result: the count, which may be short, or -errno. RangeError, and nothing is sent, for ends that go back.
   */
  sendEach(fds: Int32Array, ends: Int32Array, count: number, bytes: Uint8Array): void;
  /**
   * sendfile(2). `offset` is a byte position in the file (0 to 2^53-1). Returns the count, which may be short and is
   * never more than 2^31-4096; 0 at the file's end. There is no MSG_NOSIGNAL for it: a peer
   * that is gone is -EPIPE because Node ignores SIGPIPE. (Until a listener for SIGPIPE is removed, which leaves the
   * default action: the signal then ends the process. Add none.)
   */
  sendfile(socketFd: number, fileFd: number, offset: number, count: number): number;
  /** read(2), for descriptors that are no sockets. */
  read(fd: number, bytes: Uint8Array, offset: number, length: number): number;
  /** write(2), for descriptors that are no sockets. -EPIPE when the reader is gone; SIGPIPE as for `sendfile`. */
  write(fd: number, bytes: Uint8Array, offset: number, length: number): number;
  /** pipe2(2). Returns [read end, write end], or -errno. `flags`: O_NONBLOCK. */
  pipe2(flags: number): [number, number] | number;
}

export interface FileCalls {
  /**
   * openat2(2), read side. `path` is the name's bytes without a final NUL (a string is taken as UTF-8); a NUL inside is a TypeError.
   * `resolve`: RESOLVE_BENEATH and its like. -ENOSYS before Linux 5.6, -EPERM under some seccomp profiles.
   * -EXDEV for a path that leaves `dirfd`, -EAGAIN when a rename got in the way. No mode is passed: files are not made.
   */
  openat2(dirfd: number, path: Uint8Array | string, flags: number, resolve: number): number;
  /** openat(2), same path rules. `dirfd` AT_FDCWD is the working directory. */
  openat(dirfd: number, path: Uint8Array | string, flags: number): number;
  /** readlinkat(2). Returns the link's target as bytes, or -errno. An empty `path` reads the O_PATH descriptor itself. */
  readlinkat(dirfd: number, path: Uint8Array | string): Uint8Array | number;
  /** fstat(2) into a caller-owned array of at least STAT_WORDS numbers, laid out as the Stat enum has it. Returns 0. */
  fstat(fd: number, out: Float64Array): number;
  /** pread(2). `position` 0 to 2^53-1. Returns the count; 0 at the end. */
  pread(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  /**
   * getdents64(2). Fills `bytes` from its start with as many of the folder's next entries as fit, whole, "." and ".."
   * among them; `forEachEntry` in directory.ts tells them apart. Returns the count of bytes; 0 at the end. The position
   * belongs to the open file: who wants to start again opens again. -EINVAL when the next entry does not fit (one with
   * a name of 255 bytes takes 280; few file systems have longer names), -ENOTDIR for what is no folder, -ENOENT for one
   * that was removed, -EBADF for an O_PATH descriptor.
   */
  getdents64(fd: number, bytes: Uint8Array): number;
  /**
   * fstatfs(2), of which only f_type: the magic number of the descriptor's file system, as statfs(2) lists them, 0 to
   * 2^32-1. An O_PATH descriptor will do. -ENOSYS where the file system cannot tell.
   */
  fstatfs(fd: number): number;
  /** close(2). Never retried: after EINTR the descriptor is gone on Linux. */
  close(fd: number): number;
}

/** Where each field of fstat(2) stands in the array that `fstat` fills. Inode and device are split in 32-bit halves. */
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
   * inotify_init1(2). Returns a descriptor, readable (epoll(7) knows it) when there are events; `read` takes as many as
   * fit, whole, and `forEachInotifyEvent` in inotify.ts tells them apart. -EINVAL from `read` when the next event does
   * not fit (272 bytes hold any). `flags`: IN_NONBLOCK (close-on-exec always). -EMFILE at the user's limit of instances
   * (fs.inotify.max_user_instances, inotify(7)) or the process's of descriptors.
   */
  inotifyInit1(flags: number): number;
  /**
   * inotify_add_watch(2), same path rules as openat; needs permission to read what is watched. `mask`: the events that
   * are asked for, and IN_ONLYDIR, IN_DONT_FOLLOW, IN_EXCL_UNLINK, IN_MASK_ADD. Returns the watch descriptor, which is
   * no file descriptor: it is never closed, but ends by `inotifyRmWatch`, with the file, or with `fd`. What is watched
   * is the file and not its name: a file that has a watch under another name answers the same number, and its mask is
   * replaced (IN_MASK_ADD: extended). -ENOENT, -EACCES, -ENOTDIR (IN_ONLYDIR, and it is none), -ENOSPC at the user's
   * limit of watches (fs.inotify.max_user_watches), -EINVAL when `fd` is no inotify or the mask has no event.
   */
  inotifyAddWatch(fd: number, path: Uint8Array | string, mask: number): number;
  /**
   * inotify_rm_watch(2). Returns 0, and IN_IGNORED is the watch's last event; those that wait to be read stay.
   * -EINVAL when there is no such watch (any more), or `fd` is no inotify.
   */
  inotifyRmWatch(fd: number, wd: number): number;
}

export interface WakeupCalls {
  /** eventfd(2). `initialValue`: 0 to 2^32-1; `flags`: EFD_NONBLOCK, EFD_SEMAPHORE. */
  eventfd(initialValue: number, flags: number): number;
  /** Adds `value` (1 to 2^32-1) to the eventfd's counter; any thread may call it. Returns 0; -EAGAIN if the counter is full. */
  eventfdWrite(fd: number, value: number): number;
  /** Takes the eventfd's counter (capped at 2^53-1); -EAGAIN if it is 0. */
  eventfdRead(fd: number): number;
}

/** A watch of one descriptor by libuv; opaque, made by `loopStart`. */
export interface LoopWatch {
  readonly __loopWatch: unique symbol;
}

export interface LoopCalls {
  /**
   * uv_poll_start(UV_READABLE) on this environment's libuv loop: `onReadable` runs, as a callback of its own with its
   * promises and ticks, whenever `fd` is readable (level-triggered). Keeps the process alive until stopped or unref'd.
   * An error (EPOLLERR) counts as readable. What the callback throws becomes the process's 'uncaughtException'.
   * Returns the watch, or -errno: -EPERM for a file that cannot be polled, -EEXIST for one that libuv watches already.
   * The descriptor stays the caller's, must stay open until `loopStop`, and becomes non-blocking (uv_poll_init does that).
   * At the end of its thread a watch ends by itself. To drop the watch without `loopStop` does not end it.
   */
  loopStart(fd: number, onReadable: () => void): LoopWatch | number;
  /** Stops the watch; twice is fine. No callback runs afterwards. */
  loopStop(watch: LoopWatch): void;
  /** Whether the watch keeps the process alive. Nothing happens after `loopStop`. */
  loopRef(watch: LoopWatch, referenced: boolean): void;
}

export interface Clock {
  /** CLOCK_MONOTONIC in milliseconds with a fraction; the origin is arbitrary. */
  monotonicMs(): number;
  /** CLOCK_REALTIME in milliseconds since the epoch. */
  wallMs(): number;
}
