/**
 * The constants of the system calls, by their names in the man pages. The numbers come from the C headers that the
 * addon was built with: some of them differ between architectures. See `constants` in binding.ts.
 */
export interface Constants {
  // epoll_create1(2), epoll_ctl(2), eventfd(2)
  readonly EPOLL_CLOEXEC: number;
  readonly EPOLL_CTL_ADD: number;
  readonly EPOLL_CTL_MOD: number;
  readonly EPOLL_CTL_DEL: number;
  readonly EFD_NONBLOCK: number;
  readonly EFD_SEMAPHORE: number;
  // socket(2), socket(7), shutdown(2), send(2)
  readonly AF_UNIX: number;
  readonly AF_INET: number;
  readonly AF_INET6: number;
  readonly SOCK_STREAM: number;
  readonly SOCK_DGRAM: number;
  readonly SOCK_SEQPACKET: number;
  readonly SOCK_NONBLOCK: number;
  readonly SOL_SOCKET: number;
  readonly SO_REUSEADDR: number;
  readonly SO_REUSEPORT: number;
  readonly SO_SNDBUF: number;
  readonly SO_RCVBUF: number;
  readonly SO_ERROR: number;
  readonly SO_TYPE: number;
  readonly SO_KEEPALIVE: number;
  readonly SO_ACCEPTCONN: number;
  readonly SO_INCOMING_CPU: number;
  readonly SHUT_RD: number;
  readonly SHUT_WR: number;
  readonly SHUT_RDWR: number;
  readonly MSG_MORE: number;
  readonly MSG_PEEK: number;
  readonly MSG_DONTWAIT: number;
  readonly MSG_OOB: number;
  // tcp(7), ipv6(7)
  readonly IPPROTO_TCP: number;
  readonly TCP_NODELAY: number;
  readonly TCP_CORK: number;
  readonly TCP_DEFER_ACCEPT: number;
  readonly TCP_FASTOPEN: number;
  readonly TCP_QUICKACK: number;
  readonly TCP_USER_TIMEOUT: number;
  readonly IPPROTO_IPV6: number;
  readonly IPV6_V6ONLY: number;
  // open(2), openat2(2), inode(7)
  readonly AT_FDCWD: number;
  readonly O_RDONLY: number;
  readonly O_PATH: number;
  readonly O_NONBLOCK: number;
  readonly O_CLOEXEC: number;
  readonly O_DIRECTORY: number;
  readonly O_NOFOLLOW: number;
  readonly O_NOCTTY: number;
  readonly RESOLVE_BENEATH: number;
  readonly RESOLVE_NO_MAGICLINKS: number;
  readonly RESOLVE_NO_SYMLINKS: number;
  readonly S_IFMT: number;
  readonly S_IFREG: number;
  readonly S_IFDIR: number;
  readonly S_IFLNK: number;
  readonly S_IFIFO: number;
  readonly S_IFSOCK: number;
  readonly S_IFCHR: number;
  // inotify_init1(2), inotify(7)
  readonly IN_NONBLOCK: number;
  readonly IN_MODIFY: number;
  readonly IN_ATTRIB: number;
  readonly IN_CLOSE_WRITE: number;
  readonly IN_CREATE: number;
  readonly IN_DELETE: number;
  readonly IN_DELETE_SELF: number;
  readonly IN_MOVED_FROM: number;
  readonly IN_MOVED_TO: number;
  readonly IN_MOVE_SELF: number;
  readonly IN_ONLYDIR: number;
  readonly IN_DONT_FOLLOW: number;
  readonly IN_EXCL_UNLINK: number;
  readonly IN_MASK_ADD: number;
  readonly IN_IGNORED: number;
  readonly IN_ISDIR: number;
  readonly IN_Q_OVERFLOW: number;
  readonly IN_UNMOUNT: number;
}
