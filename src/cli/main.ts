#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import pc from 'picocolors';
import { explainCommand } from './explain.js';
import { healthcheckCommand } from './healthcheck.js';
import { Misuse } from './misuse.js';
import { modelCommand } from './model.js';
import { serveCommand } from './serve.js';

const MISUSE = 2;

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** The lab brings a library of charts and much else, which the other commands have no need to load. */
async function labCommand(): Promise<Command> {
  if (process.argv.includes('lab')) return (await import('./lab.js')).labCommand();
  return new Command('lab').description('run the concurrency models side by side against libuv and write a report');
}

const program = new Command('epollet')
  .description('An epoll that you can hold in your hand, and a fast static HTTP server for Node on Linux.')
  .version(version, '-v, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .configureHelp({ styleTitle: (text) => pc.bold(text), styleCommandText: (text) => pc.cyan(text) })
  .configureOutput({ outputError: () => {} })
  .addHelpText('after', '\nepollet [dir] is the same as epollet serve [dir]; epollet serve --help lists its flags.')
  .addCommand(serveCommand(), { isDefault: true })
  .addCommand(explainCommand())
  .addCommand(modelCommand())
  .addCommand(await labCommand())
  .addCommand(healthcheckCommand());

for (const command of [program, ...program.commands]) command.exitOverride().configureOutput({ outputError: () => {} });

// Whoever reads the help, or the URL, may have gone; that is no reason to end with a stack.
process.stdout.on('error', () => {});

// A variable that is set to nothing, as compose files do it, is not set.
for (const [name, value] of Object.entries(process.env))
  if (name.startsWith('EPOLLET_') && value === '') delete process.env[name];

try {
  await program.parseAsync();
} catch (error) {
  const code = report(error);
  // A program of the user's may have timers and sockets that would keep it alive.
  if (code !== 0) process.exit(code);
}

/** One sentence for a mistake of the user's; a stack only for one of ours. */
function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0; // help or version was printed
    complain(sentenceOf(error));
    return MISUSE;
  }
  if (error instanceof Misuse) {
    complain(error.message);
    if (error.evidence !== '') process.stderr.write(`${error.evidence}\n`);
    return MISUSE;
  }
  console.error(error);
  return 1;
}

/** Commander's message as one sentence, with a remedy where it has none. */
function sentenceOf(error: CommanderError): string {
  const message = error.message
    .replace(/^error: /, '')
    .replace(' is invalid. ', ' is invalid: ')
    .replace(': Allowed', ': allowed')
    .replace('. Expected', ': expected')
    .replace('\n(Did', ' (did')
    .replace(/\.$/, '');
  const remedy = error.code === 'commander.invalidArgument' ? '' : '; see epollet --help, or epollet COMMAND --help';
  return `${message}${remedy}.`;
}

function complain(sentence: string): void {
  process.stderr.write(`${pc.red('epollet:')} ${sentence}\n`);
}
