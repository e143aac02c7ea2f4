import { type HostSource, hostFrom, remedyOf } from './host.js';
import { UsageError } from './usage-error.js';

/** @throws UsageError for a system error of a start that the user can correct; any other error unchanged */
export async function starting<Result>(
  host: string,
  start: () => Result | Promise<Result>,
  source: HostSource = '--host',
): Promise<Result> {
  try {
    return await start();
  } catch (error) {
    throw startError(error as NodeJS.ErrnoException, host, source);
  }
}

function startError(error: NodeJS.ErrnoException & { port?: number }, host: string, source: HostSource): Error {
  const { code, path, port } = error;
  switch (code) {
    case 'EADDRINUSE':
      return new UsageError(
        `Port ${port} of ${host} is taken; stop the process that uses it or choose another with --port (0 picks a free one).`,
      );
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return new UsageError(
        `${hostFrom(host, source)} is not an address of this machine; ${remedyOf(source)} one of its own, 127.0.0.1 or ::.`,
      );
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
