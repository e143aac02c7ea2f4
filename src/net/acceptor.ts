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

/** What the acceptors of a server share: limits, counts, and what becomes of a connection. */
export interface Accepting {
  readonly reactor: Reactor;
  readonly options: AcceptorOptions;
  readonly reserve: DescriptorReserve | null;
  accepted: number;
  open: number;
  pauses: number;
  onAccept(fd: number): void;
}

/**
 * Accepts the connections of a listener, up to a budget per turn. At the limit of connections, descriptors or memory it
 * pauses: it drops its interest until a connection closes or a retry is due, and the rest stays in the accept queue.
 */
export class Acceptor implements Handler {
  private readonly token: Token;
  private paused = false;
  private closed = false;

  /** @param shared has the limits and the counts, and takes the connections */
  constructor(
    private readonly shared: Accepting,
    private readonly listener: Listener,
    exclusive: boolean,
  ) {
    // Level-triggered, whatever the connections use: connections left in the queue are reported again.
    this.token = shared.reactor.register(listener.fd, this, READABLE, { exclusive });
  }

  onReady(): void {
    const budget = Math.min(this.shared.options.acceptsPerTurn, Math.max(1, this.listener.queueLength));
    this.accept(budget);
  }

  onDeadline(): void {
    this.resume();
  }

  /** Idempotent. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.accept(this.listener.queueLength);
    this.shared.reactor.unregister(this.token);
  }

  private accept(count: number): void {
    const { shared, listener } = this;
    const { kernel } = shared.reactor;
    for (let i = 0; i < count; i++) {
      if (shared.open >= shared.options.maxConnections && !this.closed) return this.pause(NEVER);
      let fd = kernel.accept4(listener.fd, SOCK_NONBLOCK);
      if ((fd === EMFILE || fd === ENFILE) && shared.reserve?.reclaim())
        fd = kernel.accept4(listener.fd, SOCK_NONBLOCK);
      if (fd < 0) {
        if (fd === EAGAIN) return;
        if (fd === EMFILE || fd === ENFILE || fd === ENOMEM || fd === ENOBUFS) return this.pause(RETRY_MS);
        continue; // the error of a connection that has failed already, accept(2), "Error handling"
      }
      shared.accepted++;
      shared.open++;
      if (tracing) this.traceAccept(fd);
      shared.onAccept(fd);
    }
  }

  private traceAccept(fd: number): void {
    const peer = this.shared.reactor.kernel.getpeername(fd);
    debug('accept fd %d from %s', fd, typeof peer === 'number' ? 'a closed peer' : `${peer.address}:${peer.port}`);
  }

  private pause(retryMs: number): void {
    if (this.closed) return;
    const { shared } = this;
    shared.pauses++;
    this.paused = true;
    if (tracing) debug('accept paused at %d connections', shared.open);
    shared.reactor.modify(this.token, NOTHING);
    shared.reactor.setDeadline(this.token, shared.reactor.nowMs + retryMs);
  }

  /** Accepts again, if it is paused. */
  resume(): void {
    if (this.closed || !this.paused) return;
    const { reactor } = this.shared;
    this.paused = false;
    reactor.setDeadline(this.token, NEVER);
    reactor.modify(this.token, READABLE);
  }
}
