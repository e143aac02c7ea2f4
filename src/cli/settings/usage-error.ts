import { lookup } from 'node:dns/promises';
import { isAddress } from '../../net/address.js';
import type { ErrorCode } from '../../sys/error-code.js';

/** A wrong command line, configuration file or app; the message is one sentence that names the culprit and the remedy. */
export class UsageError extends Error {
  /** @param details lines printed below the sentence, such as the stack of the user's program */
  constructor(
    message: string,
    readonly details = '',
    readonly code: ErrorCode = 'ERR_EPOLLET_USAGE',
  ) {
    super(message);
  }
}

/** A message of an option's check as a sentence; a question ends as it is. */
export const sentence = (message: string): string => message.replace(/(?<!\?)$/, '.');

/**
 * Runs a check of options.
 * @param place precedes the option's name in the message
 */
export function checked(place: string, check: () => unknown): void {
  try {
    check();
  } catch (error) {
    throw new UsageError(sentence(`${place}${(error as Error).message}`));
  }
}

/** @throws UsageError for a host without an address */
export async function resolveHost(host: string): Promise<string> {
  if (host === 'localhost' || isAddress(host)) return host;
  const { address } = host === '' ? { address: '' } : await lookup(host).catch(() => ({ address: '' }));
  if (isAddress(address)) return address;
  throw new UsageError(
    `The host ${JSON.stringify(host)} has no address; give --host an IP address, localhost or a name that resolves.`,
  );
}

/** @throws UsageError for a system error of a start that the user can correct; any other error unchanged */
export async function starting<Result>(host: string, start: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await start();
  } catch (error) {
    throw startError(error as NodeJS.ErrnoException, host);
  }
}

function startError(error: NodeJS.ErrnoException & { port?: number }, host: string): Error {
  const { code, path, port } = error;
  switch (code) {
    case 'EADDRINUSE':
      return new UsageError(
        `Port ${port} of ${host} is taken; stop the process that uses it or choose another with --port (0 picks a free one).`,
      );
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return new UsageError(`This machine has no address ${host}; give --host one of its own, 127.0.0.1 or ::.`);
    case 'ENOENT':
      return new UsageError(`The directory ${path} does not exist; give one that does.`);
    case 'ENOTDIR':
      return new UsageError(`${path} is not a directory; give the directory that contains it.`);
    case 'EACCES':
      return port === undefined
        ? new UsageError(`The directory ${path} cannot be read by this user; change its permissions or the user.`)
        : new UsageError(`This user may not listen on port ${port}; choose one from 1024 with --port.`);
    default:
      return path === undefined
        ? error
        : new UsageError(`The directory ${path} cannot be opened (${code}); give another.`);
  }
}
