import { setImmediate as nextIteration } from 'node:timers/promises';
import { installCommand, loadOptional } from '../server/optional-package.js';
import type { Observed } from './metric.js';
import { METRICS } from './metrics.js';

/** What is used of prom-client. */
interface PromClient {
  readonly Registry: new () => {
    readonly contentType: string;
    /** @param metric with `get`, as its own classes have it */
    getMetricsAsString(metric: { get(): Promise<object> }): Promise<string>;
  };
}

/** Without workers, the thread that writes the text serves as well: its requests wait no longer than this. */
const SLICE_MS = 0.3;

export interface PrometheusText {
  readonly contentType: string;
  of(observed: Observed): Promise<string>;
}

/** Writes observations in the text format of Prometheus, by the package prom-client; null if it is not installed. */
export function prometheusText(): PrometheusText | null {
  const client = loadOptional<PromClient>('prom-client');
  if (client === null) return null;
  const registry = new client.Registry();
  return {
    contentType: registry.contentType,
    async of(observed) {
      const parts: string[] = [];
      let sinceMs = performance.now();
      for (const { name, type, help, samples } of METRICS) {
        const get = async () => ({ name, type, help, values: samples(observed) });
        parts.push(await registry.getMetricsAsString({ get }));
        if (performance.now() - sinceMs < SLICE_MS) continue;
        await nextIteration();
        sinceMs = performance.now();
      }
      return `${parts.join('\n\n')}\n`;
    },
  };
}

/** A sentence with the remedy. */
export const withoutPromClient = (): string =>
  `The metrics need the package prom-client, which is not installed: ${installCommand('prom-client')}.`;
