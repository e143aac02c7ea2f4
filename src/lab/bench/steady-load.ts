import { formatNumber } from '../base/format.js';
import { type Latency, summarizeEach } from '../base/stats.js';
import type { LoadResult, LoadSpec } from '../load/load.js';
import type { CpuUse } from '../measure/proc-stat.js';

export interface LoadWithCpu extends LoadResult {
  readonly cpu: CpuUse;
}

/** As many successive windows have to agree: two also agree on the step between two tiers of V8's compilers. */
export const AGREEING_WINDOWS = 3;
/** The most expensive of them by the cheapest. Windows of 0.25 s of a compiled program differ by up to a tenth. */
const MAX_RATIO = 1.15;
/**
 * CPU time of the windows before those that count: on a busy machine windows agree that had too little of it for V8 to
 * compile anything. epollet settles after 0.45 s, the warm-up included.
 */
export const WARM_US = 150_000;
/** What has not settled after so many windows is not measured. node:http takes four to seven of 0.25 s. */
export const MAX_WINDOWS = 10;
/** In shorter ones the start of the load generator is too large a part. */
const MIN_WINDOW_SECONDS = 0.25;

/** A load in windows, up to those that agree. */
export interface SteadyLoad {
  /** Over the windows that agree; null if none do, and the figure does not count. */
  readonly load: LoadWithCpu | null;
  /** CPU time per request in each window, in microseconds. */
  readonly windowsUs: readonly number[];
  readonly windowSeconds: number;
}

/** The windows that have to agree take `seconds` together, unless they would be too short. */
export const windowSecondsOf = (seconds: number): number =>
  Math.max(seconds / AGREEING_WINDOWS, Math.min(seconds, MIN_WINDOW_SECONDS));

export const windowOf = (spec: LoadSpec): LoadSpec => ({ ...spec, seconds: windowSecondsOf(spec.seconds) });

/** Of all windows in their order, the last ones that agree. */
export function steadyLoad(windows: readonly LoadWithCpu[], { seconds }: LoadSpec): SteadyLoad {
  const windowsUs = windows.map(({ cpu, requests }) => cpu.totalUs / requests);
  let load: LoadWithCpu | null = null;
  for (let end = windows.length; end >= AGREEING_WINDOWS && load === null; end--) {
    const start = end - AGREEING_WINDOWS;
    const isWarm = windows.slice(0, start).reduce((us, { cpu }) => us + cpu.totalUs, 0) >= WARM_US;
    if (isWarm && doAgree(windowsUs.slice(start, end))) load = sumOf(windows.slice(start, end));
  }
  return { load, windowsUs, windowSeconds: seconds };
}

/** A sentence for the report. */
export function unsteadyReason({ windowsUs, windowSeconds }: Pick<SteadyLoad, 'windowsUs' | 'windowSeconds'>): string {
  const values = windowsUs.map((us) => formatNumber(us)).join(', ');
  return `Struck out: the CPU time per request did not settle, with ${values} µs in successive windows of ${formatNumber(windowSeconds)} s.`;
}

/** False if a window had no request. */
export const doAgree = (windowsUs: readonly number[], maxRatio = MAX_RATIO): boolean =>
  Math.max(...windowsUs) <= maxRatio * Math.min(...windowsUs) && windowsUs.every(Number.isFinite);

function sumOf(windows: readonly LoadWithCpu[]): LoadWithCpu {
  const sum = (of: (window: LoadWithCpu) => number): number => windows.reduce((total, each) => total + of(each), 0);
  const requests = sum((each) => each.requests);
  return {
    requests,
    perSecond: requests / sum((each) => each.requests / each.perSecond),
    latency: medianLatency(windows.flatMap(({ latency }) => latency ?? [])),
    errors: sum(({ errors }) => errors),
    cpu: {
      userUs: sum(({ cpu }) => cpu.userUs),
      systemUs: sum(({ cpu }) => cpu.systemUs),
      totalUs: sum(({ cpu }) => cpu.totalUs),
    },
  };
}

/** Tools report percentiles, which cannot be added up: the median over the windows. */
function medianLatency(all: readonly Latency[]): Latency | null {
  const { p50, p90, p99, max } = summarizeEach(['p50', 'p90', 'p99', 'max'], all);
  return p50 && p90 && p99 && max ? { p50: p50.median, p90: p90.median, p99: p99.median, max: max.max } : null;
}
