import { type Figure, summarySeries } from '../base/chart.js';
import { formatMedian, formatNumber, formatRange, tailOf } from '../base/format.js';
import { formatNoise, formatRatio, repetitionOf, WITHIN_NOISE } from '../base/noise.js';
import { extremesReading, ratesReading, type Value } from '../base/readings.js';
import { leastOf, type Summary } from '../base/stats.js';
import { struckOutRows } from '../base/struck-out.js';
import { PERCENTILES, type Percentile, type RateNoise, type RatePoint, type RatesResult } from './rates-result.js';

interface AllRates {
  readonly results: readonly RatesResult[];
  readonly repeated: { readonly model: string; readonly noise: readonly RateNoise[] } | null;
}

const SHOWN = [
  ['p50', 'p50'],
  ['p99', 'p99'],
  ['p999', 'p99.9'],
] as const;

const shownIn = (latency: RatePoint['latencyMs'], key: Percentile): Summary | null =>
  key === 'p50' ? latency.p50 : tailOf(latency[key]);

/** A point of a chart or a table; null if the model has none at the rate, or if it is struck out. */
const pointAt = ({ points }: RatesResult, rate: number): RatePoint | null =>
  points.find((point) => point.rate === rate && point.struckOut === null) ?? null;

const ratesOf = (results: readonly RatesResult[]): number[] =>
  [...new Set(results.flatMap(({ points }) => points.map(({ rate }) => rate)))].sort((a, b) => a - b);

export function ratesFigures(all: AllRates): Figure[] {
  const { results } = all;
  const rates = ratesOf(results);
  return [
    lineFigure(results, rates, {
      title: 'CPU time per request, µs',
      description:
        'At each rate that is offered, with all processes and threads of the model. At a low rate a model sleeps before each request, so that falling asleep and waking up are part of its cost; at a high rate several requests share them. The scale is logarithmic.',
      unit: 'µs',
      of: ({ cpuUs }) => cpuUs,
      reading: ratesReading(
        rates.map((rate) => ({
          rate,
          values: valuesAt(results, rate, ({ cpuUs }) => cpuUs),
          noise: cpuNoiseAt(all, rate),
        })),
      ),
    }),
    lineFigure(results, rates, {
      title: 'Wake-ups per second',
      description:
        'Voluntary context switches of all threads of the model. A model that polls has none, since it never sleeps. The scale is logarithmic.',
      unit: 'wake-ups/s',
      of: ({ wakeUpsPerSecond }) => wakeUpsPerSecond,
      reading: null,
    }),
    ...rates.map((rate) => rateFigure(all, rate)),
    repeatedFigure(all),
    struckOutFigure(results),
  ].filter((each): each is Figure => each !== null);
}

/** For the terminal: a table for each rate. */
export function ratesSummary(all: AllRates): Pick<Figure, 'title' | 'table' | 'reading'>[] {
  const tables = ratesOf(all.results).map((rate) => rateTable(all, rate));
  return [...tables, repeatedFigure(all), struckOutFigure(all.results)].filter((each) => each !== null);
}

const cpuNoiseAt = ({ repeated }: AllRates, rate: number): number | null =>
  repeated?.noise.find((each) => each.rate === rate)?.noise.cpuUs ?? null;

function rateTable(all: AllRates, rate: number): Omit<Figure, 'chart'> {
  const { results } = all;
  const rows = results.filter(({ points }) => points.length > 0);
  const least = leastOf(rows.map((row) => pointAt(row, rate)?.cpuUs));
  const noise = cpuNoiseAt(all, rate);
  return {
    title: `${formatNumber(rate)} requests per second`,
    description:
      'Latency from the time at which a request was due to the end of its response, on a logarithmic scale; raw: from the time at which it was sent. Achieved: responses by requests that were due.',
    reading: extremesReading(
      valuesAt(results, rate, ({ cpuUs }) => cpuUs),
      { unit: 'µs', isLess: true, noise },
    ),
    table: {
      columns: [
        ...['model', 'CPU µs', 'range', 'by the least', 'wake-ups/s', 'achieved'],
        ...['p50 ms', 'p90', 'p99', 'p99.9', 'max', 'raw p99', 'raw p99.9'],
      ],
      rows: rows.map((row) => {
        const point = pointAt(row, rate);
        const achieved = row.points.find((each) => each.rate === rate)?.achieved;
        return [
          row.model,
          formatMedian(point?.cpuUs),
          formatRange(point?.cpuUs),
          formatRatio(point?.cpuUs, least, noise),
          formatMedian(point?.wakeUpsPerSecond),
          formatMedian(achieved),
          ...PERCENTILES.map((each) => formatMedian(point && shownIn(point.latencyMs, each))),
          formatMedian(tailOf(point?.rawMs.p99)),
          formatMedian(tailOf(point?.rawMs.p999)),
        ];
      }),
    },
  };
}

interface LineFigure extends Pick<Figure, 'title' | 'description'> {
  unit: string;
  of: (point: RatePoint) => Summary | null;
  reading: string | null;
}

const valuesAt = (results: readonly RatesResult[], rate: number, of: LineFigure['of']): Value[] =>
  results.map((result) => {
    const point = pointAt(result, rate);
    return { model: result.model, value: point && of(point) };
  });

function lineFigure(
  results: readonly RatesResult[],
  rates: readonly number[],
  { title, description, unit, of, reading }: LineFigure,
): Figure | null {
  const at = (result: RatesResult, rate: number): Summary | null => {
    const point = pointAt(result, rate);
    return point && of(point);
  };
  const measured = results.filter((result) => rates.some((rate) => at(result, rate) !== null));
  if (measured.length === 0) return null;
  return {
    title,
    description,
    reading,
    chart: {
      kind: 'lines',
      labels: rates.map((rate) => formatNumber(rate)),
      series: measured.map((result) => summarySeries(result.model, rates, (rate) => at(result, rate))),
      unit,
      labelTitle: 'requests offered per second',
      logarithmic: true,
    },
    table: {
      columns: ['model', ...rates.map((rate) => `${formatNumber(rate)}/s`)],
      rows: measured.map((result) => [result.model, ...rates.map((rate) => formatMedian(at(result, rate)))]),
    },
  };
}

/** The latency of each model that keeps up, with the table of the rate. */
function rateFigure(all: AllRates, rate: number): Figure {
  const measured = all.results.flatMap((result) => {
    const point = pointAt(result, rate);
    return point?.latencyMs.p50 ? [{ model: result.model, point }] : [];
  });
  return {
    ...rateTable(all, rate),
    chart: {
      kind: 'bars',
      labels: measured.map(({ model }) => model),
      series: SHOWN.map(([key, name]) => summarySeries(name, measured, ({ point }) => shownIn(point.latencyMs, key))),
      unit: 'ms',
      logarithmic: true,
    },
  };
}

function repeatedFigure({ repeated }: AllRates): Figure | null {
  if (repeated === null || repeated.noise.length === 0) return null;
  const { model, noise } = repeated;
  return {
    title: 'Two runs of the same',
    description: `Each round measures ${model} twice, as ${model} and as ${repetitionOf(model)}. What the two differ by, the median over the rounds, is the noise of the run. ${WITHIN_NOISE}`,
    chart: null,
    table: {
      columns: ['requests per second', 'CPU time', 'wake-ups', 'p50', 'p99'],
      rows: noise.map(({ rate, noise: { cpuUs, wakeUpsPerSecond, p50Ms, p99Ms } }) => [
        formatNumber(rate),
        ...[cpuUs, wakeUpsPerSecond, p50Ms, p99Ms].map(formatNoise),
      ]),
    },
  };
}

function struckOutFigure(results: readonly RatesResult[]): Figure | null {
  const rows = results.flatMap(({ model, points, failure }) =>
    struckOutRows(model, failure, points, ({ rate }) => formatNumber(rate)),
  );
  if (rows.length === 0) return null;
  return {
    title: 'Errors, and what is struck out',
    description:
      'Models that could not be measured, rates at which less than 0.95 of the requests were responded to, figures that did not settle, and failed requests.',
    chart: null,
    table: { columns: ['model', 'rate', 'reason'], rows },
  };
}
