import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { didYouMean } from '../files/rules/did-you-mean.js';
import { MODELS, type Model } from '../models/catalogue.js';
import type { RunningModel } from '../models/shared/program.js';
import { hostFlag, portFlag } from './flags.js';
import { resolveHost, startError, UsageError } from './usage-error.js';

/** The site that ships with the package. */
const OWN_SITE = fileURLToPath(new URL('../../html', import.meta.url));

const COLUMNS = [
  ['name', 'NAME'],
  ['waits', 'WAITS'],
  ['calls', 'SYSTEM CALLS'],
  ['memory', 'MEMORY'],
  ['breaks', 'BREAKS'],
] as const satisfies readonly (readonly [keyof Model, string])[];

export function modelCommand(): Command {
  return new Command('model')
    .description('run one of the concurrency models on its own; without a name, list them')
    .argument('[name]', 'one of those that are listed')
    .argument('[dir]', 'the folder; without one, the site that ships with epollet')
    .addOption(hostFlag())
    .addOption(portFlag())
    .action(async (name: string | undefined, dir: string | undefined, { host, port }: Flags) => {
      if (name === undefined) {
        process.stdout.write(listed());
        return;
      }
      const running = await start(modelOf(name), dir ?? OWN_SITE, host, port);
      endOnSignals(running);
      process.stdout.write(`${running.url}\n`);
    });
}

interface Flags {
  host: string;
  port: number | string;
}

function listed(): string {
  const rows = [
    COLUMNS.map(([, title]) => title as string),
    ...MODELS.map((each) => COLUMNS.map(([key]) => each[key])),
  ];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: string[]): string => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ');
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}

function modelOf(name: string): Model {
  const found = MODELS.find((model) => model.name === name);
  if (found) return found;
  const near = didYouMean(
    name,
    MODELS.map((model) => model.name),
  );
  const meant = near === null ? '' : ` (did you mean ${near}?)`;
  throw new UsageError(`There is no model ${JSON.stringify(name)}${meant}; epollet model lists those that there are.`);
}

async function start(model: Model, root: string, host: string, port: number | string): Promise<RunningModel> {
  if (typeof port === 'string')
    throw new UsageError(`PORT must be an integer from 0 to 65535, not ${JSON.stringify(port)}.`);
  if (root === '')
    throw new UsageError('The folder has an empty name; give one, or none for the site that ships with it.');
  const address = await resolveHost(host);
  try {
    return await model.start({ root, host: address, port });
  } catch (error) {
    throw startError(error as NodeJS.ErrnoException, host);
  }
}

/** SIGTERM and SIGINT end it with 0: its children, its threads, its connections, whatever they are at. */
function endOnSignals(running: RunningModel): void {
  const end = async (): Promise<void> => {
    await running.stop();
    process.exit(0);
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}
