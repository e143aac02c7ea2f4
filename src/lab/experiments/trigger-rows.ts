export const TRIGGER_NAMES = ['level', 'edge', 'oneshot', 'exclusive'] as const;
export type TriggerName = (typeof TRIGGER_NAMES)[number];

/** How the bytes arrive: in one write, or in several, each after the reader has done what it wanted. */
export type Arrival = 'whole' | 'pieces';

/**
 * What the reader does when it is told: one read of a piece, reads of a piece until nothing is left (EAGAIN), or one
 * read with room for all.
 */
export type Reading = 'one piece' | 'until empty' | 'all at once';

/** The same bytes under one trigger; counts, which are the same on every run. */
export interface TriggerRow {
  readonly trigger: TriggerName;
  readonly arrival: Arrival;
  readonly reading: Reading;
  readonly bytes: number;
  readonly pieceBytes: number;
  /** How often epoll_wait reported the descriptor. */
  readonly notifications: number;
  /** By their names in strace(1), without the writer's. */
  readonly calls: Readonly<Record<string, number>>;
  readonly systemCalls: number;
  /** What nobody was told of any more. */
  readonly bytesLeft: number;
}

/** Several threads wait for one descriptor, each in a set of its own, and something arrives once. */
export interface HerdRow {
  readonly trigger: TriggerName;
  readonly threads: number;
  readonly woken: number;
}
