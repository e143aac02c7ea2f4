export interface ModelOptions {
  readonly root: string;
  /** An IPv4 or IPv6 address, or `localhost`. */
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Called with every line of output. @default writes to standard output */
  readonly print?: (line: string) => void;
}

export interface RunningModel {
  readonly port: number;
  /** The URL for clients; `localhost` if the model listens on all addresses. */
  readonly url: string;
  /** Stops at once. Resolves when every child process, thread and descriptor is gone. Idempotent. */
  stop(): Promise<void>;
}

/** Starts a model. Throws a system error with `address` and `port`, or with `path`. */
export type Start = (options: ModelOptions) => RunningModel | Promise<RunningModel>;

export function runningModel(
  scheme: 'http' | 'tcp',
  host: string,
  port: number,
  stopOnce: () => Promise<void>,
): RunningModel {
  let stopped: Promise<void> | null = null;
  const urlHost = host === '::' || host === '0.0.0.0' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return {
    port,
    url: `${scheme}://${urlHost}:${port}${scheme === 'http' ? '/' : ''}`,
    stop: () => (stopped ??= stopOnce()),
  };
}

export const printLine = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
