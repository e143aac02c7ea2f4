import { setTimeout } from 'node:timers/promises';
import type { ErrorCode } from '../../sys/error-code.js';

/** A model or a tool failed. The message is a sentence for the report; the lab continues with the other models. */
export class ExperimentError extends Error {
  readonly code: ErrorCode = 'ERR_EPOLLET_LAB';
}

/** The user, or the budget, ends the run; the report contains the rounds so far. */
export class Cancelled extends Error {
  constructor() {
    super('cancelled');
  }
}

export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new Cancelled();
}

/** Rejects with Cancelled when the signal is aborted. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => throwIfCancelled(signal));
}
