import { NEVER } from '../reactor/deadlines.js';
import { type Interest, NOTHING, READABLE, type Trigger } from '../reactor/interest.js';
import type { Reactor } from '../reactor/reactor.js';
import type { Handler, Token } from '../reactor/registry.js';

const NOT_REGISTERED = -1;

/** A connection's place in its reactor, which it takes when it first has something to ask for. */
export class Registration {
  private token: Token = NOT_REGISTERED;
  private interest: Interest = NOTHING;
  /** The reactor's deadline, which may be earlier than what is due: a request moves the one and not the other. */
  private armedMs = NEVER;

  constructor(
    private readonly reactor: Reactor,
    private readonly fd: number,
    private readonly handler: Handler,
    private trigger: Trigger,
  ) {}

  /**
   * What the handler asks to be told, what it has not used up of what it was told, and when it is due.
   * @throws a system error when the kernel has no room to watch one more
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

  /** From now on readiness is told once, when it comes. False when the kernel has no room to watch it in this way. */
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

  /** The deadline that was set has passed. */
  onExpired(): void {
    this.armedMs = NEVER;
  }

  /** The descriptor is about to be closed. */
  abandon(): void {
    if (this.token !== NOT_REGISTERED) this.reactor.forget(this.token);
  }
}
