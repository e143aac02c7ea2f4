import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { didYouMean } from '../files/rules/did-you-mean.js';
import { MODELS, type Model } from '../models/catalogue.js';
import type { RunningModel } from '../models/shared/running-model.js';
import { hostFlag, portFlag } from './flags.js';
import { resolveHost, startError, UsageError } from './usage-error.js';

/** The site that ships with the package. */
const OWN_SITE = fileURLToPath(new URL('../../html', import.meta.url));

const COLUMNS = [
  ['name', 'NAME'],
  ['waits', 'WAITS'],
  ['calls', 'SYSTEM CALLS'],
  ['memory', 'MEMORY'],
  ['limitation', 'LIMITATION'],
] as const satisfies readonly (readonly [keyof Model, string])[];

export function modelCommand(): Command {
  return new Command('model')
    .description('run one of the concurrency models on its own; without a name, list them')
    .argument('[name]', 'a model from the list')
    .argument('[dir]', 'the directory to serve; default: the site that ships with epollet')
    .addOption(hostFlag())
    .addOption(portFlag())
    .action(async (name: string | undefined, dir: string | undefined, { host, port }: Flags) => {
      if (name === undefined) return void process.stdout.write(modelTable());
      const running = await start(modelNamed(name), dir ?? OWN_SITE, host, port);
      stopOnSignals(running);
      process.stdout.write(`${running.url}\n`);
    });
}

interface Flags {
  host: string;
  port: number | string;
}

function modelTable(): string {
  const rows = [
    COLUMNS.map(([, title]) => title as string),
    ...MODELS.map((each) => COLUMNS.map(([key]) => each[key])),
  ];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: string[]): string => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ');
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}

function modelNamed(name: string): Model {
  const found = MODELS.find((model) => model.name === name);
  if (found) return found;
  const names = MODELS.map((model) => model.name);
  const meant = didYouMean(name, names);
  const hint = meant === null ? '' : ` (did you mean ${meant}?)`;
  throw new UsageError(`Unknown model ${JSON.stringify(name)}${hint}; epollet model lists all models.`);
}

async function start(model: Model, root: string, host: string, port: number | string): Promise<RunningModel> {
  if (typeof port === 'string')
    throw new UsageError(`PORT must be an integer from 0 to 65535, not ${JSON.stringify(port)}.`);
  if (root === '')
    throw new UsageError(
      'The directory name is empty; name a directory, or leave it out to serve the site that ships with epollet.',
    );
  const address = await resolveHost(host);
  try {
    return await model.start({ root, host: address, port });
  } catch (error) {
    throw startError(error as NodeJS.ErrnoException, host);
  }
}

/** SIGTERM and SIGINT stop the model with its child processes, threads and connections; exit code 0. */
function stopOnSignals(running: RunningModel): void {
  const stop = async (): Promise<void> => {
    await running.stop();
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
