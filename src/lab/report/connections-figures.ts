import { MIB, median, NONE, number, range, scaled } from '../base/format.js';
import type { Spread } from '../base/stats.js';
import { BUSY } from '../experiments/connections.js';
import type { ConnectionsPoint, ConnectionsResult } from '../experiments/connections-result.js';
import type { Figure } from './chart.js';

/** How each model does with more and more idle connections. */
export function connectionsFigures(results: readonly ConnectionsResult[], rate: number): Figure[] {
  const figures = [
    lines(results, {
      title: 'Requests a second',
      says: `${BUSY} connections are busy, the others say nothing.`,
      unit: 'requests/s',
      of: (point) => point.requestsPerSecond,
    }),
    lines(results, {
      title: 'CPU time a request',
      says: 'A model that asks all connections pays for those that say nothing.',
      unit: 'µs',
      of: (point) => point.cpuUs,
      logarithmic: true,
    }),
    lines(results, {
      title: 'Latency at a fixed rate, p99',
      says: `${number(rate)} requests a second are sent at their times, whether the answers before have come or not.`,
      unit: 'ms',
      of: (point) => point.p99Ms,
      logarithmic: true,
    }),
    lines(results, {
      title: 'Memory',
      says: 'Resident memory of all processes of the model.',
      unit: 'MiB',
      of: (point) => scaled(point.residentBytes, MIB),
      logarithmic: true,
    }),
  ].filter((each): each is Figure => each !== null);
  return [bends(results), ...figures];
}

function bends(results: readonly ConnectionsResult[]): Figure {
  return {
    title: 'Where each model bends',
    says: 'The number of idle connections with which a request takes twice the CPU time that it takes with the fewest, and the one with which the model could not be measured any more.',
    chart: null,
    table: {
      columns: ['model', 'how it waits', 'bends at', 'stops at', 'closed by itself', 'why'],
      rows: results.map(({ model, waits, slows, stops, failure, points }) => [
        model,
        waits,
        failure !== null ? 'not measured' : slows === null ? 'nowhere' : number(slows.idle),
        failure !== null ? 'not measured' : stops === null ? 'nowhere' : number(stops.idle),
        number(Math.max(0, ...points.map(({ idle, stillOpen }) => idle - stillOpen.min))),
        failure ?? ([slows?.why, stops?.why].filter(Boolean).join(' ') || NONE),
      ]),
    },
  };
}

interface Lines {
  title: string;
  says: string;
  unit: string;
  of: (point: ConnectionsPoint) => Spread | null;
  logarithmic?: boolean;
}

function lines(results: readonly ConnectionsResult[], { title, says, unit, of, logarithmic }: Lines): Figure | null {
  const steps = [...new Set(results.flatMap(({ points }) => points.map(({ idle }) => idle)))].sort((a, b) => a - b);
  const at = ({ points }: ConnectionsResult, step: number): Spread | null => {
    const point = points.find(({ idle }) => idle === step);
    return point ? of(point) : null;
  };
  const measured = results.filter((result) => steps.some((step) => at(result, step) !== null));
  if (measured.length === 0) return null;
  return {
    title,
    says,
    chart: {
      kind: 'lines',
      labels: steps.map((step) => number(step)),
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
      columns: ['model', ...steps.map((step) => `${number(step)} idle`)],
      rows: measured.map((result) => [
        result.model,
        ...steps.map((step) => {
          const spread = at(result, step);
          return spread === null || spread.count === 1 ? median(spread) : `${median(spread)} (${range(spread)})`;
        }),
      ]),
    },
  };
}
