import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Root } from '../files/resolve/root.js';
import { constants, kernel } from '../sys/index.js';
import { Answers } from './shared/answers.js';
import { Arrivals } from './shared/arrivals.js';
import { converse } from './shared/blocking-connection.js';
import { finish } from './shared/hang-up.js';
import { listen } from './shared/listen.js';
import { type ModelOptions, type RunningModel, running } from './shared/program.js';

/** What a thread is told. */
interface Role {
  readonly connection: number;
  readonly root: string;
}

/** Each has a heap of its own. Those beyond wait in the accept queue. */
const THREADS_MAX = 128;

/**
 * A worker thread for each connection, which blocks on it. Cheaper than a process, and JavaScript keeps the heaps
 * apart; but the descriptor table is the process's, and all threads share it, pthreads(7). A descriptor is handed over
 * by telling its number.
 *
 * So here the first thread must not close the connection after handing it over: there is no copy. The thread would
 * find it closed (EBADF), or worse: the number is free then, the next client gets it, and two threads answer one
 * client. Who has opened it closes it, but only when the thread has ended.
 */
export function start({ root, host, port: wanted }: ModelOptions): RunningModel {
  Root.open(kernel, root).close();
  const { fd: listener, port } = listen(host, wanted, constants.SOCK_NONBLOCK);
  const threads = new Map<Worker, number>();
  let onLast: (() => void) | null = null;

  const arrivals = new Arrivals(listener, (fd) => {
    const role: Role = { connection: fd, root };
    const thread = new Worker(new URL(import.meta.url), { workerData: role });
    threads.set(thread, fd);
    if (threads.size === THREADS_MAX) arrivals.pause();
    thread.once('error', (error) => console.error(error)); // such as no memory for one more; its end follows
    thread.once('exit', () => {
      kernel.close(fd);
      threads.delete(thread);
      arrivals.resume();
      if (threads.size === 0) onLast?.();
    });
  });

  return running('http', host, port, async () => {
    arrivals.close();
    if (threads.size === 0) return;
    const last = new Promise<void>((resolve) => {
      onLast = resolve;
    });
    // A thread has no signals to itself. But what it waits for can be ended from here: recv(2) returns 0.
    for (const fd of threads.values()) kernel.shutdown(fd, constants.SHUT_RDWR);
    await last;
  });
}

if (!isMainThread && (workerData as Role | null)?.connection !== undefined) {
  const { connection, root } = workerData as Role;
  const answers = new Answers(root, 'kept');
  converse(connection, answers);
  finish(connection);
  answers.close();
}
