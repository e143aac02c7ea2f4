import { Epoll } from '../../epoll/epoll.js';
import { countedKernel } from '../../sys/counted-kernel.js';
import { EPOLLET, EPOLLEXCLUSIVE, EPOLLIN, EPOLLONESHOT } from '../../sys/events.js';
import { constants, kernel as realKernel } from '../../sys/index.js';
import type { Figure } from '../base/chart.js';
import { Cancelled } from '../base/errors.js';
import { formatCalls, formatNumber } from '../base/format.js';
import { SETTING_NAMES } from '../bench/settings.js';
import { measureThunderingHerd, type ThunderingHerdRow } from '../measure/thundering-herd.js';
import { costOptions, measureTriggerCosts, type TriggerCosts } from '../measure/trigger-costs.js';
import type { Experiment } from './experiment.js';
import { formatBytes, triggerCostFigures } from './trigger-cost-figures.js';

const PIECE_BYTES = 512;
const PIECES = 8;
const BYTES = PIECES * PIECE_BYTES;

const FLAGS = { level: 0, edge: EPOLLET, oneshot: EPOLLONESHOT, exclusive: EPOLLEXCLUSIVE } as const;
type TriggerName = keyof typeof FLAGS;
const TRIGGER_NAMES = Object.keys(FLAGS) as TriggerName[];

/** How the bytes arrive: in one write, or in several, each after the reader has handled the one before. */
const ARRIVALS = { whole: 'All bytes arrive at once', pieces: 'The bytes arrive in pieces' } as const;
type Arrival = keyof typeof ARRIVALS;

/** What the reader does on an event: one read of a piece, reads of a piece until EAGAIN, or one large read. */
const READINGS = ['one piece', 'until empty', 'all at once'] as const;
type Reading = (typeof READINGS)[number];

/** The same bytes with one trigger; the counts are the same on every run. */
export interface TriggerRow {
  readonly trigger: TriggerName;
  readonly arrival: Arrival;
  readonly reading: Reading;
  readonly bytes: number;
  readonly pieceBytes: number;
  /** How often epoll_wait reported the descriptor. */
  readonly events: number;
  /** Number of calls by name, without those of the writer. */
  readonly calls: Readonly<Record<string, number>>;
  readonly systemCalls: number;
  /** Unread bytes that no event reports any more. */
  readonly bytesLeft: number;
}

export const triggers: Experiment<{
  readonly results: readonly TriggerRow[];
  readonly thunderingHerd: readonly ThunderingHerdRow[];
  /** Null if the run was cancelled before they were complete. */
  readonly costs: TriggerCosts | null;
}> = {
  question: 'How many events and system calls does each trigger cause for the same bytes, and what do they cost?',
  models: [],
  defaults: {},
  unused: [...SETTING_NAMES.filter((name) => name !== 'rounds'), 'models', 'rates', 'seed', 'close', 'budgetSeconds'],
  async measure(bench) {
    const results = traceTriggers();
    const thunderingHerd = await measureThunderingHerd();
    const costs = await measureTriggerCosts(costOptions(bench.settings.rounds), bench.signal).catch(
      (error: unknown) => {
        if (error instanceof Cancelled) return null;
        throw error;
      },
    );
    if (costs !== null)
      bench.noteNoise(
        `“${costs.repeated.model}”`,
        costs.repeated.noise.map(({ ns, messageBytes, ready }) => [ns, `${formatBytes(messageBytes)}, ${ready} ready`]),
      );
    return { result: { results, thunderingHerd, costs }, complete: costs !== null };
  },
  hasData: () => true,
  figures({ results, thunderingHerd, costs }) {
    const arrivals = (Object.keys(ARRIVALS) as Arrival[]).map((arrival) => arrivalFigure(arrival, results));
    const herd = thunderingHerd.length === 0 ? [] : [thunderingHerdFigure(thunderingHerd)];
    return [...(costs === null ? [] : triggerCostFigures(costs)), ...arrivals, ...herd];
  },
};

/** Every trigger with every arrival and every reading. */
export const traceTriggers = (): TriggerRow[] =>
  (['whole', 'pieces'] as const).flatMap((arrival) =>
    READINGS.flatMap((reading) => TRIGGER_NAMES.map((trigger) => trace(trigger, arrival, reading))),
  );

/**
 * A socket pair: one end is written to, the other is in an epoll set. After each arrival the reader polls until no
 * event is left, so the last, empty poll is counted too. Nothing depends on time.
 */
function trace(trigger: TriggerName, arrival: Arrival, reading: Reading): TriggerRow {
  const counted = countedKernel(realKernel);
  const pair = realKernel.socketpair(constants.SOCK_STREAM | constants.SOCK_NONBLOCK);
  if (typeof pair === 'number') throw new Error(`socketpair failed with ${pair}`);
  const [writer, reader] = pair;
  const bytes = new Uint8Array(BYTES);
  let events = 0;
  let bytesLeft = BYTES;
  try {
    using epoll = new Epoll({ kernel: counted.kernel });
    const mask = EPOLLIN | FLAGS[trigger];
    epoll.register(reader, mask);
    const readOnce = (length: number): boolean => {
      const count = counted.kernel.recv(reader, bytes, 0, length, 0);
      if (count > 0) bytesLeft -= count;
      return count > 0;
    };
    const onReadable = (): void => {
      events++;
      if (reading === 'all at once') readOnce(BYTES);
      else if (reading === 'one piece') readOnce(PIECE_BYTES);
      else while (readOnce(PIECE_BYTES));
      if (trigger === 'oneshot') epoll.modify(reader, mask);
    };
    for (const size of arrival === 'whole' ? [BYTES] : Array<number>(PIECES).fill(PIECE_BYTES)) {
      realKernel.send(writer, bytes, 0, size, 0);
      while (epoll.poll(0).length > 0) onReadable();
    }
  } finally {
    realKernel.close(writer);
    realKernel.close(reader);
  }
  const { epoll_create1: _, close: __, ...calls } = counted.counts();
  const systemCalls = Object.values(calls).reduce((sum, count) => sum + count, 0);
  return { trigger, arrival, reading, bytes: BYTES, pieceBytes: PIECE_BYTES, events, calls, systemCalls, bytesLeft };
}

function arrivalFigure(arrival: Arrival, all: readonly TriggerRow[]): Figure {
  const rows = all.filter((row) => row.arrival === arrival);
  const systemCalls = (trigger: TriggerName, reading: Reading): number | null =>
    rows.find((row) => row.trigger === trigger && row.reading === reading)?.systemCalls ?? null;
  return {
    title: ARRIVALS[arrival],
    description: `${formatNumber(BYTES)} bytes in ${arrival === 'whole' ? 'one write' : `${PIECES} writes`}. On each event, the reader reads one piece of ${PIECE_BYTES} bytes, or pieces until EAGAIN, or everything in one call. Edge-triggered epoll does not report unread bytes again: a reader that leaves some may wait forever.`,
    chart: {
      kind: 'bars',
      labels: TRIGGER_NAMES,
      series: READINGS.map((reading) => ({
        name: reading,
        values: TRIGGER_NAMES.map((trigger) => systemCalls(trigger, reading)),
      })),
      unit: 'system calls',
    },
    table: {
      columns: ['trigger', 'reading', 'events', 'system calls', 'calls', 'unread bytes'],
      rows: rows.map((row) => [
        row.trigger,
        row.reading,
        formatNumber(row.events),
        formatNumber(row.systemCalls),
        formatCalls(row.calls),
        formatNumber(row.bytesLeft),
      ]),
    },
  };
}

function thunderingHerdFigure(rows: readonly ThunderingHerdRow[]): Figure {
  return {
    title: 'Thundering herd',
    description: `${rows[0]!.threads} threads wait for one descriptor, each with an epoll set of its own, and one byte arrives. EPOLLEXCLUSIVE wakes one of them (the manual page promises “one or more”), the other triggers wake all.`,
    chart: {
      kind: 'bars',
      labels: rows.map(({ trigger }) => trigger),
      series: [{ name: 'threads woken', values: rows.map(({ woken }) => woken) }],
      unit: 'threads',
    },
    table: {
      columns: ['trigger', 'threads waiting', 'threads woken'],
      rows: rows.map(({ trigger, threads, woken }) => [trigger, formatNumber(threads), formatNumber(woken)]),
    },
  };
}
