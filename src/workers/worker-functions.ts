import type { MissingFallback } from '../files/pages/fallback.js';
import type { ServerStats, StopOptions } from '../server/handlers/handler-server.js';
import type { ServeOptions } from '../server/options.js';

/** A listening descriptor of the main thread, from which a worker accepts. */
export interface WorkerListener {
  readonly fd: number;
  /** Several workers accept from it: EPOLLEXCLUSIVE. */
  readonly exclusive: boolean;
}

/** What a worker serves, as plain data: what its handlers are is in the module of the app. */
export interface WorkerPlan {
  readonly options: ServeOptions;
  /** The path of the app's module; null for files alone. */
  readonly app: string | null;
}

/** What the thread of a worker is given. */
export interface WorkerStart extends WorkerPlan {
  /** Its number, from 0. */
  readonly worker: number;
  readonly listeners: readonly WorkerListener[];
}

/** What the main thread calls in a worker. */
export type WorkerFunctions = {
  /** Loads the app, opens the files and begins to accept. @throws what `loadApp` and `Server` throw */
  start(_: null): Promise<{ missingFallbacks: MissingFallback[] }>;
  stats(_: null): ServerStats;
  /** Loads and opens what the plan names, for `commitReload` or `abortReload`. @throws as `start` does */
  prepareReload(plan: WorkerPlan): Promise<void>;
  commitReload(_: null): void;
  abortReload(_: null): void;
  flushLog(_: null): Promise<void>;
  /** @throws as `Server.reopenLog` does */
  reopenLog(_: null): Promise<void>;
  /** Accepts what is in the queues, then nothing more, and closes these descriptors at once: what comes later is refused. */
  stopAccepting(descriptors: readonly number[]): void;
  /** Resolves when every connection is closed. */
  stop(options: StopOptions): Promise<void>;
};

/** What a worker calls in the main thread. */
export type SupervisorFunctions = {
  /** A handler stops the server: all workers. */
  stop(options: StopOptions): Promise<void>;
};
