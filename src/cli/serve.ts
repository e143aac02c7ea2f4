import { Command } from 'commander';
import pc from 'picocolors';
import { type Server, serve } from '../server/server.js';
import { loadApp } from './app.js';
import { checkOf } from './check.js';
import { switchFlags } from './flags.js';
import { missingSentence } from './missing-fallback.js';
import { addressOf, misuseOf } from './refusal.js';
import { isOn, type Settings, settingsOf, withSettings } from './settings.js';

export function serveCommand(): Command {
  const command = withSettings(new Command('serve').description('serve a folder, a fetch handler, or both'));
  for (const option of switchFlags('check', false, 'say whether everything is right, and do not serve'))
    command.addOption(option);
  return command.action(async (dir: string | undefined) => {
    const settings = await withApp(await settingsOf(command, dir));
    if (isOn(command, 'check')) {
      const says = await checkOf(settings);
      // What the app has opened would keep the process.
      process.stdout.write(`${says}\n`, () => process.exit());
      return;
    }
    const server = await start(settings);
    endOnSignals(server);
    for (const missing of server.missingFallbacks)
      process.stderr.write(
        `${pc.yellow('epollet:')} ${missingSentence(missing)} Until then 404 is sent in its place.\n`,
      );
    process.stdout.write(`${server.url.href}\n`);
  });
}

async function withApp(settings: Settings): Promise<Settings> {
  if (settings.app === null) return settings;
  return { ...settings, options: { ...settings.options, ...(await loadApp(settings.app)) } };
}

async function start({ host, options }: Settings): Promise<Server> {
  const hostname = await addressOf(host);
  try {
    return serve({ ...options, hostname });
  } catch (error) {
    throw misuseOf(error as NodeJS.ErrnoException, host);
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
