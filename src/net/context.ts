import type { Trigger } from '../reactor/interest.js';
import type { Reactor } from '../reactor/reactor.js';
import type { Kernel } from '../sys/kernel.js';
import type { ReadBatch } from './read-batch.js';
import type { RateLimits, WriteQueuePool } from './write-queue.js';

/** The budgets and timeouts of a connection: the limits that `net` knows. */
export interface ConnectionLimits extends RateLimits {
  sendBytesPerTurn: number;
  writeTimeoutMs: number;
  halfCloseTimeoutMs: number;
  lingerTimeoutMs: number;
  maxLingerMs: number;
  lingerBytes: number;
}

/** What the connections of one reactor share. */
export interface ConnectionContext {
  readonly reactor: Reactor;
  readonly kernel: Kernel;
  readonly trigger: Trigger;
  limits: ConnectionLimits;
  readonly writeQueues: WriteQueuePool;
  readonly readBatch: ReadBatch;
  /** For reads outside a batch, behind unread bytes. Its last byte is spare; its contents do not outlive a call. */
  readonly input: Buffer;
  /** The server stops: lingering is shorter. */
  isStopping: boolean;
  readonly counters: { bytesIn: number; bytesOut: number; writeTimeouts: number; halfCloseTimeouts: number };
}
