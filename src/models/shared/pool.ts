import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Answers } from './answers.js';
import type { Request } from './request.js';

/** What a thread of the pool is told. */
interface Role {
  readonly pool: string;
}

interface Task {
  readonly request: Request;
  readonly onAnswer: (bytes: Buffer) => void;
}

/** The first thing that a thread says; all others are answers. */
const READY = { ready: true };
/** What a thread is sent to make it end. */
const END = null;

/** Threads that turn requests into answers, one at a time each. They know no sockets. */
export class Pool {
  private readonly threads: Worker[] = [];
  private readonly idle: Worker[] = [];
  private readonly waiting: Task[] = [];
  private readonly tasks = new Map<Worker, Task>();

  private constructor(size: number, role: Role) {
    for (let i = 0; i < size; i++) this.threads.push(new Worker(new URL(import.meta.url), { workerData: role }));
  }

  /** Resolves when all threads are ready, for each of them takes descriptors that clients could have taken before. */
  static async open(root: string, size: number): Promise<Pool> {
    const pool = new Pool(size, { pool: root });
    await Promise.all(
      pool.threads.map(async (thread) => {
        await once(thread, 'message');
        thread.on('message', (bytes: Uint8Array) => pool.answered(thread, bytes));
        pool.idle.push(thread);
      }),
    );
    return pool;
  }

  /** Calls `onAnswer` later, with the bytes to send. */
  ask(request: Request, onAnswer: (bytes: Buffer) => void): void {
    const task = { request, onAnswer };
    const thread = this.idle.pop();
    if (thread === undefined) this.waiting.push(task);
    else this.give(thread, task);
  }

  /** Resolves when no thread is left. Nobody is answered any more. */
  async close(): Promise<void> {
    this.waiting.length = 0;
    this.tasks.clear();
    const ends = this.threads.map((thread) => new Promise((resolve) => thread.once('exit', resolve)));
    for (const thread of this.threads) thread.postMessage(END);
    await Promise.all(ends);
  }

  private give(thread: Worker, task: Task): void {
    this.tasks.set(thread, task);
    thread.postMessage(task.request);
  }

  private answered(thread: Worker, bytes: Uint8Array): void {
    const task = this.tasks.get(thread);
    this.tasks.delete(thread);
    const next = this.waiting.shift();
    if (next === undefined) this.idle.push(thread);
    else this.give(thread, next);
    task?.onAnswer(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  }
}

if (!isMainThread && (workerData as Role | null)?.pool !== undefined) {
  const answers = new Answers((workerData as Role).pool, 'kept');
  parentPort!.on('message', (request: Request | typeof END) => {
    if (request === END) {
      answers.close();
      parentPort!.close();
      return;
    }
    // A copy, whose memory then changes hands: the answer itself is kept.
    const bytes = new Uint8Array(answers.bytesTo(request));
    parentPort!.postMessage(bytes, [bytes.buffer]);
  });
  parentPort!.postMessage(READY);
}
