import type { Command } from 'commander';
import pc from 'picocolors';
import { AdminDoor } from '../admin/door.js';
import { serve } from '../admin/serve.js';
import { type App, loadApp } from '../app/app.js';
import { activatedSockets } from '../net/listening/socket-activation.js';
import type { ServeOptions, WorkersOptions } from '../server/options.js';
import type { Server } from '../server/server.js';
import { usableCores } from '../workers/cpu-count.js';
import { Supervisor } from '../workers/supervisor.js';
import { checkSettings, describeMissing } from './check.js';
import { keepHeapSmall, withInitialFlags } from './heap.js';
import { checkDescriptors } from './settings/descriptor-limit.js';
import { flagsOf } from './settings/flags.js';
import { resolveListening } from './settings/listening.js';
import { COMMAND_OPTIONS } from './settings/option-table.js';
import { isOn, type Settings, settingsOf, withSettings } from './settings/settings.js';
import { starting } from './settings/starting.js';
import { isUsageError } from './settings/usage-error.js';
import { onLogSignals, stopOnSignals } from './signals.js';

/** Called with what caches code of V8, which depends on its flags. */
export type OnServing = (underInitialFlags: typeof withInitialFlags) => void;

/** Short: V8 does not shrink a new generation that the first requests have made grow. */
const HEAP_DELAY_MS = 20;

/** @param onServing once the server listens */
export function defineServe(command: Command, onServing: OnServing): void {
  withSettings(command, flagsOf('check', COMMAND_OPTIONS.check));
  command.action(async (dir: string | undefined) => {
    let server: Server | Supervisor | null = null;
    // Before the app is loaded, which takes its time.
    onLogSignals(
      () => server !== null && void reopenLog(server),
      () => server?.flushLog(),
    );
    const settings = settingsOf(command, dir);
    if (isOn(command, 'check')) {
      const summary = await checkSettings({
        ...settings,
        options: { ...settings.options, ...(await handlersOf(settings.app)) },
      });
      // Timers and sockets of the app would keep the process alive.
      process.stdout.write(`${summary}\n`, () => process.exit());
      return;
    }
    const { listening, options } = settings;
    const where = await resolveListening(listening);
    checkDescriptors();
    const started = await starting(listening, () => start(settings, where));
    server = started;
    // The second signal does not wait for pending responses.
    stopOnSignals(
      (force) => started.stop({ force }),
      () => reload(started, () => settingsOf(command, dir)),
    );
    if (listening.isPlatformPort)
      warn(
        'PORT is set without a host, so the server listens on all addresses; for this machine only, set HOST=127.0.0.1.',
      );
    const unused = unusedSockets();
    if (unused !== null) warn(unused);
    for (const missing of started.missingFallbacks) warn(`${describeMissing(missing)} Until then the response is 404.`);
    // An access log has standard output to itself, so that a program can parse it.
    const isLogged = options.accessLog !== 'off' && options.accessLogFile === undefined;
    const output = isLogged ? process.stderr : process.stdout;
    output.write(started.addresses.map((url) => `${url}\n`).join(''));
    warnOfDoor(started, output);
    onServing(withInitialFlags);
    // An app's heap is its own. The module takes 3 ms to load, which the first requests need not wait for.
    if (settings.app === null) setTimeout(keepHeapSmall, HEAP_DELAY_MS).unref();
  });
}

type Where = Pick<ServeOptions, 'hostname' | 'port' | 'listen'>;

async function start(settings: Settings, where: Where): Promise<Server | Supervisor> {
  const { options, app } = settings;
  const workers = settings.workers === 'auto' ? usableCores() : settings.workers;
  if (workers === 1) return serve({ ...options, ...(await handlersOf(app)), ...where });
  const supervisor = serve({ ...inWorkers(settings, where), workers });
  supervisor.report = (sentence, error) => {
    warn(sentence);
    if (error?.stack !== undefined) process.stderr.write(`${error.stack}\n`);
  };
  await supervisor.ready;
  return supervisor;
}

const inWorkers = ({ options, app, workers, accept }: Settings, where: Where): WorkersOptions => ({
  ...options,
  ...where,
  ...(app === null ? {} : { app }),
  workers,
  accept,
});

/** Reads the configuration file anew, and loads the app anew; a mistake in them leaves the server as it was. */
async function reload(server: Server | Supervisor, read: () => Settings): Promise<void> {
  try {
    const settings = read();
    const where = await resolveListening(settings.listening);
    if (server instanceof Supervisor) await server.reloadAll(inWorkers(settings, where));
    else await server.reloadAll({ ...settings.options, ...(await handlersOf(settings.app)), ...where });
    note('Reloaded.');
  } catch (error) {
    const { message } = error as Error;
    warn(`Not reloaded, the server goes on as before: ${message}`);
    if (isUsageError(error) && error.details !== '') process.stderr.write(`${error.details}\n`);
  }
}

async function reopenLog(server: Server | Supervisor): Promise<void> {
  try {
    await server.reopenLog();
  } catch (error) {
    warn(`The access log is not reopened, and its lines go to the file from before: ${(error as Error).message}.`);
  }
}

const handlersOf = async (app: string | null): Promise<Partial<App>> => (app === null ? {} : await loadApp(app));

function note(sentence: string): void {
  process.stderr.write(`epollet: ${sentence}\n`);
}

function warnOfDoor({ companion }: Server | Supervisor, output: NodeJS.WriteStream): void {
  if (!(companion instanceof AdminDoor)) return;
  output.write(`${companion.url.href} is the admin door\n`);
  if (companion.shortcoming !== null) warn(companion.shortcoming);
  if (companion.isOpen)
    warn('Other machines may reach the admin door; restrict its port to those that scrape it, or listen on 127.0.0.1.');
}

function warn(sentence: string): void {
  process.stderr.write(`${pc.yellow('epollet:')} ${sentence}\n`);
}

/** A service whose socket unit has no effect. @returns a sentence, or null */
function unusedSockets(): string | null {
  const found = activatedSockets(process.env, process.pid);
  if (typeof found === 'string' || found.length === 0) return null;
  return `LISTEN_FDS has ${found.length} ${found.length === 1 ? 'socket' : 'sockets'} of systemd, which the server does not use; give --listen systemd.`;
}
