import { formatNumber } from './format.js';
import { isWithinNoise, modelOf } from './noise.js';

/** A model with its value; null is left out. */
export interface Value {
  readonly model: string;
  readonly value: number | null;
}

export interface ReadingOptions {
  readonly unit: string;
  /** Whether the least value is the best one, and comes first. */
  readonly isLess: boolean;
  /** Null if it is not known. */
  readonly noise: number | null;
  /** What the rows are. @default 'model' */
  readonly noun?: string;
}

/**
 * What a chart shows, as a sentence of its figures: the best model, those that do not differ from it by more than two
 * runs of the same, and how far away the worst one is. Null for fewer than two models.
 */
export function extremesReading(
  values: readonly Value[],
  { unit, isLess, noise, noun = 'model' }: ReadingOptions,
): string | null {
  const sorted = measured(values).sort((a, b) => (isLess ? a.value - b.value : b.value - a.value));
  const [best, ...others] = sorted;
  const worst = others.at(-1);
  if (best === undefined || worst === undefined || best.value <= 0 || worst.value <= 0) return null;
  const equal = others.filter(({ value }) => isWithinNoise(value / best.value, noise)).map(({ model }) => model);
  const amount = (each: { value: number }): string => `${formatNumber(each.value)} ${unit}`;
  const first = `${isLess ? 'Least' : 'Most'}: ${best.model} with ${amount(best)}`;
  if (equal.length === others.length) return `${first}; no ${noun} differs from it by more than two runs of the same.`;
  const same =
    equal.length === 0
      ? ''
      : `; ${listOf(equal)} ${equal.length === 1 ? 'does' : 'do'} not differ by more than two runs of the same`;
  const ratio = Math.max(worst.value / best.value, best.value / worst.value);
  return `${first}${same}. ${isLess ? 'Most' : 'Least'}: ${worst.model} with ${amount(worst)}, ${formatNumber(ratio)} times ${isLess ? 'as much' : 'less'}.`;
}

/**
 * How the cost of each model changes from the highest rate at which it was measured to the lowest, and whether the
 * order of the models changes.
 * @param at the values at each rate, in its order
 */
export function ratesReading(
  at: readonly { readonly rate: number; readonly values: readonly Value[] }[],
): string | null {
  const all = at
    .map(({ rate, values }) => ({ rate, values: measured(values) }))
    .filter(({ values }) => values.length > 1);
  const [lowest, highest] = [all[0], all.at(-1)];
  if (lowest === undefined || highest === undefined || lowest === highest) return null;
  const factors = highest.values.flatMap(({ model, value }) => {
    const low = lowest.values.find((each) => each.model === model);
    return low === undefined ? [] : [{ model, value: low.value / value }];
  });
  factors.sort((a, b) => b.value - a.value);
  const [most, least] = [factors[0], factors.at(-1)];
  if (most === undefined || least === undefined) return null;
  const cheapest = ({ values }: (typeof all)[number]): string =>
    modelOf(values.reduce((best, each) => (each.value < best.value ? each : best)).model);
  const [atLow, atHigh] = [cheapest(lowest), cheapest(highest)];
  const [low, high] = [formatNumber(lowest.rate), formatNumber(highest.rate)];
  const cost = ({ model, value }: { model: string; value: number }): string =>
    `${formatNumber(value)} times in ${model}`;
  const range = most === least ? cost(most) : `${cost(most)} and ${cost(least)}`;
  const order =
    atLow === atHigh
      ? `${atLow} is the cheapest at both.`
      : `${atLow} is the cheapest at ${low} per second, ${atHigh} at ${high}.`;
  return `At ${low} requests per second a request costs ${range} what it costs at ${high}. ${order}`;
}

const measured = (values: readonly Value[]): { model: string; value: number }[] =>
  values.flatMap(({ model, value }) => (value === null ? [] : [{ model, value }]));

export const listOf = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
