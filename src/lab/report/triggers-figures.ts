import type { Figure } from '../base/chart.js';
import { formatCalls, formatNumber } from '../base/format.js';
import { type Arrival, type HerdRow, TRIGGER_NAMES, type TriggerRow } from '../experiments/trigger-rows.js';

const ARRIVALS: Readonly<Record<Arrival, string>> = {
  whole: 'All bytes arrive at once',
  pieces: 'The bytes arrive piece by piece',
};

/** What the same bytes make the kernel say under each trigger. */
export function triggerFigures(rows: readonly TriggerRow[], herd: readonly HerdRow[]): Figure[] {
  const figures = (Object.keys(ARRIVALS) as Arrival[]).map((arrival) =>
    arrivalFigure(
      arrival,
      rows.filter((row) => row.arrival === arrival),
    ),
  );
  return herd.length === 0 ? figures : [...figures, herdFigure(herd)];
}

function arrivalFigure(arrival: Arrival, rows: readonly TriggerRow[]): Figure {
  const { bytes, pieceBytes } = rows[0]!;
  const readings = [...new Set(rows.map(({ reading }) => reading))];
  return {
    title: ARRIVALS[arrival],
    description: `${formatNumber(bytes)} bytes ${arrival === 'whole' ? 'in one write' : `in ${bytes / pieceBytes} writes`}. When it is told, the reader takes one piece of ${pieceBytes} bytes, or pieces until there are none, or all at once. Edge does not say again what it has said: whoever leaves something behind may wait for ever.`,
    chart: {
      kind: 'bars',
      labels: [...TRIGGER_NAMES],
      series: readings.map((reading) => ({
        name: reading,
        values: TRIGGER_NAMES.map(
          (trigger) => rows.find((row) => row.trigger === trigger && row.reading === reading)?.systemCalls ?? null,
        ),
      })),
      unit: 'system calls',
    },
    table: {
      columns: ['trigger', 'reading', 'notifications', 'system calls', 'which', 'bytes left unread'],
      rows: rows.map((row) => [
        row.trigger,
        row.reading,
        formatNumber(row.notifications),
        formatNumber(row.systemCalls),
        formatCalls(row.calls),
        formatNumber(row.bytesLeft),
      ]),
    },
  };
}

function herdFigure(herd: readonly HerdRow[]): Figure {
  return {
    title: 'Who is woken',
    description: `${herd[0]!.threads} threads wait for one descriptor, each in a set of its own, and one byte arrives. Exclusive wakes one of them (the manual promises “one or more”), the others all.`,
    chart: {
      kind: 'bars',
      labels: herd.map(({ trigger }) => trigger),
      series: [{ name: 'threads woken', values: herd.map(({ woken }) => woken) }],
      unit: 'threads',
    },
    table: {
      columns: ['trigger', 'threads that wait', 'threads woken'],
      rows: herd.map(({ trigger, threads, woken }) => [trigger, formatNumber(threads), formatNumber(woken)]),
    },
  };
}
