import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { constants, kernel } from '../../src/sys/binding.js';
import { EPOLLIN } from '../../src/sys/events.js';
import { testDescriptors } from '../support/descriptors.js';

const test = testDescriptors();
const fixture = (name: string) => new URL(`fixtures/${name}`, import.meta.url);

it('two threads have a set each, at once', async () => {
  const workers = [1, 2].map((data) => new Worker(fixture('epoll-worker.mjs'), { workerData: { data } }));
  const strange = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]));
  expect(strange).toEqual([0, 0]);
  await Promise.all(workers.map((worker) => worker.terminate()));
});

it('an eventfd wakes a thread that waits', async () => {
  const fd = test.own('eventfd', kernel.eventfd(0, constants.EFD_NONBLOCK));
  const worker = new Worker(fixture('waiting-worker.mjs'), { workerData: { fd } });
  expect(await once(worker, 'message')).toEqual(['waiting']);
  const exit = once(worker, 'exit');
  const events = once(worker, 'message');
  kernel.eventfdWrite(fd, 1);
  expect(await events).toEqual([[{ fd, events: EPOLLIN, data: 5 }]]);
  await exit;
});

it('a thread may end in any way while its watch is active', () => {
  const args = [fileURLToPath(fixture('terminate.mjs'))];
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 28_000 });
  expect({ lines: stdout.trimEnd().split('\n'), stderr, status, signal }).toEqual({
    lines: ['loopStart', 'loopEnclose'].flatMap((call) => [
      `${call} idle 1 none true`,
      `${call} busy 1 none true`,
      `${call} exits 3 none true`,
      `${call} throws 1 thrown in a thread true`,
    ]),
    stderr: '',
    status: 0,
    signal: null,
  });
});
