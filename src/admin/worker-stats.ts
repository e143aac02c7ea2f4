import type { ServerStats } from '../server/handlers/handler-server.js';

/** The statistics of one worker, as plain data that can be sent between threads. */
export interface WorkerStats {
  /** Stays the same when a worker is replaced; 0 without workers. */
  worker: number;
  stats: ServerStats;
}

/**
 * Asks every worker for its statistics. In the order of the workers; one that has just died, or that does not respond in
 * time, is left out.
 */
export type Collect = () => Promise<WorkerStats[]>;
