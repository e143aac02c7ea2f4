import { constants } from '../sys/binding.js';
import { check, EINVAL, EPROTOTYPE } from '../sys/errno.js';
import type { Kernel, SocketAddress } from '../sys/kernel.js';
import {
  type FdAddress,
  hostText,
  listenText,
  pathText,
  type TcpAddress,
  type UnixAddress,
} from './listening/listen-address.js';
import { listenUnix, type SocketFile } from './listening/socket-file.js';

const {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  F_GETFL,
  F_SETFD,
  F_SETFL,
  FD_CLOEXEC,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  O_NONBLOCK,
  SO_ACCEPTCONN,
  SO_KEEPALIVE,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_TYPE,
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
 * Accepted sockets inherit these. Responses are complete when they are sent: coalescing would only delay them. A host
 * that has vanished is noticed two minutes after the last byte, tcp(7): an event stream may have nothing to send for
 * hours, and a handler may wait for ever.
 */
const TCP_OPTIONS = [
  [IPPROTO_TCP, TCP_NODELAY, 1],
  [SOL_SOCKET, SO_KEEPALIVE, 1],
  [IPPROTO_TCP, TCP_KEEPIDLE, 60],
  [IPPROTO_TCP, TCP_KEEPINTVL, 15],
  [IPPROTO_TCP, TCP_KEEPCNT, 4],
  [IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_ACCEPT_SECONDS],
] as const;

export interface OpenOptions {
  /** SO_REUSEPORT, for TCP: several listeners have the same address, and the kernel spreads connections over them. */
  readonly reusePort?: boolean;
}

/** A listening socket of TCP, or a Unix socket. */
export class Listener {
  private constructor(
    private readonly kernel: Kernel,
    public fd: number,
    readonly address: SocketAddress,
    readonly isOwned: boolean,
    /** The file of a Unix socket that was opened here. */
    private file: SocketFile | null = null,
  ) {}

  /**
   * Opens a socket, which `close` closes, and listens; or takes one that was inherited, which `close` leaves open.
   * @throws a system error with `address` and `port` (EADDRINUSE, EACCES, EADDRNOTAVAIL, EAFNOSUPPORT), or with
   *   `address` and `listen` of a Unix socket (EADDRINUSE, EACCES, ENOENT, ENAMETOOLONG); for a descriptor as `adopt` does
   */
  static open(
    kernel: Kernel,
    address: TcpAddress | UnixAddress | FdAddress,
    { reusePort = false }: OpenOptions = {},
  ): Listener {
    if (address.kind === 'fd') return Listener.adopt(kernel, address.fd, { owned: false });
    if (address.kind === 'unix') return Listener.openUnix(kernel, address);
    try {
      return Listener.openTcp(kernel, address, reusePort);
    } catch (error) {
      if (address.host !== '::' || (error as NodeJS.ErrnoException).code !== 'EAFNOSUPPORT') throw error;
      return Listener.openTcp(kernel, { ...address, host: '0.0.0.0' }, reusePort, address.host);
    }
  }

  private static openTcp(
    kernel: Kernel,
    { host, port, isV6Only = false }: TcpAddress,
    reusePort: boolean,
    given = host,
  ): Listener {
    const family = host.includes(':') ? AF_INET6 : AF_INET;
    const fd = kernel.socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    try {
      check('socket', fd);
      check('setsockopt', kernel.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1));
      if (reusePort) check('setsockopt', kernel.setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, 1));
      if (family === AF_INET6) {
        const only = host !== '::' || isV6Only ? 1 : 0;
        check('setsockopt', kernel.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, only));
      }
      setTcpOptions(kernel, fd);
      check('bind', kernel.bind(fd, host, port));
      check('listen', kernel.listen(fd, BACKLOG));
      return new Listener(kernel, fd, check('getsockname', kernel.getsockname(fd)), true);
    } catch (error) {
      if (fd >= 0) kernel.close(fd);
      throw Object.assign(error as Error, { address: given, port });
    }
  }

  private static openUnix(kernel: Kernel, address: UnixAddress): Listener {
    const fd = kernel.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    try {
      check('socket', fd);
      const file = listenUnix(kernel, fd, address, BACKLOG);
      return new Listener(kernel, fd, { family: 'unix', address: address.path, port: 0 }, true, file);
    } catch (error) {
      if (fd >= 0) kernel.close(fd);
      throw Object.assign(error as Error, { address: pathText(address.path), listen: listenText(address) });
    }
  }

  /**
   * Takes a descriptor that listens already, and makes it non-blocking and close-on-exec.
   * @param owned whether `close` closes it; the file of a Unix socket stays in any case
   * @throws a system error with `listen`: EBADF if it is not open, ENOTSOCK, EINVAL if it does not listen, EPROTOTYPE if
   *   it is not a stream socket, EAFNOSUPPORT if it is neither TCP nor a Unix socket
   */
  static adopt(kernel: Kernel, fd: number, { owned }: { readonly owned: boolean }): Listener {
    try {
      const isListening = check('getsockopt', kernel.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN));
      if (isListening === 0) check('accept4', EINVAL);
      if (kernel.getsockopt(fd, SOL_SOCKET, SO_TYPE) !== SOCK_STREAM) check('accept4', EPROTOTYPE);
      const address = check('getsockname', kernel.getsockname(fd));
      // The status flags are those of all descriptors of the socket: another process that accepts from it too must expect EAGAIN.
      check('fcntl', kernel.fcntl(fd, F_SETFL, check('fcntl', kernel.fcntl(fd, F_GETFL)) | O_NONBLOCK));
      check('fcntl', kernel.fcntl(fd, F_SETFD, FD_CLOEXEC));
      if (address.family !== 'unix') setTcpOptions(kernel, fd);
      return new Listener(kernel, fd, address, owned);
    } catch (error) {
      throw Object.assign(error as Error, { listen: `fd:${fd}` });
    }
  }

  get isTcp(): boolean {
    return this.address.family !== 'unix';
  }

  /** For a browser: with `localhost` in place of the addresses that mean all interfaces. `unix:/run/x.sock` for Unix. */
  get url(): string {
    const { address, port } = this.address;
    return this.isTcp ? `http://${urlHost(address)}:${port}/` : `unix:${pathText(address)}`;
  }

  /** How many connections wait in the accept queue; 0 once closed, and for a Unix socket: only sock_diag(7) has its count. */
  get queued(): number {
    return this.fd < 0 || !this.isTcp ? 0 : Math.max(0, this.kernel.tcpiUnacked(this.fd));
  }

  /**
   * How often accept4 should be called: for TCP as many connections as wait, which is far cheaper than an accept4 that
   * fails with EAGAIN; for a Unix socket until it fails.
   */
  get queueLength(): number {
    return this.isTcp ? this.kernel.tcpiUnacked(this.fd) : BACKLOG;
  }

  /** Removes the file of a Unix socket: whatever connects later finds no server, and what waits can still be accepted. */
  withdraw(): void {
    const { file } = this;
    this.file = null; // once the socket is closed, another file may have the inode's number
    file?.remove();
  }

  /** Idempotent. Connections in the accept queue of an owned socket are reset, and its file is removed. */
  close(): void {
    if (this.fd < 0) return;
    this.withdraw();
    if (this.isOwned) this.kernel.close(this.fd);
    this.fd = -1;
  }
}

function setTcpOptions(kernel: Kernel, fd: number): void {
  for (const [level, option, value] of TCP_OPTIONS) check('setsockopt', kernel.setsockopt(fd, level, option, value));
}

/** The host of a URL that reaches a listener. */
export const urlHost = (host: string): string => (host === '::' || host === '0.0.0.0' ? 'localhost' : hostText(host));
