import { NEVER } from '../reactor/deadlines.js';
import { type Interest, READABLE } from '../reactor/interest.js';
import type { Handler } from '../reactor/registry.js';
import { ConnectionState } from './connection-state.js';
import type { ConnectionContext } from './context.js';

/**
 * A connection's registration with its reactor, made by the first update: its base, so that it is one object. It does not
 * keep its token, which the reactor finds by the descriptor.
 */
export abstract class Registration extends ConnectionState implements Handler {
  constructor(
    readonly context: ConnectionContext,
    /** Owned by the connection. */
    readonly fd: number,
  ) {
    super();
  }

  abstract onReady(readiness: number): void;
  abstract onDeadline(): void;

  protected get nowMs(): number {
    return this.context.reactor.nowMs;
  }

  /**
   * Registers, or passes on what has changed.
   * @param unused readiness that the connection has not used up, for a revisit
   * @param dueMs the deadline on the reactor's clock; `onDeadline` may come early, and updates again
   * @throws a system error: ENOSPC or ENOMEM if the kernel cannot watch one more descriptor
   */
  protected update(interest: Interest, unused: number, dueMs: number): void {
    const { fd } = this;
    const { reactor, trigger } = this.context;
    if (!this.isRegistered) {
      reactor.register(fd, this, interest, { trigger: this.isEdge ? 'edge' : trigger });
      this.isRegistered = true;
      this.interest = interest;
    } else if (interest !== this.interest) {
      reactor.modify(reactor.tokenOf(fd), interest);
      this.interest = interest;
    }
    if (unused !== 0) reactor.revisit(reactor.tokenOf(fd), unused);
    if (this.isArmedAfter(dueMs)) {
      this.noteArmed(dueMs);
      reactor.setDeadline(reactor.tokenOf(fd), dueMs);
    }
  }

  /** Registers again, edge-triggered. Returns false if the kernel cannot watch the descriptor (ENOSPC, ENOMEM). */
  protected switchToEdge(): boolean {
    if (this.isEdge || this.context.trigger === 'edge') return true;
    this.isEdge = true;
    this.abandon('unregister');
    this.noteArmed(NEVER);
    try {
      this.update(READABLE, 0, NEVER);
      return true;
    } catch {
      return false;
    }
  }

  /** @param call `forget` makes no system call: the descriptor must be closed at once */
  protected abandon(call: 'unregister' | 'forget'): void {
    const { reactor } = this.context;
    if (this.isRegistered) reactor[call](reactor.tokenOf(this.fd));
    this.isRegistered = false;
  }
}
