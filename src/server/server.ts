import { Files } from '../files/files.js';
import type { MissingFallback } from '../files/pages/fallback.js';
import { DateClock } from '../http/date.js';
import { type Limits, resolveLimits } from '../http/limits.js';
import { RequestParser } from '../http/request/parser.js';
import { Acceptors } from '../net/acceptors.js';
import type { ConnectionContext } from '../net/context.js';
import { Listener, urlHost } from '../net/listener.js';
import { ReadBatch } from '../net/read-batch.js';
import { WriteQueuePool } from '../net/write-queue.js';
import type { NestedDriver } from '../reactor/driver.js';
import { EnclosingDriver } from '../reactor/enclosing-driver.js';
import { Reactor } from '../reactor/reactor.js';
import { type CountedKernel, countedKernel } from '../sys/counted-kernel.js';
import { assertLoop } from '../sys/runtime.js';
import { checkedOptions } from './checked-options.js';
import type { ClientRules } from './client-options.js';
import { ClientLimits } from './clients/client-limits.js';
import type { ServerContext } from './connection/context.js';
import type { HttpConnection } from './connection/http-connection.js';
import { RequestIds } from './connection/request-ids.js';
import { upgradeToWebSocket } from './connection/web-socket-upgrade.js';
import { Connections } from './connections.js';
import { FileWatch } from './file-watch.js';
import type { Companion, Handed } from './handed.js';
import { FlushQueue } from './handlers/flush-queue.js';
import { report } from './handlers/handler-runner.js';
import type { ClientAddress, HandlerServer, ServerStats, StopOptions } from './handlers/handler-server.js';
import { clientAddressOf, limitTime } from './handlers/received-request.js';
import { openListeners } from './listeners.js';
import { AccessLog } from './log/access-log.js';
import { Meter } from './measure/meter.js';
import type { ServeOptions } from './options.js';
import { type Changes, changed, type PreparedReload, rejectFixed } from './reload.js';
import { Statistics } from './statistics.js';
import { StopDelay } from './stop-delay.js';
import { isTraced } from './tracing/request-trace.js';
import type { BinaryMessage } from './websocket/server-web-socket.js';
import type { WebSocketUpgradeOptions } from './websocket/web-socket-options.js';
import { WebSockets } from './websocket/web-sockets.js';

/** One buffer for the reads of all connections; a head of the largest size fits. Its last byte is the parser's sentinel. */
const RECEIVE_BYTES = 65536;

/**
 * A server that listens. It owns the reactor, the sockets, and the descriptors of its root and cached files.
 *
 * 1. Construction checks the options, opens the root, binds the socket, and joins the epoll set to libuv's loop.
 * 2. Each accepted socket becomes a Connection with an HttpConnection as its protocol.
 * 3. `stop` stops accepting, drains the connections, and closes everything.
 *
 * The clocks are read once per turn; changes of files are read before anything else of the turn, so that no response is
 * older than a change that the kernel has reported.
 */
export class Server implements HandlerServer, AsyncDisposable {
  /** The IP address that it listens on, the first of several; empty without TCP. */
  readonly hostname: string;
  /** The bound port, even if 0 was given, the first of several; 0 without TCP. */
  readonly port: number;
  /**
   * For a browser: with `localhost` in place of the addresses that mean all interfaces. Without TCP the first Unix
   * socket, `unix:/run/x.sock`, which no browser takes.
   */
  readonly url: URL;
  /** The URLs of all that it listens on, as `url`, in the order in which they were given. */
  readonly addresses: readonly string[];

  private readonly counted: CountedKernel;
  private readonly reactor: Reactor;
  private readonly driver: EnclosingDriver | NestedDriver;
  private readonly listeners: readonly Listener[];
  private readonly acceptors: Acceptors;
  private readonly connectionContext: ConnectionContext;
  private readonly context: ServerContext;
  private readonly connections: Connections;
  private readonly fileWatch: FileWatch;
  private readonly statistics: Statistics;
  private stopping: Promise<void> | null = null;
  private isForced = false;
  private readonly stopDelay = new StopDelay();
  private onDrained: (() => void) | null = null;
  /** The options of the start or of the last reload. */
  private current: ServeOptions;

  /** What stops with the server; it may be set until then. */
  companion: Companion | null = null;

  /** @param handed by a supervisor or an admin door */
  constructor(
    private readonly options: ServeOptions,
    handed: Handed = {},
  ) {
    this.current = options;
    const { listen, site, hosts, handlers, routes, upgrade, websocket, trigger, measure, clients, ...given } =
      checkedOptions(options);
    this.counted = countedKernel(given.kernel);
    const { kernel } = this.counted;
    const limits = resolveLimits(options.limits);
    const clock = new DateClock();
    let nextSecondMs = 0;
    const opened: { close(): unknown }[] = [];
    const own = <Owned extends { close(): unknown }>(owned: Owned): Owned => {
      opened.push(owned);
      return owned;
    };
    try {
      const files = site === null ? null : own(new Files(kernel, site, hosts, limits));
      this.listeners = (
        handed.listeners?.map(({ fd }) => Listener.adopt(kernel, fd, { owned: false })) ?? openListeners(kernel, listen)
      ).map(own);
      this.reactor = own(new Reactor({ kernel }));
      this.fileWatch = new FileWatch(this.reactor);
      this.fileWatch.replace(files);
      const tick = (): void => {
        if (this.reactor.nowMs < nextSecondMs) return; // the wall clock is read once a second
        const wallMs = kernel.wallMs();
        clock.tick(wallMs, this.reactor.nowMs);
        nextSecondMs = this.reactor.nowMs + 1000 - (wallMs % 1000);
      };
      this.reactor.onTurn = () => {
        this.context.isTraced = isTraced();
        tick();
      };
      const log = given.log === null ? null : own(new AccessLog(given.log, kernel, clock, handed.worker ?? null));
      const meter = measure ? own(new Meter(kernel, handlers !== null)) : null;
      if (meter !== null) this.reactor.onTurnEnd = (events) => meter.onTurnEnd(events, this.reactor.nowMs);
      tick();
      this.connectionContext = {
        reactor: this.reactor,
        kernel,
        trigger,
        limits,
        writeQueues: new WriteQueuePool(),
        readBatch: new ReadBatch(this.reactor, RECEIVE_BYTES),
        input: Buffer.allocUnsafeSlow(RECEIVE_BYTES),
        isStopping: false,
        counters: { bytesIn: 0, bytesOut: 0, writeTimeouts: 0, halfCloseTimeouts: 0 },
      };
      this.context = {
        limits,
        parser: new RequestParser(limits, handlers !== null),
        clock,
        files,
        handlers,
        routes,
        upgrade,
        report,
        webSockets: null,
        flushQueue: new FlushQueue(() => {
          this.reactor.readClock();
          tick();
        }),
        server: this,
        defaultHost: '',
        log,
        requestIds: given.requestIds ? new RequestIds() : null,
        meter,
        clients: ClientLimits.of(limits, clients.exempt, null),
        proxies: clients.proxies,
        isTraced: false,
        isDraining: false,
        requests: 0,
        handlerTimeouts: 0,
        timeouts: 0,
        invalidProxyHeaders: 0,
        errorResponses: new Map(),
        onConnectionClosed: (connection) => this.onConnectionClosed(connection as HttpConnection),
      };
      this.context.webSockets = WebSockets.of(websocket, this.context);
      this.connections = new Connections(this.connectionContext, this.context);
      this.acceptors = new Acceptors(this.reactor, limits, (fd) => this.connections.accept(fd), files?.fdReserve);
      for (const [at, each] of this.listeners.entries())
        this.acceptors.add(each, handed.listeners?.[at]?.exclusive === true);
      this.driver = new (handed.Driver ?? EnclosingDriver)(this.reactor);
      this.statistics = new Statistics(
        this.context,
        this.connectionContext,
        this.acceptors,
        this.listeners,
        this.counted,
        this.driver,
      );
    } catch (error) {
      for (const owned of opened) void owned.close();
      throw error;
    }
    const first = this.listeners.find(({ isTcp }) => isTcp);
    this.hostname = first?.address.address ?? '';
    this.port = first?.address.port ?? 0;
    // Of a Unix socket as proxies have it, which send a Host field in any case.
    this.context.defaultHost = first === undefined ? 'localhost' : `${urlHost(this.hostname)}:${this.port}`;
    this.addresses = this.listeners.map(({ url }) => url);
    this.url = new URL((first ?? this.listeners[0]!).url);
  }

  /** A snapshot; counting costs nothing more until it is taken. */
  stats(): ServerStats {
    return this.statistics.snapshot();
  }

  get pendingRequests(): number {
    return this.connections.pendingRequests;
  }

  requestIP(request: Request): ClientAddress | null {
    return clientAddressOf(request);
  }

  timeout(request: Request, seconds: number): void {
    limitTime(request, seconds);
  }

  upgrade<Data = undefined>(request: Request, options?: WebSocketUpgradeOptions<Data>): boolean {
    return upgradeToWebSocket(this.context.webSockets, request, options);
  }

  publish(topic: string, message: string | BinaryMessage, compress = false): number {
    return this.context.webSockets?.publish(String(topic), message, compress, null) ?? 0;
  }

  subscriberCount(topic: string): number {
    return this.context.webSockets?.topics.countOf(String(topic)) ?? 0;
  }

  get pendingWebSockets(): number {
    return this.context.webSockets?.stats.open ?? 0;
  }

  /** Fallback pages that are missing at the moment. A later deployment may provide them, so the server starts without them. */
  get missingFallbacks(): MissingFallback[] {
    return this.context.files?.missingFallbacks ?? [];
  }

  /** Whether it accepts connections and is not about to stop. */
  get isServing(): boolean {
    return this.stopping === null;
  }

  /**
   * Changes what is served, and how: files, routes, handlers and limits. Connections stay open; handlers that have begun
   * respond to their requests. What the changes leave out stays as it is; undefined stands for the default. Where it listens,
   * the access log and the like cannot change.
   * @param changes options as for `serve`, such as `{ fetch }`; each replaces the whole of its value
   * @throws as `serve` does; then everything stays as it was
   */
  async reload<Paths extends string = string>(changes: Changes<ServeOptions<Paths>>): Promise<void> {
    await this.reloadAll(changed(this.current, changes as Changes<ServeOptions>));
  }

  /** As `reload`, but options that are left out have their defaults. */
  async reloadAll<Paths extends string = string>(options: ServeOptions<Paths>): Promise<void> {
    const prepared = this.prepareReload(options as ServeOptions);
    await null; // leave the turn: a handler that called this is still using the parser
    prepared.commit();
  }

  /** The first half of a reload, which may throw, and does not change anything yet. */
  prepareReload(options: ServeOptions): PreparedReload {
    const { site, hosts, clients, ...called } = checkedOptions(options);
    rejectFixed(options, this.options);
    const limits = resolveLimits(options.limits);
    const { kernel } = this.counted;
    const files = site === null ? null : new Files(kernel, site, hosts, limits);
    return {
      commit: () => {
        if (this.stopping !== null) return files?.close();
        this.current = options;
        this.replace(files, called, limits, clients);
      },
      abort: () => files?.close(),
    };
  }

  /**
   * Accepts what is in the queues, then nothing more; what comes later is refused. The first part of a stop.
   * @param descriptors handed ones that are closed as well, at once, so that no connection gets into a queue meanwhile
   */
  stopAccepting(descriptors: readonly number[] = []): void {
    this.beginDrain();
    this.reactor.readClock(); // the last turn may be long ago; connections accepted now get their full time
    for (const listener of this.listeners) listener.withdraw();
    this.acceptors.close();
    for (const fd of descriptors) this.counted.kernel.close(fd);
    for (const listener of this.listeners) listener.close();
  }

  /** Keeps the process alive while the server listens, which is the default. */
  ref(): void {
    this.driver.ref();
  }

  /** Lets the process exit if nothing else keeps it alive. */
  unref(): void {
    this.driver.unref();
  }

  /**
   * Stops gracefully: after `stopDelayMs`, in which it serves on, connections in the accept queue are still accepted, requests in progress are responded to with
   * `Connection: close`, and idle connections are closed. After `stopTimeoutMs` the rest is closed. Another call with
   * `force` closes the rest at once. Resolves when everything is closed; never rejects.
   */
  stop(options: StopOptions = {}): Promise<void> {
    if (this.stopping === null) this.companion?.setReady('The server is stopping.');
    this.stopping ??= this.drain();
    this.isForced ||= options.force === true;
    if (this.isForced) {
      this.stopDelay.cut();
      this.closeAll();
    }
    return this.stopping;
  }

  /** Writes the lines of the access log that wait for their batch. Resolves after a second at the latest; never rejects. */
  async flushLog(): Promise<void> {
    await this.context.log?.flush();
  }

  /** Opens the file of the access log anew, once it is renamed. @throws a system error of open(2); the file stays as it was */
  async reopenLog(): Promise<void> {
    await this.context.log?.reopen();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  private onConnectionClosed(connection: HttpConnection): void {
    this.connections.remove(connection);
    this.acceptors.onConnectionClosed();
    if (this.acceptors.open === 0) this.onDrained?.();
  }

  private async drain(): Promise<void> {
    const { stopDelayMs } = this.context.limits;
    if (stopDelayMs > 0 && !this.isForced) await this.stopDelay.wait(stopDelayMs);
    this.beginDrain(); // at once, so that a response of this turn ends its connection
    await null; // leave the turn: if a handler called this, the bytes behind its request are still in the receive buffer
    this.stopAccepting();
    if (this.isForced) this.closeAll();
    this.connections.drain();
    if (this.acceptors.open > 0) {
      const timer = setTimeout(() => this.closeAll(), this.context.limits.stopTimeoutMs);
      await new Promise<void>((resolve) => {
        this.onDrained = resolve;
      });
      clearTimeout(timer);
    }
    this.driver.stop();
    this.reactor.close();
    this.context.files?.close();
    this.context.meter?.close();
    await this.context.log?.close();
    await this.companion?.close();
  }

  private beginDrain(): void {
    this.context.isDraining = true;
    this.connectionContext.isStopping = true;
  }

  private replace(
    files: Files | null,
    called: Pick<ReturnType<typeof checkedOptions>, 'handlers' | 'routes' | 'upgrade' | 'websocket'>,
    limits: Limits,
    rules: ClientRules,
  ): void {
    const { context, connectionContext, acceptors } = this;
    const before = context.files;
    context.files = files;
    context.handlers = called.handlers;
    context.routes = called.routes;
    context.upgrade = called.upgrade;
    context.webSockets = WebSockets.of(called.websocket, context, context.webSockets);
    context.limits = connectionContext.limits = acceptors.options = limits;
    context.parser = new RequestParser(limits, called.handlers !== null);
    acceptors.reserve = files?.fdReserve ?? null;
    context.clients = ClientLimits.of(limits, rules.exempt, context.clients);
    context.proxies = rules.proxies;
    this.connections.rejoinClients();
    this.fileWatch.replace(files);
    before?.close();
  }

  private closeAll(): void {
    this.connections.closeAll('the server stopped');
  }
}

/**
 * Serves in this thread, without an admin door.
 * @throws as `serve` of the admin door does
 */
export function serve(options: ServeOptions): Server {
  assertLoop(); // before the globals are replaced
  return new Server(options);
}
