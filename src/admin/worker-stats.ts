import type { WorkerStats } from '../workers/supervisor.js';

export type { WorkerStats };

/**
 * Asks every worker for its statistics. In the order of the workers; one that has just died, or that does not respond in
 * time, is left out.
 */
export type Collect = () => Promise<WorkerStats[]>;
