import type { Figure } from './chart.js';
import { formatNumber, NONE } from './format.js';
import { summarize } from './stats.js';

/**
 * What two runs of the same model differ by: of each figure the larger value by the smaller one, the median over the
 * rounds. Null if a figure was not measured twice.
 */
export type Noise<Key extends string> = Readonly<Record<Key, number | null>>;

/** A model that is measured twice in each round, like two models; the A/A test. */
export interface Repeated<Key extends string> {
  readonly model: string;
  readonly noise: Noise<Key>;
}

/** A machine on which two runs of the same differ by more is too noisy for small differences. */
export const MAX_NOISE = 1.05;

export const SAME = 'no difference';

const REPETITION = ' again';

/** The name of the second row of a model. */
export const repetitionOf = (model: string): string => `${model}${REPETITION}`;

/** The model of a row. */
export const modelOf = (row: string): string =>
  row.endsWith(REPETITION) ? row.slice(0, row.length - REPETITION.length) : row;

type Rounds<Key extends string> = readonly Readonly<Record<Key, number | null>>[];

export function noiseOf<Key extends string>(
  keys: readonly Key[],
  rounds: Rounds<Key>,
  again: Rounds<Key>,
): Record<Key, number | null> {
  const noise = (key: Key): number | null =>
    summarize(rounds.map((round, at) => quotient(round[key], again[at]?.[key] ?? null)))?.median ?? null;
  return Object.fromEntries(keys.map((key) => [key, noise(key)])) as Record<Key, number | null>;
}

/** The larger by the smaller. */
const quotient = (a: number | null, b: number | null): number | null =>
  a === null || b === null || a <= 0 || b <= 0 ? null : Math.max(a, b) / Math.min(a, b);

export const isWithinNoise = (ratio: number, noise: number | null): boolean =>
  noise !== null && Math.max(ratio, 1 / ratio) <= noise;

/** `1.33 ×`, or that two runs of the same differ by as much. */
export const formatRatio = (ratio: number | null | undefined, noise: number | null): string => {
  if (ratio === null || ratio === undefined || !Number.isFinite(ratio)) return NONE;
  return isWithinNoise(ratio, noise) ? SAME : `${formatNumber(ratio)} ×`;
};

/** `3.2 %`, of a ratio above 1. */
export const formatNoise = (noise: number | null): string =>
  noise === null ? 'not measured' : `${Math.round((noise - 1) * 1000) / 10} %`;

/** A sentence for the report of a machine that is too noisy; null for a quiet one. */
export function noisySentence<Key extends string>({ model, noise }: Repeated<Key>, key: Key): string | null {
  const ratio = noise[key];
  return ratio === null || ratio <= MAX_NOISE
    ? null
    : `Two runs of ${model} differ by ${formatNoise(ratio)}: the machine is too noisy, above ${formatNoise(MAX_NOISE)}.`;
}

/** @param names the figures in words, in the order of the table */
export function noiseFigure<Key extends string>(
  { model, noise }: Repeated<Key>,
  names: Readonly<Partial<Record<Key, string>>>,
): Figure {
  return {
    title: 'Two runs of the same',
    description: `Each round measures ${model} twice, as ${model} and as ${repetitionOf(model)}. What the two differ by, the median over the rounds, is the noise of the run: a ratio within it is shown as “${SAME}”.`,
    chart: null,
    table: {
      columns: ['figure', 'two runs differ by'],
      rows: (Object.keys(names) as Key[]).map((key) => [names[key]!, formatNoise(noise[key])]),
    },
  };
}
