import type { Distribution } from '../base/distribution.js';
import type { Latency } from '../base/stats.js';

export interface LoadSpec {
  readonly url: URL;
  readonly connections: number;
  readonly seconds: number;
  /** Opens a connection for every request. */
  readonly close: boolean;
}

/** A load at a fixed rate: requests are scheduled independently of responses. */
export interface FixedRateSpec extends LoadSpec {
  /** Requests per second, over all connections. */
  readonly rate: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  /** Raw, from the time of sending; null if the tool reports none. */
  readonly latency: Latency | null;
  /** Failed requests, and responses with a status other than 2xx. */
  readonly errors: number;
}

export interface FixedRateResult extends Omit<LoadResult, 'requests' | 'latency'> {
  /** From the time at which a request was due; null without a response. */
  readonly latency: Latency | null;
  /** From the time at which it was sent. */
  readonly rawLatency: Latency | null;
  readonly corrected: Distribution;
  readonly raw: Distribution;
}
