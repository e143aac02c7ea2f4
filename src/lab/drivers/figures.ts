import { type Figure, summarySeries } from '../base/chart.js';
import { formatMedian, formatNumber, formatRange, NONE, tailOf } from '../base/format.js';
import { formatNoise, formatRatio, repetitionOf, WITHIN_NOISE } from '../base/noise.js';
import { extremesReading, type Value } from '../base/readings.js';
import { leastOf, type Summary } from '../base/stats.js';
import { struckOutRows } from '../base/struck-out.js';
import {
  type DriverNoise,
  type DriverPoint,
  type DriverResult,
  LOAD_NAMES,
  type LoadName,
  pointOf,
  type SystemCalls,
} from './result.js';
import { WAYS } from './ways.js';

export interface AllDrivers {
  readonly results: readonly DriverResult[];
  /** Null if the second row was not measured. */
  readonly repeated: { readonly model: string; readonly noise: readonly DriverNoise[] } | null;
}

/** Of a driver and a load, in the table. */
const SHOWN_CALLS = 5;

type Of = (point: DriverPoint) => Summary | null | undefined;

const ways = Object.entries(WAYS)
  .map(([name, text]) => `${name}: ${text}`)
  .join('; ');

export const noiseAt = ({ repeated }: AllDrivers, load: LoadName): DriverNoise['noise'] | null =>
  repeated?.noise.find((each) => each.load === load)?.noise ?? null;

/** The loads that were measured, in their order. */
export const loadsOf = (results: readonly DriverResult[]): LoadName[] =>
  LOAD_NAMES.filter((load) => results.some((result) => pointOf(result, load) !== null));

/** What the requests cost, and how long they take. */
export function costFigures(all: AllDrivers): Figure[] {
  return [cpuFigure(all), wakeUpsFigure(all), latencyFigure(all)].filter((figure) => figure.table.rows.length > 0);
}

/** What two runs differ by, and what is left out. */
export const otherFigures = (all: AllDrivers): Figure[] =>
  [repeatedFigure(all), leftOutFigure(all.results)].filter((figure) => figure !== null);

/** The rows under each load, the loads in their order. */
function pointsOf(all: AllDrivers): { driver: string; load: LoadName; point: DriverPoint }[] {
  return loadsOf(all.results).flatMap((load) =>
    all.results.flatMap((result) => {
      const point = pointOf(result, load);
      return point === null ? [] : [{ driver: result.driver, load, point }];
    }),
  );
}

/** One series for each load, with a bar for each way; what is struck out has none. */
function bars(
  { results }: AllDrivers,
  loads: readonly LoadName[],
  of: Of,
): Pick<NonNullable<Figure['chart']>, 'kind' | 'labels' | 'series'> {
  const at = (result: DriverResult, load: LoadName): Summary | null => {
    const point = pointOf(result, load);
    return point === null || point.struckOut !== null ? null : (of(point) ?? null);
  };
  const shown = results.filter((result) => loads.some((load) => at(result, load) !== null));
  return {
    kind: 'bars',
    labels: shown.map(({ driver }) => driver),
    series: loads.map((load) => summarySeries(load, shown, (result) => at(result, load))),
  };
}

const withRequests = (results: readonly DriverResult[]): LoadName[] =>
  loadsOf(results).filter((load) => results.some((result) => (pointOf(result, load)?.achieved ?? null) !== null));

/** A sentence for each load. */
function readingsOf(
  all: AllDrivers,
  of: Of,
  options: { unit: string; noise: 'cpuUs' | 'wakeUpsPerSecond' | 'p99Ms' },
): string | null {
  const sentences = withRequests(all.results).flatMap((load) => {
    const values = all.results.map((result): Value => {
      const point = pointOf(result, load);
      return { model: result.driver, value: point?.struckOut === null ? (of(point) ?? null) : null };
    });
    const noise = noiseAt(all, load)?.[options.noise] ?? null;
    const sentence = extremesReading(values, { unit: options.unit, isLess: true, noise, noun: 'driver' });
    return sentence === null ? [] : [`${loadTitle(load)}: ${sentence}`];
  });
  return sentences.join(' ') || null;
}

/** At the start of a sentence. */
export const loadTitle = (load: LoadName): string =>
  load === 'idle' ? 'Idle' : load === 'saturated' ? 'Saturated' : `At ${load.replace('/s', ' requests per second')}`;

function cpuFigure(all: AllDrivers): Figure {
  const rows = pointsOf(all);
  const least = (load: LoadName): Summary | null =>
    leastOf(rows.flatMap((row) => (row.load === load && row.point.struckOut === null ? [row.point.cpuUs] : [])));
  return {
    title: 'CPU time per request',
    description: `The same server, whose reactor gets its turns in several ways. ${ways}. Saturated: each connection sends its next request when it has a response; busy is the part of a core that the process then uses, with all its threads. System calls are per response, by strace, which slows the server down, so that at a high rate more requests share a wait.`,
    reading: readingsOf(all, ({ cpuUs }) => cpuUs, { unit: 'µs', noise: 'cpuUs' }),
    chart: { ...bars(all, withRequests(all.results), ({ cpuUs }) => cpuUs), unit: 'µs' },
    table: {
      columns: ['driver', 'load', 'CPU µs', 'range', 'by the least', 'busy', 'wake-ups/s', 'calls', 'which calls'],
      rows: rows.map(({ driver, load, point }) => {
        const counts = point.struckOut === null ? point : null;
        return [
          driver,
          load,
          formatMedian(counts?.cpuUs),
          formatRange(counts?.cpuUs),
          formatRatio(counts?.cpuUs, least(load), noiseAt(all, load)?.cpuUs ?? null),
          formatShare(point.busy),
          formatMedian(counts?.wakeUpsPerSecond),
          formatNumber(point.systemCalls?.perRequest),
          callsText(point.systemCalls),
        ];
      }),
    },
  };
}

/** `recvfrom 1, sendto 1, epoll_wait 0.97`: the most frequent ones. */
const callsText = (calls: SystemCalls | null): string =>
  Object.entries(calls?.byName ?? {})
    .slice(0, SHOWN_CALLS)
    .map(([name, count]) => `${name} ${formatNumber(count)}`)
    .join(', ') || NONE;

const formatShare = (share: Summary | null): string =>
  share === null ? NONE : `${formatNumber(Math.round(share.median * 1000) / 10)} %`;

function wakeUpsFigure(all: AllDrivers): Figure {
  const loads = loadsOf(all.results);
  return {
    title: 'Wake-ups per second',
    description:
      'Voluntary context switches of all threads, without the probes below. A reactor with nothing to do sleeps; under a high rate several requests share a wake-up. The scale is logarithmic.',
    reading: readingsOf(all, ({ wakeUpsPerSecond }) => wakeUpsPerSecond, {
      unit: 'wake-ups/s',
      noise: 'wakeUpsPerSecond',
    }),
    chart: { ...bars(all, loads, ({ wakeUpsPerSecond }) => wakeUpsPerSecond), unit: 'wake-ups/s', logarithmic: true },
    table: {
      columns: ['driver', ...loads],
      rows: all.results
        .filter(({ points }) => points.length > 0)
        .map((result) => [
          result.driver,
          ...loads.map((load) => {
            const point = pointOf(result, load);
            return formatMedian(point?.struckOut === null ? point.wakeUpsPerSecond : null);
          }),
        ]),
    },
  };
}

function latencyFigure(all: AllDrivers): Figure {
  return {
    title: 'Latency of the requests',
    description:
      'The bars are p99. From the time at which a request was due to the end of its response; saturated, from the time at which it was sent. Achieved: responses by requests that were due. The scale is logarithmic.',
    reading: readingsOf(all, ({ latencyMs }) => tailOf(latencyMs.p99), { unit: 'ms at p99', noise: 'p99Ms' }),
    chart: {
      ...bars(all, withRequests(all.results), ({ latencyMs }) => tailOf(latencyMs.p99)),
      unit: 'ms at p99',
      logarithmic: true,
    },
    table: {
      columns: ['driver', 'load', 'p50 ms', 'p90', 'p99', 'p99.9', 'max', 'achieved'],
      rows: pointsOf(all)
        .filter(({ point }) => point.achieved !== null)
        .map(({ driver, load, point }) => {
          const { p50, p90, p99, p999, max } = point.latencyMs;
          return [driver, load, ...[p50, ...[p90, p99, p999, max].map(tailOf), point.achieved].map(formatMedian)];
        }),
    },
  };
}

function repeatedFigure({ repeated }: AllDrivers): Figure | null {
  if (repeated === null) return null;
  const { model, noise } = repeated;
  return {
    title: 'Two runs of the same',
    description: `Each round measures ${model} twice, as ${model} and as ${repetitionOf(model)}. What the two differ by, the median over the rounds, is the noise of the run. ${WITHIN_NOISE}`,
    chart: null,
    table: {
      columns: ['load', 'CPU time', 'wake-ups', 'p50', 'p99', 'timeout 1 ms, p99', 'TCP echo, p50'],
      rows: noise.map(({ load, noise: { cpuUs, wakeUpsPerSecond, p50Ms, p99Ms, timeoutMs, echoMs } }) => [
        load,
        ...[cpuUs, wakeUpsPerSecond, p50Ms, p99Ms, timeoutMs, echoMs].map(formatNoise),
      ]),
    },
  };
}

function leftOutFigure(results: readonly DriverResult[]): Figure | null {
  const rows = results.flatMap(({ driver, points, failure }) =>
    struckOutRows(driver, failure, points, ({ load }) => load),
  );
  if (rows.length === 0) return null;
  return {
    title: 'Errors, and what is struck out',
    description:
      'What could not be measured, loads of which less than 0.95 of the requests were responded to, figures that did not settle, and failed requests.',
    chart: null,
    table: { columns: ['driver', 'load', 'reason'], rows },
  };
}
