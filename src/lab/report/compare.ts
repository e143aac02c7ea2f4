import type { Table } from '../base/chart.js';
import { ExperimentError } from '../base/errors.js';
import { formatMedian, formatNumber } from '../base/format.js';
import { formatNoise, formatRatio, isDifferent, modelOf } from '../base/noise.js';
import type { Summary } from '../base/stats.js';
import { probeOf } from '../drivers/result.js';
import type { Probe } from '../drivers/ways.js';
import { type LabReport, REPORT_VERSION } from './report.js';

/** A figure of a report that the same row of another one can be compared with. */
interface Comparable {
  readonly row: string;
  readonly figure: string;
  readonly value: Summary;
  readonly noise: number | null;
}

export interface Comparison {
  readonly table: Table;
  /** What differs between the runs without making them incomparable, and what they order differently. */
  readonly notes: readonly string[];
}

const CPU = 'CPU µs';
const P99 = 'p99 ms';
const NS = 'ns a message';

/**
 * The figures of two reports side by side, of the same experiment on like machines.
 * @param names of the files, for the sentences
 * @throws ExperimentError if they cannot be compared
 */
export function compareReports(a: LabReport, b: LabReport, names: readonly [string, string]): Comparison {
  assertComparable(a, b, names);
  const others = new Map(comparablesOf(b).map((each) => [`${each.row} ${each.figure}`, each]));
  const pairs = comparablesOf(a).flatMap((one) => {
    const other = others.get(`${one.row} ${one.figure}`);
    return other === undefined ? [] : [{ one, other, noise: largerNoise(one.noise, other.noise) }];
  });
  if (pairs.length === 0) throw new ExperimentError(`${names[0]} and ${names[1]} have no figure in common.`);
  return {
    table: {
      columns: ['model', 'figure', 'a', 'b', 'b by a', 'noise'],
      rows: pairs.map(({ one, other, noise }) => [
        one.row,
        one.figure,
        formatMedian(one.value),
        formatMedian(other.value),
        formatRatio(other.value, one.value, noise),
        formatNoise(noise),
      ]),
    },
    notes: [...differencesOf(a, b), ...orderSentences(pairs)],
  };
}

const largerNoise = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.max(a, b);

function assertComparable(a: LabReport, b: LabReport, [first, second]: readonly [string, string]): void {
  for (const [report, name] of [
    [a, first],
    [b, second],
  ] as const)
    if (report.format !== 'epollet-lab' || report.version !== REPORT_VERSION)
      throw new ExperimentError(`${name} is not a report of this version of epollet lab; run the experiment again.`);
  if (a.machine.fingerprint !== b.machine.fingerprint)
    throw new ExperimentError(
      `${first} and ${second} are of unlike machines (${machineOf(a)}; ${machineOf(b)}); compare runs of one machine.`,
    );
  if (a.experiment !== b.experiment)
    throw new ExperimentError(`${first} is of --experiment ${a.experiment} and ${second} of ${b.experiment}.`);
  for (const key of ['connections', 'close', 'rate', 'seconds'] as const)
    if (a.settings[key] !== b.settings[key])
      throw new ExperimentError(
        `${first} and ${second} were measured with different settings: ${key} is ${a.settings[key]} and ${b.settings[key]}.`,
      );
}

const machineOf = ({ machine: { cpu, cores, memoryMib, pinned } }: LabReport): string =>
  `${cpu}, ${cores} cores, ${formatNumber(memoryMib)} MiB, ${pinned === null ? 'shared cores' : `core ${pinned.model} for the model`}`;

function differencesOf(a: LabReport, b: LabReport): string[] {
  const versions = ({ machine: { kernel, node }, epollet }: LabReport): string =>
    `Linux ${kernel}, Node ${node}, epollet ${epollet}`;
  return versions(a) === versions(b) ? [] : [`a: ${versions(a)}. b: ${versions(b)}.`];
}

function comparablesOf(report: LabReport): Comparable[] {
  const figure = (
    row: string,
    name: string,
    summary: Summary | null | undefined,
    noise: number | null,
  ): Comparable[] => (summary ? [{ row, figure: name, value: summary, noise }] : []);
  switch (report.experiment) {
    case 'models':
    case 'libuv': {
      const noise = report.repeated?.noise;
      return report.results.flatMap(({ model, cpuUs, latencyMs }) => [
        ...figure(model, CPU, cpuUs, noise?.cpuUs ?? null),
        ...figure(model, P99, latencyMs?.p99, noise?.p99Ms ?? null),
      ]);
    }
    case 'rates':
      return report.results.flatMap(({ model, points }) =>
        points
          .filter(({ struckOut }) => struckOut === null)
          .flatMap(({ rate, cpuUs, latencyMs }) => {
            const noise = report.repeated?.noise.find((each) => each.rate === rate)?.noise;
            return [
              ...figure(model, `${CPU} at ${formatNumber(rate)}/s`, cpuUs, noise?.cpuUs ?? null),
              ...figure(model, `${P99} at ${formatNumber(rate)}/s`, latencyMs.p99, noise?.p99Ms ?? null),
            ];
          }),
      );
    case 'connections': {
      const noise = report.repeated?.noise.cpuUs ?? null;
      return report.results.flatMap(({ model, points }) =>
        points.flatMap(({ idle, cpuUs }) => figure(model, `${CPU} with ${formatNumber(idle)} idle`, cpuUs, noise)),
      );
    }
    case 'workers':
      return report.results.flatMap(({ spread, workers, lifetime, cpuUs, p99Ms }) => [
        ...figure(spread, `${CPU} of ${workers} workers, ${lifetime} connections`, cpuUs, report.noise.cpuUs),
        ...figure(spread, `${P99} of ${workers} workers, ${lifetime} connections`, p99Ms, report.noise.p99Ms),
      ]);
    case 'websocket':
      return report.results.flatMap(({ server, bytes, cpuUs, messagesPerSecond }) => {
        const noise = report.noise.find((each) => each.bytes === bytes)?.repeated.noise;
        return [
          ...figure(server, `${CPU} a message of ${formatNumber(bytes)} bytes`, cpuUs, noise?.cpuUs ?? null),
          ...figure(
            server,
            `messages/s of ${formatNumber(bytes)} bytes`,
            messagesPerSecond,
            noise?.messagesPerSecond ?? null,
          ),
        ];
      });
    case 'drivers':
      return report.results.flatMap(({ driver, points }) =>
        points.flatMap((point) => {
          const noise = report.repeated?.noise.find(({ load }) => load === point.load)?.noise;
          const probed = (probe: Probe) => probeOf(point, probe, 'main');
          const counts = point.struckOut === null;
          return [
            ...figure(driver, `${CPU}, ${point.load}`, counts ? point.cpuUs : null, noise?.cpuUs ?? null),
            ...figure(driver, `${P99}, ${point.load}`, counts ? point.latencyMs.p99 : null, noise?.p99Ms ?? null),
            ...figure(
              driver,
              `timeout 1 ms, ${P99}, ${point.load}`,
              probed('timeout 1 ms')?.p99Ms,
              noise?.timeoutMs ?? null,
            ),
            ...figure(driver, `TCP echo, p50 ms, ${point.load}`, probed('TCP echo')?.p50Ms, noise?.echoMs ?? null),
          ];
        }),
      );
    case 'triggers': {
      const { costs = [], repeated } = report.costs ?? {};
      return costs.flatMap(({ reader, messageBytes, ready, ns }) => {
        const same = repeated?.noise.find((each) => each.messageBytes === messageBytes && each.ready === ready);
        return figure(reader, `${NS} of ${formatNumber(messageBytes)} bytes, ${ready} ready`, ns, same?.ns ?? null);
      });
    }
    default:
      return [];
  }
}

type Pair = { readonly one: Comparable; readonly other: Comparable; readonly noise: number | null };

/**
 * Pairs of models, each of which is cheaper than the other in one of the runs. One of which a round was struck out has no
 * place in the order: the round was struck out because its values were far apart. Nor have single rounds one.
 */
function orderSentences(pairs: readonly Pair[]): string[] {
  const reversed: string[] = [];
  const unordered: string[] = [];
  let isOrdered = false;
  for (const figure of new Set(pairs.map(({ one }) => one.figure))) {
    if (!isCost(figure)) continue;
    const all = pairs.filter(({ one }) => one.figure === figure);
    const rounds = Math.max(...all.flatMap(({ one, other }) => [one.value.count, other.value.count]));
    if (rounds === 1) {
      unordered.push(`all models, ${figure}`);
      continue;
    }
    const isWhole = ({ one, other }: Pair): boolean => Math.min(one.value.count, other.value.count) === rounds;
    const rows = all.filter(isWhole);
    isOrdered ||= rows.length > 1;
    unordered.push(...all.filter((pair) => !isWhole(pair)).map(({ one }) => `${one.row}, ${figure}`));
    for (const [at, x] of rows.entries()) {
      for (const y of rows.slice(at + 1)) {
        if (modelOf(x.one.row) === modelOf(y.one.row)) continue;
        if (!isDifferent(x.one.value, y.one.value, x.noise) || !isDifferent(x.other.value, y.other.value, x.noise))
          continue;
        if (x.one.value.median < y.one.value.median === x.other.value.median < y.other.value.median) continue;
        reversed.push(`${x.one.row} and ${y.one.row}, ${figure}`);
      }
    }
  }
  const order =
    reversed.length === 0
      ? 'Both runs put all models that differ in the same order.'
      : `The runs order differently: ${reversed.join('; ')}.`;
  return [
    ...(isOrdered ? [order] : []),
    ...(unordered.length === 0 ? [] : [`Without a place in the order, for want of a round: ${unordered.join('; ')}.`]),
  ];
}

/** Whether it is one of the figures by which models are ordered; those of latency depend on single pauses. */
const isCost = (figure: string): boolean => figure.startsWith(CPU) || figure.startsWith(NS);
