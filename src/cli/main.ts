import { existsSync, readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import pc from 'picocolors';
import type { ErrorCode } from '../sys/error-code.js';
import type { OnServing } from './serve.js';
import { tooFewDescriptors } from './settings/descriptor-limit.js';
import { isUsageError, UsageError } from './settings/usage-error.js';
import { Subcommand } from './subcommand.js';

const USAGE_EXIT_CODE = 2;

/** The addon, or an optional package of the lab: the message is a sentence with the remedy. */
const MISSING_PART: readonly ErrorCode[] = ['ERR_EPOLLET_PLATFORM', 'ERR_EPOLLET_LAB'];

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

interface CommandRow {
  /** As the help lists the command: its name, options and arguments. */
  readonly term: string;
  readonly description: string;
  /** Adds the options, the arguments and the action. */
  readonly define: (command: Command, onServing: OnServing) => Promise<void>;
}

/**
 * Only the module of the command that runs is imported: the others are slow to load, and version and help must be printed
 * where the addon does not load.
 */
const COMMANDS: Readonly<Record<string, CommandRow>> = {
  serve: {
    term: 'serve [options] [dir]',
    description: 'serve a directory, a fetch handler, or both',
    define: async (command, onServing) => (await import('./serve.js')).defineServe(command, onServing),
  },
  explain: {
    term: 'explain [options] <url> [dir]',
    description: 'explain the response to a request, without serving',
    define: async (command) => (await import('./explain.js')).defineExplain(command),
  },
  model: {
    term: 'model [options] [name] [dir]',
    description: 'run one of the concurrency models on its own; without a name, list them',
    define: async (command) => (await import('./model.js')).defineModel(command),
  },
  lab: {
    term: 'lab [options]',
    description: 'run the concurrency models side by side against libuv and write a report',
    define: async (command) => (await import('./lab.js')).defineLab(command),
  },
  healthcheck: {
    term: 'healthcheck [url]',
    description: 'request a URL; exit 0 if the server is healthy, 1 if it is not',
    define: async (command) => (await import('./healthcheck.js')).defineHealthcheck(command),
  },
};

/**
 * Runs the command line.
 * @param onServing once the server of `serve` listens
 */
export async function main(onServing: OnServing): Promise<void> {
  // The reader of a pipe may have exited (EPIPE), or a terminal closed (EIO); this must not end the server with a stack.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

  // An empty variable counts as unset: compose files write `EPOLLET_PORT:` for an absent value.
  for (const [name, value = ''] of Object.entries(process.env))
    if (name.startsWith('EPOLLET_') && (value === '' || isServiceVariable(name, value))) delete process.env[name];

  try {
    await program(onServing).parseAsync(await commandLine());
  } catch (error) {
    const code = await report(error);
    // Timers and sockets of the user's app would keep the process alive.
    if (code !== 0) process.exit(code);
  }
}

function program(onServing: OnServing): Command {
  const all = new Command('epollet')
    .description('Raw epoll for Node, and a fast HTTP server for files and fetch handlers, on Linux.')
    .version(version, '-v, --version', 'print the version')
    .configureOutput({ outputError: () => {} })
    .addHelpText('after', '\nepollet [dir] is short for epollet serve [dir].\nepollet serve --help lists the flags.')
    .hook('preSubcommand', async (_, command) => {
      const { checkVariables } = await import('./settings/variables.js');
      const warnings = checkVariables(process.env);
      // Not of a health check, whose output is for its own reason.
      if (command.name() === 'serve') for (const warning of warnings) printError(warning);
      await COMMANDS[command.name()]!.define(command, onServing);
    });

  for (const [name, { description }] of Object.entries(COMMANDS))
    all.addCommand(new Subcommand(name).description(description), { isDefault: name === 'serve' });

  // As man(1), by COLUMNS where the output is not a terminal.
  const width = process.stdout.isTTY ? process.stdout.columns : Number(process.env['COLUMNS']) || 80;

  for (const command of [all, ...all.commands])
    command
      .exitOverride()
      .helpOption('-h, --help', 'print this help')
      .configureOutput({ outputError: () => {}, getOutHelpWidth: () => width })
      .configureHelp({
        minWidthToWrap: 20, // the longest flag leaves less than the default of 40 in 80 columns
        styleTitle: (text) => pc.bold(text),
        styleCommandText: (text) => pc.cyan(text),
        subcommandTerm: (each) => COMMANDS[each.name()]?.term ?? `${each.name()} [command]`,
      });
  return all;
}

/** With `help NAME` as `NAME --help`, which loads the command. Takes a word that is neither a command nor a directory for a misspelt command. */
async function commandLine(): Promise<string[]> {
  const [node, main, command = '', name = '', ...rest] = process.argv;
  const names = Object.keys(COMMANDS);
  if (command === 'help' && name !== '' && !name.startsWith('-')) {
    if (name === 'help') return [node!, main!, '--help'];
    if (!names.includes(name)) throw await notACommand(name, `${name} is not a command`);
    return [node!, main!, name, '--help', ...rest];
  }
  if (/^[a-z]/i.test(command) && command !== 'help' && !names.includes(command) && !existsSync(command)) {
    const hasArgument = name !== '' && !name.startsWith('-');
    const { didYouMean } = await import('../files/rules/did-you-mean.js');
    if (hasArgument || didYouMean(command, names) !== null)
      throw await notACommand(command, `${command} is neither a command nor a directory`);
  }
  return process.argv;
}

async function notACommand(word: string, fault: string): Promise<UsageError> {
  const { didYouMean } = await import('../files/rules/did-you-mean.js');
  const names = Object.keys(COMMANDS);
  const meant = didYouMean(word, names);
  return new UsageError(
    `${fault}; ${meant === null ? `the commands are ${names.join(', ')}.` : `did you mean ${meant}?`}`,
  );
}

/** One sentence for a usage error or a missing part, a stack for a bug of epollet. @returns the exit code */
async function report(error: unknown): Promise<number> {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0; // help or version was printed
    printError(await sentenceOf(error));
    return USAGE_EXIT_CODE;
  }
  if (isUsageError(error)) {
    printError(error.message);
    if (error.details !== '') process.stderr.write(`${error.details}\n`);
    return USAGE_EXIT_CODE;
  }
  if (error instanceof Error && 'code' in error && MISSING_PART.includes(error.code as ErrorCode)) {
    printError(error.message);
    return 1;
  }
  if (isShortage(error)) {
    printError(tooFewDescriptors().message);
    return USAGE_EXIT_CODE;
  }
  console.error(error);
  return 1;
}

/** Of a start: the modules are opened many at a time, and the server itself needs some. */
function isShortage(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE');
}

/** Commander's message as one sentence, with a remedy where it has none. */
async function sentenceOf(error: CommanderError): Promise<string> {
  const message = (await withNewFlag(error.message))
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
async function withNewFlag(message: string): Promise<string> {
  const { RENAMED_FLAGS } = await import('./settings/flags.js');
  return message.replace(/^(error: unknown option '--(no-)?([\w-]+).*?').*/s, (whole, unknown, no = '', old) => {
    const flag = RENAMED_FLAGS.get(old);
    return flag === undefined ? whole : `${unknown} (did you mean --${no}${flag}?)`;
  });
}

/** Kubernetes makes them for a service named epollet or epollet-…, `EPOLLET_PORT=tcp://10.0.0.1:80`, and Docker for links. */
function isServiceVariable(name: string, value: string): boolean {
  const part =
    /^EPOLLET_(?:\w+_)?(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/.test(
      name,
    );
  return part || (/^EPOLLET_(?:\w+_)?PORT$/.test(name) && /^(?:tcp|udp|sctp):\/\//.test(value));
}

function printError(sentence: string): void {
  process.stderr.write(`${pc.red('epollet:')} ${sentence}\n`);
}
