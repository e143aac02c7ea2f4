import { isClients } from '../../fetch/client-errors.js';

type Report = (culprit: string, error: unknown) => void;

let report: Report | null = null;

/**
 * Keeps a client from ending the process. A handler that responds before it has read the body may leave a promise without
 * a catch, or a stream of Node without an `error` listener; both fail if the body is not JSON or the client disconnects.
 * Other failures end the process, or not, as without this. Idempotent, and for the whole process; a program that sets
 * `--unhandled-rejections` decides itself about promises.
 * @param onFailure called with those that are more than a disconnected client
 */
export function guardProcess(onFailure: Report): void {
  if (report !== null) return;
  report = onFailure;
  process.on('uncaughtException', onUncaught);
  const options = [...process.execArgv, process.env['NODE_OPTIONS']];
  if (!options.some((text) => text?.includes('--unhandled-rejections'))) process.on('unhandledRejection', onUnhandled);
}

function onUnhandled(reason: unknown): void {
  if (isClients(reason)) return note('a promise of a handler', reason);
  // The program's own listeners decide; without any Node does, once more, when this one is not there.
  if (process.listenerCount('unhandledRejection') > 1) return;
  process.off('unhandledRejection', onUnhandled);
  void Promise.reject(reason);
  setImmediate(() => process.on('unhandledRejection', onUnhandled));
}

function onUncaught(error: unknown, origin: NodeJS.UncaughtExceptionOrigin): void {
  if (isClients(error) && origin === 'uncaughtException') return note('a stream of a handler', error);
  if (process.listenerCount('uncaughtException') > 1) return;
  process.off('uncaughtException', onUncaught);
  queueMicrotask(() => {
    throw error; // thrown here and now, it would end the process with another exit code
  });
}

/** A client that disconnects is nothing to report. */
function note(culprit: string, error: unknown): void {
  if (!(error instanceof DOMException)) report!(culprit, error);
}
