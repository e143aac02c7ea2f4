import { NEVER } from '../reactor/deadlines.js';
import { NOTHING, READABLE } from '../reactor/interest.js';
import type { Reactor } from '../reactor/reactor.js';
import type { Handler, Token } from '../reactor/registry.js';
import { constants } from '../sys/binding.js';
import { debug, tracing } from '../sys/debug.js';
import { EAGAIN, EMFILE, ENFILE, ENOBUFS, ENOMEM } from '../sys/errno.js';
import type { Listener } from './listener.js';

const { SOCK_NONBLOCK } = constants;

/** The wait for descriptors or memory that are freed elsewhere in the process or the system: nothing reports it. */
const RETRY_MS = 100;

/** Open descriptors that can be given up when the process has none left. */
export interface DescriptorReserve {
  /** Closes some of them. Returns false if there are none. */
  reclaim(): boolean;
}

export interface AcceptorOptions {
  /** Maximum accepts per turn, so that open connections are not starved. */
  acceptsPerTurn: number;
  maxConnections: number;
}

/**
 * Accepts the connections of a listener, up to a budget per turn. At the limit of connections, descriptors or memory it
 * pauses: it drops its interest until a connection closes or a retry is due, and the rest stays in the accept queue.
 */
export class Acceptor implements Handler {
  accepted = 0;
  open = 0;
  /** How often it paused at a limit. */
  pauses = 0;
  private readonly token: Token;
  private paused = false;
  private closed = false;

  /**
   * @param onAccept is given each connected, non-blocking descriptor, and owns it
   * @param reserve is asked to close descriptors when accept4 fails with EMFILE or ENFILE, before one more attempt
   */
  constructor(
    private readonly reactor: Reactor,
    private readonly listener: Listener,
    private readonly options: AcceptorOptions,
    private readonly onAccept: (fd: number) => void,
    private readonly reserve: DescriptorReserve | null = null,
  ) {
    // Level-triggered, whatever the connections use: connections left in the queue are reported again.
    this.token = reactor.register(listener.fd, this, READABLE);
  }

  onReady(): void {
    const budget = Math.min(this.options.acceptsPerTurn, Math.max(1, this.listener.queueLength));
    this.accept(budget);
  }

  onDeadline(): void {
    this.resume();
  }

  /** Must be called when a connection that was accepted here is closed. */
  onConnectionClosed(): void {
    this.open--;
    if (this.paused) this.resume();
  }

  /** Accepts what is in the queue, above the limit too, then nothing more. Leaves the listener open. Idempotent. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.accept(this.listener.queueLength);
    this.reactor.unregister(this.token);
  }

  private accept(count: number): void {
    const { kernel } = this.reactor;
    for (let i = 0; i < count; i++) {
      if (this.open >= this.options.maxConnections && !this.closed) return this.pause(NEVER);
      let fd = kernel.accept4(this.listener.fd, SOCK_NONBLOCK);
      if ((fd === EMFILE || fd === ENFILE) && this.reserve?.reclaim())
        fd = kernel.accept4(this.listener.fd, SOCK_NONBLOCK);
      if (fd < 0) {
        if (fd === EAGAIN) return;
        if (fd === EMFILE || fd === ENFILE || fd === ENOMEM || fd === ENOBUFS) return this.pause(RETRY_MS);
        continue; // the error of a connection that has failed already, accept(2), "Error handling"
      }
      this.accepted++;
      this.open++;
      if (tracing) this.traceAccept(fd);
      this.onAccept(fd);
    }
  }

  private traceAccept(fd: number): void {
    const peer = this.reactor.kernel.getpeername(fd);
    debug('accept fd %d from %s', fd, typeof peer === 'number' ? 'a closed peer' : `${peer.address}:${peer.port}`);
  }

  private pause(retryMs: number): void {
    if (this.closed) return;
    this.pauses++;
    this.paused = true;
    if (tracing) debug('accept paused at %d connections', this.open);
    this.reactor.modify(this.token, NOTHING);
    this.reactor.setDeadline(this.token, this.reactor.nowMs + retryMs);
  }

  private resume(): void {
    if (this.closed) return;
    this.paused = false;
    this.reactor.setDeadline(this.token, NEVER);
    this.reactor.modify(this.token, READABLE);
  }
}
