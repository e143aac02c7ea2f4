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
