import { NEVER } from '../reactor/deadlines.js';
import { type Interest, NOTHING, READABLE, type Trigger } from '../reactor/interest.js';
import type { Reactor } from '../reactor/reactor.js';
import type { Handler, Token } from '../reactor/registry.js';

const NOT_REGISTERED = -1;

/** A connection's registration with its reactor, made by the first update. */
export class Registration {
  private token: Token = NOT_REGISTERED;
  private interest: Interest = NOTHING;
  /** The reactor's deadline. It may be earlier than the one that is due: a later deadline is not passed on. */
  private armedMs = NEVER;

  constructor(
    private readonly reactor: Reactor,
    private readonly fd: number,
    private readonly handler: Handler,
    private trigger: Trigger,
  ) {}

  /**
   * Registers, or passes on what has changed.
   * @param unused readiness that the handler has not used up, for a revisit
   * @param dueMs the deadline on the reactor's clock; a handler whose `onDeadline` comes early updates again
   * @throws a system error: ENOSPC or ENOMEM if the kernel cannot watch one more descriptor
   */
  update(interest: Interest, unused: number, dueMs: number): void {
    const { reactor } = this;
    if (this.token === NOT_REGISTERED) {
      this.token = reactor.register(this.fd, this.handler, interest, { trigger: this.trigger });
    } else if (interest !== this.interest) reactor.modify(this.token, interest);
    this.interest = interest;
    if (unused !== 0) reactor.revisit(this.token, unused);
    if (dueMs < this.armedMs) {
      this.armedMs = dueMs;
      reactor.setDeadline(this.token, dueMs);
    }
  }

  /** Registers again, edge-triggered. Returns false if the kernel cannot watch the descriptor (ENOSPC, ENOMEM). */
  switchToEdge(): boolean {
    if (this.trigger === 'edge') return true;
    this.trigger = 'edge';
    if (this.token !== NOT_REGISTERED) this.reactor.unregister(this.token);
    this.token = NOT_REGISTERED;
    this.armedMs = NEVER;
    try {
      this.update(READABLE, 0, NEVER);
      return true;
    } catch {
      return false;
    }
  }

  /** Must be called when the deadline has passed. */
  onExpired(): void {
    this.armedMs = NEVER;
  }

  /** Ends the registration without a system call: the descriptor must be closed at once. */
  abandon(): void {
    if (this.token !== NOT_REGISTERED) this.reactor.forget(this.token);
  }
}
