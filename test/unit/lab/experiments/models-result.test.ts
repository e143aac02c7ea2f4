import { expect, test } from 'vitest';
import { summarizeCalls } from '../../../../src/lab/experiments/models-result.js';

test('summarizeCalls sorts, adds up, and drops calls of the startup', () => {
  expect(summarizeCalls({ openat: 0.0002, sendto: 1, recvfrom: 1.25 })).toEqual({
    perRequest: 2.25,
    byName: { recvfrom: 1.25, sendto: 1 },
  });
});
