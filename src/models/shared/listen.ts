import { check, constants, EAGAIN, EINVAL, EMFILE, ENFILE, kernel } from '../../sys/index.js';

const { AF_INET, AF_INET6, AT_FDCWD, IPPROTO_IPV6, IPPROTO_TCP, IPV6_V6ONLY, O_RDONLY } = constants;
const { SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, TCP_NODELAY } = constants;

/** Length of the accept queue; the kernel limits it to net.core.somaxconn, listen(2). */
const BACKLOG = 4096;

/**
 * A listening socket: socket(2), bind(2), listen(2).
 * @param host an IPv4 or IPv6 address, or `localhost`
 * @param port 0 picks a free port
 * @param flags SOCK_NONBLOCK for a model that waits elsewhere than in accept(2). Readiness alone is not enough: a
 *   reported peer may have gone before accept, which would then block until the next one, select(2).
 * @throws a system error with `address` and `port`
 */
export function listen(host: string, port: number, flags: number): { fd: number; port: number } {
  const address = host === 'localhost' ? '127.0.0.1' : host;
  const family = address.includes(':') ? AF_INET6 : AF_INET;
  const fd = kernel.socket(family, SOCK_STREAM | flags, 0);
  try {
    check('socket', fd);
    // Otherwise connections in TIME_WAIT block the port for a minute, tcp(7).
    check('setsockopt', kernel.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1));
    if (family === AF_INET6)
      check('setsockopt', kernel.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, address === '::' ? 0 : 1));
    // Inherited by accepted sockets. A response is one send, so Nagle's algorithm would only delay it.
    check('setsockopt', kernel.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1));
    check('bind', kernel.bind(fd, address, port));
    check('listen', kernel.listen(fd, BACKLOG));
    return { fd, port: check('getsockname', kernel.getsockname(fd)).port };
  } catch (error) {
    if (fd >= 0) kernel.close(fd);
    throw Object.assign(error as Error, { address, port });
  }
}

/** The accept queue is empty. */
export const NONE = -1;
/** The listener was shut down: the model must end. */
export const ENDED = -2;

/**
 * The accepting side of a listener. It holds one descriptor in reserve: on EMFILE it closes that one to accept the
 * connection and reject it. Otherwise the connection would stay in the queue, the listener would stay readable, and a
 * loop around epoll_wait(2) would spin.
 */
export class Accepter {
  private reserve = openReserve();

  /** @param listener not closed here */
  constructor(private readonly listener: number) {}

  /**
   * accept4(2).
   * @param flags SOCK_NONBLOCK or 0
   * @returns the connection, owned by the caller; NONE if a non-blocking listener has none; ENDED
   */
  accept(flags: number): number {
    for (;;) {
      const fd = kernel.accept4(this.listener, flags);
      if (fd >= 0) return fd;
      if (fd === EAGAIN) return NONE;
      if (fd === EINVAL) return ENDED; // the socket no longer listens
      if ((fd === EMFILE || fd === ENFILE) && !this.rejectConnection()) return NONE;
      // Any other errno concerns one connection, which is gone: accept(2), "Error handling".
    }
  }

  close(): void {
    if (this.reserve >= 0) kernel.close(this.reserve);
    this.reserve = -1;
  }

  private rejectConnection(): boolean {
    if (this.reserve < 0) return false;
    kernel.close(this.reserve);
    const fd = kernel.accept4(this.listener, constants.SOCK_NONBLOCK);
    if (fd >= 0) kernel.close(fd);
    this.reserve = openReserve();
    return fd >= 0;
  }
}

const openReserve = (): number => kernel.openat(AT_FDCWD, '/dev/null', O_RDONLY);
