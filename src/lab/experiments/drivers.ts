import { fileURLToPath } from 'node:url';
import type { Figure } from '../base/chart.js';
import type { Percentiles } from '../base/distribution.js';
import { sleep } from '../base/errors.js';
import { modelOf, repetitionOf } from '../base/noise.js';
import { shuffledOrders } from '../base/shuffle.js';
import { type Summary, summarize } from '../base/stats.js';
import { windowSecondsOf } from '../bench/agreement.js';
import type { ModelProcess } from '../bench/model-process.js';
import { CLOSED_LOOP, type RateLoad } from '../bench/rate-load.js';
import { get } from '../bench/smoke-check.js';
import type { Row, Workbench } from '../bench/workbench.js';
import type { DriverSpec, DriverState, DriverWindow } from '../drivers/driver-program.js';
import { type AllDrivers, costFigures, otherFigures } from '../drivers/figures.js';
import { probeFigures, probeSummary } from '../drivers/probe-figures.js';
import {
  callsPerResponse,
  type DriverPoint,
  type DriverResult,
  driverNoise,
  LOAD_NAMES,
  LOADS,
  type LoadName,
  probeResults,
  type SystemCalls,
} from '../drivers/result.js';
import { ALONE, WAY_NAMES, type Way } from '../drivers/ways.js';
import { cpuBetween, cpuTime, voluntarySwitches } from '../measure/proc-stat.js';
import type { Experiment, Measured } from './experiment.js';
import { PERCENTILES, type RatePoint, ratePoint } from './rates-result.js';

const PROGRAM = fileURLToPath(new URL('../drivers/driver-program.js', import.meta.url));
const REPEATED: Way = 'enclosing';
/** The load generator starts within this time, and opens its connections; strace attaches. */
const LEAD_SECONDS = 0.4;
const TAIL_SECONDS = 0.15;
/** The percentiles of what runs a hundred times a second need this much. */
const MIN_PROBE_SECONDS = 0.4;
const MAX_PROBE_SECONDS = 2;
const MAX_TRACED_SECONDS = 0.5;
/** A short run leaves this load out. */
const LONG_LOAD: LoadName = '9,973/s';
const LONG_SECONDS = 1;

/** What the process uses without a request. */
interface IdleRound {
  readonly busy: number;
  readonly wakeUpsPerSecond: number;
}

/** What requests cost without the probes. */
interface Costs {
  readonly idle: IdleRound;
  readonly loads: readonly RateLoad[];
  /** Only in the first round, and with strace. */
  readonly calls: ReadonlyMap<LoadName, SystemCalls | null>;
}

type Windows = ReadonlyMap<LoadName, DriverWindow>;

interface Partial extends Row {
  readonly driver: string;
  readonly rounds: (Costs & { readonly windows: Windows })[];
}

/** Nothing else shows what Node's loop suffers: a blocked thread cannot report it, so another one reads the histograms. */
export const drivers: Experiment<AllDrivers> = {
  question:
    'What does it cost to drive the same reactor inside Node’s loop, around it, or without it, and how late are Node’s timers, promises and streams then?',
  models: [],
  defaults: { connections: 64 },
  unused: ['models', 'maxHeavy', 'rate', 'rates', 'idle', 'maxIdle', 'close'],
  measure,
  hasData: ({ results }) => results.some(({ points }) => points.length > 0),
  figures: (all): Figure[] => [...costFigures(all), ...probeFigures(all), ...otherFigures(all)],
  summary: (all) => {
    const [cpu, , latency] = costFigures(all);
    return [...[cpu, latency].filter((each) => each !== undefined), ...probeSummary(all), ...otherFigures(all)];
  },
};

async function measure(bench: Workbench): Promise<Measured<AllDrivers>> {
  const { rounds, seed, seconds } = bench.settings;
  const rows = [...WAY_NAMES, repetitionOf(REPEATED)];
  const partials = new Map(rows.map((driver): [string, Partial] => [driver, { driver, rounds: [], failure: null }]));
  if (!bench.instruments.tools.has('strace')) bench.note('strace is not installed: no system calls are counted.');
  if (bench.instruments.cores === null) bench.note('Load and server share all cores: the figures of both are mixed.');
  const loads = LOAD_NAMES.filter((load) => load !== LONG_LOAD || seconds >= LONG_SECONDS);
  const orders = shuffledOrders(rows, rounds, seed);
  const complete = await bench.rounds(orders, rows.length, async (driver, round) => {
    bench.progress.label(`round ${round + 1} of ${rounds}: ${driver}`);
    const partial = partials.get(driver)!;
    await bench.turn(partial, round, async () => {
      partial.rounds.push(await measureRound(bench, modelOf(driver) as Way, loads, round === 0));
    });
    bench.progress.step();
  });
  const results = [...partials.values()].map(driverResult);
  const row = (name: string): DriverResult => results.find(({ driver }) => driver === name)!;
  const noise = driverNoise(row(REPEATED), row(repetitionOf(REPEATED)));
  bench.noteNoise(
    REPEATED,
    noise.map(({ load, noise: { cpuUs } }) => [cpuUs, load]),
  );
  return { result: { results, repeated: { model: REPEATED, noise } }, complete };
}

async function measureRound(bench: Workbench, way: Way, loads: readonly LoadName[], isFirst: boolean) {
  const own = loads.filter((load) => load === 'idle' || way !== ALONE);
  const costs = await withProgram(bench, way, false, (...program) => measureCosts(bench, own, program, isFirst));
  const windows = await withProgram(bench, way, true, (...program) => measureProbes(bench, own, program));
  return { ...costs, windows };
}

/** The URL is that of the server on the reactor; that of the process is the control thread's. */
type Program = [program: ModelProcess, url: URL];

function withProgram<Result>(
  bench: Workbench,
  way: Way,
  hasProbes: boolean,
  measure: (...program: Program) => Promise<Result>,
): Promise<Result> {
  const spec: DriverSpec = { way, root: bench.site.directory, hasProbes };
  return bench.withServer([process.execPath, PROGRAM, JSON.stringify(spec)], async (program) => {
    const { port } = (await request(program, '/')) as DriverState;
    return measure(program, new URL(`http://127.0.0.1:${port}/`));
  });
}

/** On a busy machine the control thread gets its turn late. */
const CONTROL_TIMEOUT_MS = 20_000;

async function request(program: ModelProcess, path: string): Promise<unknown> {
  const { body } = await get(program.url, path, { timeoutMs: CONTROL_TIMEOUT_MS });
  return JSON.parse(body.toString());
}

async function measureCosts(
  bench: Workbench,
  loads: readonly LoadName[],
  [{ pid }, url]: Program,
  isFirst: boolean,
): Promise<Costs> {
  const { connections, seconds, warmUpSeconds } = bench.settings;
  const rates = ratesOf(loads);
  const spec = { url, connections, seconds, close: false };
  const options = { pid, rates, warmUpSeconds, settle: true };
  const measured = rates.length === 0 ? [] : await bench.instruments.rateLoads(spec, options);
  const idle = await measureIdle(bench, pid);
  const calls = new Map<LoadName, SystemCalls | null>();
  if (isFirst && bench.instruments.tools.has('strace')) {
    for (const load of loads) {
      const rate = LOADS[load];
      if (rate !== null) calls.set(load, await countCalls(bench, pid, url, rate));
    }
  }
  return { idle, loads: measured, calls };
}

const ratesOf = (loads: readonly LoadName[]): number[] =>
  loads.map((load) => LOADS[load]).filter((each) => each !== null);

async function measureIdle({ settings, signal }: Workbench, pid: number): Promise<IdleRound> {
  const seconds = windowSecondsOf(settings.seconds);
  const [cpu, wakeUps, startMs] = [cpuTime(pid), voluntarySwitches(pid), performance.now()];
  await sleep(seconds * 1000, signal);
  const elapsed = (performance.now() - startMs) / 1000;
  return {
    busy: cpuBetween(cpu, cpuTime(pid)).totalUs / 1e6 / elapsed,
    wakeUpsPerSecond: (voluntarySwitches(pid) - wakeUps) / elapsed,
  };
}

/** In the middle of a load, so that its start is not counted. */
async function countCalls(bench: Workbench, pid: number, url: URL, rate: number): Promise<SystemCalls | null> {
  const seconds = Math.min(bench.settings.seconds, MAX_TRACED_SECONDS);
  // A load generator that occupies its core would keep strace waiting, which is on the same one.
  return duringLoad(bench, { url, pid, rate, seconds, spin: false }, async () => {
    const { calls } = await bench.instruments.withStrace(pid, () => sleep(seconds * 1000, bench.signal));
    return callsPerResponse(calls);
  });
}

async function measureProbes(bench: Workbench, loads: readonly LoadName[], [program, url]: Program): Promise<Windows> {
  const { pid } = program;
  const { connections, warmUpSeconds } = bench.settings;
  const seconds = Math.min(Math.max(bench.settings.seconds, MIN_PROBE_SECONDS), MAX_PROBE_SECONDS);
  const window = async (): Promise<DriverWindow> => {
    await request(program, '/begin');
    await sleep(seconds * 1000, bench.signal);
    return (await request(program, '/end')) as DriverWindow;
  };
  if (ratesOf(loads).length > 0) {
    const spec = { url, connections, seconds: warmUpSeconds, close: false };
    const warmUp = { pid, rates: [CLOSED_LOOP], warmUpSeconds: 0, settle: false };
    await bench.instruments.rateLoads(spec, warmUp);
  } else await sleep(warmUpSeconds * 1000, bench.signal);
  const windows = new Map<LoadName, DriverWindow>();
  for (const load of loads) {
    const rate = LOADS[load];
    windows.set(load, rate === null ? await window() : await duringLoad(bench, { url, pid, rate, seconds }, window));
  }
  return windows;
}

interface DuringLoad {
  readonly url: URL;
  readonly pid: number;
  readonly rate: number;
  /** How long the work takes. */
  readonly seconds: number;
  /** Whether the load generator may occupy its core. @default as it has one */
  readonly spin?: boolean;
}

/** Does some work during a load that begins before it and ends after it. */
async function duringLoad<Result>(
  { instruments, settings: { connections }, signal }: Workbench,
  { url, seconds, rate, ...options }: DuringLoad,
  work: () => Promise<Result>,
): Promise<Result> {
  const spec = { url, connections, seconds: LEAD_SECONDS + seconds + TAIL_SECONDS, close: false };
  const load = instruments.rateLoads(spec, { ...options, rates: [rate], warmUpSeconds: 0, settle: false });
  load.catch(() => {}); // awaited below; the work may fail first
  await sleep(LEAD_SECONDS * 1000, signal);
  const result = await work();
  await load;
  return result;
}

const NO_PERCENTILES = Object.fromEntries(PERCENTILES.map((each) => [each, null])) as Record<keyof Percentiles, null>;

/** The loads as the experiment rates summarizes them, with the probes of the same load. */
function driverResult({ driver, rounds, failure }: Partial): DriverResult {
  const points = LOAD_NAMES.flatMap((load): DriverPoint[] => {
    const rate = LOADS[load];
    const windows = rounds.flatMap((round) => round.windows.get(load) ?? []);
    if (windows.length === 0) return [];
    const idle = rate === null ? rounds.map((round) => round.idle) : [];
    const loads = rounds.flatMap((round) => round.loads.filter((each) => each.rate === rate));
    return [
      {
        load,
        ...costOf(rate === null ? null : ratePoint(rate, loads), idle),
        busy: summarize(rate === null ? idle.map((each) => each.busy) : loads.map(busyOf)),
        systemCalls: rounds[0]!.calls.get(load) ?? null,
        probes: probeResults(windows),
      },
    ];
  });
  return { driver, points, failure };
}

const busyOf = ({ cpu, seconds }: RateLoad): number => cpu.totalUs / 1e6 / seconds;

type Cost = Omit<DriverPoint, 'load' | 'busy' | 'systemCalls' | 'probes'>;

function costOf(point: RatePoint | null, idle: readonly IdleRound[]): Cost {
  const wakeUps: Summary | null = summarize(idle.map(({ wakeUpsPerSecond }) => wakeUpsPerSecond));
  return {
    cpuUs: point?.cpuUs ?? null,
    wakeUpsPerSecond: point?.wakeUpsPerSecond ?? wakeUps,
    achieved: point?.achieved ?? null,
    errors: point?.errors ?? null,
    latencyMs: point?.latencyMs ?? NO_PERCENTILES,
    histograms: point?.histograms ?? null,
    costRounds:
      point?.rounds ?? idle.map(({ wakeUpsPerSecond }) => ({ cpuUs: null, wakeUpsPerSecond, latencyMs: null })),
    struckOut: point?.struckOut ?? null,
  };
}
