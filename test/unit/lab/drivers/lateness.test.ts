import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { bucketOf, Lateness, microsecondsOf } from '../../../../src/lab/drivers/lateness.js';
import { kernel } from '../../../../src/sys/index.js';

test.each([
  [-5, 0],
  [0, 0],
  [127, 127],
  [128, 129],
  [1000, 1004],
  [4_000_000_000, 2 ** 31 - 2 ** 23],
])('%d µs are recorded as %d', (us, recorded) => {
  expect(microsecondsOf(bucketOf(us))).toBe(recorded);
});

test('a bucket is at most 1.6 % wide, and the next one begins where it ends', () => {
  let last = -1;
  for (let us = 0; us < 2 ** 31; us = us < 5000 ? us + 1 : Math.floor(us * 1.003)) {
    const bucket = bucketOf(us);
    if (us < 5000) expect([last, last + 1]).toContain(bucket);
    else expect(bucket).toBeGreaterThanOrEqual(last);
    expect(Math.abs(microsecondsOf(bucket) - us) / Math.max(us, 1)).toBeLessThanOrEqual(0.008);
    last = bucket;
  }
});

test('what ran is counted, and what is due shows how late it is', () => {
  const lateness = new Lateness();
  lateness.expect('timeout 1 ms', 1000);
  expect(lateness.read(1500)['timeout 1 ms']).toEqual({ distribution: [], overdueMs: 500 });
  expect(lateness.read(900)['timeout 1 ms'].overdueMs).toBe(0);
  lateness.record('timeout 1 ms', 1000.05);
  lateness.expect('timeout 1 ms', 1001);
  lateness.record('timeout 1 ms', 1000.5); // early
  expect(lateness.read(9000)['timeout 1 ms']).toEqual({
    distribution: [
      [0, 1],
      [50, 1],
    ],
    overdueMs: 0,
  });
  expect(lateness.read()['TCP echo'].distribution).toEqual([]);
  lateness.clear();
  expect(lateness.read()['timeout 1 ms'].distribution).toEqual([]);
});

test('the memory is shared with a thread that is blocked', async () => {
  const lateness = new Lateness();
  lateness.expect('microtask', kernel.monotonicMs());
  const blocked = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     Atomics.add(new Int32Array(workerData), 16, 0);
     new Int32Array(workerData)[new Int32Array(workerData).length - 1] = 7;
     parentPort.postMessage('');
     Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`,
    { eval: true, workerData: lateness.memory },
  );
  await new Promise((resolve) => blocked.once('message', resolve));
  expect(lateness.read()['interval 10 ms'].distribution.map(([, count]) => count)).toEqual([7]);
  await blocked.terminate();
});
