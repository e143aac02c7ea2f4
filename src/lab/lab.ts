import { readFileSync } from 'node:fs';
import { shuffledOrders } from './base/shuffle.js';
import { Instruments } from './bench/instruments.js';
import { NO_PROGRESS, type Progress } from './bench/progress.js';
import { Site } from './bench/sample-site.js';
import { commandOf, type LabSettings, QUESTIONS } from './bench/settings.js';
import { type Launcher, launcher, Workbench } from './bench/workbench.js';
import { measureConnections } from './experiments/connections.js';
import { connectionsResult } from './experiments/connections-result.js';
import { measureModels } from './experiments/models.js';
import { type ModelPartial, modelResult, ratioTo } from './experiments/models-result.js';
import { isBuilt, measureThunderingHerd } from './experiments/thundering-herd.js';
import { traceTriggers } from './experiments/triggers.js';
import { Tools } from './load/tools.js';
import { detectCores, moveSelfTo } from './measure/cores.js';
import { describeMachine } from './measure/machine.js';
import { type Found, type LabReport, REPORT_VERSION } from './report/report.js';

export interface LabOptions {
  readonly tools?: Tools;
  readonly progress?: Progress;
  /** Ends it; what was measured until then is in the report. */
  readonly signal?: AbortSignal;
  readonly launch?: Launcher;
  /** Moves this process to the cores of the load, for good. @default false */
  readonly moveAside?: boolean;
}

/** The reactor of this package, and what it is compared with. */
export const REFERENCE = 'epollet';
export const LIBUV_MODELS = [REFERENCE, 'libuv-net', 'libuv'] as const;

/** How long the last model may take that was begun in time. */
const GRACE_SECONDS = 8;

/** Makes an experiment, and reports. Whatever it starts has ended when it returns. */
export async function runLab(settings: LabSettings, options: LabOptions = {}): Promise<LabReport> {
  const { tools = new Tools(), progress = NO_PROGRESS, launch = launcher } = options;
  const { budgetSeconds } = settings;
  const over = budgetSeconds === null ? [] : [AbortSignal.timeout((budgetSeconds + GRACE_SECONDS) * 1000)];
  const signal = AbortSignal.any([...(options.signal ? [options.signal] : []), ...over]);
  const cores = tools.has('taskset') ? detectCores() : null;
  const startedAt = new Date();
  const machine = describeMachine(cores);
  if (cores !== null && options.moveAside) moveSelfTo(cores.load);
  using site = new Site();
  using instruments = new Instruments(tools, cores, signal);
  const bench = new Workbench(settings, instruments, site, launch, progress, signal);
  const inProcess = settings.experiment === 'triggers';
  const orders = inProcess ? [] : shuffledOrders(settings.models, settings.rounds, settings.seed);
  if (!inProcess) {
    for (const sentence of tools.missing()) bench.note(sentence);
    if (tools.has('taskset') && cores === null) bench.note('There is one core: model and load share it.');
  }
  const { found, complete } = await experiment(bench, orders);
  if (over[0]?.aborted) bench.note(`The time of ${budgetSeconds} s was over.`);
  return {
    format: 'epollet-lab',
    version: REPORT_VERSION,
    epollet: version(),
    question: QUESTIONS[settings.experiment],
    startedAt: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 100) / 10,
    complete,
    command: commandOf(settings),
    settings,
    orders,
    machine,
    tools: tools.list.map(({ name, version, use }) => ({ name, version, use })),
    notes: bench.notes,
    ...found,
  };
}

async function experiment(
  bench: Workbench,
  orders: readonly (readonly string[])[],
): Promise<{ found: Found; complete: boolean }> {
  const { experiment } = bench.settings;
  if (experiment === 'triggers') {
    const herd = isBuilt() ? await measureThunderingHerd() : [];
    return { found: { experiment, results: traceTriggers(), herd }, complete: true };
  }
  if (experiment === 'connections') {
    const { notes, complete } = await measureConnections(bench, orders);
    return { found: { experiment, results: notes.map(connectionsResult) }, complete };
  }
  const { notes, complete } = await measureModels(bench, orders);
  const results = notes.map(modelResult);
  if (experiment === 'models') return { found: { experiment, results }, complete };
  noteDifferences(bench, notes);
  const ours = results.find(({ model }) => model === REFERENCE)!;
  return { found: { experiment, results, ratios: results.map((each) => ratioTo(each, ours)) }, complete };
}

/** To be compared one to one, they must answer alike. */
function noteDifferences(bench: Workbench, notes: readonly ModelPartial[]): void {
  const ours = notes.find(({ model }) => model === REFERENCE)?.responseShape;
  for (const { model, responseShape } of notes) {
    if (responseShape !== null && ours && responseShape !== ours)
      bench.note(`${model} answers ${responseShape}, ${REFERENCE} ${ours}.`);
  }
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
