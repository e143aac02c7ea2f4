import { type Figure, summarySeries } from '../base/chart.js';
import { formatCalls, formatMedian, formatNumber, formatRange, KIB, MIB, NONE, scale, tailOf } from '../base/format.js';
import { formatRatio, noiseFigure, type Repeated } from '../base/noise.js';
import { extremesReading, type ReadingOptions } from '../base/readings.js';
import { leastOf, type Summary } from '../base/stats.js';
import type { BenchSettings } from '../bench/settings.js';
import type { ModelFigure, ModelResult, ModelsResult } from './models-result.js';

type Of = (result: ModelResult) => Summary | null;

export function modelsFigures({ results: all, repeated }: ModelsResult, settings: BenchSettings): Figure[] {
  const results = all.filter(({ rounds }) => rounds.length > 0);
  return [
    cpuFigure(results, repeated),
    barFigure(results, {
      title: 'Requests per second',
      description: `${settings.connections} connections, each of which sends its next request as soon as it has received a response: a closed loop. More is better, up to what the load generator can send. ${RAW_ONLY}`,
      unit: 'requests/s',
      of: (result) => result.requestsPerSecond,
      further: [
        ['raw p50, ms', ({ closedLoopMs }) => closedLoopMs?.p50 ?? null],
        ['raw p99, ms', ({ closedLoopMs }) => tailOf(closedLoopMs?.p99)],
      ],
      reading: { unit: 'requests/s', isLess: false, noise: repeated?.noise.requestsPerSecond ?? null },
    }),
    latencyFigure(results, settings.rate, repeated),
    barFigure(results, {
      title: 'Baseline memory',
      description:
        'Resident memory of all processes of the model after its first responses. Shared pages are counted once per process.',
      unit: 'MiB',
      of: (result) => scale(result.baselineBytes, MIB),
      reading: { unit: 'MiB', isLess: true, noise: repeated?.noise.baselineBytes ?? null },
    }),
    barFigure(results, {
      title: 'Memory per idle connection',
      description: `The growth with up to ${formatNumber(settings.idle)} idle connections, divided by their number; without kernel memory for sockets. Less than ${LEAST_KIB} KiB is within the noise of garbage collection.`,
      unit: 'KiB',
      of: (result) => scale(result.perConnectionBytes, KIB),
      format: (result) => (result.starvedBy ? `starved by ${formatNumber(result.starvedBy)}` : formatKibEach(result)),
    }),
    callsFigure(results),
    repeatedFigure(repeated),
    failureFigure(all),
  ].filter((each): each is Figure => each !== null);
}

/** For the terminal: one row per model with all measurements, and the failures. */
export function modelsSummary({ results: all, repeated }: ModelsResult): Pick<Figure, 'title' | 'table' | 'reading'>[] {
  const results = all.filter(({ rounds }) => rounds.length > 0);
  const ratios = ratiosToLeast(results, repeated);
  const columns = ['model', 'req/s', 'CPU µs', 'range', 'by least', 'user', 'sys', 'p50 ms', 'p90', 'p99', 'raw p99'];
  const rows = results.map((result, at) => [
    result.model,
    formatMedian(result.requestsPerSecond),
    formatMedian(result.cpuUs),
    formatRange(result.cpuUs),
    ratios[at]!,
    formatMedian(result.userUs),
    formatMedian(result.systemUs),
    formatMedian(result.latencyMs?.p50),
    formatMedian(tailOf(result.latencyMs?.p90)),
    formatMedian(tailOf(result.latencyMs?.p99)),
    formatMedian(tailOf(result.rawMs?.p99)),
    formatMedian(scale(result.baselineBytes, MIB)),
    formatKibEach(result),
    formatNumber(result.starvedBy),
    formatNumber((result.systemCalls ?? result.ownCalls)?.perRequest),
    formatNumber(result.errors),
  ]);
  const overview = {
    title: 'Medians per model',
    table: { columns: [...columns, 'base MiB', 'KiB/conn', 'starved by', 'calls', 'errors'], rows },
  };
  return [overview, repeatedFigure(repeated), failureFigure(all)].filter((each) => each !== null);
}

/** What a connection takes at least to be more than what the garbage collector keeps or returns meanwhile. */
const LEAST_KIB = 1;

function formatKibEach({ perConnectionBytes }: ModelResult): string {
  const kib = scale(perConnectionBytes, KIB);
  return kib !== null && kib.median < LEAST_KIB ? `< ${LEAST_KIB}` : formatMedian(kib);
}

/** CPU time by that of the cheapest model. */
function ratiosToLeast(results: readonly ModelResult[], repeated: Repeated<ModelFigure> | null): string[] {
  const least = leastOf(results.map(({ cpuUs }) => cpuUs));
  return results.map(({ cpuUs }) => formatRatio(cpuUs, least, repeated?.noise.cpuUs ?? null));
}

const repeatedFigure = (repeated: Repeated<ModelFigure> | null): Figure | null =>
  repeated &&
  noiseFigure(repeated, {
    cpuUs: 'CPU time per request',
    requestsPerSecond: 'requests per second',
    p50Ms: 'latency, p50',
    p99Ms: 'latency, p99',
    baselineBytes: 'baseline memory',
  });

function cpuFigure(results: readonly ModelResult[], repeated: Repeated<ModelFigure> | null): Figure {
  const ratios = ratiosToLeast(results, repeated);
  const { low, high } = summarySeries('', results, (result) => result.cpuUs);
  return {
    title: 'CPU time per request',
    description: 'User and system time of all processes and threads of the model, without the client. Less is better.',
    reading: medianReading(results, (result) => result.cpuUs, {
      unit: 'µs',
      isLess: true,
      noise: repeated?.noise.cpuUs ?? null,
    }),
    chart: {
      kind: 'bars',
      labels: results.map(({ model }) => model),
      series: [
        { name: 'user', values: results.map(({ userUs }) => userUs?.median ?? null) },
        { name: 'system', values: results.map(({ systemUs }) => systemUs?.median ?? null), low: low!, high: high! },
      ],
      unit: 'µs',
      stacked: true,
    },
    table: {
      columns: ['model', 'µs', 'range', 'by the least', 'user', 'system', 'waits'],
      rows: results.map((result, at) => [
        result.model,
        formatMedian(result.cpuUs),
        formatRange(result.cpuUs),
        ratios[at]!,
        formatMedian(result.userUs),
        formatMedian(result.systemUs),
        result.waits,
      ]),
    },
  };
}

/** Why the closed loop has no corrected latency. */
const RAW_ONLY =
  'Its latency is raw: a closed loop has no schedule by which a request could be late, so there is nothing to correct it by.';

interface BarFigure extends Pick<Figure, 'title' | 'description'> {
  unit: string;
  of: Of;
  /** @default the median */
  format?: (result: ModelResult) => string;
  reading?: ReadingOptions;
  /** Columns of the table alone. */
  further?: readonly (readonly [column: string, of: Of])[];
}

/** A sentence of the medians. */
const medianReading = (results: readonly ModelResult[], of: Of, options: ReadingOptions): string | null =>
  extremesReading(
    results.map((result) => ({ model: result.model, value: of(result) })),
    options,
  );

function barFigure(
  results: readonly ModelResult[],
  { title, description, unit, of, format = (result) => formatMedian(of(result)), reading, further = [] }: BarFigure,
): Figure {
  const charted = results.filter((result) => of(result) !== null);
  return {
    title,
    description,
    reading: reading === undefined ? null : medianReading(results, of, reading),
    chart: {
      kind: 'bars',
      labels: charted.map(({ model }) => model),
      series: [summarySeries(title, charted, of)],
      unit,
    },
    table: {
      columns: ['model', unit, 'range', ...further.map(([column]) => column)],
      rows: results.map((result) => {
        const summary = of(result);
        return [
          result.model,
          format(result),
          formatRange(summary),
          ...further.map(([, each]) => formatMedian(each(result))),
        ];
      }),
    },
  };
}

const shownIn = (latency: ModelResult['latencyMs'], key: 'p50' | 'p90' | 'p99'): Summary | null =>
  latency && (key === 'p50' ? latency.p50 : tailOf(latency[key]));

function latencyFigure(
  all: readonly ModelResult[],
  rate: number,
  repeated: Repeated<ModelFigure> | null,
): Figure | null {
  const results = all.filter(({ latencyMs }) => latencyMs !== null);
  if (results.length === 0) return null;
  const percentiles = ['p50', 'p90', 'p99'] as const;
  return {
    title: 'Latency at a fixed rate',
    description: `${formatNumber(rate)} requests per second are due, whether or not earlier responses have arrived. The latency is from the time at which a request was due to the end of its response; raw: from the time at which it was sent. The scale is logarithmic.`,
    reading: medianReading(results, ({ latencyMs }) => tailOf(latencyMs?.p99), {
      unit: 'ms at p99',
      isLess: true,
      noise: repeated?.noise.p99Ms ?? null,
    }),
    chart: {
      kind: 'bars',
      labels: results.map(({ model }) => model),
      series: [
        ...percentiles.map((each) => summarySeries(each, results, ({ latencyMs }) => shownIn(latencyMs, each))),
        summarySeries('raw p99', results, ({ rawMs }) => shownIn(rawMs, 'p99')),
      ],
      unit: 'ms',
      logarithmic: true,
    },
    table: {
      columns: [
        'model',
        ...percentiles.flatMap((each) => [`${each}, ms`, 'range']),
        ...['raw p50', 'raw p90', 'raw p99', 'responses per second'],
      ],
      rows: results.map((result) => [
        result.model,
        ...percentiles
          .map((each) => shownIn(result.latencyMs, each))
          .flatMap((summary) => [formatMedian(summary), formatRange(summary)]),
        ...percentiles.map((each) => formatMedian(shownIn(result.rawMs, each))),
        formatMedian(result.achievedPerSecond),
      ]),
    },
  };
}

function callsFigure(all: readonly ModelResult[]): Figure | null {
  const rows = all.flatMap(({ model, systemCalls, ownCalls }) => [
    ...(systemCalls ? [{ model, label: model, source: 'strace', calls: systemCalls }] : []),
    ...(ownCalls ? [{ model, label: `${model}, own`, source: 'its own counters', calls: ownCalls }] : []),
  ]);
  if (rows.length === 0) return null;
  return {
    title: 'System calls per request',
    description:
      'Counted by strace, which includes all calls of the process, such as those of the garbage collector, and slows it down; and by the server itself, if it has counters.',
    chart: {
      kind: 'bars',
      labels: rows.map(({ label }) => label),
      series: [{ name: 'system calls', values: rows.map(({ calls }) => calls.perRequest) }],
      unit: 'calls',
    },
    table: {
      columns: ['model', 'counted by', 'per request', 'calls'],
      rows: rows.map(({ model, source, calls }) => [
        model,
        source,
        formatNumber(calls.perRequest),
        formatCalls(calls.byName),
      ]),
    },
  };
}

function failureFigure(all: readonly ModelResult[]): Figure | null {
  const rows = all
    .filter(({ errors, failure, unsteady }) => errors > 0 || failure !== null || unsteady !== null)
    .map(({ model, rounds, errors, failure, unsteady }) => [
      model,
      String(rounds.filter(({ cpuUs }) => cpuUs !== null).length),
      formatNumber(errors),
      [failure, unsteady].filter(Boolean).join(' ') || NONE,
    ]);
  if (rows.length === 0) return null;
  return {
    title: 'Errors, and what is left out',
    description:
      'Failed requests, responses with a status other than 2xx, models that could not be measured, and figures that are struck out because successive windows of the load did not agree.',
    chart: null,
    table: { columns: ['model', 'rounds measured', 'errors', 'left out because'], rows },
  };
}
