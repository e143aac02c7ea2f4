import { formatNumber } from '../base/format.js';
import { modelOf, repetitionOf } from '../base/noise.js';
import { smokeCheck } from '../bench/smoke-check.js';
import { recordTranscript } from '../bench/transcript-recorder.js';
import { HTTP_MODELS, modelNamed, type Workbench } from '../bench/workbench.js';
import { assertMemoryFor } from '../measure/memory.js';
import type { Experiment, Measured } from './experiment.js';
import { ratesFigures, ratesSummary } from './rates-figures.js';
import { type RateNoise, type RatesPartial, type RatesResult, rateNoise, ratesResult } from './rates-result.js';

/** Of a connection that has a process of its own: an engine with its heap. */
const HEAVY_BYTES_EACH = 64 * 1024 * 1024;

export interface AllRates {
  readonly results: readonly RatesResult[];
  /** Null if no model was measured twice. */
  readonly repeated: { readonly model: string; readonly noise: readonly RateNoise[] } | null;
}

/** A closed loop never lets a model sleep, so it hides what falling asleep and waking up cost. */
export const rates: Experiment<AllRates> = {
  question: 'What does a request cost when requests come at a fixed rate, and how often does each model wake up?',
  models: HTTP_MODELS.map(({ name }) => name),
  defaults: {},
  // A window of 0.25 s has 250 requests at the lower rate; the cost of fewer differs too much.
  quick: { seconds: 0.25, warmUpSeconds: 0.25 },
  unused: ['rate', 'idle', 'maxIdle'],
  measure,
  hasData: ({ results }) => results.some(({ points }) => points.length > 0),
  figures: (result) => ratesFigures(result),
  summary: (result) => ratesSummary(result),
};

async function measure(bench: Workbench, orders: readonly (readonly string[])[]): Promise<Measured<AllRates>> {
  const partials = new Map(
    bench.rows.map((model): [string, RatesPartial] => [
      model,
      { model, waits: modelNamed(modelOf(model)).waits, loads: new Map(), transcript: null, failure: null },
    ]),
  );
  const complete = await bench.rounds(orders, partials.size, async (model, round) => {
    bench.progress.label(`round ${round + 1} of ${orders.length}: ${model}`);
    const partial = partials.get(model)!;
    await bench.turn(partial, round, () => measureModel(bench, partial, round));
    bench.progress.step();
  });
  const results = [...partials.values()].map(ratesResult);
  const row = (name: string): RatesResult => results.find(({ model }) => model === name)!;
  const { repeated: model } = bench;
  const repeated = model === null ? null : { model, noise: rateNoise(row(model), row(repetitionOf(model))) };
  if (repeated !== null) {
    const noise = repeated.noise.map(({ rate, noise: { cpuUs } }) => [cpuUs, `${formatNumber(rate)}/s`] as const);
    bench.noteNoise(repeated.model, noise);
  }
  return { result: { results, repeated }, complete };
}

async function measureModel(bench: Workbench, partial: RatesPartial, round: number): Promise<void> {
  const { settings, instruments } = bench;
  const model = modelNamed(modelOf(partial.model));
  await bench.withServer(bench.launch.model(model.name, bench.site.directory), async ({ url, pid }) => {
    const { keepAlive } = await smokeCheck(url, bench.site.page, { fixedPage: model.name === 'fixed-page' });
    const isHeavy = model.heavy ?? false;
    const connections = isHeavy ? Math.min(settings.connections, settings.maxHeavy) : settings.connections;
    if (isHeavy) assertMemoryFor(connections, HEAVY_BYTES_EACH);
    const spec = { url, connections, seconds: settings.seconds, close: settings.close || !keepAlive };
    const { warmUpSeconds } = settings;
    const loads = await instruments.rateLoads(spec, { pid, rates: settings.rates, warmUpSeconds, settle: true });
    if (round === 0 && partial.model !== bench.repetition)
      partial.transcript = await recordTranscript(instruments, url, pid, !spec.close);
    for (const load of loads) partial.loads.set(load.rate, [...(partial.loads.get(load.rate) ?? []), load]);
  });
}
