import { readFileSync } from 'node:fs';
import { shuffledOrders } from './base/shuffle.js';
import { Instruments } from './bench/instruments.js';
import { NO_PROGRESS, type Progress } from './bench/progress.js';
import { SampleSite } from './bench/sample-site.js';
import { type Launcher, launcher, Workbench } from './bench/workbench.js';
import { commandOf, experimentNamed, type LabSettings } from './experiments/registry.js';
import { Tools } from './load/tools.js';
import { detectCores, moveSelfTo } from './measure/cores.js';
import { describeMachine, type Machine } from './measure/machine.js';
import { GRACE_SECONDS } from './plan.js';
import { type LabReport, REPORT_VERSION } from './report/report.js';

export interface LabOptions {
  readonly tools?: Tools;
  readonly progress?: Progress;
  /** Cancels the run; the report has the results so far. */
  readonly signal?: AbortSignal;
  readonly launch?: Launcher;
  /** Moves this process to the cores of the load, permanently. @default false */
  readonly moveAside?: boolean;
  /** As it was before this process moved to the cores of the load; for several runs of one process. */
  readonly machine?: Machine;
  /** Measures one model twice in each round; a test may leave it out. @default true */
  readonly repeat?: boolean;
}

/** The machine with the cores that model and load get. */
export const machineOf = (tools: Tools): Machine => describeMachine(tools.has('taskset') ? detectCores() : null);

/** The one that is cheap to start. */
const repeatedModel = (models: readonly string[]): string => (models.includes('epollet') ? 'epollet' : models[0]!);

/**
 * Runs an experiment. Every process that it starts has exited when it returns.
 *
 * 1. Assign one core to the models and the others to the load, and move this process to those of the load.
 * 2. Shuffle the models, one of them twice, for each round, so that drift of the machine does not favour one of them.
 * 3. In each round, start each model in a process of its own, check its responses, measure it, and stop it.
 * 4. Summarize the rounds: median, minimum and maximum.
 *
 * A model that fails is skipped with its reason; a cancelled run reports its completed rounds.
 */
export async function runLab(settings: LabSettings, options: LabOptions = {}): Promise<LabReport> {
  const { tools = new Tools(), progress = NO_PROGRESS, launch = launcher } = options;
  const { budgetSeconds } = settings;
  const experiment = experimentNamed(settings.experiment);
  const timeouts = budgetSeconds === null ? [] : [AbortSignal.timeout((budgetSeconds + GRACE_SECONDS) * 1000)];
  const signal = AbortSignal.any([...(options.signal ? [options.signal] : []), ...timeouts]);
  const startedAt = new Date();
  const machine = options.machine ?? machineOf(tools);
  const cores = machine.pinned;
  if (cores !== null && options.moveAside) moveSelfTo(cores.load);
  using site = new SampleSite();
  using instruments = new Instruments(tools, cores, signal, launch.rateLoad);
  const measuresModels = experiment.models.length > 0;
  const repeated = measuresModels && (options.repeat ?? true) ? repeatedModel(settings.models) : null;
  const bench = new Workbench(settings, instruments, site, launch, progress, signal, repeated);
  const orders = measuresModels ? shuffledOrders(bench.rows, settings.rounds, settings.seed) : [];
  if (measuresModels) {
    for (const sentence of tools.missing()) bench.note(sentence);
    if (tools.has('taskset') && cores === null) bench.note('There is only one core: model and load share it.');
  }
  const { result, complete } = await experiment.measure(bench, orders);
  if (timeouts[0]?.aborted) bench.note(`The budget of ${budgetSeconds} s was used up.`);
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return {
    format: 'epollet-lab',
    version: REPORT_VERSION,
    epollet: version,
    experiment: settings.experiment,
    question: experiment.question,
    startedAt: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 100) / 10,
    complete,
    command: commandOf(settings),
    settings,
    orders,
    machine,
    tools: tools.list.map(({ name, version, use }) => ({ name, version, use })),
    notes: bench.notes,
    ...result,
  } as LabReport;
}
