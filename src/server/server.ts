import { Files, type FilesStats } from '../files/files.js';
import type { MissingFallback } from '../files/pages/fallback.js';
import { DateClock } from '../http/date.js';
import { resolveLimits } from '../http/limits.js';
import { RequestParser } from '../http/request/parser.js';
import { Acceptor } from '../net/acceptor.js';
import { Connection } from '../net/connection.js';
import type { ConnectionContext } from '../net/context.js';
import { Listener } from '../net/listener.js';
import { ReadBatch } from '../net/read-batch.js';
import { WriteQueuePool } from '../net/write-queue.js';
import { NestedDriver } from '../reactor/driver.js';
import { READABLE } from '../reactor/interest.js';
import type { ReactorStats } from '../reactor/options.js';
import { Reactor } from '../reactor/reactor.js';
import { type CountedKernel, countedKernel } from '../sys/counted-kernel.js';
import { AccessLog } from './connection/access-log.js';
import type { ServerContext } from './connection/context.js';
import { HttpConnection } from './connection/http-connection.js';
import { FlushQueue } from './handlers/flush-queue.js';
import { checkedOptions, type ServeOptions } from './options.js';

/** One buffer receives for all connections of a reactor; a head of the largest size fits. Its last byte is the parser's stop. */
const RECEIVE_BYTES = 65536;
const STDOUT = 1;

export interface ServerStats {
  connections: { open: number; accepted: number; acceptPauses: number };
  requests: number;
  /** How many requests were refused, by status. */
  errorResponses: Record<number, number>;
  bytes: { in: number; out: number };
  /** Null for a server without a root. */
  files: FilesStats | null;
  /** Heads, bodies, handlers and idle connections whose time was over. */
  timeouts: number;
  /** Of these, handlers that did not come to an end. */
  handlerTimeouts: number;
  /** How much there was to do at once, on average. */
  eventsPerTurn: number;
  reactor: ReactorStats;
  /** Those of this server that were made at least once, by their names in strace(1). */
  systemCalls: Record<string, number>;
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

  private readonly counted: CountedKernel;
  private readonly reactor: Reactor;
  private readonly driver: NestedDriver;
  private readonly listener: Listener;
  private readonly acceptor: Acceptor;
  private readonly context: ConnectionContext;
  private readonly service: ServerContext;
  private readonly connections = new Set<HttpConnection>();
  private stopping: Promise<void> | null = null;
  private isForced = false;
  private onDrained: (() => void) | null = null;

  constructor(options: ServeOptions) {
    const { hostname, port, site, hosts, handlers, trigger, accessLog, ...given } = checkedOptions(options);
    this.counted = countedKernel(given.kernel);
    const { kernel } = this.counted;
    const limits = resolveLimits(options.limits);
    const clock = new DateClock();
    let nextSecondMs = 0;
    const opened: { close(): void }[] = [];
    const own = <Owned extends { close(): void }>(owned: Owned): Owned => {
      opened.push(owned);
      return owned;
    };
    try {
      const files = site === null ? null : own(new Files(kernel, site, hosts, limits));
      this.listener = own(Listener.open(kernel, hostname, port));
      this.reactor = own(new Reactor({ kernel }));
      if (files !== null) this.watchFiles(files);
      const tick = (): void => {
        if (this.reactor.nowMs < nextSecondMs) return; // one clock is read already
        const wallMs = kernel.wallMs();
        clock.tick(wallMs);
        nextSecondMs = this.reactor.nowMs + 1000 - (wallMs % 1000);
      };
      this.reactor.onTurn = tick;
      tick();
      this.context = {
        reactor: this.reactor,
        kernel,
        trigger,
        limits,
        writeQueues: new WriteQueuePool(),
        readBatch: new ReadBatch(this.reactor, RECEIVE_BYTES),
        input: Buffer.allocUnsafeSlow(RECEIVE_BYTES),
        counters: { bytesIn: 0, bytesOut: 0 },
      };
      this.service = {
        limits,
        parser: new RequestParser(limits),
        clock,
        files,
        handlers,
        flushQueue: new FlushQueue(() => {
          this.reactor.readClock();
          tick();
        }),
        server: this,
        defaultHost: '',
        log: accessLog === 'off' ? null : new AccessLog(accessLog, clock, STDOUT),
        draining: false,
        requests: 0,
        handlerTimeouts: 0,
        timeouts: 0,
        errorResponses: new Map(),
        onConnectionClosed: (session) => this.onConnectionClosed(session as HttpConnection),
      };
      this.acceptor = new Acceptor(this.reactor, this.listener, limits, (fd) => this.onAccept(fd), files?.fdReserve);
      this.driver = new NestedDriver(this.reactor);
    } catch (error) {
      for (const owned of opened) owned.close();
      throw error;
    }
    this.hostname = hostname;
    this.port = this.listener.address.port;
    this.service.defaultHost = `${urlHost(hostname)}:${this.port}`;
    this.url = new URL(`http://${urlHost(hostname)}:${this.port}/`);
  }

  /** What has happened so far. */
  stats(): ServerStats {
    const { service, acceptor, context } = this;
    const reactor = this.reactor.stats;
    return {
      connections: { open: acceptor.open, accepted: acceptor.accepted, acceptPauses: acceptor.pauses },
      requests: service.requests,
      errorResponses: Object.fromEntries(service.errorResponses),
      bytes: { in: context.counters.bytesIn, out: context.counters.bytesOut },
      files: service.files?.stats ?? null,
      timeouts: service.timeouts,
      handlerTimeouts: service.handlerTimeouts,
      eventsPerTurn: reactor.turns === 0 ? 0 : reactor.events / reactor.turns,
      reactor,
      systemCalls: this.counted.counts(),
      accessLogDropped: service.log?.dropped ?? 0,
    };
  }

  /** Fallbacks that cannot be sent at the moment. A deploy may yet bring them, so a server starts without. */
  get missingFallbacks(): MissingFallback[] {
    return this.service.files?.missingFallbacks ?? [];
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
    this.isForced ||= options.force === true;
    if (this.isForced) this.closeAll();
    return this.stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Changes of files, and of what is mounted, are heard of before anything is answered. */
  private watchFiles({ inotify, mounts }: Files): void {
    if (inotify.fd >= 0)
      this.reactor.register(inotify.fd, { onReady: () => inotify.read() }, READABLE, { first: true });
    if (mounts.fd < 0) return;
    try {
      const heard = { onReady: () => mounts.onMountEvent() };
      this.reactor.register(mounts.fd, heard, READABLE, { first: true, trigger: 'edge' });
    } catch (error) {
      // A /proc of somebody else's making may not be polled, EPERM: then folders are compared when they are looked at.
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    }
  }

  private onAccept(fd: number): void {
    const connection = new Connection(this.context, fd);
    const session = new HttpConnection(this.service, connection);
    this.connections.add(session);
    try {
      connection.start(session);
    } catch (error) {
      connection.close();
      // The kernel has no room to watch one more (ENOMEM, ENOSPC): that one's loss. Anything else is ours.
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    }
  }

  private onConnectionClosed(session: HttpConnection): void {
    this.connections.delete(session);
    this.acceptor.onConnectionClosed();
    if (this.connections.size === 0) this.onDrained?.();
  }

  private async drain(): Promise<void> {
    this.service.draining = true;
    await null; // out of the turn: a handler may have called, and the bytes behind its request stand where others are read
    this.reactor.readClock(); // it may have waited for long; what is accepted now has its full time
    this.acceptor.close();
    this.listener.close();
    if (this.isForced) this.closeAll();
    for (const session of this.connections) session.drain();
    if (this.connections.size > 0) {
      const timer = setTimeout(() => this.closeAll(), this.service.limits.stopTimeoutMs);
      await new Promise<void>((resolve) => {
        this.onDrained = resolve;
      });
      clearTimeout(timer);
    }
    this.driver.stop();
    this.reactor.close();
    this.service.files?.close();
    await this.service.log?.flush();
  }

  private closeAll(): void {
    for (const session of this.connections) session.connection.close();
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

function urlHost(hostname: string): string {
  if (hostname === '::' || hostname === '0.0.0.0') return 'localhost';
  return hostname.includes(':') ? `[${hostname}]` : hostname;
}
