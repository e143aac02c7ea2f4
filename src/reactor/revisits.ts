import { MARK_REVISIT, type Registry, slotOf, type Token } from './registry.js';

/** The handlers to call again for readiness that they have not used up. */
export class Revisits {
  private tokens: Token[] = [];
  private taken: Token[] = [];

  constructor(private readonly registry: Registry) {}

  get isEmpty(): boolean {
    return this.tokens.length === 0;
  }

  /** Returns false if the slot is marked already. */
  mark(slot: number): boolean {
    const { marks } = this.registry;
    if (marks[slot]! & MARK_REVISIT) return false;
    marks[slot]! |= MARK_REVISIT;
    this.tokens.push(this.registry.tokenOf(slot));
    return true;
  }

  /** The tokens marked so far, for `unmark`; the caller empties the array. What is marked meanwhile belongs to the next turn. */
  take(): Token[] {
    const { tokens } = this;
    this.tokens = this.taken;
    this.taken = tokens;
    return tokens;
  }

  /** Returns the token's slot, or -1 if it was removed. */
  unmark(token: Token): number {
    this.registry.marks[slotOf(token)]! &= ~MARK_REVISIT;
    return this.registry.find(token);
  }
}
