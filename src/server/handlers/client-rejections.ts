import { isClients } from '../../fetch/client-errors.js';

type Report = (culprit: string, error: unknown) => void;

let report: Report | null = null;

/**
 * Keeps a client from ending the process: a handler that responds before it has read the body may leave a promise
 * without a catch, which is rejected if the body is not JSON or the client disconnects. Other rejections end the process, or
 * not, as without this. Idempotent, and for the whole process; a program that sets `--unhandled-rejections` decides itself.
 * @param onRejection called with those that are more than a disconnected client
 */
export function guardRejections(onRejection: Report): void {
  if (report !== null) return;
  report = onRejection;
  if ([...process.execArgv, process.env['NODE_OPTIONS']].some((text) => text?.includes('--unhandled-rejections')))
    return;
  process.on('unhandledRejection', onUnhandled);
}

function onUnhandled(reason: unknown): void {
  if (isClients(reason)) {
    if (!(reason instanceof DOMException)) report!('a promise of a handler', reason);
    return;
  }
  // The program's own listeners decide; without any Node does, once more, when this one is not there.
  if (process.listenerCount('unhandledRejection') > 1) return;
  process.off('unhandledRejection', onUnhandled);
  void Promise.reject(reason);
  setImmediate(() => process.on('unhandledRejection', onUnhandled));
}
