/** What a model is told when it is started. */
export interface ModelOptions {
  /** The folder. */
  readonly root: string;
  /** An IPv4 or IPv6 address, or `localhost`. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Gets every line that the model prints. @default standard output */
  readonly say?: (line: string) => void;
}

/** A model that answers. */
export interface RunningModel {
  readonly port: number;
  /** Where a client finds it; `localhost` for the addresses that mean "all". */
  readonly url: string;
  /** Ends it at once. When it resolves, every child, thread and descriptor is gone. Twice is fine. */
  stop(): Promise<void>;
}

/** How a model is started. What the kernel refuses is thrown as a system error with `address` and `port`, or `path`. */
export type Start = (options: ModelOptions) => RunningModel | Promise<RunningModel>;

/** Puts a running model together. */
export function running(scheme: 'http' | 'tcp', host: string, port: number, end: () => Promise<void>): RunningModel {
  let ended: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    ended ??= end();
    return ended;
  };
  const place = host === '::' || host === '0.0.0.0' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return { port, url: `${scheme}://${place}:${port}${scheme === 'http' ? '/' : ''}`, stop };
}

export const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
