import { installCommand, loadOptional } from '../server/optional-package.js';
import type { Metric, Observed, Sample } from './metric.js';
import { METRICS } from './metrics.js';

/** What is used of prom-client. */
interface Registry {
  readonly contentType: string;
  /** @param metric with `get`, as its own classes have it */
  getMetricsAsString(metric: { get(): Promise<object> }): Promise<string>;
}
interface PromClient {
  readonly Registry: new () => Registry;
}

/** Without workers, the thread that writes the text serves as well: its requests wait no longer than this and a metric. */
const SLICE_MS = 0.4;

/** Not of node:timers/promises, which takes 0.1 ms. */
const nextIteration = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export interface PrometheusText {
  readonly contentType: string;
  of(observed: Observed): Promise<string>;
}

/** Writes observations in the text format of Prometheus, by the package prom-client; null if it is not installed. */
export function prometheusText(): PrometheusText | null {
  const client = loadOptional<PromClient>('prom-client');
  if (client === null) return null;
  const registry = new client.Registry();
  const texts = METRICS.map((metric) => new MetricText(metric, registry));
  return {
    contentType: registry.contentType,
    async of(observed) {
      const parts: string[] = [];
      let sinceMs = performance.now();
      for (const metric of texts) {
        parts.push(await metric.of(observed));
        if (performance.now() - sinceMs < SLICE_MS) continue;
        await nextIteration();
        sinceMs = performance.now();
      }
      return `${parts.join('\n\n')}\n`;
    },
  };
}

/** The text of one metric, which is kept until a value changes: most metrics count what seldom happens. */
class MetricText {
  private values: readonly Sample[] = [];
  private text: string | null = null;

  constructor(
    private readonly metric: Metric,
    private readonly registry: Registry,
  ) {}

  async of(observed: Observed): Promise<string> {
    const { name, type, help } = this.metric;
    const values = this.metric.samples(observed);
    if (this.text !== null && isSame(this.values, values)) return this.text;
    const text = await this.registry.getMetricsAsString({ get: async () => ({ name, type, help, values }) });
    // Together, after the wait: another scrape may be in between.
    this.values = values;
    this.text = text;
    return text;
  }
}

/** Labels are compared as objects, of which there is one of each set. */
function isSame(before: readonly Sample[], now: readonly Sample[]): boolean {
  if (before.length !== now.length) return false;
  for (let i = 0; i < now.length; i++) {
    const a = before[i]!;
    const b = now[i]!;
    if (a.value !== b.value || a.sharedLabels !== b.sharedLabels || a.metricName !== b.metricName) return false;
  }
  return true;
}

/** A sentence with the remedy. */
export const withoutPromClient = (): string =>
  `The metrics need the package prom-client, which is not installed: ${installCommand('prom-client')}.`;
