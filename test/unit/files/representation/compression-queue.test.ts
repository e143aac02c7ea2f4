import { expect, test } from 'vitest';
import { type CompressionJob, CompressionQueue } from '../../../../src/files/representation/compression-queue.js';
import { eventually } from '../../../support/raw-client.js';

/** A job that ends when it is told to. */
class TestJob implements CompressionJob {
  isWanted = true;
  isBegun = false;
  end: () => void = () => {};
  fail: () => void = () => {};

  run(): Promise<void> {
    this.isBegun = true;
    return new Promise((resolve, reject) => {
      this.end = resolve;
      this.fail = () => reject(new Error('out of memory'));
    });
  }
}

const jobs = (count: number): TestJob[] => Array.from({ length: count }, () => new TestJob());
const begun = (all: readonly TestJob[]): number[] => all.flatMap(({ isBegun }, i) => (isBegun ? [i] : []));
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('has as many under way as it may, in the order in which they came', async () => {
  const queue = new CompressionQueue(2, 100);
  const all = jobs(5);
  expect(all.map((job) => queue.add(job))).toEqual([true, true, true, true, true]);
  expect(begun(all)).toEqual([]); // who asks is answered first
  await turn();
  expect(begun(all)).toEqual([0, 1]);
  all[1]!.end();
  await eventually(() => begun(all).length > 2, 'the next one begins');
  expect(begun(all)).toEqual([0, 1, 2]);
  all[0]!.fail();
  all[2]!.end();
  await eventually(() => begun(all).length > 4, 'those that fail make room too');
});

test('has room for so many that wait, of which those that nobody wants give theirs', async () => {
  const queue = new CompressionQueue(1, 2);
  const all = jobs(6);
  const add = (i: number): boolean => queue.add(all[i]!);
  expect([0, 1, 2, 3].map(add)).toEqual([true, true, true, false]);
  all[1]!.isWanted = false;
  expect([4, 5].map(add)).toEqual([true, false]);
  await turn();
  all[2]!.isWanted = false;
  all[0]!.end();
  await eventually(() => all[4]!.isBegun, 'the next one that is wanted begins');
  expect(begun(all)).toEqual([0, 4]);
});

test('does not begin what nobody wants any longer when its turn has come', async () => {
  const queue = new CompressionQueue(1, 2);
  const all = jobs(2);
  for (const job of all) queue.add(job);
  all[0]!.isWanted = false;
  await eventually(() => all[1]!.isBegun, 'the other begins');
  expect(begun(all)).toEqual([1]);
});
