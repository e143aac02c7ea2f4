import { formatNumber, listOf } from './format.js';
import { isDifferent, modelOf } from './noise.js';
import type { Summary } from './stats.js';

/** A model with its figure; null, and the second run of a model, are left out. */
export interface Value {
  readonly model: string;
  readonly value: Summary | null;
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
 * What a chart shows, as a sentence of its figures: the best model, those that do not differ from it, and how far away
 * the worst one is. Null for fewer than two models.
 */
export function extremesReading(
  values: readonly Value[],
  { unit, isLess, noise, noun = 'model' }: ReadingOptions,
): string | null {
  const sorted = measured(values).sort((a, b) => (isLess ? 1 : -1) * (a.value.median - b.value.median));
  const [best, ...others] = sorted;
  const worst = others.at(-1);
  if (best === undefined || worst === undefined || best.value.median <= 0 || worst.value.median <= 0) return null;
  const equal = equalTo(best, others, noise);
  const amount = ({ value }: Measured): string => `${formatNumber(value.median)} ${unit}`;
  const first = `${isLess ? 'Least' : 'Most'}: ${best.model} with ${amount(best)}`;
  if (equal.length === others.length) return `${first}; no other ${noun} differs from it.`;
  const same = equal.length === 0 ? '' : `; ${listOf(equal)} ${equal.length === 1 ? 'does' : 'do'} not differ from it`;
  const ratio = Math.max(worst.value.median / best.value.median, best.value.median / worst.value.median);
  return `${first}${same}. ${isLess ? 'Most' : 'Least'}: ${worst.model} with ${amount(worst)}, ${formatNumber(ratio)} times ${isLess ? 'as much' : 'less'}.`;
}

interface RateValues {
  readonly rate: number;
  readonly values: readonly Value[];
  /** Null if it is not known. */
  readonly noise: number | null;
}

/**
 * How the cost of each model changes from the highest rate at which it was measured to the lowest, and whether other
 * models are the cheapest then.
 * @param at the values at each rate, in its order
 */
export function ratesReading(at: readonly RateValues[]): string | null {
  const all = at
    .map(({ rate, values, noise }) => ({ rate, values: measured(values), noise }))
    .filter(({ values }) => values.length > 1);
  const [lowest, highest] = [all[0], all.at(-1)];
  if (lowest === undefined || highest === undefined || lowest === highest) return null;
  const factors = highest.values.flatMap(({ model, value }) => {
    const low = lowest.values.find((each) => each.model === model);
    return low === undefined ? [] : [{ model, factor: low.value.median / value.median }];
  });
  factors.sort((a, b) => b.factor - a.factor);
  const [most, least] = [factors[0], factors.at(-1)];
  if (most === undefined || least === undefined) return null;
  const [low, high] = [formatNumber(lowest.rate), formatNumber(highest.rate)];
  const cost = ({ model, factor }: { model: string; factor: number }): string =>
    `${formatNumber(factor)} times in ${model}`;
  const range = most === least ? cost(most) : `${cost(most)} and ${cost(least)}`;
  return `At ${low} requests per second a request costs ${range} what it costs at ${high}. ${cheapestReading(lowest, highest)}`;
}

type MeasuredRate = Pick<RateValues, 'rate' | 'noise'> & { readonly values: readonly Measured[] };

function cheapestReading(lowest: MeasuredRate, highest: MeasuredRate): string {
  const [atLow, atHigh] = [cheapestAt(lowest), cheapestAt(highest)];
  const atBoth = atLow.filter((model) => atHigh.includes(model));
  if (atBoth.length === 0)
    return `${are(atLow)} the cheapest at ${formatNumber(lowest.rate)} per second, ${listOf(atHigh)} at ${formatNumber(highest.rate)}.`;
  const isAlone = atLow.length === 1 && atHigh.length === 1;
  return `${are(atBoth)} ${isAlone ? '' : 'among '}the cheapest at both.`;
}

const are = (models: readonly string[]): string => `${listOf(models)} ${models.length === 1 ? 'is' : 'are'}`;

/** The model with the least cost, and those that do not differ from it. */
function cheapestAt({ values, noise }: MeasuredRate): string[] {
  const best = values.reduce((least, each) => (each.value.median < least.value.median ? each : least));
  const others = values.filter((each) => each !== best);
  return [best.model, ...equalTo(best, others, noise)];
}

interface Measured {
  readonly model: string;
  readonly value: Summary;
}

const equalTo = (best: Measured, others: readonly Measured[], noise: number | null): string[] =>
  others.filter(({ value }) => !isDifferent(value, best.value, noise)).map(({ model }) => model);

/** Without the second run of a model. */
const measured = (values: readonly Value[]): Measured[] =>
  values.flatMap(({ model, value }) => (value === null || modelOf(model) !== model ? [] : [{ model, value }]));
