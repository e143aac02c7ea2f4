import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Request } from './request.js';
import { Responder } from './responder.js';

interface Task {
  readonly request: Request;
  readonly onResponse: (bytes: Buffer) => void;
}

/** The first message of a thread; all later ones are responses. */
const READY = { ready: true };
const END = null;

/** Threads that turn requests into responses, one at a time each. They know no sockets. */
export class Pool {
  private readonly idle: Worker[] = [];
  private readonly queue: Task[] = [];
  private readonly tasks = new Map<Worker, Task>();

  private constructor(private readonly threads: readonly Worker[]) {}

  /** Resolves when all threads have started: each opens descriptors, which clients could otherwise exhaust first. */
  static async open(root: string, size: number): Promise<Pool> {
    const start = (): Worker => new Worker(new URL(import.meta.url), { workerData: { poolRoot: root } });
    const pool = new Pool(Array.from({ length: size }, start));
    await Promise.all(
      pool.threads.map(async (thread) => {
        await once(thread, 'message');
        thread.on('message', (bytes: Uint8Array) => pool.onResponse(thread, bytes));
        pool.idle.push(thread);
      }),
    );
    return pool;
  }

  /** Calls `onResponse` later with the bytes to send. */
  submit(request: Request, onResponse: (bytes: Buffer) => void): void {
    const task = { request, onResponse };
    const thread = this.idle.pop();
    if (thread === undefined) this.queue.push(task);
    else this.assign(thread, task);
  }

  /** Drops all pending tasks. Resolves when all threads have exited. */
  async close(): Promise<void> {
    this.queue.length = 0;
    this.tasks.clear();
    const exits = this.threads.map((thread) => new Promise((resolve) => thread.once('exit', resolve)));
    for (const thread of this.threads) thread.postMessage(END);
    await Promise.all(exits);
  }

  private assign(thread: Worker, task: Task): void {
    this.tasks.set(thread, task);
    thread.postMessage(task.request);
  }

  private onResponse(thread: Worker, bytes: Uint8Array): void {
    const task = this.tasks.get(thread);
    this.tasks.delete(thread);
    const next = this.queue.shift();
    if (next === undefined) this.idle.push(thread);
    else this.assign(thread, next);
    task?.onResponse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  }
}

const { poolRoot } = (workerData ?? {}) as { poolRoot?: string };
if (!isMainThread && poolRoot !== undefined) {
  const responder = new Responder(poolRoot, 'keep-alive');
  parentPort!.on('message', (request: Request | typeof END) => {
    if (request === END) {
      responder.close();
      parentPort!.close();
      return;
    }
    // A copy whose memory is transferred; the responder keeps the original in its cache.
    const bytes = new Uint8Array(responder.bytesFor(request));
    parentPort!.postMessage(bytes, [bytes.buffer]);
  });
  parentPort!.postMessage(READY);
}
