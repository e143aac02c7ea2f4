import { type Figure, summarySeries } from '../base/chart.js';
import { formatNumber, formatRange } from '../base/format.js';
import { formatRatio, noiseFigure, noiseOf, type Repeated, repetitionOf } from '../base/noise.js';
import { extremesReading } from '../base/readings.js';
import { type Summary, summarize } from '../base/stats.js';
import { ECHO_BYTES, REPEATED } from './ways.js';

export interface EchoRound {
  /** CPU time of the server per message, in microseconds. */
  readonly cpuUs: number;
  readonly messagesPerSecond: number;
}

/** A server with messages of one size. */
export interface EchoResult {
  readonly server: string;
  /** Of a message. */
  readonly bytes: number;
  readonly cpuUs: Summary | null;
  readonly messagesPerSecond: Summary | null;
  readonly rounds: readonly EchoRound[];
  /** Why there is no round, or none after the last one; null without a failure. */
  readonly failure: string | null;
}

export interface EchoNoise {
  readonly bytes: number;
  readonly repeated: Repeated<keyof EchoRound>;
}

export interface AllEchoes {
  readonly results: readonly EchoResult[];
  /** Of each size. */
  readonly noise: readonly EchoNoise[];
}

export const echoResult = (
  server: string,
  bytes: number,
  rounds: readonly EchoRound[],
  failure: string | null,
): EchoResult => ({
  server,
  bytes,
  cpuUs: summarize(rounds.map(({ cpuUs }) => cpuUs)),
  messagesPerSecond: summarize(rounds.map(({ messagesPerSecond }) => messagesPerSecond)),
  rounds,
  failure,
});

/** What the server that is measured twice differs by from itself. */
export function echoNoise(results: readonly EchoResult[]): EchoNoise[] {
  return ECHO_BYTES.map((bytes) => {
    const roundsOf = (server: string): readonly EchoRound[] =>
      results.find((each) => each.server === server && each.bytes === bytes)?.rounds ?? [];
    const noise = noiseOf(['cpuUs', 'messagesPerSecond'], roundsOf(REPEATED), roundsOf(repetitionOf(REPEATED)));
    return { bytes, repeated: { model: REPEATED, noise } };
  });
}

export const echoFigures = (all: AllEchoes): Figure[] => [
  ...ECHO_BYTES.map((bytes) => costFigure(all, bytes)),
  ...all.noise.slice(0, 1).map(({ repeated }) => noiseFigure(repeated, { cpuUs: 'CPU time per message' })),
];

function costFigure({ results, noise }: AllEchoes, bytes: number): Figure {
  const rows = results.filter((each) => each.bytes === bytes);
  const measured = rows.filter(({ cpuUs }) => cpuUs !== null);
  const cpuNoise = noise.find((each) => each.bytes === bytes)?.repeated.noise.cpuUs ?? null;
  const reference = measured.find(({ server }) => server === REPEATED)?.cpuUs;
  return {
    title: `Echo of ${formatNumber(bytes)} bytes`,
    description: `Each connection has one text message of ${formatNumber(bytes)} bytes on its way, which the server sends back. CPU time of the server per message; the frames of the client are masked.`,
    reading: extremesReading(
      measured.map(({ server, cpuUs }) => ({ model: server, value: cpuUs })),
      { unit: 'µs', isLess: true, noise: cpuNoise, noun: 'server' },
    ),
    chart: {
      kind: 'bars',
      labels: measured.map(({ server }) => server),
      series: [summarySeries('CPU time per message', measured, ({ cpuUs }) => cpuUs)],
      unit: 'µs',
    },
    table: {
      columns: ['server', 'CPU µs', 'range', `by ${REPEATED}`, 'messages/s', 'failure'],
      rows: rows.map(({ server, cpuUs, messagesPerSecond, failure }) => [
        server,
        formatNumber(cpuUs?.median ?? null),
        formatRange(cpuUs),
        formatRatio(cpuUs, reference, cpuNoise),
        formatNumber(messagesPerSecond?.median ?? null),
        failure ?? '',
      ]),
    },
  };
}
