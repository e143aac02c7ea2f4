#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import pc from 'picocolors';
import { explainCommand } from './explain.js';
import { RENAMED_FLAGS, variableOf } from './flags.js';
import { healthcheckCommand } from './healthcheck.js';
import { modelCommand } from './model.js';
import { serveCommand } from './serve.js';
import { UsageError } from './usage-error.js';

const USAGE_EXIT_CODE = 2;

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** The lab imports a chart library and much else that the other commands need not load. */
async function labCommand(): Promise<Command> {
  if (process.argv.includes('lab')) return (await import('./lab.js')).labCommand();
  return new Command('lab').description('run the concurrency models side by side against libuv and write a report');
}

const program = new Command('epollet')
  .description('Raw epoll for Node, and a fast HTTP server for files and fetch handlers, on Linux.')
  .version(version, '-v, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .configureHelp({ styleTitle: (text) => pc.bold(text), styleCommandText: (text) => pc.cyan(text) })
  .configureOutput({ outputError: () => {} })
  .addHelpText('after', '\nepollet [dir] is short for epollet serve [dir]; epollet serve --help lists the flags.')
  .addCommand(serveCommand(), { isDefault: true })
  .addCommand(explainCommand())
  .addCommand(modelCommand())
  .addCommand(await labCommand())
  .addCommand(healthcheckCommand());

for (const command of [program, ...program.commands]) command.exitOverride().configureOutput({ outputError: () => {} });

// The reader of a pipe may have exited (EPIPE); this must not end the server with a stack.
process.stdout.on('error', () => {});

// An empty variable counts as unset: compose files write `EPOLLET_PORT:` for an absent value.
for (const [name, value] of Object.entries(process.env))
  if (name.startsWith('EPOLLET_') && value === '') delete process.env[name];

try {
  for (const [old, flag] of RENAMED_FLAGS)
    if (process.env[variableOf(old)] !== undefined)
      throw new UsageError(`${variableOf(old)} was renamed; set ${variableOf(flag)} instead.`);
  await program.parseAsync();
} catch (error) {
  const code = report(error);
  // Timers and sockets of the user's app would keep the process alive.
  if (code !== 0) process.exit(code);
}

/** One sentence for a usage error, a stack for a bug of epollet. @returns the exit code */
function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0; // help or version was printed
    printError(sentenceOf(error));
    return USAGE_EXIT_CODE;
  }
  if (error instanceof UsageError) {
    printError(error.message);
    if (error.details !== '') process.stderr.write(`${error.details}\n`);
    return USAGE_EXIT_CODE;
  }
  console.error(error);
  return 1;
}

/** Commander's message as one sentence, with a remedy where it has none. */
function sentenceOf(error: CommanderError): string {
  const message = withNewFlag(error.message)
    .replace(/^error: /, '')
    .replace(' is invalid. ', ' is invalid: ')
    .replace(': Allowed', ': allowed')
    .replace('. Expected', ': expected')
    .replace('\n(Did', ' (did')
    .replace(/\.$/, '');
  const remedy = error.code === 'commander.invalidArgument' ? '' : '; see epollet --help, or epollet COMMAND --help';
  return `${message}${remedy}.`;
}

/** Commander suggests flags of similar spelling only. */
function withNewFlag(message: string): string {
  return message.replace(/^(error: unknown option '--(no-)?([\w-]+).*?').*/s, (whole, unknown, no = '', old) => {
    const flag = RENAMED_FLAGS.get(old);
    return flag === undefined ? whole : `${unknown} (did you mean --${no}${flag}?)`;
  });
}

function printError(sentence: string): void {
  process.stderr.write(`${pc.red('epollet:')} ${sentence}\n`);
}
