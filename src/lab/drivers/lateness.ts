import { kernel } from '../../sys/index.js';
import type { Distribution } from '../base/distribution.js';
import { PROBE_NAMES, type Probe } from './ways.js';

/** Up to here a bucket is a microsecond; above, 64 buckets for each power of two: at most 1.6 % wide. */
const EXACT_US = 128;
const EXACT_BITS = 7;
const STEP_BITS = 6;
const STEPS = 1 << STEP_BITS;
const MAX_US = 2 ** 31 - 1;
const BUCKETS = EXACT_US + STEPS * (31 - EXACT_BITS);
const COUNT_BYTES = PROBE_NAMES.length * BUCKETS * Int32Array.BYTES_PER_ELEMENT;
const DUE_BYTES = PROBE_NAMES.length * Float64Array.BYTES_PER_ELEMENT;

/** What one probe recorded since the start of a window. */
export interface Recorded {
  /** How late it ran, each time that it ran. */
  readonly distribution: Distribution;
  /** How late it is that is due and has not run, in ms; 0 if none is. */
  readonly overdueMs: number;
}

export type Readings = Readonly<Record<Probe, Recorded>>;

/**
 * How late the probes of one thread run, in memory that another thread reads: a thread that is blocked cannot report
 * that its timers do not run. One thread writes; times are those of CLOCK_MONOTONIC, which threads share.
 */
export class Lateness {
  private readonly counts: Int32Array;
  /** When each probe is due, in ms; 0 if it is not. An aligned number is written at once, so that no reader gets half of it. */
  private readonly dueMs: Float64Array;

  constructor(readonly memory = new SharedArrayBuffer(DUE_BYTES + COUNT_BYTES)) {
    this.dueMs = new Float64Array(memory, 0, PROBE_NAMES.length);
    this.counts = new Int32Array(memory, DUE_BYTES);
  }

  expect(probe: Probe, dueMs: number): void {
    this.dueMs[PROBE_NAMES.indexOf(probe)] = dueMs;
  }

  /** What was expected runs now. */
  record(probe: Probe, nowMs = kernel.monotonicMs()): void {
    const at = PROBE_NAMES.indexOf(probe);
    const us = Math.round((nowMs - this.dueMs[at]!) * 1000);
    this.dueMs[at] = 0;
    Atomics.add(this.counts, at * BUCKETS + bucketOf(us), 1);
  }

  /** Begins a window. */
  clear(): void {
    for (let at = 0; at < this.counts.length; at++) Atomics.store(this.counts, at, 0);
  }

  read(nowMs = kernel.monotonicMs()): Readings {
    const entries = PROBE_NAMES.map((probe, at): [Probe, Recorded] => {
      const dueMs = this.dueMs[at]!;
      return [probe, { distribution: this.distributionAt(at), overdueMs: dueMs > 0 ? Math.max(0, nowMs - dueMs) : 0 }];
    });
    return Object.fromEntries(entries) as Record<Probe, Recorded>;
  }

  private distributionAt(at: number): Distribution {
    const distribution: [us: number, count: number][] = [];
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = Atomics.load(this.counts, at * BUCKETS + bucket);
      if (count > 0) distribution.push([microsecondsOf(bucket), count]);
    }
    return distribution;
  }
}

/** What is early, since libuv counts whole milliseconds, is not late. */
export function bucketOf(us: number): number {
  const whole = Math.min(Math.max(us, 0), MAX_US);
  if (whole < EXACT_US) return whole;
  const power = 31 - Math.clz32(whole);
  return EXACT_US + (power - EXACT_BITS - 1) * STEPS + (whole >> (power - STEP_BITS));
}

/** The middle of a bucket. */
export function microsecondsOf(bucket: number): number {
  if (bucket < EXACT_US) return bucket;
  const step = bucket - EXACT_US;
  const shift = Math.floor(step / STEPS) + EXACT_BITS - STEP_BITS;
  return (STEPS + (step % STEPS)) * 2 ** shift + 2 ** (shift - 1);
}
