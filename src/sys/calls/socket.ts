/**
 * The address of a socket, as inet_ntop(3) formats it. For a Unix socket `port` is 0 and `address` is the path: empty
 * if the socket is unnamed, with a leading NUL if it is abstract, unix(7).
 */
export interface SocketAddress {
  family: 'IPv4' | 'IPv6' | 'unix';
  address: string;
  port: number;
}

/** Process, user and group, as unix(7) passes them: of the process at the time that a call's comment states. */
export interface Credentials {
  pid: number;
  uid: number;
  gid: number;
}

export interface SocketCalls {
  /** socket(2). Blocking, unless `type` contains SOCK_NONBLOCK. Returns a descriptor. */
  socket(domain: number, type: number, protocol: number): number;
  /** socketpair(2) of AF_UNIX; `type` as for `socket`. Returns both descriptors, or -errno. */
  socketpair(type: number): [number, number] | number;
  /**
   * bind(2) to an IPv4 or IPv6 literal (without a zone), to a Unix path (with a leading "/"), or to an abstract Unix
   * address (with a leading NUL, in UTF-8, unix(7)); for these two `port` is ignored. Returns 0; -EINVAL for any other
   * address, -ENAMETOOLONG for a path or an abstract name of more than 107 bytes. A NUL elsewhere is a TypeError.
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
  /**
   * setsockopt(2) for options whose value is a struct or a text, in the byte order and layout of the C struct: of
   * SOL_SOCKET SO_BINDTODEVICE, SO_LINGER, SO_RCVTIMEO, SO_SNDTIMEO; of IPPROTO_IP IP_ADD_MEMBERSHIP and the other
   * memberships and source filters, IP_MULTICAST_IF, IP_OPTIONS; of IPPROTO_IPV6 IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP; of
   * both MCAST_JOIN_GROUP and so on; of IPPROTO_TCP TCP_CONGESTION. A RangeError for others: the value of some contains
   * an address in memory. Returns 0; -EINVAL for a wrong length, which is that of the array.
   */
  setsockoptBytes(fd: number, level: number, option: number, bytes: Uint8Array): number;
  /**
   * getsockopt(2) into `bytes`, for the options of `setsockoptBytes` and TCP_INFO, SO_COOKIE, SO_PEERCRED,
   * SO_PEERGROUPS, SO_PEERSEC. Returns the count of bytes that the kernel wrote.
   */
  getsockoptBytes(fd: number, level: number, option: number, bytes: Uint8Array): number;
  /**
   * getsockopt(2) of SO_PEERCRED, unix(7): the peer of a connected Unix socket at the time of its connect(2),
   * listen(2) or socketpair(2). Without a peer `pid` is 0, and `uid` and `gid` are 2^32-1.
   */
  peercred(fd: number): Credentials | number;
  /** getsockopt(2) of TCP_INFO: tcpi_unacked, for a listener the current length of its accept queue, tcp(7). */
  tcpiUnacked(fd: number): number;
}
