import { isIP } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Files, type FilesStats } from '../files/serve.js';
import { DateClock } from '../http/date.js';
import { type Limits, resolveLimits } from '../http/limits.js';
import { RequestParser } from '../http/request-parser.js';
import { Acceptor } from '../net/acceptor.js';
import { Connection } from '../net/connection.js';
import type { ConnectionContext } from '../net/context.js';
import { Listener } from '../net/listener.js';
import { OutboxPool } from '../net/outbox.js';
import { Receiver } from '../net/receiver.js';
import { NestedDriver } from '../reactor/driver.js';
import { TRIGGERS, type Trigger } from '../reactor/interest.js';
import type { ReactorStats } from '../reactor/options.js';
import { Reactor } from '../reactor/reactor.js';
import { kernel as realKernel } from '../sys/binding.js';
import type { Kernel } from '../sys/kernel.js';
import { ACCESS_LOG_FORMATS, AccessLog, type AccessLogFormat } from './access-log.js';
import { type Service, Session } from './session.js';

/** One buffer receives for all connections of a reactor; a head of the largest size fits. Its last byte is the parser's stop. */
const RECEIVE_BYTES = 65536;
const STDOUT = 1;

export interface ServeOptions {
  /** An IPv4 or IPv6 address, or `localhost`. `::` takes both families. @default '127.0.0.1' */
  hostname?: string;
  /** 0 to 65535; 0 picks a free one, which `server.port` tells. @default 8080 */
  port?: number;
  /** The folder to serve: a path, or a `file:` URL. */
  root: string | URL;
  /** How the connections' readiness is reported, epoll(7). The answers are the same. @default 'level' */
  trigger?: Trigger;
  /** One line a request on standard output. @default 'off' */
  accessLog?: AccessLogFormat;
  /** What a peer may ask and how long it may take; see LIMITS for defaults and ranges. */
  limits?: Partial<Limits>;
  /** A stand-in for the system calls, for tests. */
  kernel?: Kernel;
}

export interface ServerStats {
  connections: { open: number; accepted: number; acceptPauses: number };
  requests: number;
  /** How many requests were refused, by status. */
  refusals: Record<number, number>;
  bytes: { in: number; out: number };
  files: FilesStats;
  reactor: ReactorStats;
  accessLogDropped: number;
}

export interface StopOptions {
  /** Close every connection at once, whatever is under way. @default false */
  force?: boolean;
}

/** A server that listens. It owns its reactor, its sockets and its root. */
export class Server implements AsyncDisposable {
  readonly hostname: string;
  readonly port: number;
  /** Where a browser finds it; `localhost` for the addresses that mean "all". */
  readonly url: URL;

  private readonly reactor: Reactor;
  private readonly driver: NestedDriver;
  private readonly listener: Listener;
  private readonly acceptor: Acceptor;
  private readonly context: ConnectionContext;
  private readonly service: Service;
  private readonly sessions = new Set<Session>();
  private stopping: Promise<void> | null = null;
  private onDrained: (() => void) | null = null;

  constructor(options: ServeOptions) {
    const { hostname, port, root, trigger, accessLog, kernel } = checked(options);
    const limits = resolveLimits(options.limits);
    const clock = new DateClock();
    let nextSecondMs = 0;
    const opened: { close(): void }[] = [];
    const own = <Owned extends { close(): void }>(owned: Owned): Owned => {
      opened.push(owned);
      return owned;
    };
    try {
      const files = own(new Files(kernel, root, limits));
      this.listener = own(Listener.open(kernel, hostname, port));
      this.reactor = own(new Reactor({ kernel }));
      this.reactor.onTurn = () => {
        if (this.reactor.nowMs < nextSecondMs) return; // the turn has read one clock already
        const wallMs = kernel.wallMs();
        clock.tick(wallMs);
        nextSecondMs = this.reactor.nowMs + 1000 - (wallMs % 1000);
      };
      this.reactor.onTurn();
      this.context = {
        reactor: this.reactor,
        kernel,
        trigger,
        limits,
        outboxes: new OutboxPool(),
        receiver: new Receiver(this.reactor, RECEIVE_BYTES),
        input: Buffer.allocUnsafeSlow(RECEIVE_BYTES),
        counters: { bytesIn: 0, bytesOut: 0 },
      };
      this.service = {
        limits,
        parser: new RequestParser(limits),
        clock,
        files,
        log: accessLog === 'off' ? null : new AccessLog(accessLog, clock, STDOUT),
        draining: false,
        requests: 0,
        refusals: new Map(),
        ended: (session) => this.ended(session),
      };
      this.acceptor = new Acceptor(this.reactor, this.listener, limits, (fd) => this.begin(fd));
      this.driver = new NestedDriver(this.reactor);
    } catch (error) {
      for (const owned of opened) owned.close();
      throw error;
    }
    this.hostname = hostname;
    this.port = this.listener.address.port;
    this.url = new URL(`http://${urlHost(hostname)}:${this.port}/`);
  }

  /** What has happened so far. */
  stats(): ServerStats {
    const { service, acceptor, context } = this;
    return {
      connections: { open: acceptor.open, accepted: acceptor.accepted, acceptPauses: acceptor.pauses },
      requests: service.requests,
      refusals: Object.fromEntries(service.refusals),
      bytes: { in: context.counters.bytesIn, out: context.counters.bytesOut },
      files: service.files.stats,
      reactor: this.reactor.stats,
      accessLogDropped: service.log?.dropped ?? 0,
    };
  }

  /** Whether the server keeps the process alive; it does unless told otherwise. */
  ref(): void {
    this.driver.ref();
  }

  unref(): void {
    this.driver.unref();
  }

  /**
   * Ends gracefully: connections that have reached the accept queue are still taken, requests under way are answered
   * with `Connection: close`, idle connections are closed. What has not ended after `stopTimeoutMs` is closed then.
   * Called again with `force` it closes the rest at once. Resolves when everything is closed.
   */
  stop(options: StopOptions = {}): Promise<void> {
    this.stopping ??= this.drain();
    if (options.force) this.closeAll();
    return this.stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  private begin(fd: number): void {
    const connection = new Connection(this.context, fd);
    const session = new Session(this.service, connection);
    this.sessions.add(session);
    try {
      connection.start(session);
    } catch (error) {
      connection.close();
      // The kernel has no room to watch one more (ENOMEM, ENOSPC): that one's loss. Anything else is ours.
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    }
  }

  private ended(session: Session): void {
    this.sessions.delete(session);
    this.acceptor.released();
    if (this.sessions.size === 0) this.onDrained?.();
  }

  private async drain(): Promise<void> {
    this.service.draining = true;
    this.reactor.readClock(); // it may have waited for long; what is accepted now has its full time
    this.acceptor.close();
    this.listener.close();
    for (const session of this.sessions) session.drain();
    if (this.sessions.size > 0) {
      const timer = setTimeout(() => this.closeAll(), this.service.limits.stopTimeoutMs);
      await new Promise<void>((resolve) => {
        this.onDrained = resolve;
      });
      clearTimeout(timer);
    }
    this.driver.stop();
    this.reactor.close();
    this.service.files.close();
    await this.service.log?.flush();
  }

  private closeAll(): void {
    for (const session of this.sessions) session.connection.close();
  }
}

/**
 * Serves a folder over HTTP/1.1. The server listens when the call returns.
 * @throws TypeError or RangeError for an option that is none; a system error with `syscall` and the culprit in
 * `address` and `port` (EADDRINUSE, EACCES, EADDRNOTAVAIL) or `path` (ENOENT, ENOTDIR, EACCES) when the kernel refuses
 */
export function serve(options: ServeOptions): Server {
  return new Server(options);
}

function checked(options: ServeOptions) {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`options must be an object with a root, not ${String(options)}`);
  }
  const {
    hostname = '127.0.0.1',
    port = 8080,
    root,
    trigger = 'level',
    accessLog = 'off',
    kernel = realKernel,
  } = options;
  if (typeof hostname !== 'string' || (hostname !== 'localhost' && !isAddress(hostname))) {
    throw new TypeError(`hostname must be an IP address or "localhost", not ${JSON.stringify(hostname)}`);
  }
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(`port must be an integer from 0 to 65535, not ${String(port)}`);
  }
  const path = root instanceof URL ? (root.protocol === 'file:' ? fileURLToPath(root) : '') : root;
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new TypeError(`root must be the path or file: URL of a folder, not ${JSON.stringify(root)}`);
  }
  if (!TRIGGERS.includes(trigger)) {
    throw new TypeError(`trigger must be one of ${TRIGGERS.join(', ')}, not ${JSON.stringify(trigger)}`);
  }
  if (!ACCESS_LOG_FORMATS.includes(accessLog)) {
    throw new TypeError(`accessLog must be one of ${ACCESS_LOG_FORMATS.join(', ')}, not ${JSON.stringify(accessLog)}`);
  }
  return {
    hostname: hostname === 'localhost' ? '127.0.0.1' : hostname,
    port,
    root: path,
    trigger,
    accessLog,
    kernel,
  };
}

/** An address that bind(2) takes; one with a zone (`fe80::1%eth0`) it does not. */
export const isAddress = (hostname: string): boolean => isIP(hostname) !== 0 && !hostname.includes('%');

function urlHost(hostname: string): string {
  if (hostname === '::' || hostname === '0.0.0.0') return 'localhost';
  return hostname.includes(':') ? `[${hostname}]` : hostname;
}
