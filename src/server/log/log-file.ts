import { accessSync, closeSync, constants, open, openSync } from 'node:fs';
import { dirname } from 'node:path';

const { O_APPEND, O_CREAT, O_NOCTTY, O_NONBLOCK, O_WRONLY, W_OK, X_OK } = constants;
/** O_NONBLOCK: a FIFO without a reader is ENXIO instead of a wait. libuv adds O_CLOEXEC. */
const FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK;
/** For the group that reads logs, and for no others. */
const MODE = 0o640;

/** An error of open(2), with the path of the log. */
export interface LogFileError extends NodeJS.ErrnoException {
  readonly accessLogFile: string;
}

/**
 * Opens a file that lines are appended to, and creates it with mode 0640. By Node, which closes it at the end of a worker.
 * @returns a descriptor, the caller's
 * @throws LogFileError
 */
export function openLogFile(path: string): number {
  try {
    return openSync(path, FLAGS, MODE);
  } catch (error) {
    throw logFileError(error, path);
  }
}

/** The same in a thread of libuv: a file system that is slow does not hold up a reactor that is serving. */
export function reopenLogFile(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, FLAGS, MODE, (error, fd) => (error === null ? resolve(fd) : reject(logFileError(error, path))));
  });
}

/**
 * Checks that a log could be opened, and creates nothing.
 * @throws LogFileError
 */
export function checkLogFile(path: string): void {
  try {
    closeSync(openSync(path, FLAGS & ~O_CREAT));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw logFileError(error, path);
    checkDirectory(path);
  }
}

function checkDirectory(path: string): void {
  try {
    accessSync(dirname(path), W_OK | X_OK);
  } catch (error) {
    throw logFileError(error, path);
  }
}

const logFileError = (error: unknown, path: string): LogFileError =>
  Object.assign(error as NodeJS.ErrnoException, { accessLogFile: path });
