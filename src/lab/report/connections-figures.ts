import type { Figure } from '../base/chart.js';
import { formatMedian, formatNumber, formatRange, MIB, NONE, scale } from '../base/format.js';
import type { Summary } from '../base/stats.js';
import { BUSY } from '../experiments/connections.js';
import type { ConnectionsPoint, ConnectionsResult } from '../experiments/connections-result.js';

/** How each model does with more and more idle connections. */
export function connectionsFigures(results: readonly ConnectionsResult[], rate: number): Figure[] {
  const figures = [
    lines(results, {
      title: 'Requests a second',
      description: `${BUSY} connections are busy, the others say nothing.`,
      unit: 'requests/s',
      of: (point) => point.requestsPerSecond,
    }),
    lines(results, {
      title: 'CPU time a request',
      description: 'A model that asks all connections pays for those that say nothing.',
      unit: 'µs',
      of: (point) => point.cpuUs,
      logarithmic: true,
    }),
    lines(results, {
      title: 'Latency at a fixed rate, p99',
      description: `${formatNumber(rate)} requests a second are sent at their times, whether the answers before have come or not.`,
      unit: 'ms',
      of: (point) => point.p99Ms,
      logarithmic: true,
    }),
    lines(results, {
      title: 'Memory',
      description: 'Resident memory of all processes of the model.',
      unit: 'MiB',
      of: (point) => scale(point.residentBytes, MIB),
      logarithmic: true,
    }),
  ].filter((each): each is Figure => each !== null);
  return [bends(results), ...figures];
}

function bends(results: readonly ConnectionsResult[]): Figure {
  return {
    title: 'Where each model bends',
    description:
      'The number of idle connections with which a request takes twice the CPU time that it takes with the fewest, and the one with which the model could not be measured any more.',
    chart: null,
    table: {
      columns: ['model', 'how it waits', 'bends at', 'stops at', 'closed by itself', 'why'],
      rows: results.map(({ model, waits, knee, failedAt, failure, points }) => [
        model,
        waits,
        failure !== null ? 'not measured' : knee === null ? 'nowhere' : formatNumber(knee.idle),
        failure !== null ? 'not measured' : failedAt === null ? 'nowhere' : formatNumber(failedAt.idle),
        formatNumber(Math.max(0, ...points.map(({ idle, stillOpen }) => idle - stillOpen.min))),
        failure ?? ([knee?.reason, failedAt?.reason].filter(Boolean).join(' ') || NONE),
      ]),
    },
  };
}

interface Lines {
  title: string;
  description: string;
  unit: string;
  of: (point: ConnectionsPoint) => Summary | null;
  logarithmic?: boolean;
}

function lines(
  results: readonly ConnectionsResult[],
  { title, description, unit, of, logarithmic }: Lines,
): Figure | null {
  const steps = [...new Set(results.flatMap(({ points }) => points.map(({ idle }) => idle)))].sort((a, b) => a - b);
  const at = ({ points }: ConnectionsResult, step: number): Summary | null => {
    const point = points.find(({ idle }) => idle === step);
    return point ? of(point) : null;
  };
  const measured = results.filter((result) => steps.some((step) => at(result, step) !== null));
  if (measured.length === 0) return null;
  return {
    title,
    description,
    chart: {
      kind: 'lines',
      labels: steps.map((step) => formatNumber(step)),
      series: measured.map((result) => ({
        name: result.model,
        values: steps.map((step) => at(result, step)?.median ?? null),
        low: steps.map((step) => at(result, step)?.min ?? null),
        high: steps.map((step) => at(result, step)?.max ?? null),
      })),
      unit,
      across: 'idle connections',
      logarithmic: logarithmic ?? false,
    },
    table: {
      columns: ['model', ...steps.map((step) => `${formatNumber(step)} idle`)],
      rows: measured.map((result) => [
        result.model,
        ...steps.map((step) => {
          const spread = at(result, step);
          return spread === null || spread.count === 1
            ? formatMedian(spread)
            : `${formatMedian(spread)} (${formatRange(spread)})`;
        }),
      ]),
    },
  };
}
