import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { constants, kernel } from '../../sys/index.js';
import type { HerdRow } from './trigger-rows.js';
import { FLAGS } from './triggers.js';

const THREADS = 4;
/** Long enough for a thread to get from its last word into epoll_wait, on a busy machine too. */
const SETTLE_MS = 150;
/** How long a thread waits that is not woken. */
export const TIMEOUT_MS = 700;

/** The file that the threads run; null before the project is built. */
const threadFile = new URL('./thundering-herd-thread.js', import.meta.url);
export const isBuilt = (): boolean => existsSync(fileURLToPath(threadFile));

/**
 * How many of the threads that wait for one descriptor are woken when something arrives. Oneshot is left out: each set
 * has a shot of its own, so it is as level. Exclusive promises "one or more", epoll_ctl(2).
 */
export async function measureThunderingHerd(): Promise<HerdRow[]> {
  const rows: HerdRow[] = [];
  for (const trigger of ['level', 'edge', 'exclusive'] as const) {
    rows.push({ trigger, threads: THREADS, woken: await wokenBy(FLAGS[trigger]) });
  }
  return rows;
}

async function wokenBy(bits: number): Promise<number> {
  const pair = kernel.socketpair(constants.SOCK_STREAM | constants.SOCK_NONBLOCK);
  if (typeof pair === 'number') throw new Error(`socketpair was refused with ${pair}`);
  const [writer, reader] = pair;
  const workers = Array.from({ length: THREADS }, () => new Worker(threadFile, { workerData: { fd: reader, bits } }));
  try {
    await Promise.all(workers.map((worker) => once(worker)));
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const told = Promise.all(workers.map((worker) => once(worker)));
    kernel.send(writer, new Uint8Array(1), 0, 1, 0);
    return (await told).reduce((sum, count) => sum + count, 0);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
    kernel.close(writer);
    kernel.close(reader);
  }
}

function once(worker: Worker): Promise<number> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
