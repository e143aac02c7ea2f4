import { expect, test } from 'vitest';
import { type CompressionJob, CompressionQueue } from '../../../../src/files/representation/compression-queue.js';
import { eventually } from '../../../support/raw-client.js';

/** A job that ends when `end` or `fail` is called. */
class TestJob implements CompressionJob {
  isWanted = true;
  isStarted = false;
  end: () => void = () => {};
  fail: () => void = () => {};

  run(): Promise<void> {
    this.isStarted = true;
    return new Promise((resolve, reject) => {
      this.end = resolve;
      this.fail = () => reject(new Error('out of memory'));
    });
  }
}

const jobs = (count: number): TestJob[] => Array.from({ length: count }, () => new TestJob());
const started = (all: readonly TestJob[]): number[] => all.flatMap(({ isStarted }, i) => (isStarted ? [i] : []));
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('the queue runs jobs in order, up to its limit at a time', async () => {
  const queue = new CompressionQueue(2, 100);
  const all = jobs(5);
  expect(all.map((job) => queue.add(job))).toEqual([true, true, true, true, true]);
  expect(started(all)).toEqual([]); // not in the turn of the request
  await turn();
  expect(started(all)).toEqual([0, 1]);
  all[1]!.end();
  await eventually(() => started(all).length > 2, 'the next job starts');
  expect(started(all)).toEqual([0, 1, 2]);
  all[0]!.fail();
  all[2]!.end();
  await eventually(() => started(all).length > 4, 'a failed job makes room too');
});

test('a full queue drops jobs that are not wanted, and rejects others', async () => {
  const queue = new CompressionQueue(1, 2);
  const all = jobs(6);
  const add = (i: number): boolean => queue.add(all[i]!);
  expect([0, 1, 2, 3].map(add)).toEqual([true, true, true, false]);
  all[1]!.isWanted = false;
  expect([4, 5].map(add)).toEqual([true, false]);
  await turn();
  all[2]!.isWanted = false;
  all[0]!.end();
  await eventually(() => all[4]!.isStarted, 'the next wanted job starts');
  expect(started(all)).toEqual([0, 4]);
});

test('a job that is not wanted when its turn comes is not started', async () => {
  const queue = new CompressionQueue(1, 2);
  const all = jobs(2);
  for (const job of all) queue.add(job);
  all[0]!.isWanted = false;
  await eventually(() => all[1]!.isStarted, 'the other starts');
  expect(started(all)).toEqual([1]);
});
