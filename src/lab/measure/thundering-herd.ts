import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { constants, EPOLLET, EPOLLEXCLUSIVE, kernel } from '../../sys/index.js';

const THREADS = 4;
/** The time between a thread's first message and its epoll_wait, with a margin for a busy machine. */
const START_MS = 150;
export const TIMEOUT_MS = 700;

/** Several threads wait for one descriptor, each with an epoll set of its own, and one byte arrives. */
export interface ThunderingHerdRow {
  readonly trigger: keyof typeof FLAGS;
  readonly threads: number;
  readonly woken: number;
}

/** Without oneshot: each set disables only its own registration, so it is the same as level. */
const FLAGS = { level: 0, edge: EPOLLET, exclusive: EPOLLEXCLUSIVE } as const;

const threadFile = new URL('./thundering-herd-thread.js', import.meta.url);

/** How many of the threads wake up. EPOLLEXCLUSIVE promises "one or more", epoll_ctl(2). Empty before the build. */
export async function measureThunderingHerd(): Promise<ThunderingHerdRow[]> {
  if (!existsSync(fileURLToPath(threadFile))) return [];
  const rows: ThunderingHerdRow[] = [];
  for (const trigger of ['level', 'edge', 'exclusive'] as const)
    rows.push({ trigger, threads: THREADS, woken: await countWoken(FLAGS[trigger]) });
  return rows;
}

async function countWoken(flags: number): Promise<number> {
  const pair = kernel.socketpair(constants.SOCK_STREAM | constants.SOCK_NONBLOCK);
  if (typeof pair === 'number') throw new Error(`socketpair failed with ${pair}`);
  const [writer, reader] = pair;
  const threads = Array.from({ length: THREADS }, () => new Worker(threadFile, { workerData: { fd: reader, flags } }));
  try {
    await Promise.all(threads.map((thread) => nextMessage(thread)));
    await new Promise((resolve) => setTimeout(resolve, START_MS));
    const counts = Promise.all(threads.map((thread) => nextMessage(thread)));
    kernel.send(writer, new Uint8Array(1), 0, 1, 0);
    return (await counts).reduce((sum, count) => sum + count, 0);
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
    kernel.close(writer);
    kernel.close(reader);
  }
}

function nextMessage(thread: Worker): Promise<number> {
  return new Promise((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
  });
}
