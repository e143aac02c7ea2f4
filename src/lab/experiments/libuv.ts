import { type Figure, summarySeries } from '../base/chart.js';
import { formatNumber, formatRange } from '../base/format.js';
import { formatRatio, isDifferent, modelOf } from '../base/noise.js';
import { type Summary, summarize } from '../base/stats.js';
import type { Workbench } from '../bench/workbench.js';
import type { Experiment } from './experiment.js';
import { measurePartials, resultsOf } from './models.js';
import { modelsFigures, modelsSummary } from './models-figures.js';
import type { ModelPartial, ModelResult, ModelsResult } from './models-result.js';

const REFERENCE = 'epollet';

/** In every round. */
const REFERENCE_RATIO: Summary = { median: 1, min: 1, max: 1, low: 1, high: 1, count: 1 };

/** A model relative to the reference, which is 1. */
export interface Ratio {
  readonly model: string;
  readonly cpu: Summary | null;
  readonly requestsPerSecond: Summary | null;
}

export const libuv: Experiment<ModelsResult & { readonly ratios: readonly Ratio[] }> = {
  question: 'With the same protocol and the same responses, how does epollet compare with libuv?',
  models: [REFERENCE, 'libuv-net', 'libuv'],
  requiredModel: REFERENCE,
  defaults: {},
  unused: ['maxIdle', 'rates'],
  async measure(bench, orders) {
    const { result: partials, complete } = await measurePartials(bench, orders);
    noteDifferences(bench, partials);
    const result = resultsOf(bench, partials);
    const reference = result.results.find(({ model }) => model === REFERENCE)!;
    return { result: { ...result, ratios: result.results.map((each) => ratioTo(each, reference)) }, complete };
  },
  hasData: ({ results }) => results.some(({ rounds }) => rounds.length > 0),
  figures: (result, settings) => [ratioFigure(result), ...modelsFigures(result, settings)],
  summary: (result) => [ratioFigure(result), ...modelsSummary(result)],
};

/** Only models with equal responses can be compared one to one. */
function noteDifferences(bench: Workbench, partials: readonly ModelPartial[]): void {
  const expected = partials.find(({ model }) => model === REFERENCE)?.responseShape;
  for (const { model, responseShape } of partials) {
    if (responseShape !== null && expected && responseShape !== expected)
      bench.note(`${model} responds with ${responseShape}, ${REFERENCE} with ${expected}.`);
  }
}

/** Computed per round, because other work on the machine in a round affects both models. */
export function ratioTo(result: ModelResult, reference: ModelResult): Ratio {
  const rounds = result.rounds.slice(0, reference.rounds.length);
  const ratio = (key: 'cpuUs' | 'requestsPerSecond'): Summary | null =>
    summarize(
      rounds.map((round, at) => {
        const [own, other] = [round[key], reference.rounds[at]![key]];
        return own === null || other === null ? null : own / other;
      }),
    );
  return { model: result.model, cpu: ratio('cpuUs'), requestsPerSecond: ratio('requestsPerSecond') };
}

function ratioReading(ratios: readonly Ratio[], noise: number | null): string {
  const sentences = ratios
    .filter(({ model }) => modelOf(model) !== REFERENCE)
    .map(({ model, cpu }) =>
      isDifferent(cpu!, REFERENCE_RATIO, noise)
        ? `${model} takes ${formatNumber(cpu!.median)} times the CPU time of ${REFERENCE}.`
        : `The CPU time of ${model} does not differ from that of ${REFERENCE}.`,
    );
  return sentences.join(' ');
}

function ratioFigure({ ratios, repeated }: ModelsResult & { readonly ratios: readonly Ratio[] }): Figure {
  const measured = ratios.filter(({ cpu }) => cpu !== null);
  return {
    title: `Relative to ${REFERENCE}`,
    description: `The value of each model divided by that of ${REFERENCE} in the same round: 2 for CPU time is twice the cost.`,
    reading: ratioReading(measured, repeated?.noise.cpuUs ?? null),
    chart: {
      kind: 'bars',
      labels: measured.map(({ model }) => model),
      series: [
        summarySeries('CPU time per request', measured, (ratio) => ratio.cpu),
        summarySeries('requests per second', measured, (ratio) => ratio.requestsPerSecond),
      ],
      unit: `× ${REFERENCE}`,
    },
    table: {
      columns: ['model', 'CPU time', 'range', 'requests per second', 'range'],
      rows: measured.map(({ model, cpu, requestsPerSecond }) => [
        model,
        formatRatio(cpu, REFERENCE_RATIO, repeated?.noise.cpuUs ?? null),
        formatRange(cpu),
        formatRatio(requestsPerSecond, REFERENCE_RATIO, repeated?.noise.requestsPerSecond ?? null),
        formatRange(requestsPerSecond),
      ]),
    },
  };
}
