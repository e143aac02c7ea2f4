import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Root } from '../../files/resolve/root.js';
import { constants, kernel } from '../../sys/index.js';
import { listen } from './listen.js';
import { type ModelOptions, print, type RunningModel, running } from './program.js';
import { type BlockingModel, Waiting } from './stage.js';

/** What the thread is told. */
interface Role {
  readonly model: string;
  readonly listener: number;
  readonly root: string;
  readonly waiting: SharedArrayBuffer;
}

/** The first thing that the thread says; all others are lines to print. */
const READY = { ready: true };

/**
 * Starts a model that blocks. It gets a thread of its own, because a system call that waits stops all JavaScript of
 * its thread, the handlers of signals with it: SIGTERM would never be heard. The first thread waits in libuv, where it
 * hears everything, and ends the other one through the descriptors that the two share: it shuts the listener down, and
 * accept(2) returns EINVAL; it shuts down the connection that is waited on, and recv(2) returns 0.
 * @param model the file of a BlockingModel
 * @param flags of the listener: 0, or SOCK_NONBLOCK
 */
export async function startInThread(
  model: URL,
  scheme: 'http' | 'tcp',
  flags: number,
  { root, host, port: wanted, say = print }: ModelOptions,
): Promise<RunningModel> {
  if (scheme === 'http') Root.open(kernel, root).close(); // a folder that cannot be served is complained of here
  const { fd: listener, port } = listen(host, wanted, flags);
  const waiting = new Waiting();
  const role: Role = { model: model.href, listener, root, waiting: waiting.memory };
  const thread = new Worker(new URL(import.meta.url), { workerData: role });
  const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
  ended.then(() => kernel.close(listener));
  await new Promise<void>((resolve, reject) => {
    thread.once('error', reject);
    thread.once('message', () => {
      thread.off('error', reject); // an error from now on is one of ours, and nobody's to catch
      thread.on('message', say);
      resolve();
    });
  });
  return running(scheme, host, port, () => {
    kernel.shutdown(listener, constants.SHUT_RDWR);
    waiting.end();
    return ended;
  });
}

if (!isMainThread && (workerData as Role | null)?.model !== undefined) {
  const { model, listener, root, waiting } = workerData as Role;
  const { serve } = (await import(model)) as BlockingModel;
  parentPort!.postMessage(READY);
  serve({ listener, root, waiting: new Waiting(waiting), say: (line) => parentPort!.postMessage(line) });
}
