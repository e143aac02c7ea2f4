/** The signals that end a server of srvx's shape. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const DEFAULT_SECONDS = 5;
/** A package manager passes on the SIGINT that the terminal has sent to the whole group: the first two are one. */
const SECOND_SIGNAL_MS = 100;

export type GracefulShutdown = boolean | { gracefulTimeout?: number; forceTimeout?: number } | undefined;

/**
 * Closes a server on SIGINT or SIGTERM: gracefully at first, and at once after `gracefulTimeout` seconds or on another
 * SIGINT. Off with `false`, and in tests and continuous integration unless it is asked for, as in srvx.
 * @returns what removes the listeners
 */
export function closeOnSignals(
  config: GracefulShutdown,
  isSilent: boolean,
  close: (force: boolean) => Promise<void>,
): () => void {
  const { env } = process;
  if (config === false || (config === undefined && (env['CI'] || env['TEST']))) return () => {};
  const given = typeof config === 'object' ? config.gracefulTimeout : undefined;
  const seconds = given || Number.parseInt(env['SERVER_SHUTDOWN_TIMEOUT'] ?? '', 10) || DEFAULT_SECONDS;
  let sinceMs = 0;
  const onSignal = (signal: string): void => {
    if (sinceMs > 0) {
      if (signal === 'SIGINT' && performance.now() - sinceMs > SECOND_SIGNAL_MS) void close(true);
      return;
    }
    sinceMs = performance.now();
    if (!isSilent)
      process.stderr.write(`The server stops within ${seconds} s. Press Ctrl+C again to stop it at once.\n`);
    const timer = setTimeout(() => void close(true), seconds * 1000);
    void close(false).finally(() => clearTimeout(timer));
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return () => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}
