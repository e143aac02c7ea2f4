import { installCommand, loadOptional } from '../server/optional-package.js';
import type { Observed } from './metric.js';
import { METRICS } from './metrics.js';

/** What is used of prom-client. A metric is what has a name and `get`. */
interface PromClient {
  readonly Registry: new () => {
    readonly contentType: string;
    registerMetric(metric: { name: string; get(): Promise<object> }): void;
    metrics(): Promise<string>;
  };
}

export interface PrometheusText {
  readonly contentType: string;
  of(observed: Observed): Promise<string>;
}

/** Writes observations in the text format of Prometheus, by the package prom-client; null if it is not installed. */
export function prometheusText(): PrometheusText | null {
  const client = loadOptional<PromClient>('prom-client');
  if (client === null) return null;
  const registry = new client.Registry();
  let observed: Observed | null = null;
  for (const { name, type, help, samples } of METRICS)
    registry.registerMetric({ name, get: async () => ({ name, type, help, values: samples(observed!) }) });
  return {
    contentType: registry.contentType,
    of(next) {
      observed = next;
      return registry.metrics(); // which calls every get before it returns
    },
  };
}

/** A sentence with the remedy. */
export const withoutPromClient = (): string =>
  `The metrics need the package prom-client, which is not installed: ${installCommand('prom-client')}.`;
