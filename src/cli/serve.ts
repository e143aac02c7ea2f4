import { Command } from 'commander';
import pc from 'picocolors';
import { type Server, serve } from '../server/server.js';
import { loadApp } from './app.js';
import { checkSettings, describeMissing } from './check.js';
import { flagsOf } from './flags.js';
import { COMMAND_OPTIONS } from './option-table.js';
import { isOn, type Settings, settingsOf, withSettings } from './settings.js';
import { resolveHost, startError } from './usage-error.js';

export function serveCommand(): Command {
  const command = withSettings(new Command('serve').description('serve a directory, a fetch handler, or both'));
  for (const option of flagsOf('check', COMMAND_OPTIONS.check)) command.addOption(option);
  return command.action(async (dir: string | undefined) => {
    const settings = await withApp(settingsOf(command, dir));
    if (isOn(command, 'check')) {
      const summary = await checkSettings(settings);
      // Timers and sockets of the app would keep the process alive.
      process.stdout.write(`${summary}\n`, () => process.exit());
      return;
    }
    const server = await start(settings);
    stopOnSignals(server);
    for (const missing of server.missingFallbacks)
      process.stderr.write(`${pc.yellow('epollet:')} ${describeMissing(missing)} Until then the response is 404.\n`);
    process.stdout.write(`${server.url.href}\n`);
  });
}

async function withApp(settings: Settings): Promise<Settings> {
  if (settings.app === null) return settings;
  return { ...settings, options: { ...settings.options, ...(await loadApp(settings.app)) } };
}

async function start({ host, options }: Settings): Promise<Server> {
  const hostname = await resolveHost(host);
  try {
    return serve({ ...options, hostname });
  } catch (error) {
    throw startError(error as NodeJS.ErrnoException, host);
  }
}

/** The first SIGTERM or SIGINT drains and exits with 0; the second exits at once. */
function stopOnSignals(server: Server): void {
  let isStopping = false;
  const stop = async (): Promise<void> => {
    const force = isStopping;
    isStopping = true;
    await server.stop({ force });
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
