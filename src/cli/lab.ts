import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import pc from 'picocolors';
import { didYouMean } from '../files/rules/did-you-mean.js';
import { ExperimentError } from '../lab/base/errors.js';
import { MAX_SEED } from '../lab/base/shuffle.js';
import { progressOn } from '../lab/bench/progress.js';
import {
  type MeasureSettings,
  QUICK,
  RATES,
  SETTING_NAMES,
  SETTINGS,
  type Setting,
  type SettingName,
  THOROUGH,
} from '../lab/bench/settings.js';
import { HTTP_MODELS } from '../lab/bench/workbench.js';
import {
  EXPERIMENT_NAMES,
  type ExperimentName,
  experimentNamed,
  type LabSettings,
} from '../lab/experiments/registry.js';
import { type LabOptions, machineOf, runLab } from '../lab/lab.js';
import { Tools } from '../lab/load/tools.js';
import { hasHistograms } from '../lab/measure/hdr.js';
import { ALL_EXPERIMENTS, ALL_SECONDS, budgetOf, PLANNED } from '../lab/plan.js';
import { compareReports } from '../lab/report/compare.js';
import { renderIndex } from '../lab/report/index-page.js';
import { renderMarkdown } from '../lab/report/markdown.js';
import { assertChartLibrary, hasChartLibrary } from '../lab/report/page.js';
import type { LabReport } from '../lab/report/report.js';
import { renderComparison, renderText } from '../lab/report/terminal.js';
import { installCommand } from '../server/optional-package.js';
import {
  assertWritable,
  HISTOGRAM_EXPERIMENTS,
  makeDirectory,
  type ReportFiles,
  readReport,
  writeFiles,
  writeText,
} from './lab-files.js';
import { integer } from './settings/flags.js';
import { addWrapped } from './settings/help.js';
import { UsageError } from './settings/usage-error.js';

/** With the exit codes that shells give them. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGQUIT: 131, SIGTERM: 143 } as const;

/** Where --all writes without a name. */
const ALL_DIRECTORY = 'epollet-lab';

const HELP =
  '\nCtrl-C cancels the run and reports the completed rounds. The lab generates the load itself; strace counts system calls.';

export function defineLab(command: Command): void {
  addWrapped(command, HELP)
    .addOption(
      new Option('--experiment <name>', 'what to measure; --list lists the experiments')
        .choices(EXPERIMENT_NAMES)
        .default('models'),
    )
    .option('--models <names>', 'models to measure, separated by commas (default: all that the experiment supports)')
    .option('--quick', 'one short round, within a minute', false);
  for (const name of SETTING_NAMES) command.addOption(settingOption(SETTINGS[name]));
  command
    .addOption(
      new Option(
        '--rates <list>',
        `requests per second of the experiment rates, separated by commas (default: ${RATES.thorough}, with --quick ${RATES.quick})`,
      ).argParser(ratesIn),
    )
    .option('--close', 'open a connection for every request instead of persistent ones', false)
    .addOption(new Option('--budget <seconds>', 'start no model after this time').argParser(integer(1, 86_400)))
    .addOption(
      new Option('--seed <number>', 'shuffle the models as in the run with this seed').argParser(integer(0, MAX_SEED)),
    )
    .option('--json <file>', 'write the report as JSON')
    .option('--html <file>', 'write the report as a self-contained page with charts')
    .option('--hgrm <directory>', 'write the latencies at fixed rates as files of HdrHistogram')
    .option('--all [directory]', `every experiment, within 40 minutes, into a directory (default: ${ALL_DIRECTORY})`)
    .option('--compare <files...>', 'compare two reports, by --json, of one experiment on one machine')
    .option('--list', 'list the experiments and the models', false)
    .action(async (flags: Flags) => {
      if (flags.list) process.stdout.write(listText());
      else if (flags.compare !== undefined) process.stdout.write(comparisonText(flags.compare));
      else if (flags.all !== undefined)
        process.exitCode = await runAll(flags, flags.all === true ? ALL_DIRECTORY : flags.all);
      else process.exitCode = await run(flags);
    });
}

interface Flags extends ReportFiles {
  experiment: ExperimentName;
  models?: string;
  quick: boolean;
  close: boolean;
  rates?: readonly number[];
  budget?: number;
  seed?: number;
  all?: string | true;
  compare?: string[];
  list: boolean;
  /** Those of SETTINGS, by the names that commander gives to their flags. */
  [setting: string]: unknown;
}

async function run(flags: Flags): Promise<number> {
  const settings = settingsOf(flags);
  for (const file of [flags.json, flags.html]) if (file !== undefined) assertWritable(file);
  if (flags.html !== undefined) assertChartLibrary();
  if (flags.hgrm !== undefined) prepareHistograms(flags.hgrm, settings.experiment);
  const tools = new Tools();
  const stop = stopOnSignals();
  const report = await measure(settings, { tools, signal: stop.signal });
  writeFiles(report, flags);
  return stop.code || (experimentNamed(report.experiment).hasData(report) ? 0 : 1);
}

/** Every experiment, each with its part of the time; a cancelled run has those so far. */
async function runAll(flags: Flags, directory: string): Promise<number> {
  for (const name of ['models', 'json', 'html', 'hgrm'] as const)
    if (flags[name] !== undefined) throw new UsageError(`--${name} has no meaning with --all; leave it out.`);
  makeDirectory(directory);
  const tools = new Tools();
  const machine = machineOf(tools);
  const hasPages = hasChartLibrary();
  const stop = stopOnSignals();
  const startedMs = performance.now();
  const reports: LabReport[] = [];
  for (const experiment of ALL_EXPERIMENTS) {
    if (stop.signal.aborted) break;
    const settings = settingsOf({ ...flags, experiment }, PLANNED[experiment]);
    const seconds = budgetOf(experiment, ALL_SECONDS - (performance.now() - startedMs) / 1000);
    const budgetSeconds = Math.min(settings.budgetSeconds ?? seconds, seconds);
    const report = await measure({ ...settings, budgetSeconds }, { tools, machine, signal: stop.signal });
    const path = join(directory, experiment);
    const hgrm = HISTOGRAM_EXPERIMENTS.includes(experiment) && hasHistograms() ? `${path}-hgrm` : undefined;
    if (hgrm !== undefined) makeDirectory(hgrm);
    writeFiles(report, { json: `${path}.json`, html: hasPages ? `${path}.html` : undefined, hgrm });
    reports.push(report);
  }
  writeText(join(directory, 'index.html'), renderIndex(reports, hasPages));
  writeText(join(directory, 'report.md'), renderMarkdown(reports));
  return stop.code;
}

async function measure(settings: LabSettings, options: LabOptions): Promise<LabReport> {
  if (settings.models.length > 0) process.stderr.write(`${pc.dim(`seed ${settings.seed}`)}\n`);
  const progress = progressOn(process.stderr);
  const report = await runLab(settings, { ...options, progress, moveAside: true });
  process.stdout.write(renderText(report));
  return report;
}

/** The second signal ends the process. */
function stopOnSignals(): { readonly signal: AbortSignal; readonly code: number } {
  const stop = new AbortController();
  let code = 0;
  for (const [signal, exitCode] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(exitCode);
      code = exitCode;
      stop.abort();
    });
  }
  return {
    signal: stop.signal,
    get code() {
      return code;
    },
  };
}

function prepareHistograms(directory: string, experiment: ExperimentName): void {
  if (!HISTOGRAM_EXPERIMENTS.includes(experiment))
    throw new UsageError(`--hgrm has no meaning for --experiment ${experiment}; leave it out.`);
  if (!hasHistograms())
    throw new ExperimentError(
      `--hgrm needs hdr-histogram-js, which is not installed: ${installCommand('hdr-histogram-js')}.`,
    );
  makeDirectory(directory);
}

function comparisonText(files: readonly string[]): string {
  const [a, b, ...others] = files;
  if (a === undefined || b === undefined || others.length > 0)
    throw new UsageError('--compare takes two files, a.json and b.json.');
  return renderComparison(compareReports(readReport(a), readReport(b), [a, b]));
}

/** @param planned defaults without --quick */
function settingsOf(flags: Flags, planned: Partial<MeasureSettings> = {}): LabSettings {
  const { experiment, quick, close, seed, budget, rates } = flags;
  const { defaults: own, quick: ownQuick } = experimentNamed(experiment);
  const defaults = quick ? { ...QUICK, ...own, ...ownQuick } : { ...THOROUGH, ...own, ...planned };
  const given = (name: SettingName) => flags[settingOption(SETTINGS[name]).attributeName()] as number | undefined;
  const numbers = SETTING_NAMES.map((name) => [name, given(name) ?? defaults[name]] as const);
  return {
    ...(Object.fromEntries(numbers) as Record<SettingName, number>),
    maxHeavy: given('maxHeavy') ?? given('connections') ?? defaults.maxHeavy,
    experiment,
    models: modelsOf(flags),
    rates: rates ?? defaults.rates,
    close,
    seed: seed ?? Math.floor(Math.random() * MAX_SEED),
    budgetSeconds: budget ?? defaults.budgetSeconds,
  };
}

function modelsOf({ experiment, models }: Flags): readonly string[] {
  const { models: defaults, requiredModel } = experimentNamed(experiment);
  if (models === undefined) return defaults;
  if (defaults.length === 0)
    throw new UsageError(`--models has no meaning for --experiment ${experiment}; leave it out.`);
  const available = HTTP_MODELS.map(({ name }) => name);
  const chosen = [...new Set(models.split(',').map((name) => name.trim()))];
  for (const name of chosen) {
    if (available.includes(name)) continue;
    const meant = didYouMean(name, available);
    const remedy = meant === null ? 'epollet lab --list lists all models.' : `did you mean ${meant}?`;
    throw new UsageError(`--models: unknown model ${JSON.stringify(name)}; ${remedy}`);
  }
  if (requiredModel !== undefined && !chosen.includes(requiredModel))
    throw new UsageError(`--experiment ${experiment} compares with ${requiredModel}; add it to --models.`);
  return chosen;
}

function listText(): string {
  const rows = (items: readonly (readonly [string, string])[]): string => {
    const width = Math.max(...items.map(([name]) => name.length));
    return items.map(([name, text]) => `  ${pc.cyan(name.padEnd(width))}  ${text}`).join('\n');
  };
  const experiments = rows(EXPERIMENT_NAMES.map((name) => [name, experimentNamed(name).question]));
  const models = rows(HTTP_MODELS.map(({ name, waits }) => [name, `waits ${waits}`]));
  return `${pc.bold('Experiments')}\n${experiments}\n\n${pc.bold('Models')}\n${models}\n`;
}

function settingOption({ flag, description, thorough, quick, min, max }: Setting): Option {
  const byDefault = thorough === quick ? `${thorough}` : `${thorough}, with --quick ${quick}`;
  const parse = Number.isInteger(min) ? integer(min, max) : decimal(min, max);
  return new Option(`--${flag} <number>`, `${description} (default: ${byDefault})`).argParser(parse);
}

/** `100,1000`, in any order. */
function ratesIn(text: string): readonly number[] {
  const rates = text.split(',').map(integer(RATES.min, RATES.max));
  return [...new Set(rates)].sort((a, b) => a - b);
}

const decimal = (min: number, max: number) => (text: string) => {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw new InvalidArgumentError(`it must be a number from ${min} to ${max}.`);
  return value;
};
