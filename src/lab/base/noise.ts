import type { Figure } from './chart.js';
import { formatNumber, listOf, NONE } from './format.js';
import { type Summary, summarize } from './stats.js';

/**
 * What two runs of the same model differ by: of each figure the larger value by the smaller one, the median over the
 * rounds, and at least what their medians differ by. Null if a figure was not measured twice.
 */
export type Noise<Key extends string> = Readonly<Record<Key, number | null>>;

/** A model that is measured twice in each round, like two models: an A/A test. */
export interface Repeated<Key extends string> {
  readonly model: string;
  readonly noise: Noise<Key>;
}

/** A machine on which two runs of the same differ by more is too noisy for small differences. */
const MAX_NOISE = 1.05;

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
  const noise = (key: Key): number | null => {
    const pairs = rounds.flatMap((round, at): [number, number][] => {
      const [one, other] = [round[key], again[at]?.[key] ?? null];
      return one !== null && other !== null && one > 0 && other > 0 ? [[one, other]] : [];
    });
    const median = (values: number[]): number => summarize(values)!.median;
    return pairs.length === 0
      ? null
      : Math.max(
          median(pairs.map(([one, other]) => quotient(one, other))),
          quotient(median(pairs.map(([one]) => one)), median(pairs.map(([, other]) => other))),
        );
  };
  return Object.fromEntries(keys.map((key) => [key, noise(key)])) as Record<Key, number | null>;
}

/** The larger by the smaller. */
const quotient = (a: number, b: number): number => Math.max(a, b) / Math.min(a, b);

/**
 * Whether two rows differ: their medians by more than two runs of the same do, and most rounds of the one from most of
 * the other. A disturbed round can put the medians of few rounds into another order, whatever the two runs differed by.
 */
export const isDifferent = (a: Summary, b: Summary, noise: number | null): boolean =>
  a.median !== b.median &&
  (noise === null || quotient(a.median, b.median) > noise) &&
  (a.low > b.high || b.low > a.high);

/** `1.33 ×`, or that the two do not differ. */
export const formatRatio = (
  value: Summary | null | undefined,
  by: Summary | null | undefined,
  noise: number | null,
): string =>
  !value || !by || by.median <= 0
    ? NONE
    : isDifferent(value, by, noise)
      ? `${formatNumber(value.median / by.median)} ×`
      : SAME;

/** `3.2 %`, of a ratio above 1. */
export const formatNoise = (noise: number | null): string =>
  noise === null ? 'not measured' : `${Math.round((noise - 1) * 1000) / 10} %`;

/**
 * A sentence for the report of a machine that is too noisy; null for a quiet one.
 * @param noise of the figure that counts, under each load if there are several
 */
export function noisySentence(
  model: string,
  noise: readonly (readonly [noise: number | null, where?: string])[],
): string | null {
  const parts = noise.flatMap(([ratio, where]) =>
    ratio === null || ratio <= MAX_NOISE ? [] : `${formatNoise(ratio)}${where === undefined ? '' : ` (${where})`}`,
  );
  return parts.length === 0
    ? null
    : `Two runs of ${model} differ by ${listOf(parts)}: the machine is too noisy, above ${formatNoise(MAX_NOISE)}.`;
}

/** For the description of the two runs. */
export const WITHIN_NOISE = `A ratio within it is shown as “${SAME}”, and so is one of two rows whose rounds overlap: all of up to four, or the middle half of more.`;

/** @param names the figures in words, in the order of the table */
export function noiseFigure<Key extends string>(
  { model, noise }: Repeated<Key>,
  names: Readonly<Partial<Record<Key, string>>>,
): Figure {
  return {
    title: 'Two runs of the same',
    description: `Each round measures ${model} twice, as ${model} and as ${repetitionOf(model)}. What the two differ by, the median over the rounds, is the noise of the run. ${WITHIN_NOISE}`,
    chart: null,
    table: {
      columns: ['figure', 'two runs differ by'],
      rows: (Object.keys(names) as Key[]).map((key) => [names[key]!, formatNoise(noise[key])]),
    },
  };
}
