import { lookup } from 'node:dns/promises';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import type { Trigger } from '../reactor/interest.js';
import type { AccessLogFormat } from '../server/access-log.js';
import { isAddress, type Server, serve } from '../server/server.js';
import { accessLogFlag, hostFlag, limitFlags, limitsOf, portFlag, triggerFlag, workersFlag } from './flags.js';
import { Misuse } from './misuse.js';

interface ServeFlags extends Record<string, unknown> {
  host: string;
  port: number;
  trigger: Trigger;
  accessLog: AccessLogFormat;
}

/** The site that ships with the package. */
const OWN_SITE = fileURLToPath(new URL('../../html', import.meta.url));

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('serve a folder')
    .argument('[dir]', 'the folder; without one, the site that ships with epollet')
    .addOption(hostFlag())
    .addOption(portFlag())
    .addOption(workersFlag())
    .addOption(triggerFlag())
    .addOption(accessLogFlag())
    .action(async (dir: string | undefined, flags: ServeFlags) => {
      const server = await start(dir ?? OWN_SITE, flags);
      endOnSignals(server);
      process.stdout.write(`${server.url.href}\n`);
    });
  for (const option of limitFlags()) command.addOption(option);
  return command.addHelpText(
    'after',
    '\nEvery flag is an environment variable too: --access-log is EPOLLET_ACCESS_LOG. Flags win.',
  );
}

async function start(dir: string, flags: ServeFlags): Promise<Server> {
  const { port, trigger, accessLog } = flags;
  if (dir === '') throw new Misuse('The folder has an empty name; give one, or none for the site that ships with it.');
  if (typeof port !== 'number')
    throw new Misuse(`PORT must be an integer from 0 to 65535, not ${JSON.stringify(port)}.`);
  const hostname = await addressOf(flags.host);
  try {
    return serve({ hostname, port, root: dir, trigger, accessLog, limits: limitsOf(flags) });
  } catch (error) {
    throw explained(error as NodeJS.ErrnoException & { port?: number }, flags.host, dir);
  }
}

async function addressOf(host: string): Promise<string> {
  if (host === 'localhost' || isAddress(host)) return host;
  const { address } = host === '' ? { address: '' } : await lookup(host).catch(() => ({ address: '' }));
  if (isAddress(address)) return address;
  throw new Misuse(
    `The host ${JSON.stringify(host)} has no address; give --host an IP address, localhost or a name that resolves.`,
  );
}

/** The kernel's refusals that a user can do something about, as a sentence. */
function explained(error: NodeJS.ErrnoException & { port?: number }, host: string, dir: string): Error {
  switch (error.code) {
    case 'EADDRINUSE':
      return new Misuse(
        `Port ${error.port} of ${host} is taken; stop who has it or choose another with --port (0 picks a free one).`,
      );
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return new Misuse(`This machine has no address ${host}; give --host one of its own, 127.0.0.1 or ::.`);
    case 'ENOENT':
      return new Misuse(`The folder ${dir} does not exist; give one that does.`);
    case 'ENOTDIR':
      return new Misuse(`${dir} is no folder; give the folder that it is in.`);
    case 'EACCES':
      return error.port === undefined
        ? new Misuse(`The folder ${dir} may not be read by this user; change its permissions or the user.`)
        : new Misuse(`This user may not listen on port ${error.port}; choose one from 1024 with --port.`);
    default:
      return error.path === undefined
        ? error
        : new Misuse(`The folder ${dir} cannot be opened (${error.code}); give another.`);
  }
}

/** SIGTERM and SIGINT drain and end with 0; a second one ends at once. */
function endOnSignals(server: Server): void {
  let asked = false;
  const end = async (): Promise<void> => {
    const force = asked;
    asked = true;
    await server.stop({ force });
    process.exit(0);
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}
