import type { Figure, Table } from '../base/chart.js';
import { formatMedian, formatNumber, listOf, NONE } from '../base/format.js';
import { modelOf } from '../base/noise.js';
import { extremesReading } from '../base/readings.js';
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
export const probeFigures = (all: AllDrivers): Figure[] =>
  loadsOf(all.results).map((load, at) => probeFigure(all, load, at === 0));

/** For the terminal: without the explanations. */
export const probeSummary = (all: AllDrivers): Pick<Figure, 'title' | 'table' | 'reading'>[] =>
  loadsOf(all.results).map((load) => ({
    title: `How late Node is, p50 / p99 in ms: ${titleOf(load)}`,
    reading: probeReading(all, load),
    table: probeTable(all, load),
  }));

/** A row for each thread; in its second column how often it ran, or how long was waited for it in vain. */
function probeTable(all: AllDrivers, load: LoadName): Table {
  return {
    columns: ['driver', 'ran', ...PROBE_NAMES],
    rows: threadsAt(all, load).map((row) => {
      const results = PROBE_NAMES.map((probe) => resultOf(row, load, probe)!);
      const cells = results.map(({ neverRanSeconds, p50Ms, p99Ms }) =>
        neverRanSeconds === null ? `${formatMedian(p50Ms)} / ${formatMedian(p99Ms)}` : NONE,
      );
      return [row.name, ranText(results), ...cells];
    }),
  };
}

/** How often its shortest timer ran, and what never did. @param results every probe of a thread */
export function ranText(results: readonly Pick<ProbeResult, 'probe' | 'neverRanSeconds' | 'perSecond'>[]): string {
  const never = results.filter(({ neverRanSeconds }) => neverRanSeconds !== null);
  if (never.length === 0) return `${formatMedian(results[0]!.perSecond)} times/s`;
  const names = never.length === results.length ? '' : `: ${listOf(never.map(({ probe }) => probe))}`;
  return `never ran in ${formatNumber(round(never[0]!.neverRanSeconds!))} s${names}`;
}

const round = (seconds: number): number => Math.round(seconds * 10) / 10;

const titleOf = (load: LoadName): string => loadTitle(load).replace(/^[A-Z]/, (letter) => letter.toLowerCase());

const resultOf = ({ result, thread }: ProbedThread, load: LoadName, probe: Probe): ProbeResult | null =>
  probeOf(pointOf(result, load), probe, thread);

/** The main thread of each row, and the worker that has the reactor. */
const threadsAt = ({ results }: AllDrivers, load: LoadName): ProbedThread[] =>
  results.flatMap((result) =>
    THREADS.filter((thread) => probeOf(pointOf(result, load), PROBE_NAMES[0]!, thread) !== null).map((thread) => ({
      name: thread === 'main' ? result.driver : `${result.driver}’s own thread`,
      thread,
      result,
    })),
  );

function probeFigure(all: AllDrivers, load: LoadName, isFirst: boolean): Figure {
  const ran = threadsAt(all, load).filter(
    (row) =>
      modelOf(row.result.driver) === row.result.driver &&
      PROBE_NAMES.some((probe) => resultOf(row, load, probe)?.neverRanSeconds === null),
  );
  return {
    title: `How late Node is: ${titleOf(load)}`,
    description: `The bars are p99, on a logarithmic scale, of the drivers with which Node ran; the table has p50 / p99, and how often the timer of 1 ms ran.${isFirst ? ` Measured in the main thread, and for worker also in the thread of the reactor, as “worker’s own thread”. ${explained}. What is due and did not run counts with its time so far.` : ''}`,
    reading: probeReading(all, load),
    chart: {
      kind: 'bars',
      labels: PROBE_NAMES,
      series: ran.map((row) => {
        const of = (key: 'median' | 'min' | 'max') =>
          PROBE_NAMES.map((probe) => shown(resultOf(row, load, probe)?.p99Ms?.[key]));
        return { name: row.name, values: of('median'), low: of('min'), high: of('max') };
      }),
      unit: 'ms at p99',
      logarithmic: true,
    },
    table: probeTable(all, load),
  };
}

/** A logarithmic scale has no zero; a microsecond is what is measured at least. */
const LEAST_MS = 0.001;
const shown = (ms: number | undefined): number | null => (ms === undefined ? null : Math.max(ms, LEAST_MS));

/** Where nothing of Node ran at all, and how late a timer and a stream were elsewhere. */
export function probeReading(all: AllDrivers, load: LoadName): string | null {
  const threads = threadsAt(all, load).filter(({ result }) => modelOf(result.driver) === result.driver);
  const never = threads.filter((row) => PROBE_NAMES.every((probe) => resultOf(row, load, probe)?.neverRanSeconds));
  const seconds = Math.max(0, ...never.map((row) => resultOf(row, load, PROBE_NAMES[0]!)!.neverRanSeconds!));
  const sentences =
    never.length === 0
      ? []
      : [`In ${listOf(never.map(({ name }) => name))} nothing of Node ran in ${formatNumber(round(seconds))} s.`];
  for (const [probe, key, percentile, unit] of [
    ['timeout 1 ms', 'timeoutMs', 'p99Ms', 'ms late at p99'],
    ['TCP echo', 'echoMs', 'p50Ms', 'ms at p50'],
  ] as const) {
    const values = threads.map((row) => ({
      model: row.name,
      value: resultOf(row, load, probe)?.[percentile] ?? null,
    }));
    const noise = noiseAt(all, load)?.[key] ?? null;
    const sentence = extremesReading(values, { unit, isLess: true, noise, noun: 'driver' });
    if (sentence !== null) sentences.push(`${probe}: ${sentence}`);
  }
  return sentences.join(' ') || null;
}
