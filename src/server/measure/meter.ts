import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from '../../sys/calls/clock.js';
import { Histogram, type HistogramStats } from './histogram.js';

/** The delays of the event loop in seconds, of a window of 10 s or more. */
export interface EventLoopDelay {
  p50: number;
  p99: number;
  max: number;
}

/** What a server records only if it measures. Counters since its start. */
export interface Measurements {
  /** Responses by the class of their status, `2xx`; those that were cut off too. */
  responses: Record<string, number>;
  /**
   * Seconds from the request's head until the server had made all of its response, by the class of its status. The time
   * that the client takes to read it counts for a stream only, which waits for the client.
   */
  requestDuration: Record<string, HistogramStats>;
  /** Events of each epoll_wait(2) that a turn followed. */
  turnEvents: HistogramStats;
  /** Seconds of each turn, without the waiting, and without the promises of handlers that follow it. */
  turnDuration: HistogramStats;
  /** How much later than due a timer of Node was called; null without a handler, which alone could delay one. */
  eventLoopDelay: EventLoopDelay | null;
}

/** By the first digit of the status. */
const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'];
const REQUEST_SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];
const TURN_SECONDS = [
  0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1,
];
/** Up to the most of one wait. */
const TURN_EVENTS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/** A timer of Node wakes the thread so often. */
const DELAY_RESOLUTION_MS = 20;
const DELAY_WINDOW_MS = 10_000;
const NS_PER_S = 1e9;

/**
 * Records durations and counts of one server. It reads the clock once a turn, at its end: responses that are made at once
 * take until then, since they are sent at the end of a batch.
 */
export class Meter {
  private readonly responses = new Float64Array(CLASSES.length + 1);
  /** Responses of the present turn that were made at once. */
  private readonly atOnce = new Uint32Array(CLASSES.length + 1);
  private hasAtOnce = false;
  private readonly requestDuration = [...CLASSES, ''].map(() => new Histogram(REQUEST_SECONDS));
  private readonly turnEvents = new Histogram(TURN_EVENTS);
  private readonly turnDuration = new Histogram(TURN_SECONDS);
  private readonly delay: IntervalHistogram | null;
  private delayBefore: EventLoopDelay | null = null;
  private delaySinceMs: number;

  constructor(
    private readonly clock: Pick<Clock, 'monotonicMs'>,
    hasHandler: boolean,
  ) {
    this.delay = hasHandler ? monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS }) : null;
    this.delay?.enable();
    this.delaySinceMs = clock.monotonicMs();
  }

  /** A response is queued on its connection, or the head of a stream. */
  onResponse(status: number): void {
    this.responses[(status / 100) | 0]!++;
  }

  /** A response was made in the turn of its request. */
  onSentAtOnce(status: number): void {
    this.atOnce[(status / 100) | 0]!++;
    this.hasAtOnce = true;
  }

  /** A response was made later, and all of it is on its connection. @param startMs when its request came */
  onFinished(status: number, startMs: number): void {
    this.requestDuration[(status / 100) | 0]!.add((this.clock.monotonicMs() - startMs) / 1000);
  }

  onTurnEnd(events: number, startMs: number): void {
    const seconds = (this.clock.monotonicMs() - startMs) / 1000;
    this.turnEvents.add(Math.max(0, events)); // an error of the wait is negative
    this.turnDuration.add(seconds);
    if (!this.hasAtOnce) return;
    this.hasAtOnce = false;
    const { atOnce } = this;
    for (let digit = 1; digit < atOnce.length; digit++) {
      if (atOnce[digit] === 0) continue;
      this.requestDuration[digit]!.add(seconds, atOnce[digit]);
      atOnce[digit] = 0;
    }
  }

  get measurements(): Measurements {
    return {
      responses: byClass((digit) => this.responses[digit]!),
      requestDuration: byClass((digit) => this.requestDuration[digit]!.stats),
      turnEvents: this.turnEvents.stats,
      turnDuration: this.turnDuration.stats,
      eventLoopDelay: this.delay === null ? null : this.eventLoopDelay(this.delay),
    };
  }

  close(): void {
    this.delay?.disable();
  }

  /** Of the window before, once there is one: a window that has just begun has too few values. */
  private eventLoopDelay(delay: IntervalHistogram): EventLoopDelay {
    const nowMs = this.clock.monotonicMs();
    const isOver = nowMs - this.delaySinceMs >= DELAY_WINDOW_MS;
    if (!isOver && this.delayBefore !== null) return this.delayBefore;
    const seconds = (ns: number): number => Math.max(0, ns / NS_PER_S - DELAY_RESOLUTION_MS / 1000);
    const now: EventLoopDelay =
      delay.count === 0
        ? { p50: 0, p99: 0, max: 0 }
        : { p50: seconds(delay.percentile(50)), p99: seconds(delay.percentile(99)), max: seconds(delay.max) };
    if (!isOver) return now;
    this.delayBefore = now;
    this.delaySinceMs = nowMs;
    delay.reset();
    return now;
  }
}

function byClass<Value>(of: (digit: number) => Value): Record<string, Value> {
  return Object.fromEntries(CLASSES.map((name, at) => [name, of(at + 1)]));
}
