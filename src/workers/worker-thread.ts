import { Worker } from 'node:worker_threads';
import { Calls } from './calls.js';
import type { SupervisorFunctions, WorkerFunctions, WorkerStart } from './worker-functions.js';

/** Made by scripts/bundle.mjs of worker.ts. The path is the same from src and from dist. */
const ENTRY = new URL('../../dist/library/worker.js', import.meta.url);

/** A thread of a worker, from its start to its end. It is not started again: its successor is another WorkerThread. */
export class WorkerThread {
  readonly calls: Calls<WorkerFunctions>;
  /** Resolves at the end of the thread, with what it threw; null if it ended by itself. */
  readonly ended: Promise<Error | null>;
  hasEnded = false;
  private readonly worker: Worker;
  private thrown: Error | null = null;

  constructor(start: WorkerStart, functions: SupervisorFunctions, isReferenced: boolean) {
    this.worker = new Worker(ENTRY, { workerData: start });
    this.calls = new Calls<WorkerFunctions>(this.worker, functions);
    if (!isReferenced) this.worker.unref();
    this.worker.on('error', (error) => {
      this.thrown = error instanceof Error ? error : new Error(String(error));
    });
    this.ended = new Promise((resolve) => {
      this.worker.on('exit', (code) => {
        this.hasEnded = true;
        const reason = this.thrown ?? (code === 0 ? null : new Error(`it called process.exit(${code})`));
        this.calls.end(reason ?? new Error('the worker has ended'));
        resolve(reason);
      });
    });
  }

  ref(): void {
    this.worker.ref();
  }

  unref(): void {
    this.worker.unref();
  }

  /** Ends the thread in mid-request; `reason` counts as thrown by it. */
  async terminate(reason: Error | null = null): Promise<void> {
    this.thrown ??= reason;
    await this.worker.terminate();
  }
}
