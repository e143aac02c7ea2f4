import { UNIX_PATH_BYTES_MAX } from '../../net/listening/listen-address.js';
import { hostFrom, remedyOf } from './host.js';
import type { Listening } from './listening.js';
import { UsageError } from './usage-error.js';

/** As Listener.open and Files throw it. */
interface StartError extends NodeJS.ErrnoException {
  readonly address?: string;
  readonly port?: number;
  /** A Unix socket or a descriptor, as it was given. */
  readonly listen?: string;
  readonly isFile?: boolean;
  readonly accessLogFile?: string;
}

/** @throws UsageError for an error of a start that the user can correct; any other error unchanged */
export async function starting<Result>(listening: Listening, start: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await start();
  } catch (error) {
    throw startError(error as StartError, listening);
  }
}

function startError(error: StartError, listening: Listening): Error {
  const { code, path, port, listen, message } = error;
  if (code === 'ERR_EPOLLET_OPTION' && message.startsWith('listen has ')) return new UsageError(`${message}.`);
  if (error.accessLogFile !== undefined) return logError(code, error.accessLogFile);
  if (listen?.startsWith('unix:')) return unixError(error, listen);
  if (listen !== undefined) return descriptorError(error, listen);
  const { hostSource = '--host' } = listening;
  const isList = listening.listen !== undefined;
  const host = isList ? (error.address ?? '') : listening.host;
  const another = isList ? 'another in --listen' : 'another with --port';
  switch (code) {
    case 'EADDRINUSE':
      return new UsageError(
        `Port ${port} of ${host} is taken${host === '::' ? ', in IPv6 or in IPv4, which :: has too' : ''}; stop the process that uses it or choose ${another} (0 picks a free one).`,
      );
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return new UsageError(
        `${isList ? `The host ${JSON.stringify(host)}` : hostFrom(host, hostSource)} is not an address of this machine; ${remedyOf(isList ? '--listen' : hostSource)} one of its own, 127.0.0.1 or ::.`,
      );
    case 'ENOENT':
      return new UsageError(`The directory ${path} does not exist; give one that does.`);
    case 'ENOTDIR':
      return new UsageError(`${path} is not a directory; give the directory that contains it.`);
    case 'EACCES':
      return port === undefined
        ? new UsageError(`The directory ${path} cannot be read by this user; change its permissions or the user.`)
        : new UsageError(
            `This user may not listen on port ${port}; choose one from 1024 with --${isList ? 'listen' : 'port'}, give node the capability (setcap cap_net_bind_service=+ep, AmbientCapabilities= of systemd), or lower net.ipv4.ip_unprivileged_port_start with sysctl.`,
          );
    default:
      return path === undefined
        ? error
        : new UsageError(`The directory ${path} cannot be opened (${code}); give another.`);
  }
}

function logError(code: string | undefined, file: string): Error {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new UsageError(
        `The directory of the access log ${file} does not exist; create it (systemd does by LogsDirectory=), or give --access-log-file another path.`,
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new UsageError(
        `This user may not write the access log ${file} (${code}); change the permissions or the user, or give --access-log-file another path.`,
      );
    case 'EISDIR':
      return new UsageError(`The access log ${file} is a directory; give --access-log-file a file in it.`);
    case 'ENXIO':
      return new UsageError(
        `The access log ${file} is a FIFO that no process reads, or a socket; start the reader first, or give --access-log-file another path.`,
      );
    default:
      return new UsageError(`The access log ${file} cannot be opened (${code}); give --access-log-file another path.`);
  }
}

function unixError({ code = '', isFile, address = '' }: StartError, listen: string): Error {
  switch (code) {
    case 'EADDRINUSE':
      return new UsageError(
        isFile
          ? `${address} is not a socket, and is not replaced; remove it, or give --listen another path.`
          : `A server listens on ${listen} already; stop it, or give --listen another path.`,
      );
    case 'ENOENT':
    case 'ENOTDIR':
      return new UsageError(
        `The directory of ${listen} does not exist; create it (systemd does by RuntimeDirectory=), or give --listen another path.`,
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new UsageError(
        `This user may not create ${address} (${code}); change the permissions of its directory or the user, or give --listen another path.`,
      );
    case 'ENAMETOOLONG':
      return new UsageError(
        `The path of ${listen} has ${Buffer.byteLength(address)} bytes, and a socket has at most ${UNIX_PATH_BYTES_MAX}; give --listen a shorter one.`,
      );
    default:
      return new UsageError(`The socket ${listen} cannot be opened (${code}); give --listen another.`);
  }
}

function descriptorError({ code = '' }: StartError, listen: string): Error {
  const faults: Record<string, string> = {
    EBADF: 'is not open',
    EINVAL: 'is a socket that does not listen',
    ENOTSOCK: 'is not a socket',
    EPROTOTYPE: 'is not a stream socket',
  };
  return new UsageError(
    `The descriptor ${listen} ${faults[code] ?? `cannot be used (${code})`}; the parent process must leave a listening socket open there.`,
  );
}
