import type { Trigger } from '../reactor/interest.js';
import type { Reactor } from '../reactor/reactor.js';
import type { Kernel } from '../sys/kernel.js';
import type { OutboxPool } from './outbox.js';
import type { Receiver } from './receiver.js';

/** The budgets and patience of a connection, the part of the limits that `net` knows. */
export interface ConnectionLimits {
  sendBytesPerTurn: number;
  writeTimeoutMs: number;
  lingerTimeoutMs: number;
  lingerBytes: number;
}

/** What the connections of one reactor share. */
export interface ConnectionContext {
  readonly reactor: Reactor;
  readonly kernel: Kernel;
  readonly trigger: Trigger;
  readonly limits: ConnectionLimits;
  readonly outboxes: OutboxPool;
  readonly receiver: Receiver;
  /** Where a connection is read that has bytes from before. Its last byte is spare; between two calls there is nothing in it. */
  readonly input: Buffer;
  readonly counters: { bytesIn: number; bytesOut: number };
}
