import { constants } from '../sys/binding.js';
import { check } from '../sys/errno.js';
import type { Kernel, SocketAddress } from '../sys/kernel.js';

const {
  AF_INET,
  AF_INET6,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  SO_KEEPALIVE,
  SO_REUSEADDR,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} = constants;
const { TCP_DEFER_ACCEPT, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_NODELAY } = constants;

/**
 * The length of the accept queue. The kernel limits it to net.core.somaxconn, 4096 since Linux 5.4. A client that finds
 * the queue full waits a second before it repeats its SYN.
 */
const BACKLOG = 4096;

/**
 * Seconds that the kernel holds a connection without data back from accept, tcp(7). It saves a wake-up per connection:
 * when one is accepted, its request has arrived.
 */
const DEFER_ACCEPT_SECONDS = 1;

/**
 * A host that has vanished is noticed two minutes after the last byte, tcp(7): an event stream may have nothing to send
 * for hours, and a handler may wait for ever.
 */
const KEEPALIVE = [
  [SOL_SOCKET, SO_KEEPALIVE, 1],
  [IPPROTO_TCP, TCP_KEEPIDLE, 60],
  [IPPROTO_TCP, TCP_KEEPINTVL, 15],
  [IPPROTO_TCP, TCP_KEEPCNT, 4],
] as const;

/** A listening TCP socket. It owns its descriptor. */
export class Listener {
  private constructor(
    private readonly kernel: Kernel,
    public fd: number,
    readonly address: SocketAddress,
  ) {}

  /**
   * @param hostname an IPv4 or IPv6 literal; `::` accepts both families, or only IPv4 on a system without IPv6
   * @param port 0 to 65535; for 0 the kernel picks a free one
   * @throws a system error with `address` and `port`: EADDRINUSE, EACCES, EADDRNOTAVAIL, EAFNOSUPPORT
   */
  static open(kernel: Kernel, hostname: string, port: number): Listener {
    try {
      return Listener.openFamily(kernel, hostname, port, hostname.includes(':') ? AF_INET6 : AF_INET);
    } catch (error) {
      if (hostname !== '::' || (error as NodeJS.ErrnoException).code !== 'EAFNOSUPPORT') throw error;
      return Listener.openFamily(kernel, '0.0.0.0', port, AF_INET);
    }
  }

  private static openFamily(kernel: Kernel, hostname: string, port: number, family: number): Listener {
    const fd = kernel.socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    try {
      check('socket', fd);
      check('setsockopt', kernel.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1));
      if (family === AF_INET6)
        check('setsockopt', kernel.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, hostname === '::' ? 0 : 1));
      // Accepted sockets inherit these. Responses are complete when they are sent: coalescing would only delay them.
      check('setsockopt', kernel.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1));
      for (const [level, option, value] of KEEPALIVE) check('setsockopt', kernel.setsockopt(fd, level, option, value));
      check('setsockopt', kernel.setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_ACCEPT_SECONDS));
      check('bind', kernel.bind(fd, hostname, port));
      check('listen', kernel.listen(fd, BACKLOG));
      return new Listener(kernel, fd, check('getsockname', kernel.getsockname(fd)));
    } catch (error) {
      if (fd >= 0) kernel.close(fd);
      throw Object.assign(error as Error, { address: hostname, port });
    }
  }

  /** How many connections wait in the accept queue. Far cheaper than an accept4 that fails with EAGAIN. */
  get queueLength(): number {
    return this.kernel.tcpiUnacked(this.fd);
  }

  /** Idempotent. Connections in the accept queue are reset. */
  close(): void {
    if (this.fd < 0) return;
    this.kernel.close(this.fd);
    this.fd = -1;
  }
}
