import { type Distribution, sumOfDistributions } from '../base/distribution.js';
import { ExperimentError } from '../base/errors.js';
import type { LoadWindow, OpenLoop, OpenLoopOptions } from '../load/open-loop.js';
import { type CpuUse, cpuBetween, cpuTime, voluntarySwitches } from '../measure/proc-stat.js';
import {
  AGREEING_WINDOWS,
  type Agreement,
  CLOSED_LOOP_AGREEMENT,
  doAgree,
  RATE_AGREEMENT,
  warmUs,
  windowSecondsOf,
} from './agreement.js';

/** Of the program that generates the load; its only argument, as JSON. */
export interface RateLoadSpec extends Omit<OpenLoopOptions, 'catchUp' | 'kernel'> {
  /** The model, whose process tree is measured. */
  readonly pid: number;
  /** A closed loop before the first rate, repeated until the model is warm; 0 for none. */
  readonly warmUpSeconds: number;
  /** The engines of V8 that warm up: one, or one for each connection. */
  readonly engines: number;
  /** Requests per second, in this order, or CLOSED_LOOP. */
  readonly rates: readonly number[];
  readonly seconds: number;
  /** Whether windows have to agree; otherwise one window is measured. */
  readonly settle: boolean;
  /** Whether it waits for the end of its standard input when all connections are open. */
  readonly hold: boolean;
}

/** In place of a rate: each connection sends its next request when it has a response. JSON has no infinity. */
export const CLOSED_LOOP = 0;

/** Each line of its output. */
export type RateLoadLine = { readonly load: RateLoad } | { readonly error: string } | typeof OPEN;

/** All connections are open. */
export const OPEN = { open: true } as const;

/** A load at one rate: of the windows that agree, or of all if none do. */
export interface RateLoad {
  readonly rate: number;
  /** False if no windows agree. */
  readonly settled: boolean;
  /** CPU time per response in each window, in microseconds. */
  readonly windowsUs: readonly number[];
  readonly windowSeconds: number;
  readonly seconds: number;
  readonly due: number;
  readonly responses: number;
  readonly errors: number;
  readonly cpu: CpuUse;
  /** Voluntary context switches of the model. */
  readonly wakeUps: number;
  readonly corrected: Distribution;
  readonly raw: Distribution;
  readonly lag: Distribution;
}

export interface MeasuredWindow extends LoadWindow {
  readonly cpu: CpuUse;
  readonly wakeUps: number;
}

/** A warm-up on a busy machine goes on until V8 has compiled, but not longer than this multiple. */
const MAX_WARM_UP = 8;

/** @param hold called when all connections are open */
export function measureRates(
  loop: OpenLoop,
  spec: RateLoadSpec,
  emit: (load: RateLoad) => void,
  hold: () => void,
): void {
  loop.open();
  hold();
  warmUp(loop, spec);
  for (const rate of spec.rates) emit(measureRate(loop, spec, rate));
}

function warmUp(loop: OpenLoop, { pid, warmUpSeconds, engines }: RateLoadSpec): void {
  if (warmUpSeconds === 0) return;
  const before = cpuTime(pid);
  for (let at = 0; at < MAX_WARM_UP; at++) {
    const { responses } = loop.run(Number.POSITIVE_INFINITY, warmUpSeconds);
    if (responses === 0) throw new ExperimentError('It sent no response under load.');
    if (cpuBetween(before, cpuTime(pid)).totalUs >= warmUs(engines)) return;
  }
}

function measureRate(loop: OpenLoop, { pid, seconds, settle }: RateLoadSpec, rate: number): RateLoad {
  const perSecond = rate === CLOSED_LOOP ? Number.POSITIVE_INFINITY : rate;
  const windowSeconds = settle ? windowSecondsOf(seconds, perSecond) : seconds;
  const windows: MeasuredWindow[] = [];
  for (;;) {
    const [cpu, wakeUps] = [cpuTime(pid), voluntarySwitches(pid)];
    const window = loop.run(perSecond, windowSeconds);
    windows.push({ ...window, cpu: cpuBetween(cpu, cpuTime(pid)), wakeUps: voluntarySwitches(pid) - wakeUps });
    const load = rateLoad(rate, windows, settle);
    if (load.settled || windows.length >= agreementOf(rate).maxWindows) return load;
  }
}

const agreementOf = (rate: number): Agreement => (rate === CLOSED_LOOP ? CLOSED_LOOP_AGREEMENT : RATE_AGREEMENT);

/** Of all windows so far the last ones, if they agree. */
export function rateLoad(rate: number, windows: readonly MeasuredWindow[], settle: boolean): RateLoad {
  const windowsUs = windows.map(({ cpu, responses }) => cpu.totalUs / responses);
  const agree = doAgree(windowsUs.slice(-AGREEING_WINDOWS), agreementOf(rate).maxRatio);
  const counted = agree ? windows.slice(-AGREEING_WINDOWS) : windows;
  const sum = (of: (window: MeasuredWindow) => number): number => counted.reduce((total, each) => total + of(each), 0);
  return {
    rate,
    settled: agree || !settle,
    windowsUs,
    windowSeconds: windows[0]!.seconds,
    seconds: sum((each) => each.seconds),
    due: sum(({ due }) => due),
    responses: sum(({ responses }) => responses),
    errors: sum(({ errors }) => errors),
    cpu: {
      userUs: sum(({ cpu }) => cpu.userUs),
      systemUs: sum(({ cpu }) => cpu.systemUs),
      totalUs: sum(({ cpu }) => cpu.totalUs),
    },
    wakeUps: sum(({ wakeUps }) => wakeUps),
    corrected: sumOfDistributions(counted.map(({ corrected }) => corrected)),
    raw: sumOfDistributions(counted.map(({ raw }) => raw)),
    lag: sumOfDistributions(counted.map(({ lag }) => lag)),
  };
}
