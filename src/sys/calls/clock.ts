export interface Clock {
  /** CLOCK_MONOTONIC in milliseconds, with a fraction, from an arbitrary origin. */
  monotonicMs(): number;
  /** CLOCK_REALTIME in milliseconds since 1970-01-01 UTC. */
  wallMs(): number;
}
