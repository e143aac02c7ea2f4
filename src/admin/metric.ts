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

/** The labels of a sample: one object of each set, since prom-client keeps their text by the object. */
type Labels = Readonly<Record<string, string | number>>;

/** A line of the text; a histogram's have a name of their own. */
export interface Sample {
  readonly sharedLabels: Labels;
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

const NO_LABELS: Labels = {};

/** What is made once of a key. */
export function keptBy<Key, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const kept = new Map<Key, Value>();
  return (key) => {
    let value = kept.get(key);
    if (value === undefined) {
      value = make(key);
      kept.set(key, value);
    }
    return value;
  };
}

/** The labels of each worker. */
const ofWorkers = () => keptBy((worker: number): Labels => ({ worker }));

/** The labels of each worker and key; their values are few. */
const ofKeys = <Value>(make: (labels: Labels) => Value, label: string) =>
  keptBy((worker: number) => keptBy((key: string) => make({ worker, [label]: key })));

/** A metric of the process, without labels. */
export const ofProcess = ([name, type, help]: Row, of: (observed: Observed) => number): Metric => ({
  name,
  type,
  help,
  labels: [],
  samples: (observed) => [{ sharedLabels: NO_LABELS, value: of(observed) }],
});

/** One number of each worker; null where the worker has none. */
export function ofWorker([name, type, help]: Row, of: (stats: ServerStats) => number | null): Metric {
  const labels = ofWorkers();
  return {
    name,
    type,
    help,
    labels: ['worker'],
    samples: ({ workers }) =>
      workers.flatMap(({ worker, stats }) => {
        const value = of(stats);
        return value === null ? [] : [{ sharedLabels: labels(worker), value }];
      }),
  };
}

/** Several numbers of each worker, by a further label. */
export function byLabel(
  [name, type, help]: Row,
  label: string,
  of: (stats: ServerStats) => Readonly<Record<string, number>>,
): Metric {
  const labels = ofKeys((own) => own, label);
  return {
    name,
    type,
    help,
    labels: ['worker', label],
    samples({ workers }) {
      const samples: Sample[] = [];
      for (const { worker, stats } of workers) {
        const own = labels(worker);
        for (const [key, value] of Object.entries(of(stats))) samples.push({ sharedLabels: own(key), value });
      }
      return samples;
    },
  };
}

export function histogramOf(
  name: string,
  help: string,
  of: (stats: ServerStats) => HistogramStats | undefined,
): Metric {
  const lines = keptBy((worker: number) => new HistogramLines(name, { worker }));
  return {
    name,
    type: 'histogram',
    help,
    labels: ['worker'],
    samples({ workers }) {
      const samples: Sample[] = [];
      for (const { worker, stats } of workers) lines(worker).add(samples, of(stats));
      return samples;
    },
  };
}

export function histogramsOf(
  name: string,
  help: string,
  label: string,
  of: (stats: ServerStats) => Readonly<Record<string, HistogramStats>>,
): Metric {
  const lines = ofKeys((labels) => new HistogramLines(name, labels), label);
  return {
    name,
    type: 'histogram',
    help,
    labels: ['worker', label],
    samples({ workers }) {
      const samples: Sample[] = [];
      for (const { worker, stats } of workers) {
        const own = lines(worker);
        for (const [key, histogram] of Object.entries(of(stats))) own(key).add(samples, histogram);
      }
      return samples;
    },
  };
}

class HistogramLines {
  private readonly bucketName: string;
  private readonly sumName: string;
  private readonly countName: string;
  private readonly bucketLabels: Labels[] = [];

  constructor(
    name: string,
    private readonly labels: Labels,
  ) {
    [this.bucketName, this.sumName, this.countName] = [`${name}_bucket`, `${name}_sum`, `${name}_count`];
  }

  /** Buckets of Prometheus are cumulative. */
  add(samples: Sample[], histogram: HistogramStats | undefined): void {
    if (histogram === undefined || histogram.counts.every((own) => own === 0)) return; // most classes of statuses never occur
    const { bounds, counts, sum } = histogram;
    const { bucketLabels, labels } = this;
    let count = 0;
    for (let at = 0; at < counts.length; at++) {
      count += counts[at]!;
      bucketLabels[at] ??= { ...labels, le: bounds[at] ?? '+Inf' };
      samples.push({ metricName: this.bucketName, sharedLabels: bucketLabels[at]!, value: count });
    }
    samples.push(
      { metricName: this.sumName, sharedLabels: labels, value: sum },
      { metricName: this.countName, sharedLabels: labels, value: count },
    );
  }
}
