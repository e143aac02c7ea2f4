import { closeSync, openSync } from 'node:fs';

/** Ask for an end. nginx's images stop with QUIT, a terminal that closes sends HUP. */
const STOPPING: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'];

/**
 * The first signal that asks for an end stops and exits with 0; from the second on, `force` is true. SIGHUP never forces: a
 * terminal that closes sends it twice, by its shell and by the kernel, and systemd after SIGTERM (`SendSIGHUP=`).
 * @param reload what SIGHUP does, unless the terminal in which the program was started has closed; null: it stops
 */
export function stopOnSignals(
  stop: (force: boolean) => Promise<void>,
  reload: (() => Promise<void>) | null = null,
): void {
  const hadTerminal = hasTerminal();
  let isStopping = false;
  const onSignal = async (signal: NodeJS.Signals): Promise<void> => {
    if (signal === 'SIGHUP' && reload !== null && !(hadTerminal && !hasTerminal())) {
      if (!isStopping) await reload();
      return;
    }
    const force = isStopping && signal !== 'SIGHUP';
    isStopping = true;
    await stop(force);
    process.exit(0);
  };
  for (const signal of STOPPING) process.on(signal, onSignal);
}

/** Whether there is a controlling terminal, tty(4): ENXIO without one, EIO once it has hung up. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

/** Replaces the default actions of SIGUSR1, which log rotation sends, and of SIGUSR2: Node's debugger, which opens a port, and death. */
export function onLogSignals(reopen: () => void, flush: () => void): void {
  process.on('SIGUSR1', reopen);
  process.on('SIGUSR2', flush);
}
