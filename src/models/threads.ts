import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Root } from '../files/resolve/root.js';
import { constants, kernel } from '../sys/index.js';
import { AcceptLoop } from './shared/accept-loop.js';
import { serveConnection } from './shared/blocking-connection.js';
import { shutdownGracefully } from './shared/close-gracefully.js';
import { listen } from './shared/listen.js';
import { Responder } from './shared/responder.js';
import { type ModelOptions, type RunningModel, runningModel } from './shared/running-model.js';

/** Each has a heap of its own. Further connections wait in the accept queue. */
const MAX_THREADS = 128;

/**
 * A worker thread for each connection, which blocks on it. Cheaper than a process, and the JavaScript heaps are separate;
 * but the descriptor table belongs to the process, and all threads share it, pthreads(7). So a descriptor is handed over
 * as a number.
 *
 * Here the main thread must not close the connection after handing it over, because the thread has no copy. It would
 * find it closed (EBADF), or worse: the number is free, the next client gets it, and two threads serve one client. The
 * main thread opened it, so the main thread closes it, but only after the thread has exited.
 */
export function start({ root, host, port: requestedPort }: ModelOptions): RunningModel {
  Root.open(kernel, root).close();
  const { fd: listener, port } = listen(host, requestedPort, constants.SOCK_NONBLOCK);
  const descriptors = new Set<number>();

  const acceptLoop = new AcceptLoop(listener, MAX_THREADS, (fd, onEnd) => {
    const thread = new Worker(new URL(import.meta.url), { workerData: { connection: fd, root } });
    descriptors.add(fd);
    thread.once('error', (error) => console.error(error)); // such as out of memory; its exit follows
    thread.once('exit', () => {
      descriptors.delete(fd);
      kernel.close(fd);
      onEnd();
    });
  });

  return runningModel('http', host, port, () => {
    acceptLoop.close();
    // Worker threads receive no signals. But their wait can be ended from here: recv(2) returns 0.
    for (const fd of descriptors) kernel.shutdown(fd, constants.SHUT_RDWR);
    return acceptLoop.whenIdle();
  });
}

const { connection, root } = (workerData ?? {}) as { connection?: number; root: string };
if (!isMainThread && connection !== undefined) {
  const responder = new Responder(root, 'keep-alive');
  serveConnection(connection, responder);
  shutdownGracefully(connection);
  responder.close();
}
