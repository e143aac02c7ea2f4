import { expect, test } from 'vitest';
import { measureTriggerCosts, READER_NAMES } from '../../../../src/lab/measure/trigger-costs.js';

/** System calls per message, by hand: waits, reads and modifications, by the number of ready descriptors. */
const CALLS: [messageBytes: number, ready: number, level: number, drained: number, short: number, oneshot: number][] = [
  [64, 1, 1 + 1, 1 + 2, 1 + 1, 1 + 1 + 1],
  [64, 16, 1 / 16 + 1, 1 / 16 + 2, 1 / 16 + 1, 1 / 16 + 1 + 1],
  [4096, 1, 2, 3, 2, 3],
  [65_536, 1, 4 + 4, 1 + 5, 1 + 5, 4 + 4 + 4],
  [65_536, 16, 4 / 16 + 4, 1 / 16 + 5, 1 / 16 + 5, 4 / 16 + 8],
];

test('the system calls of each reader are exact, and one reader is measured twice', async () => {
  const { costs, repeated } = await measureTriggerCosts({ rounds: 2, messages: 256 }, new AbortController().signal);
  expect(costs).toHaveLength(3 * 3 * (READER_NAMES.length + 1));
  for (const [messageBytes, ready, ...expected] of CALLS) {
    const cell = costs.filter((cost) => cost.messageBytes === messageBytes && cost.ready === ready);
    expect(
      cell.map(({ systemCalls }) => systemCalls),
      `${messageBytes} bytes, ${ready} ready`,
    ).toEqual([...expected, expected[0]]);
    for (const { ns } of cell) expect(ns).toMatchObject({ count: 2, median: expect.any(Number) });
  }
  expect(repeated.model).toBe('level, one read');
  expect(repeated.noise).toHaveLength(9);
  for (const { ns } of repeated.noise) expect(ns).toBeGreaterThanOrEqual(1);
});

test('a cancelled run is not continued', async () => {
  await expect(measureTriggerCosts({ rounds: 1, messages: 1 }, AbortSignal.abort())).rejects.toThrow('cancelled');
});
