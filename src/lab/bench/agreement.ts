import { formatNumber } from '../base/format.js';

/** As many successive windows have to agree: two also agree on the step between two tiers of V8's compilers. */
export const AGREEING_WINDOWS = 3;
/**
 * CPU time of a warm-up: on a busy machine windows agree that had too little of it for V8 to compile anything. epollet
 * settles after 0.45 s, the warm-up included.
 */
const WARM_US = 150_000;
/** The same for each further engine of a model that has one for each connection: by then most of the code is compiled. */
const WARM_US_EACH = 60_000;

/** CPU time of a warm-up, of a model with so many engines. */
export const warmUs = (engines: number): number => WARM_US + WARM_US_EACH * (engines - 1);

/** In shorter ones a single pause is too large a part. */
const MIN_WINDOW_SECONDS = 0.25;
/** With fewer at a fixed rate, one garbage collection is too large a part, or one interrupt. */
const MIN_WINDOW_REQUESTS = 200;
/** No window becomes longer for their sake. */
const MAX_LONGER_SECONDS = 3;

/** What makes a load settled: the most expensive of the last windows by the cheapest, and how many windows it may take. */
export interface Agreement {
  readonly maxRatio: number;
  readonly maxWindows: number;
}

/** Windows of 0.25 s of a compiled program differ by up to a tenth; node:http takes four to seven of them. */
export const CLOSED_LOOP_AGREEMENT: Agreement = { maxRatio: 1.15, maxWindows: 10 };
/** Wider, since a window of 200 requests has a garbage collection or none. */
export const RATE_AGREEMENT: Agreement = { maxRatio: 1.25, maxWindows: 8 };

/**
 * The windows that have to agree take `seconds` together, unless they would be too short.
 * @param rate requests per second; infinite for a closed loop
 */
export const windowSecondsOf = (seconds: number, rate = Number.POSITIVE_INFINITY): number =>
  Math.max(
    seconds / AGREEING_WINDOWS,
    Math.min(seconds, MIN_WINDOW_SECONDS),
    Math.min(MIN_WINDOW_REQUESTS / rate, MAX_LONGER_SECONDS),
  );

/** For the report: `3 windows of 1 s`. @param hasRates whether they are those of fixed rates */
export const agreeingWindows = (seconds: number, hasRates: boolean): string => {
  const length = `${formatNumber(windowSecondsOf(seconds))} s`;
  return `${AGREEING_WINDOWS} windows of ${hasRates ? `at least ${length} and ${MIN_WINDOW_REQUESTS} requests` : length}`;
};

/** False if there are too few, or if a window had no request. */
export const doAgree = (windowsUs: readonly number[], maxRatio: number): boolean =>
  windowsUs.length >= AGREEING_WINDOWS &&
  Math.max(...windowsUs) <= maxRatio * Math.min(...windowsUs) &&
  windowsUs.every(Number.isFinite);

/** A sentence for the report. @param windowsUs CPU time per request in each window */
export function unsteadyReason({
  windowsUs,
  windowSeconds,
}: {
  readonly windowsUs: readonly number[];
  readonly windowSeconds: number;
}): string {
  const values = windowsUs.map((us) => formatNumber(us)).join(', ');
  return `Struck out: the CPU time per request did not settle, with ${values} µs in successive windows of ${formatNumber(windowSeconds)} s.`;
}
