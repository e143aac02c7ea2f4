import type { ServerStats } from '../server/handlers/handler-server.js';
import type { HistogramStats } from '../server/measure/histogram.js';
import type { WorkerStats } from './worker-stats.js';

/** What the metrics of one scrape are made of. */
export interface Observed {
  readonly workers: readonly WorkerStats[];
  /** Of the whole process. */
  readonly isReady: boolean;
  readonly startSeconds: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly version: string;
}

export type MetricType = 'counter' | 'gauge' | 'histogram';

/** A line of the text; a histogram's have a name of their own. */
export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
}

/** A metric of Prometheus: https://prometheus.io/docs/practices/naming/ has the rules of its name. */
export interface Metric {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  /** Apart from `le`, which every histogram has. */
  readonly labels: readonly string[];
  samples(observed: Observed): Sample[];
}

type Row = readonly [name: string, type: MetricType, help: string];

/** A metric of the process, without labels. */
export const ofProcess = ([name, type, help]: Row, of: (observed: Observed) => number): Metric => ({
  name,
  type,
  help,
  labels: [],
  samples: (observed) => [{ labels: {}, value: of(observed) }],
});

/** One number of each worker; null where the worker has none. */
export const ofWorker = ([name, type, help]: Row, of: (stats: ServerStats) => number | null): Metric => ({
  name,
  type,
  help,
  labels: ['worker'],
  samples: ({ workers }) =>
    workers.flatMap(({ worker, stats }) => {
      const value = of(stats);
      return value === null ? [] : [{ labels: { worker }, value }];
    }),
});

/** Several numbers of each worker, by a further label. */
export const byLabel = (
  [name, type, help]: Row,
  label: string,
  of: (stats: ServerStats) => Readonly<Record<string, number>>,
): Metric => ({
  name,
  type,
  help,
  labels: ['worker', label],
  samples: ({ workers }) =>
    workers.flatMap(({ worker, stats }) =>
      Object.entries(of(stats)).map(([key, value]) => ({ labels: { worker, [label]: key }, value })),
    ),
});

export const histogramOf = (
  name: string,
  help: string,
  of: (stats: ServerStats) => HistogramStats | undefined,
): Metric => ({
  name,
  type: 'histogram',
  help,
  labels: ['worker'],
  samples: ({ workers }) => workers.flatMap(({ worker, stats }) => lines(name, { worker }, of(stats))),
});

export const histogramsOf = (
  name: string,
  help: string,
  label: string,
  of: (stats: ServerStats) => Readonly<Record<string, HistogramStats>>,
): Metric => ({
  name,
  type: 'histogram',
  help,
  labels: ['worker', label],
  samples: ({ workers }) =>
    workers.flatMap(({ worker, stats }) =>
      Object.entries(of(stats)).flatMap(([key, histogram]) => lines(name, { worker, [label]: key }, histogram)),
    ),
});

/** Buckets of Prometheus are cumulative. */
function lines(name: string, labels: Sample['labels'], histogram: HistogramStats | undefined): Sample[] {
  if (histogram === undefined || histogram.counts.every((own) => own === 0)) return []; // most classes of statuses never occur
  const { bounds, counts, sum } = histogram;
  const samples: Sample[] = [];
  let count = 0;
  for (const [at, own] of counts.entries()) {
    count += own;
    samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le: bounds[at] ?? '+Inf' }, value: count });
  }
  samples.push(
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  );
  return samples;
}
