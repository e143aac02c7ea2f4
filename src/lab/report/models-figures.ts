import type { Figure, Series } from '../base/chart.js';
import { formatCalls, formatMedian, formatNumber, formatRange, KIB, MIB, NONE, scale } from '../base/format.js';
import type { Summary } from '../base/stats.js';
import type { LabSettings } from '../bench/settings.js';
import type { ModelResult, Ratio } from '../experiments/models-result.js';

type Of = (result: ModelResult) => Summary | null;

/** What the rounds have measured of the models, a figure a measure. */
export function modelFigures(all: readonly ModelResult[], settings: LabSettings): Figure[] {
  const results = all.filter(({ rounds }) => rounds.length > 0);
  const figures = [
    cpuFigure(results),
    simpleFigure(results, {
      title: 'Requests a second',
      description: `${settings.connections} connections, each of which asks again as soon as it has its answer. More is better, up to what the load can ask for.`,
      unit: 'requests/s',
      of: (result) => result.requestsPerSecond,
    }),
    latencyFigure(results, settings.rate),
    simpleFigure(results, {
      title: 'Memory at rest',
      description:
        'Resident memory of all processes of the model after its first answers. What processes share is counted for each.',
      unit: 'MiB',
      of: (result) => scale(result.baselineBytes, MIB),
    }),
    simpleFigure(results, {
      title: 'Memory of an idle connection',
      description: `What up to ${formatNumber(settings.idle)} open connections that say nothing add, for each of them; without what the kernel keeps for a socket. A figure near nought drowns in what the garbage collector does meanwhile.`,
      unit: 'KiB',
      of: (result) => scale(result.perConnectionBytes, KIB),
      none: (result) => (result.starvedBy ? `${formatNumber(result.starvedBy)} silence it` : NONE),
    }),
    callsFigure(results),
  ].filter((each): each is Figure => each !== null);
  const failed = failureFigure(all);
  return failed === null ? figures : [...figures, failed];
}

/** Each model against ours, which is 1. */
export function ratioFigure(ratios: readonly Ratio[]): Figure {
  const measured = ratios.filter(({ cpu }) => cpu !== null);
  return {
    title: 'Against our reactor',
    description: 'Each model’s figure divided by that of epollet in the same round: 2 for CPU time is twice the cost.',
    chart: {
      kind: 'bars',
      labels: measured.map(({ model }) => model),
      series: [
        seriesOf('CPU time a request', measured, (ratio) => ratio.cpu),
        seriesOf('requests a second', measured, (ratio) => ratio.requestsPerSecond),
      ],
      unit: '× epollet',
    },
    table: {
      columns: ['model', 'CPU time', 'over the rounds', 'requests a second', 'over the rounds'],
      rows: measured.map(({ model, cpu, requestsPerSecond }) => [
        model,
        `${formatMedian(cpu)} ×`,
        formatRange(cpu),
        `${formatMedian(requestsPerSecond)} ×`,
        formatRange(requestsPerSecond),
      ]),
    },
  };
}

function cpuFigure(results: readonly ModelResult[]): Figure {
  const { low, high } = seriesOf('', results, (result) => result.cpuUs);
  return {
    title: 'CPU time a request',
    description:
      'Of the model with all its processes and threads, user and system; the client’s is not in it. Less is better.',
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
      columns: ['model', 'µs', 'over the rounds', 'user', 'system', 'how it waits'],
      rows: results.map((result) => [
        result.model,
        formatMedian(result.cpuUs),
        formatRange(result.cpuUs),
        formatMedian(result.userUs),
        formatMedian(result.systemUs),
        result.waits,
      ]),
    },
  };
}

interface Simple {
  title: string;
  description: string;
  unit: string;
  of: Of;
  /** What stands in the place of a figure that there is not. */
  none?: (result: ModelResult) => string;
}

function simpleFigure(results: readonly ModelResult[], { title, description, unit, of, none }: Simple): Figure {
  const charted = results.filter((result) => of(result) !== null);
  return {
    title,
    description,
    chart: { kind: 'bars', labels: charted.map(({ model }) => model), series: [seriesOf(title, charted, of)], unit },
    table: {
      columns: ['model', unit, 'over the rounds'],
      rows: results.map((result) => {
        const spread = of(result);
        return [result.model, spread === null ? (none?.(result) ?? NONE) : formatMedian(spread), formatRange(spread)];
      }),
    },
  };
}

function latencyFigure(all: readonly ModelResult[], rate: number): Figure | null {
  const results = all.filter(({ latencyMs }) => latencyMs !== null);
  if (results.length === 0) return null;
  const parts = ['p50', 'p90', 'p99'] as const;
  return {
    title: 'Latency at a fixed rate',
    description: `${formatNumber(rate)} requests a second are sent at their times, whether the answers before have come or not. A request that had to be held back is counted with its waiting. The scale is logarithmic.`,
    chart: {
      kind: 'bars',
      labels: results.map(({ model }) => model),
      series: parts.map((part) => seriesOf(part, results, (result) => result.latencyMs![part])),
      unit: 'ms',
      logarithmic: true,
    },
    table: {
      columns: ['model', ...parts.flatMap((part) => [`${part}, ms`, 'over the rounds']), 'answered a second'],
      rows: results.map((result) => [
        result.model,
        ...parts.flatMap((part) => [formatMedian(result.latencyMs![part]), formatRange(result.latencyMs![part])]),
        formatMedian(result.achievedPerSecond),
      ]),
    },
  };
}

function callsFigure(all: readonly ModelResult[]): Figure | null {
  const rows = all.flatMap(({ model, systemCalls, ownCalls }) => [
    ...(systemCalls ? [{ label: model, by: 'strace', calls: systemCalls }] : []),
    ...(ownCalls ? [{ label: `${model}, own`, by: 'its own counters', calls: ownCalls }] : []),
  ]);
  if (rows.length === 0) return null;
  return {
    title: 'System calls a request',
    description:
      'Counted by strace, which sees all that the process calls, its garbage collector too, and slows it meanwhile; and by the server itself where it counts.',
    chart: {
      kind: 'bars',
      labels: rows.map(({ label }) => label),
      series: [{ name: 'system calls', values: rows.map(({ calls }) => calls.perRequest) }],
      unit: 'calls',
    },
    table: {
      columns: ['model', 'counted by', 'a request', 'which'],
      rows: rows.map(({ label, by, calls }) => [
        label.split(',')[0]!,
        by,
        formatNumber(calls.perRequest),
        formatCalls(calls.byName),
      ]),
    },
  };
}

function failureFigure(all: readonly ModelResult[]): Figure | null {
  const rows = all
    .filter(({ errors, failure }) => errors > 0 || failure !== null)
    .map(({ model, rounds, errors, failure }) => [model, String(rounds.length), formatNumber(errors), failure ?? NONE]);
  if (rows.length === 0) return null;
  return {
    title: 'What went wrong',
    description: 'Requests without an answer, or with one that is not 2xx, and models that were left out.',
    chart: null,
    table: { columns: ['model', 'rounds measured', 'errors', 'why it was left out'], rows },
  };
}

function seriesOf<Item>(name: string, items: readonly Item[], of: (item: Item) => Summary | null): Series {
  const spreads = items.map(of);
  return {
    name,
    values: spreads.map((each) => each?.median ?? null),
    low: spreads.map((each) => each?.min ?? null),
    high: spreads.map((each) => each?.max ?? null),
  };
}
