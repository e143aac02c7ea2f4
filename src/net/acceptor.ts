import { NEVER } from '../reactor/deadlines.js';
import { NOTHING, READABLE } from '../reactor/interest.js';
import type { Reactor } from '../reactor/reactor.js';
import type { Handler, Token } from '../reactor/registry.js';
import { constants } from '../sys/binding.js';
import { EAGAIN, EMFILE, ENFILE, ENOBUFS, ENOMEM } from '../sys/errno.js';
import type { Listener } from './listener.js';

const { SOCK_NONBLOCK } = constants;

/** The process may get descriptors back that were none of ours to close, so that nothing else would tell. */
const RETRY_MS = 100;

/** Descriptors that can be closed when there are none left. */
export interface DescriptorReserve {
  /** Closes some. Returns false if there are none. */
  reclaim(): boolean;
}

export interface AcceptorOptions {
  acceptsPerTurn: number;
  maxConnections: number;
}

/**
 * The handler of a listener's readiness: accepts as many as wait, a budget at a time. At the limit of connections or
 * of descriptors it stops asking, and leaves the rest in the accept queue, until a connection closes.
 */
export class Acceptor implements Handler {
  accepted = 0;
  open = 0;
  /** How often the limit of connections or descriptors was met. */
  pauses = 0;
  private readonly token: Token;
  private paused = false;
  private closed = false;

  /**
   * @param onAccept gets each connected, non-blocking descriptor, and owns it
   * @param reserve descriptors to close when accept4 fails with EMFILE or ENFILE, before it is tried once more
   */
  constructor(
    private readonly reactor: Reactor,
    private readonly listener: Listener,
    private readonly options: AcceptorOptions,
    private readonly onAccept: (fd: number) => void,
    private readonly reserve: DescriptorReserve | null = null,
  ) {
    // Level, whatever the connections use: what this turn leaves in the queue is told again.
    this.token = reactor.register(listener.fd, this, READABLE);
  }

  onReady(): void {
    const budget = Math.min(this.options.acceptsPerTurn, Math.max(1, this.listener.queueLength));
    this.accept(budget);
  }

  onDeadline(): void {
    this.resume();
  }

  /** A connection that was accepted here is closed. */
  onConnectionClosed(): void {
    this.open--;
    if (this.paused) this.resume();
  }

  /** Takes what has already connected, above the limit too, then no more. Leaves the listener open. */
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
        continue; // the error of one connection, which is gone: accept(2), "Error handling"
      }
      this.accepted++;
      this.open++;
      this.onAccept(fd);
    }
  }

  private pause(retryMs: number): void {
    if (this.closed) return;
    this.pauses++;
    this.paused = true;
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
