import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Root } from '../../files/resolve/root.js';
import { constants, kernel } from '../../sys/index.js';
import { listen } from './listen.js';
import { CurrentConnection, type ModelContext } from './model-context.js';
import { type ModelOptions, printLine, type RunningModel, runningModel } from './running-model.js';

interface ThreadData {
  readonly model: string;
  readonly listener: number;
  readonly root: string;
  readonly current: SharedArrayBuffer;
}

/** The first message of the thread; all later ones are lines to print. */
const READY = { ready: true };

/**
 * Starts a blocking model in a thread of its own: a system call that blocks stops all JavaScript of its thread,
 * including signal handlers, so SIGTERM would have no effect. The main thread waits in libuv, receives the signals,
 * and ends the other thread through descriptors that both share: once the listener is shut down, accept(2) returns
 * EINVAL; once the current connection is shut down, recv(2) returns 0.
 * @param model its file, which exports `serve`
 * @param flags of the listener: 0 or SOCK_NONBLOCK
 */
export async function startInThread(
  model: URL,
  scheme: 'http' | 'tcp',
  flags: number,
  { root, host, port: requestedPort, print = printLine }: ModelOptions,
): Promise<RunningModel> {
  if (scheme === 'http') Root.open(kernel, root).close(); // throws here if the directory cannot be served
  const { fd: listener, port } = listen(host, requestedPort, flags);
  const current = new CurrentConnection();
  const threadData: ThreadData = { model: model.href, listener, root, current: current.memory };
  const thread = new Worker(new URL(import.meta.url), { workerData: threadData });
  const exited = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
  exited.then(() => kernel.close(listener));
  await new Promise<void>((resolve, reject) => {
    thread.once('error', reject);
    thread.once('message', () => {
      thread.off('error', reject); // a later error is a bug in the model, and must crash the process
      thread.on('message', print);
      resolve();
    });
  });
  return runningModel(scheme, host, port, () => {
    kernel.shutdown(listener, constants.SHUT_RDWR);
    current.shutdown();
    return exited;
  });
}

if (!isMainThread && (workerData as ThreadData | null)?.model !== undefined) {
  const { model, listener, root, current } = workerData as ThreadData;
  const { serve } = (await import(model)) as { serve(context: ModelContext): void };
  parentPort!.postMessage(READY);
  serve({ listener, root, current: new CurrentConnection(current), print: (line) => parentPort!.postMessage(line) });
}
