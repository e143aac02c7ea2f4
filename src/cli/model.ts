import type { Command } from 'commander';
import { didYouMean } from '../files/rules/did-you-mean.js';
import { MODELS, type Model } from '../models/catalogue.js';
import { hostFlag, portFlag } from './settings/flags.js';
import { hostSourceOf, resolveHost } from './settings/host.js';
import { portOf } from './settings/listening.js';
import { OWN_SITE } from './settings/settings.js';
import { starting } from './settings/starting.js';
import { UsageError } from './settings/usage-error.js';
import { onLogSignals, stopOnSignals } from './signals.js';

const COLUMNS = [
  ['name', 'NAME'],
  ['waits', 'WAITS'],
  ['calls', 'SYSTEM CALLS'],
  ['memory', 'MEMORY'],
  ['limitation', 'LIMITATION'],
] as const satisfies readonly (readonly [keyof Model, string])[];

export function defineModel(command: Command): void {
  command
    .argument('[name]', 'a model from the list')
    .argument('[dir]', 'the directory to serve; default: the site that ships with epollet')
    .addOption(hostFlag())
    .addOption(portFlag())
    .action(async (name: string | undefined, dir: string | undefined, { host, port }: Flags) => {
      if (name === undefined) return void process.stdout.write(modelTable() + (await unavailableModels()));
      const model = modelNamed(name);
      const options = { root: dir ?? OWN_SITE, port: portOf(port) };
      if (dir === '')
        throw new UsageError(
          'The directory name is empty; name a directory, or leave it out to serve the site that ships with epollet.',
        );
      const reason = await model.unavailable?.();
      if (reason) throw new UsageError(`The model ${model.name} is not available: ${reason}.`);
      onLogSignals(
        () => {},
        () => {},
      ); // a model has no log
      const source = hostSourceOf(command);
      const address = await resolveHost(host, source);
      const running = await starting({ host, hostSource: source }, () => model.start({ ...options, host: address }));
      // With its child processes, threads and connections.
      stopOnSignals(() => running.stop());
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

/** A sentence for each model that this machine cannot run. */
async function unavailableModels(): Promise<string> {
  let sentences = '';
  for (const { name, unavailable } of MODELS) {
    const reason = await unavailable?.();
    if (reason) sentences += `\n${name} is not available: ${reason}.\n`;
  }
  return sentences;
}

function modelNamed(name: string): Model {
  const found = MODELS.find((model) => model.name === name);
  if (found) return found;
  const names = MODELS.map((model) => model.name);
  const meant = didYouMean(name, names);
  const hint = meant === null ? '' : ` (did you mean ${meant}?)`;
  throw new UsageError(`Unknown model ${JSON.stringify(name)}${hint}; epollet model lists all models.`);
}
