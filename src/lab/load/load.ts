import type { Latency } from '../base/stats.js';

/** What a load was told to do. */
export interface LoadSpec {
  readonly url: URL;
  readonly connections: number;
  readonly seconds: number;
  /** A connection for every request. */
  readonly close: boolean;
}

/** What one load has counted. */
export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  /** Null where the tool could not tell. */
  readonly latency: Latency | null;
  /** Answers that were none, or not 2xx. */
  readonly errors: number;
}
