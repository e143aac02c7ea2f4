import { type Figure, summarySeries } from '../base/chart.js';
import { ExperimentError } from '../base/errors.js';
import { formatMedian, formatNumber, formatRange, listOf, MIB, NONE, scale } from '../base/format.js';
import { modelOf, noiseFigure, noiseOf, type Repeated, repetitionOf } from '../base/noise.js';
import { type Summary, summarizeEach } from '../base/stats.js';
import { unsteadyReason } from '../bench/agreement.js';
import { IdleConnections } from '../bench/idle-connections.js';
import type { LoadSpec } from '../bench/instruments.js';
import type { ModelProcess } from '../bench/model-process.js';
import { CLOSED_LOOP } from '../bench/rate-load.js';
import { get, smokeCheck } from '../bench/smoke-check.js';
import { assertAvailable, HTTP_MODELS, modelNamed, type Row, type Workbench } from '../bench/workbench.js';
import { openFilesLimit } from '../measure/machine.js';
import { assertMemoryFor, stableRss } from '../measure/memory.js';
import { residentBytes } from '../measure/proc-stat.js';
import type { Experiment, Measured } from './experiment.js';
import { rateRound } from './rates-result.js';

/** The few busy connections among the idle ones. */
const BUSY = 8;
/** Descriptors of the lab and of a model other than connections, including those of threads. */
const RESERVED_FILES = 400;
/** No model starts more processes or threads; further connections wait. */
const MAX_POOL = 128;

interface ConnectionsRound {
  /** Null, as is the next, if successive windows did not agree. */
  readonly requestsPerSecond: number | null;
  readonly cpuUs: number | null;
  /** At the fixed rate, from the time at which a request was due. */
  readonly p99Ms: number | null;
  /** The same from the time of sending. */
  readonly rawP99Ms: number | null;
  readonly residentBytes: number;
  /** Idle connections that the model has not closed by the end. */
  readonly stillOpen: number;
}

const KEYS = ['requestsPerSecond', 'cpuUs', 'p99Ms', 'rawP99Ms', 'residentBytes', 'stillOpen'] as const;

/** All rounds with a number of idle connections. */
export interface ConnectionsPoint {
  readonly idle: number;
  readonly requestsPerSecond: Summary | null;
  readonly cpuUs: Summary | null;
  readonly p99Ms: Summary | null;
  readonly rawP99Ms: Summary | null;
  readonly residentBytes: Summary;
  readonly stillOpen: Summary;
}

/** A number of idle connections at which a model changes its behaviour. */
export interface Knee {
  readonly idle: number;
  readonly reason: string;
}

export interface ConnectionsResult {
  readonly model: string;
  readonly waits: string;
  readonly points: readonly ConnectionsPoint[];
  /** The first number with more than twice the CPU time per request of the smallest number. */
  readonly knee: Knee | null;
  /** The number at which the measurement failed. */
  readonly failedAt: Knee | null;
  /** Why it was not measured, or null. */
  readonly failure: string | null;
}

export interface ConnectionsPartial extends Row {
  readonly model: string;
  readonly waits: string;
  readonly rounds: Map<number, ConnectionsRound[]>;
  /** In the first round that failed. */
  failedAt: Knee | null;
}

export type NoisyKey = (typeof KEYS)[number];

export interface AllConnections {
  readonly results: readonly ConnectionsResult[];
  /** Over all numbers of idle connections; null if no model was measured twice. */
  readonly repeated: Repeated<NoisyKey> | null;
}

export const connections: Experiment<AllConnections> = {
  question: 'With up to 10,000 idle connections and a few busy ones, where does each model degrade?',
  models: HTTP_MODELS.map(({ name }) => name),
  defaults: { rounds: 2 },
  quick: { rounds: 1 },
  unused: ['connections', 'maxHeavy', 'idle', 'rates'],
  measure,
  hasData: ({ results }) => results.some(({ points }) => points.length > 0),
  figures: (result, { rate }) => connectionsFigures(result, rate),
};

/** Powers of ten below the maximum, and the maximum. */
export function stepsUpTo(maxIdle: number): number[] {
  const steps: number[] = [];
  for (let idle = 1; idle < maxIdle; idle *= 10) steps.push(idle);
  return [...steps, maxIdle];
}

async function measure(bench: Workbench, orders: readonly (readonly string[])[]): Promise<Measured<AllConnections>> {
  const steps = stepsUpTo(limitedMaxIdle(bench));
  const partials = new Map(
    bench.rows.map((model): [string, ConnectionsPartial] => [
      model,
      { model, waits: modelNamed(modelOf(model)).waits, rounds: new Map(), failedAt: null, failure: null },
    ]),
  );
  const complete = await bench.rounds(orders, partials.size * steps.length, (model, round) => {
    const partial = partials.get(model)!;
    return bench.turn(partial, round, () => measureModel(bench, partial, steps, `round ${round + 1}: ${model}`));
  });
  const { repeated: model } = bench;
  const rounds = (row: string): ConnectionsRound[] => [...partials.get(row)!.rounds.values()].flat();
  const repeated = model && { model, noise: noiseOf(KEYS, rounds(model), rounds(repetitionOf(model))) };
  if (repeated) bench.noteNoise(repeated.model, [[repeated.noise.cpuUs]]);
  return { result: { results: [...partials.values()].map(connectionsResult), repeated: repeated || null }, complete };
}

function limitedMaxIdle(bench: Workbench): number {
  const { maxIdle } = bench.settings;
  const limit = Math.max(1, openFilesLimit() - RESERVED_FILES);
  if (limit < maxIdle) bench.note(`Only ${limit} connections were opened: ulimit -n is ${openFilesLimit()}.`);
  return Math.min(maxIdle, limit);
}

async function measureModel(bench: Workbench, partial: ConnectionsPartial, steps: number[], label: string) {
  let at = 0;
  try {
    await assertAvailable(modelOf(partial.model));
    await bench.withServer(bench.launch.model(modelOf(partial.model), bench.site.directory), async (server) => {
      const fixedPage = modelOf(partial.model) === 'fixed-page';
      const { keepAlive } = await smokeCheck(server.url, bench.site.page, { fixedPage });
      const { seconds, close } = bench.settings;
      const spec: LoadSpec = { url: server.url, connections: BUSY, seconds, close: close || !keepAlive };
      const baselineBytes = await stableRss(server.pid, bench.signal);
      using idle = new IdleConnections(server.port);
      for (; at < steps.length; at++) {
        bench.progress.label(`${label}, ${steps[at]} idle`);
        await measureStep(bench, partial, server, idle, steps[at]!, spec, baselineBytes);
        bench.progress.step();
      }
    });
  } catch (error) {
    if (!(error instanceof ExperimentError)) throw error;
    partial.failedAt ??= { idle: steps[Math.min(at, steps.length - 1)]!, reason: error.message };
    for (; at < steps.length; at++) bench.progress.step();
  }
}

async function measureStep(
  bench: Workbench,
  partial: ConnectionsPartial,
  server: ModelProcess,
  idle: IdleConnections,
  count: number,
  spec: LoadSpec,
  baselineBytes: number,
): Promise<void> {
  const { instruments, settings } = bench;
  const bytesEach = idle.open === 0 ? 0 : (residentBytes(server.pid) - baselineBytes) / idle.open;
  assertMemoryFor(Math.min(count - idle.open, MAX_POOL), bytesEach);
  if (!(await idle.growTo(count, bench.signal))) throw new ExperimentError(`With ${idle.open} open, ${idle.failure}.`);
  const rss = await stableRss(server.pid, bench.signal);
  await get(server.url, '/').catch((error: Error) => {
    const idleCount = count === 1 ? 'one idle connection' : `${count} idle connections`;
    throw new ExperimentError(`With ${idleCount} it does not respond: ${error.message}`);
  });
  const { pid } = server;
  const warmUpSeconds = count === 1 ? settings.warmUpSeconds : 0; // afterwards it is warm
  const [busy] = await instruments.rateLoads(spec, { pid, rates: [CLOSED_LOOP], warmUpSeconds, settle: true });
  const { settled, responses, seconds } = busy!;
  if (!settled) bench.note(`${partial.model} with ${count} idle: ${unsteadyReason(busy!)}`);
  const options = { pid, rates: [settings.rate], warmUpSeconds: 0, settle: false };
  const [paced] = settled ? await instruments.rateLoads(spec, options) : [];
  const atRate = paced && rateRound(paced);
  const rounds = partial.rounds.get(count) ?? [];
  rounds.push({
    requestsPerSecond: settled ? responses / seconds : null,
    cpuUs: rateRound(busy!).cpuUs,
    p99Ms: atRate?.latencyMs?.p99 ?? null,
    rawP99Ms: atRate?.rawMs?.p99 ?? null,
    residentBytes: rss,
    stillOpen: idle.open,
  });
  partial.rounds.set(count, rounds);
}

export function connectionsResult(partial: ConnectionsPartial): ConnectionsResult {
  const { model, waits, rounds, failedAt, failure } = partial;
  const points = [...rounds].map(([idle, all]) => ({ idle, ...summarizeEach(KEYS, all) }) as ConnectionsPoint);
  return { model, waits, points, knee: findKnee(points), failedAt, failure };
}

/** By CPU time and not by requests per second, which other processes on the machine reduce. */
function findKnee(points: readonly ConnectionsPoint[]): Knee | null {
  const [first, ...others] = points.filter(({ cpuUs }) => cpuUs !== null);
  const ratioOf = ({ cpuUs }: ConnectionsPoint): number => cpuUs!.median / first!.cpuUs!.median;
  const slow = others.find((point) => ratioOf(point) > 2);
  if (slow === undefined) return null;
  const ratio = ratioOf(slow).toFixed(1);
  return { idle: slow.idle, reason: `A request takes ${ratio} times the CPU time of the first step.` };
}

function connectionsFigures({ results, repeated }: AllConnections, rate: number): Figure[] {
  const figures = [
    lineFigure(results, {
      title: 'Requests per second',
      description: `${BUSY} connections are busy, the others are idle.`,
      unit: 'requests/s',
      of: (point) => point.requestsPerSecond,
    }),
    lineFigure(results, {
      title: 'CPU time per request, µs',
      description: 'A model that polls all connections pays for the idle ones. The scale is logarithmic.',
      unit: 'µs',
      of: (point) => point.cpuUs,
      logarithmic: true,
    }),
    lineFigure(results, {
      title: 'Latency at a fixed rate, p99 in ms',
      description: `${formatNumber(rate)} requests per second are due, whether or not earlier responses have arrived. From the time at which a request was due; raw: from the time at which it was sent. The scale is logarithmic.`,
      unit: 'ms',
      of: (point) => point.p99Ms,
      raw: (point) => point.rawP99Ms,
      logarithmic: true,
    }),
    lineFigure(results, {
      title: 'Memory, MiB',
      description: 'Resident memory of all processes of the model. The scale is logarithmic.',
      unit: 'MiB',
      of: (point) => scale(point.residentBytes, MIB),
      logarithmic: true,
    }),
  ].filter((each): each is Figure => each !== null);
  return [kneeFigure(results), ...figures, ...(repeated === null ? [] : [noiseFigure(repeated, NAMES)])];
}

const NAMES = {
  requestsPerSecond: 'requests per second',
  cpuUs: 'CPU time per request',
  p99Ms: 'latency at a fixed rate, p99',
  residentBytes: 'memory',
} as const;

function kneeReading(results: readonly ConnectionsResult[]): string | null {
  const measured = results.filter(({ points }) => points.length > 0);
  if (measured.length === 0) return null;
  const names = (of: (result: ConnectionsResult) => boolean): string[] => measured.filter(of).map(({ model }) => model);
  const steady = names(({ knee, failedAt }) => knee === null && failedAt === null);
  const failed = names(({ failedAt }) => failedAt !== null);
  const most = formatNumber(Math.max(...measured.flatMap(({ points }) => points.map(({ idle }) => idle))));
  return [
    steady.length === 0
      ? `No model costs the same with up to ${most} idle connections.`
      : `Up to ${most} idle connections change little for ${listOf(steady)}.`,
    ...(failed.length === 0 ? [] : [`At some number ${listOf(failed)} could not be measured any more.`]),
  ].join(' ');
}

function kneeFigure(results: readonly ConnectionsResult[]): Figure {
  const cell = ({ points }: ConnectionsResult, at: Knee | null): string =>
    at !== null ? formatNumber(at.idle) : points.length === 0 ? 'not measured' : 'none';
  return {
    title: 'Knee of each model',
    description:
      'Knee: the number of idle connections at which a request takes more than twice the CPU time of the first step. Failed at: the number at which the model could not be measured any more.',
    reading: kneeReading(results),
    chart: null,
    table: {
      columns: ['model', 'waits', 'knee', 'failed at', 'closed by the model', 'reason'],
      rows: results.map((result) => [
        result.model,
        result.waits,
        cell(result, result.knee),
        cell(result, result.failedAt),
        formatNumber(Math.max(0, ...result.points.map(({ idle, stillOpen }) => idle - stillOpen.min))),
        [result.knee?.reason, result.failedAt?.reason, result.failure].filter(Boolean).join(' ') || NONE,
      ]),
    },
  };
}

interface LineFigure extends Pick<Figure, 'title' | 'description'> {
  unit: string;
  of: (point: ConnectionsPoint) => Summary | null;
  /** Shown in the table, next to the figure. */
  raw?: (point: ConnectionsPoint) => Summary | null;
  logarithmic?: boolean;
}

function lineFigure(
  results: readonly ConnectionsResult[],
  { title, description, unit, of, raw, logarithmic = false }: LineFigure,
): Figure | null {
  const steps = [...new Set(results.flatMap(({ points }) => points.map(({ idle }) => idle)))].sort((a, b) => a - b);
  const at = ({ points }: ConnectionsResult, step: number, value = of): Summary | null =>
    points.filter(({ idle }) => idle === step).map(value)[0] ?? null;
  const measured = results.filter((result) => steps.some((step) => at(result, step) !== null));
  if (measured.length === 0) return null;
  return {
    title,
    description,
    chart: {
      kind: 'lines',
      labels: steps.map((step) => formatNumber(step)),
      series: measured.map((result) => summarySeries(result.model, steps, (step) => at(result, step))),
      unit,
      labelTitle: 'idle connections',
      logarithmic,
    },
    table: {
      columns: ['model', ...steps.map((step) => `${formatNumber(step)} idle`)],
      rows: measured.map((result) => [
        result.model,
        ...steps.map((step) => {
          const summary = at(result, step);
          const notes = [
            ...(summary && summary.count > 1 ? [formatRange(summary)] : []),
            ...(summary && raw ? [`raw ${formatMedian(at(result, step, raw))}`] : []),
          ];
          return notes.length === 0 ? formatMedian(summary) : `${formatMedian(summary)} (${notes.join('; ')})`;
        }),
      ]),
    },
  };
}
