import type { Figure } from '../base/chart.js';
import { formatMedian, formatNumber, NONE } from '../base/format.js';
import { modelOf } from '../base/noise.js';
import { extremesReading, listOf } from '../base/readings.js';
import { type AllDrivers, loadsOf, loadTitle, noiseAt } from './figures.js';
import { type DriverResult, type LoadName, type ProbeResult, pointOf, probeOf } from './result.js';
import { PROBE_NAMES, PROBES, type Probe, THREADS, type ThreadName } from './ways.js';

/** A thread whose loop is probed. */
interface ProbedThread {
  readonly name: string;
  readonly thread: ThreadName;
  readonly result: DriverResult;
}

const explained = PROBE_NAMES.map((probe) => `${probe}: ${PROBES[probe]}`).join('; ');

/** What Node's timers, promises and streams suffer, under each load. */
export const probeFigures = (all: AllDrivers): Figure[] => loadsOf(all.results).map((load) => probeFigure(all, load));

/** For the terminal: a table of one figure each. */
export function probeSummary(all: AllDrivers): Pick<Figure, 'title' | 'table' | 'reading'>[] {
  return loadsOf(all.results).map((load) => ({
    title: `How late Node is, ms at p99: ${titleOf(load)}`,
    reading: probeReading(all, load),
    table: {
      columns: ['driver', ...PROBE_NAMES],
      rows: threadsAt(all, load).map((row) => [
        row.name,
        ...PROBE_NAMES.map((probe) => {
          const result = resultOf(row, load, probe);
          return result?.neverRanSeconds === null ? formatMedian(result.p99Ms) : result ? 'never' : NONE;
        }),
      ]),
    },
  }));
}

const titleOf = (load: LoadName): string => loadTitle(load).replace(/^[A-Z]/, (letter) => letter.toLowerCase());

const resultOf = ({ result, thread }: ProbedThread, load: LoadName, probe: Probe): ProbeResult | null =>
  probeOf(pointOf(result, load), probe, thread);

/** The main thread of each row, and the worker that has the reactor. */
const threadsAt = ({ results }: AllDrivers, load: LoadName): ProbedThread[] =>
  results.flatMap((result) =>
    THREADS.filter((thread) => probeOf(pointOf(result, load), PROBE_NAMES[0]!, thread) !== null).map((thread) => ({
      name: thread === 'main' ? result.driver : `${result.driver}, in itself`,
      thread,
      result,
    })),
  );

function probeFigure(all: AllDrivers, load: LoadName): Figure {
  const threads = threadsAt(all, load);
  const rows = PROBE_NAMES.flatMap((probe) =>
    threads.flatMap((row) => {
      const result = resultOf(row, load, probe);
      return result === null ? [] : [{ name: row.name, probe, result }];
    }),
  );
  return {
    title: `How late Node is: ${titleOf(load)}`,
    description: `The bars are p99, on a logarithmic scale; what never ran has none. Measured in the main thread, and for worker also in the thread of the reactor, as “in itself”. ${explained}. What is due and did not run counts with its time so far.`,
    reading: probeReading(all, load),
    chart: {
      kind: 'bars',
      labels: PROBE_NAMES,
      series: threads.map((row) => {
        const of = (key: 'median' | 'min' | 'max') =>
          PROBE_NAMES.map((probe) => shown(resultOf(row, load, probe)?.p99Ms?.[key]));
        return { name: row.name, values: of('median'), low: of('min'), high: of('max') };
      }),
      unit: 'ms at p99',
      logarithmic: true,
    },
    table: {
      columns: ['probe', 'driver', 'p50 ms', 'p90', 'p99', 'max', 'ran'],
      rows: rows.map(({ name, probe, result: { p50Ms, p90Ms, p99Ms, maxMs, ...result } }) => [
        probe,
        name,
        ...[p50Ms, p90Ms, p99Ms, maxMs].map(formatMedian),
        ranText(result),
      ]),
    },
  };
}

/** A logarithmic scale has no zero; a microsecond is what is measured at least. */
const LEAST_MS = 0.001;
const shown = (ms: number | undefined): number | null => (ms === undefined ? null : Math.max(ms, LEAST_MS));

/** How often it ran; or how long was waited for it in vain. */
export const ranText = ({ neverRanSeconds, perSecond }: Pick<ProbeResult, 'neverRanSeconds' | 'perSecond'>): string =>
  neverRanSeconds === null
    ? `${formatMedian(perSecond)} per second`
    : `never ran in ${formatNumber(round(neverRanSeconds))} s`;

const round = (seconds: number): number => Math.round(seconds * 10) / 10;

/** Where nothing of Node ran at all, and how late a timer and a stream were elsewhere. */
export function probeReading(all: AllDrivers, load: LoadName): string | null {
  const threads = threadsAt(all, load).filter(({ result }) => modelOf(result.driver) === result.driver);
  const never = threads.filter((row) => PROBE_NAMES.every((probe) => resultOf(row, load, probe)?.neverRanSeconds));
  const seconds = Math.max(0, ...never.map((row) => resultOf(row, load, PROBE_NAMES[0]!)!.neverRanSeconds!));
  const sentences =
    never.length === 0
      ? []
      : [`In ${listOf(never.map(({ name }) => name))} nothing of Node ran in ${formatNumber(round(seconds))} s.`];
  for (const [probe, key, unit] of [
    ['timeout 1 ms', 'timeoutMs', 'ms late at p99'],
    ['TCP echo', 'echoMs', 'ms at p99'],
  ] as const) {
    const values = threads.map((row) => ({
      model: row.name,
      value: resultOf(row, load, probe)?.p99Ms?.median ?? null,
    }));
    const noise = noiseAt(all, load)?.[key] ?? null;
    const sentence = extremesReading(values, { unit, isLess: true, noise, noun: 'driver' });
    if (sentence !== null) sentences.push(`${probe}: ${sentence}`);
  }
  return sentences.join(' ') || null;
}
