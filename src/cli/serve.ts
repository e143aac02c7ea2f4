import type { Command } from 'commander';
import pc from 'picocolors';
import { serve } from '../server/server.js';
import { loadApp } from './app.js';
import { checkSettings, describeMissing } from './check.js';
import { flagsOf } from './flags.js';
import { COMMAND_OPTIONS } from './option-table.js';
import { isOn, type Settings, settingsOf, withSettings } from './settings.js';
import { resolveHost, starting } from './usage-error.js';

export function defineServe(command: Command): void {
  withSettings(command);
  for (const option of flagsOf('check', COMMAND_OPTIONS.check)) command.addOption(option);
  command.action(async (dir: string | undefined) => {
    const settings = await withApp(settingsOf(command, dir));
    if (isOn(command, 'check')) {
      const summary = await checkSettings(settings);
      // Timers and sockets of the app would keep the process alive.
      process.stdout.write(`${summary}\n`, () => process.exit());
      return;
    }
    const { host, options } = settings;
    const hostname = await resolveHost(host);
    const server = await starting(host, () => serve({ ...options, hostname }));
    // The second signal does not wait for pending responses.
    stopOnSignals((force) => server.stop({ force }));
    for (const missing of server.missingFallbacks)
      process.stderr.write(`${pc.yellow('epollet:')} ${describeMissing(missing)} Until then the response is 404.\n`);
    process.stdout.write(`${server.url.href}\n`);
  });
}

async function withApp(settings: Settings): Promise<Settings> {
  if (settings.app === null) return settings;
  return { ...settings, options: { ...settings.options, ...(await loadApp(settings.app)) } };
}

/** The first SIGTERM or SIGINT stops and exits with 0; from the second on, `force` is true. */
export function stopOnSignals(stop: (force: boolean) => Promise<void>): void {
  let isStopping = false;
  const onSignal = async (): Promise<void> => {
    const force = isStopping;
    isStopping = true;
    await stop(force);
    process.exit(0);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
