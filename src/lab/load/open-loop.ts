import {
  constants,
  EINPROGRESS,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLLET,
  EPOLLIN,
  EPOLLOUT,
  type Kernel,
  kernel as realKernel,
} from '../../sys/index.js';
import { type Distribution, LatencyCounts } from '../base/distribution.js';
import { ExperimentError } from '../base/errors.js';
import { LoadConnection } from './load-connection.js';

/** What is in flight at the end of a window gets this long; then it is an error. */
const DRAIN_MS = 2000;
/** A model that starts a process for each connection takes a tenth of a second for each, on one core. */
const OPEN_MS = 30_000;
/** Connections that are opened at the same time; fewer than any listener's accept queue holds. */
const CONCURRENT_OPENS = 64;
/** A model that was late with the last requests only is not one that falls behind. */
const CATCH_UP = 0.05;
const MAX_EVENTS = 1024;
const WORDS = 3;
const { AF_INET, SOCK_STREAM, SOCK_NONBLOCK } = constants;

export interface OpenLoopOptions {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  /** Opens a connection for every request. */
  readonly close: boolean;
  /**
   * Whether it occupies its core by waits of zero; not if the model, or strace, is on the same one. A wait ends up to
   * 50 µs late by the timer slack, prctl(2). And a response to a program that sleeps wakes it, at the expense of the
   * model: with an interrupt of the other processor if that has halted, without if it still polls, cpuidle haltpoll.
   * Of a request at 1,000 per second the difference is a third.
   */
  readonly spin: boolean;
  /** How long after the end requests are sent that were due before it, as a ratio of the time. @default 0.05 */
  readonly catchUp?: number;
  readonly kernel?: Kernel;
}

/** A load for some time. */
export interface LoadWindow {
  readonly seconds: number;
  /** Requests that were due. */
  readonly due: number;
  /** Complete responses. */
  readonly responses: number;
  readonly errors: number;
  /** From the time at which a request was due, so that waiting for a free connection counts. */
  readonly corrected: Distribution;
  /** From the time at which it was sent, as tools measure that wait for responses. */
  readonly raw: Distribution;
  /** How late requests were sent though a connection was free: the fault of this program, not of the model. */
  readonly lag: Distribution;
}

/**
 * A load generator at a fixed rate, or as a closed loop. At a rate, a request is due at a time that does not depend on responses, and is sent then, or
 * as soon as a connection is free. So its latency needs no correction for coordinated omission: it is measured from the
 * time at which the request was due.
 *
 * Requests go to the connection that has been idle for the longest time, so that all of them are used.
 */
export class OpenLoop implements Disposable {
  private readonly kernel: Kernel;
  private readonly epfd: number;
  private readonly events = new Uint32Array(MAX_EVENTS * WORDS);
  private readonly connections: LoadConnection[] = [];
  /** Idle connections, the one that has been so for the longest time first. */
  private free: LoadConnection[] = [];
  private inFlight = 0;
  private responses = 0;
  private errors = 0;
  private corrected = new LatencyCounts();
  private raw = new LatencyCounts();

  constructor(private readonly options: OpenLoopOptions) {
    this.kernel = options.kernel ?? realKernel;
    this.epfd = this.kernel.epollCreate1(EPOLL_CLOEXEC);
    if (this.epfd < 0) throw new ExperimentError(`epoll_create1 failed with ${-this.epfd}.`);
    const fields = options.close ? 'Connection: close\r\n' : '';
    const request = Buffer.from(
      `GET ${options.path} HTTP/1.1\r\nHost: ${options.host}:${options.port}\r\n${fields}\r\n`,
    );
    for (let slot = 0; slot < options.connections; slot++)
      this.connections.push(new LoadConnection(this.kernel, slot, request));
  }

  /**
   * Opens the persistent connections and gets a response on each, so that what serves it has started.
   * @throws ExperimentError if one has none in time
   */
  open(): void {
    if (this.options.close) {
      this.free = [...this.connections];
      return;
    }
    const untilMs = performance.now() + OPEN_MS;
    const all = this.connections.length;
    for (let opened = 0, nowMs = performance.now(); this.free.length < all; nowMs = performance.now()) {
      if (nowMs > untilMs) throw this.cannotOpen(`within ${OPEN_MS / 1000} s`);
      while (opened < all && this.inFlight < CONCURRENT_OPENS) this.send(this.connections[opened++]!, nowMs);
      this.wait(untilMs - nowMs);
      if (this.errors > 0) throw this.cannotOpen('without an error');
    }
  }

  /** @param rate requests per second; infinite for a closed loop, in which each connection sends when it is free */
  run(rate: number, seconds: number): LoadWindow {
    this.reset();
    const lag = new LatencyCounts();
    const intervalMs = 1000 / rate;
    const startMs = performance.now();
    const endMs = startMs + seconds * 1000;
    const lastSendMs = intervalMs === 0 ? endMs : endMs + seconds * 1000 * (this.options.catchUp ?? CATCH_UP);
    let due = 0;
    let nowMs = startMs;
    let wasWaiting = false;
    for (;;) {
      let dueMs = startMs + due * intervalMs;
      while (dueMs <= nowMs && dueMs < endMs && nowMs < lastSendMs && this.free.length > 0) {
        if (!wasWaiting && intervalMs > 0) lag.add(nowMs - dueMs);
        const at = intervalMs === 0 ? nowMs : dueMs;
        this.send(this.free.shift()!, at);
        dueMs = startMs + ++due * intervalMs;
        nowMs = performance.now();
      }
      wasWaiting = dueMs <= nowMs && this.free.length === 0;
      if (dueMs >= endMs ? nowMs >= endMs : nowMs >= lastSendMs) break;
      this.wait(wasWaiting ? lastSendMs - nowMs : Math.min(dueMs, endMs) - nowMs);
      nowMs = performance.now();
    }
    for (const lastMs = endMs + DRAIN_MS; this.inFlight > 0 && nowMs < lastMs; nowMs = performance.now())
      this.wait(lastMs - nowMs);
    for (const connection of this.connections) if (connection.isBusy) this.fail(connection);
    return {
      seconds,
      due: intervalMs === 0 ? due : Math.round(rate * seconds),
      responses: this.responses,
      errors: this.errors,
      corrected: this.corrected.distribution(),
      raw: this.raw.distribution(),
      lag: lag.distribution(),
    };
  }

  [Symbol.dispose](): void {
    for (const connection of this.connections) connection.close();
    this.kernel.close(this.epfd);
  }

  private cannotOpen(how: string): ExperimentError {
    return new ExperimentError(
      `Only ${this.responses} of ${this.connections.length} connections got a response ${how}.`,
    );
  }

  private reset(): void {
    this.responses = 0;
    this.errors = 0;
    this.corrected = new LatencyCounts();
    this.raw = new LatencyCounts();
  }

  private send(connection: LoadConnection, dueMs: number): void {
    this.inFlight++;
    connection.begin(dueMs, performance.now());
    if (connection.fd < 0) {
      if (!this.connect(connection)) this.fail(connection);
    } else if (!connection.send()) this.fail(connection);
  }

  /** Edge-triggered, registered once: writable when connected, then readable. */
  private connect(connection: LoadConnection): boolean {
    const { host, port } = this.options;
    const fd = this.kernel.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0) return false;
    connection.attach(fd);
    const result = this.kernel.connect(fd, host, port);
    if (result < 0 && result !== EINPROGRESS) return false;
    const { epfd, kernel } = this;
    return kernel.epollCtl(epfd, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT | EPOLLET, connection.slot, 0) === 0;
  }

  private wait(ms: number): void {
    const { kernel, events } = this;
    const ns = this.options.spin ? 0 : Math.max(0, Math.floor(ms * 1e6));
    const count = kernel.epollPwait2(this.epfd, events, MAX_EVENTS, ns);
    for (let at = 0; at < count * WORDS; at += WORDS) this.onReady(this.connections[events[at + 1]!]!);
  }

  private onReady(connection: LoadConnection): void {
    switch (connection.progress()) {
      case 'response': {
        const nowMs = performance.now();
        this.responses++;
        this.corrected.add(nowMs - connection.dueMs);
        this.raw.add(nowMs - connection.sentMs);
        if (!this.options.close) this.release(connection);
        else this.onReady(connection); // its end may have come with the response, in one edge
        break;
      }
      case 'closed': // by the server; after a response it has done all
        connection.close();
        if (connection.isBusy && !connection.hasResponse) this.errors++;
        if (connection.isBusy) this.release(connection);
        break;
      case 'failed':
        this.fail(connection);
        break;
      case 'pending':
    }
  }

  private fail(connection: LoadConnection): void {
    if (!connection.hasResponse) this.errors++;
    connection.close();
    this.release(connection);
  }

  private release(connection: LoadConnection): void {
    connection.end();
    this.inFlight--;
    this.free.push(connection);
  }
}
