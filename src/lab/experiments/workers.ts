import { fileURLToPath } from 'node:url';
import type { Figure } from '../base/chart.js';
import { percentilesOf } from '../base/distribution.js';
import { formatMedian, formatNumber, formatRange, tailOf } from '../base/format.js';
import { modelOf, type Noise, noiseFigure, noiseOf, repetitionOf } from '../base/noise.js';
import { shuffledOrders } from '../base/shuffle.js';
import { type Summary, summarizeEach } from '../base/stats.js';
import { get } from '../bench/smoke-check.js';
import type { Row, Workbench } from '../bench/workbench.js';
import { tasksetArgs } from '../measure/cores.js';
import { SPREADS, type Spread, type SpreadEnd, type SpreadSpec, type SpreadState } from '../measure/spread-program.js';
import type { Experiment } from './experiment.js';

export const WORKERS = [2, 4, 8] as const;
/** Persistent connections, or one for each request. */
export const LIFETIMES = ['long', 'short'] as const;
export type Lifetime = (typeof LIFETIMES)[number];

const KEYS = ['leastShare', 'mostShare', 'cpuUs', 'p50Ms', 'p99Ms', 'rawP99Ms'] as const;
type Key = (typeof KEYS)[number];

export interface SpreadRound extends Readonly<Record<Key, number | null>> {
  /** Connections of each worker, the most first. */
  readonly connections: readonly number[];
}

export interface SpreadResult extends Readonly<Record<Key, Summary | null>> {
  /** A way of spreading, or its repetition. */
  readonly spread: string;
  readonly workers: number;
  readonly lifetime: Lifetime;
  readonly rounds: readonly SpreadRound[];
  /** Why it was not measured, or null. */
  readonly failure: string | null;
}

interface Cell {
  readonly spread: string;
  readonly workers: number;
  readonly lifetime: Lifetime;
}

interface Partial extends Row {
  readonly cell: Cell;
  readonly rounds: SpreadRound[];
}

const REPEATED = SPREADS[0];
const PROGRAM = fileURLToPath(new URL('../measure/spread-program.js', import.meta.url));

const WAYS: Readonly<Record<Spread, string>> = {
  reuseport: 'a socket each, SO_REUSEPORT: the kernel picks one by the hash of the addresses',
  shared: 'one socket in each worker’s epoll set: all are woken, the fastest accepts',
  exclusive: 'the same with EPOLLEXCLUSIVE: one is woken',
  'handed over': 'one thread accepts and hands over the descriptors in turn',
  processes: 'processes that inherited one socket, otherwise as shared',
};

export const workers: Experiment<{ readonly results: readonly SpreadResult[]; readonly noise: Noise<Key> }> = {
  question: 'With several workers on one port, which of them gets the connections, and what does a request cost?',
  models: [],
  defaults: { connections: 64 },
  unused: ['models', 'maxHeavy', 'idle', 'maxIdle', 'rates', 'close'],
  async measure(bench) {
    const partials = new Map<string, Partial>();
    for (const workers of WORKERS)
      for (const lifetime of LIFETIMES)
        for (const spread of [...SPREADS, repetitionOf(REPEATED)]) {
          const cell = { spread, workers, lifetime };
          partials.set(JSON.stringify(cell), { cell, rounds: [], failure: null });
        }
    const { rounds, seed } = bench.settings;
    const orders = shuffledOrders([...partials.keys()], rounds, seed);
    const complete = await bench.rounds(orders, partials.size, async (key, round) => {
      const partial = partials.get(key)!;
      const { cell } = partial;
      bench.progress.label(`round ${round + 1} of ${rounds}: ${cell.spread}, ${cell.workers} workers`);
      await bench.turn(partial, round, async () => {
        partial.rounds.push(await measureRound(bench, cell));
      });
      bench.progress.step();
    });
    const results = [...partials.values()].map(spreadResult);
    const noise = spreadNoise(results);
    bench.noteNoise(REPEATED, [[noise.cpuUs]]);
    return { result: { results, noise }, complete };
  },
  hasData: ({ results }) => results.some(({ rounds }) => rounds.length > 0),
  figures: ({ results, noise }) => spreadFigures(results, noise),
};

async function measureRound(bench: Workbench, { spread, workers, lifetime }: Cell): Promise<SpreadRound> {
  const { connections, rate, seconds, warmUpSeconds } = bench.settings;
  const spec: SpreadSpec = { spread: modelOf(spread) as Spread, workers, root: bench.site.directory };
  const { cores } = bench.instruments;
  // On one core the scheduler alone would decide which worker accepts.
  const all = cores === null ? [] : tasksetArgs([cores.model, ...cores.load]);
  return bench.withServer([...all, process.execPath, PROGRAM, JSON.stringify(spec)], async (server) => {
    const ask = async (path: string): Promise<unknown> => {
      const { body } = await get(server.url, path, { timeoutMs: 20_000 });
      return JSON.parse(body.toString());
    };
    const { port } = (await ask('/')) as SpreadState;
    const url = new URL(`http://127.0.0.1:${port}/`);
    const load = { url, connections, seconds, close: lifetime === 'short' };
    const options = { pid: server.pid, rates: [rate], warmUpSeconds, settle: false };
    const [measured] = await bench.instruments.rateLoads(load, options);
    const { connections: counts } = (await ask('/end')) as SpreadEnd;
    const { cpu, responses, corrected, raw } = measured!;
    const latency = percentilesOf(corrected);
    const sorted = [...counts].sort((a, b) => b - a);
    const total = sorted.reduce((sum, count) => sum + count, 0);
    return {
      connections: sorted,
      mostShare: total === 0 ? null : sorted[0]! / total,
      leastShare: total === 0 ? null : sorted.at(-1)! / total,
      cpuUs: responses === 0 ? null : cpu.totalUs / responses,
      p50Ms: latency?.p50 ?? null,
      p99Ms: latency?.p99 ?? null,
      rawP99Ms: percentilesOf(raw)?.p99 ?? null,
    };
  });
}

export const spreadResult = ({ cell, rounds, failure }: Partial): SpreadResult => ({
  ...cell,
  ...summarizeEach(KEYS, rounds),
  rounds,
  failure,
});

/** Over all numbers of workers, of what was measured twice. */
export function spreadNoise(results: readonly SpreadResult[]): Noise<Key> {
  const pairs = results.flatMap((first) => {
    const isAgain = ({ spread, workers, lifetime }: SpreadResult): boolean =>
      spread === repetitionOf(REPEATED) && workers === first.workers && lifetime === first.lifetime;
    const again = first.spread === REPEATED ? results.find(isAgain) : undefined;
    return first.rounds.flatMap((round, at) => (again?.rounds[at] ? [{ round, again: again.rounds[at] }] : []));
  });
  return noiseOf(
    KEYS,
    pairs.map(({ round }) => round),
    pairs.map(({ again }) => again),
  );
}

const percent = (ratio: number): string => `${formatNumber(Math.round(ratio * 1000) / 10)} %`;

/** The most uneven way and the most even one, with their shares. Null without two. */
export function spreadReading(results: readonly SpreadResult[], workers: number, lifetime: Lifetime): string | null {
  const measured = results
    .filter((each) => each.workers === workers && each.lifetime === lifetime && each.mostShare !== null)
    .sort((a, b) => b.mostShare!.median - a.mostShare!.median);
  const [first, last] = [measured[0], measured.at(-1)];
  if (first === undefined || last === undefined || first === last) return null;
  const share = ({ spread, mostShare }: SpreadResult): string => `${percent(mostShare!.median)} by ${spread}`;
  return `Of ${workers} workers, the busiest gets ${share(first)} and ${share(last)}; an even share is ${percent(1 / workers)}.`;
}

function spreadFigures(results: readonly SpreadResult[], noise: Noise<Key>): Figure[] {
  const names = [...SPREADS, repetitionOf(REPEATED)];
  const figures = LIFETIMES.map((lifetime): Figure => {
    const rows = results.filter((each) => each.lifetime === lifetime);
    const find = (spread: string, workers: number): SpreadResult | undefined =>
      rows.find((each) => each.spread === spread && each.workers === workers);
    const ways = SPREADS.map((spread) => `${spread}: ${WAYS[spread]}`).join('; ');
    return {
      title: lifetime === 'long' ? 'Persistent connections' : 'A connection per request',
      description: `The share of the busiest worker, at a fixed rate. Latency is from the time at which a request was due; raw: from the time at which it was sent. ${ways}.`,
      reading:
        WORKERS.map((count) => spreadReading(results, count, lifetime))
          .filter((sentence) => sentence !== null)
          .join(' ') || null,
      chart: {
        kind: 'bars',
        labels: names,
        unit: '% of the connections',
        series: WORKERS.map((count) => {
          const of = (key: 'median' | 'min' | 'max') =>
            names.map((spread) => {
              const share = find(spread, count)?.mostShare?.[key];
              return share === undefined ? null : share * 100;
            });
          return { name: `${count} workers`, values: of('median'), low: of('min'), high: of('max') };
        }),
      },
      table: {
        columns: [
          'spread',
          'workers',
          'busiest',
          'idlest',
          'connections of each',
          'CPU µs',
          'p50 ms',
          'p99 ms',
          'range',
          'raw p99 ms',
        ],
        rows: rows.map(({ spread, workers, mostShare, leastShare, rounds, cpuUs, p50Ms, p99Ms, rawP99Ms, failure }) => [
          spread,
          `${workers}`,
          mostShare ? percent(mostShare.median) : formatMedian(null),
          leastShare ? percent(leastShare.median) : formatMedian(null),
          rounds[0]?.connections.join(', ') ?? failure ?? '',
          formatMedian(cpuUs),
          formatMedian(p50Ms),
          formatMedian(tailOf(p99Ms)),
          formatRange(tailOf(p99Ms)),
          formatMedian(tailOf(rawP99Ms)),
        ]),
      },
    };
  });
  const repeated = { model: REPEATED, noise };
  return [
    ...figures,
    noiseFigure(repeated, { mostShare: 'share of the busiest', cpuUs: 'CPU per request', p99Ms: 'p99' }),
  ];
}
