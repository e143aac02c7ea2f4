import { accessSync, constants, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import pc from 'picocolors';
import { didYouMean } from '../files/rules/did-you-mean.js';
import { MAX_SEED } from '../lab/base/shuffle.js';
import { progressOn } from '../lab/bench/progress.js';
import {
  EXPERIMENTS,
  type ExperimentName,
  type LabSettings,
  type MeasureSettings,
  QUESTIONS,
  QUICK,
  THOROUGH,
} from '../lab/bench/settings.js';
import { HTTP_MODELS } from '../lab/bench/workbench.js';
import { LIBUV_MODELS, REFERENCE, runLab } from '../lab/lab.js';
import { Tools } from '../lab/load/tools.js';
import { renderPage } from '../lab/report/page.js';
import type { LabReport } from '../lab/report/report.js';
import { renderText } from '../lab/report/terminal.js';
import { integer } from './flags.js';
import { UsageError } from './usage-error.js';

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

export function labCommand(): Command {
  return new Command('lab')
    .description('run the concurrency models side by side against libuv and write a report')
    .addOption(
      new Option('--experiment <name>', 'what to ask; --list says what there is')
        .choices(EXPERIMENTS)
        .default('models'),
    )
    .option('--models <names>', 'those to measure, with commas between them (default: all that speak HTTP)')
    .option('--quick', 'one short round of each, within a minute', false)
    .addOption(measure('rounds', 'rounds; the order of the models is drawn anew in each', integer(1, 100)))
    .addOption(measure('seconds', 'how long each load lasts', seconds))
    .addOption(measure('warm-up', 'seconds of load before it counts', seconds, 'warmUpSeconds'))
    .addOption(measure('connections', 'how many are busy', integer(1, 10_000)))
    .addOption(measure('heavy', 'how many are busy at most where each takes a process or a thread', integer(1, 10_000)))
    .option('--close', 'a connection for every request; otherwise they are kept where the model keeps them', false)
    .addOption(measure('rate', 'requests a second when latency is measured', integer(1, 1_000_000)))
    .addOption(measure('idle', 'how many idle connections to weigh', integer(1, 50_000)))
    .addOption(measure('most', 'the most idle ones of the experiment with connections', integer(1, 50_000)))
    .addOption(new Option('--budget <seconds>', 'begin with no model after this time').argParser(integer(1, 86_400)))
    .addOption(new Option('--seed <number>', 'draws the same orders as that run').argParser(integer(0, MAX_SEED)))
    .option('--json <file>', 'write the report as JSON')
    .option('--html <file>', 'write the report as a page with charts that needs nothing else')
    .option('--list', 'list the experiments and the models', false)
    .addHelpText(
      'after',
      '\nCtrl-C ends it with what was measured until then. Load comes from wrk, latency from h2load, system calls from strace.',
    )
    .action(async (flags: Flags) => {
      if (flags.list) {
        process.stdout.write(listed());
        return;
      }
      process.exitCode = await run(flags);
    });
}

interface Flags extends Partial<Omit<MeasureSettings, 'warmUpSeconds' | 'budgetSeconds'>> {
  experiment: ExperimentName;
  models?: string;
  quick: boolean;
  close: boolean;
  warmUp?: number;
  budget?: number;
  seed?: number;
  json?: string;
  html?: string;
  list: boolean;
}

async function run(flags: Flags): Promise<number> {
  const settings = settingsOf(flags);
  for (const file of [flags.json, flags.html]) if (file !== undefined) assertWritable(file);
  const tools = new Tools();
  if (settings.experiment !== 'triggers' && !tools.has('wrk') && !tools.has('autocannon'))
    throw new UsageError(
      'There is nothing to make load with; install wrk (Debian: apt-get install wrk) or autocannon.',
    );
  process.stderr.write(`${pc.dim(`seed ${settings.seed}`)}\n`);
  const stop = new AbortController();
  let code = 0;
  for (const [signal, itsCode] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(itsCode);
      code = itsCode;
      stop.abort();
    });
  }
  const report = await runLab(settings, {
    tools,
    progress: progressOn(process.stderr),
    signal: stop.signal,
    moveAside: true,
  });
  write(report, flags);
  return code || (hasFigures(report) ? 0 : 1);
}

function write(report: LabReport, { json, html }: Flags): void {
  process.stdout.write(renderText(report));
  for (const [file, text] of [
    [json, () => `${JSON.stringify(report, null, 2)}\n`],
    [html, () => renderPage(report)],
  ] as const) {
    if (file === undefined) continue;
    writeFileSync(file, text());
    process.stderr.write(`${pc.dim('written:')} ${resolve(file)}\n`);
  }
}

function settingsOf(flags: Flags): LabSettings {
  const { experiment, quick, close, seed } = flags;
  const usual: MeasureSettings = {
    ...(quick ? QUICK : THOROUGH),
    ...(experiment === 'connections' ? { rounds: 1 } : {}),
  };
  return {
    experiment,
    models: modelsOf(flags),
    rounds: flags.rounds ?? usual.rounds,
    seconds: flags.seconds ?? usual.seconds,
    warmUpSeconds: flags.warmUp ?? usual.warmUpSeconds,
    connections: flags.connections ?? usual.connections,
    maxHeavy: flags.maxHeavy ?? flags.connections ?? usual.maxHeavy,
    close,
    rate: flags.rate ?? usual.rate,
    idle: flags.idle ?? usual.idle,
    maxIdle: flags.maxIdle ?? usual.maxIdle,
    seed: seed ?? Math.floor(Math.random() * MAX_SEED),
    budgetSeconds: flags.budget ?? usual.budgetSeconds,
  };
}

function modelsOf({ experiment, models }: Flags): string[] {
  const all = HTTP_MODELS.map(({ name }) => name);
  if (experiment === 'triggers') {
    if (models !== undefined) throw new UsageError('--models has no meaning for --experiment triggers; leave it out.');
    return [];
  }
  if (models === undefined) return experiment === 'libuv' ? [...LIBUV_MODELS] : all;
  const chosen = [...new Set(models.split(',').map((name) => name.trim()))];
  for (const name of chosen) {
    if (all.includes(name)) continue;
    const meant = didYouMean(name, all);
    const remedy = meant === null ? 'epollet lab --list lists them' : `did you mean ${meant}?`;
    throw new UsageError(
      `--models: there is no model ${JSON.stringify(name)} to measure; ${remedy}`.replace(/(?<!\?)$/, '.'),
    );
  }
  if (experiment === 'libuv' && !chosen.includes(REFERENCE))
    throw new UsageError(`--experiment libuv compares with ${REFERENCE}; add it to --models.`);
  return chosen;
}

/** Now, and not after minutes of measuring. */
function assertWritable(file: string): void {
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found?.isDirectory()) throw new UsageError(`${file} is a folder; name a file to write the report to.`);
    accessSync(found ? file : dirname(resolve(file)), constants.W_OK);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${file} cannot be written (${(error as NodeJS.ErrnoException).code}); name another file.`);
  }
}

function hasFigures(report: LabReport): boolean {
  switch (report.experiment) {
    case 'triggers':
      return true;
    case 'connections':
      return report.results.some(({ points }) => points.length > 0);
    default:
      return report.results.some(({ rounds }) => rounds.length > 0);
  }
}

function listed(): string {
  const rows = (items: readonly (readonly [string, string])[]): string => {
    const width = Math.max(...items.map(([name]) => name.length));
    return items.map(([name, says]) => `  ${pc.cyan(name.padEnd(width))}  ${says}`).join('\n');
  };
  const experiments = rows(EXPERIMENTS.map((name) => [name, QUESTIONS[name]]));
  const models = rows(HTTP_MODELS.map(({ name, waits }) => [name, `waits ${waits}`]));
  return `${pc.bold('Experiments')}\n${experiments}\n\n${pc.bold('Models')}\n${models}\n`;
}

/** A flag whose default depends on --quick: the help has both. */
function measure(
  name: string,
  says: string,
  parse: (text: string) => number,
  key = name as keyof MeasureSettings,
): Option {
  const [usual, quick] = [THOROUGH[key], QUICK[key]];
  const by = usual === quick ? `${usual}` : `${usual}, with --quick ${quick}`;
  return new Option(`--${name} <number>`, `${says} (default: ${by})`).argParser(parse);
}

function seconds(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= 0.1 && value <= 3600)) throw new InvalidArgumentError('it must be a number from 0.1 to 3600.');
  return value;
}
