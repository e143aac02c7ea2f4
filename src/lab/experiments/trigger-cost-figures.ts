import { type Figure, summarySeries } from '../base/chart.js';
import { formatMedian, formatNumber, formatRange } from '../base/format.js';
import { formatNoise, formatRatio, SAME, WITHIN_NOISE } from '../base/noise.js';
import type { Summary } from '../base/stats.js';
import { BUFFER_BYTES, READER_NAMES, type TriggerCost, type TriggerCosts } from '../measure/trigger-costs.js';

/** Two projects that decided against each other, on the same question. */
export const QUOTATIONS = [
  {
    text: 'Supporting edge-triggered complicates things a lot while the advantage is not really clear with the dispatching model of netty.',
    source: 'Netty, which has been level-triggered only since 2024: https://github.com/netty/netty/issues/14007',
  },
  {
    text: 'I propose reducing Mio’s portable API to simply support edge triggered notifications.',
    source: 'mio, which has been edge-triggered only since 2019: https://github.com/tokio-rs/mio/issues/928',
  },
] as const;

const quoted = QUOTATIONS.map(({ text, source }) => `“${text}” (${source})`).join(' ');

/** A table for each message size. */
export function triggerCostFigures({ costs, repeated }: TriggerCosts): Figure[] {
  const sizes = [...new Set(costs.map(({ messageBytes }) => messageBytes))];
  return [
    ...sizes.map((bytes, at) => sizeFigure(costs, repeated.noise, bytes, at === 0)),
    {
      title: 'Two runs of the same',
      description: `In each round “${repeated.model}” is measured twice. What the two differ by, the median over the rounds, is the noise. ${WITHIN_NOISE}`,
      chart: null,
      table: {
        columns: ['message', 'ready at once', 'two runs differ by'],
        rows: repeated.noise.map(({ messageBytes, ready, ns }) => [
          formatBytes(messageBytes),
          formatNumber(ready),
          formatNoise(ns),
        ]),
      },
    },
  ];
}

export const formatBytes = (bytes: number): string =>
  bytes >= 1024 ? `${formatNumber(bytes / 1024)} KiB` : `${formatNumber(bytes)} bytes`;

function sizeFigure(
  all: readonly TriggerCost[],
  noise: TriggerCosts['repeated']['noise'],
  messageBytes: number,
  hasQuotations: boolean,
): Figure {
  const rows = all.filter((cost) => cost.messageBytes === messageBytes);
  const counts = [...new Set(rows.map(({ ready }) => ready))];
  const level = (ready: number): TriggerCost => rows.find((row) => row.ready === ready)!;
  const noiseOf = (ready: number): number | null =>
    noise.find((each) => each.messageBytes === messageBytes && each.ready === ready)?.ns ?? null;
  const about = `Each message is read into a buffer of ${formatBytes(BUFFER_BYTES)}; the time is from the wait to the last byte, with re-arming.`;
  return {
    title: `Edge or level: messages of ${formatBytes(messageBytes)}`,
    description: hasQuotations ? `${about} ${quoted}` : about,
    reading: readingOf(rows, counts, noiseOf),
    chart: {
      kind: 'bars',
      labels: counts.map((ready) => `${formatNumber(ready)} ready`),
      series: READER_NAMES.map((name) =>
        summarySeries(
          name,
          rows.filter(({ reader }) => reader === name),
          ({ ns }) => ns,
        ),
      ),
      unit: 'ns per message',
    },
    table: {
      columns: ['reader', 'ready at once', 'system calls', 'ns', 'range', 'by level'],
      rows: rows.map(({ reader, ready, systemCalls, ns }) => [
        reader,
        formatNumber(ready),
        formatNumber(systemCalls),
        formatMedian(ns),
        formatRange(ns),
        formatRatio(ns, level(ready).ns, noiseOf(ready)),
      ]),
    },
  };
}

/** What the figures amount to, at each number of ready descriptors. */
function readingOf(
  rows: readonly TriggerCost[],
  counts: readonly number[],
  noiseOf: (ready: number) => number | null,
): string {
  const sentences = counts.map((ready) => {
    const of = (name: (typeof READER_NAMES)[number]): Summary =>
      rows.find((row) => row.ready === ready && row.reader === name)!.ns;
    const level = of('level, one read');
    const compared = READER_NAMES.slice(1).map((name) => {
      const ratio = formatRatio(of(name), level, noiseOf(ready));
      return `“${name}” ${ratio === SAME ? 'the same within the noise' : ratio}`;
    });
    return `With ${formatNumber(ready)} ready, by “level, one read” at ${formatMedian(level)} ns: ${compared.join(', ')}.`;
  });
  return sentences.join(' ');
}
