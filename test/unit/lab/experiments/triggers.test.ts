import { expect, test } from 'vitest';
import { traceTriggers } from '../../../../src/lab/experiments/triggers.js';

const rows = traceTriggers();
const row = (trigger: string, arrival: string, reading: string) =>
  rows.find((each) => each.trigger === trigger && each.arrival === arrival && each.reading === reading)!;

test('traceTriggers returns the same counts on every run', () => {
  expect(traceTriggers()).toEqual(rows);
  expect(rows).toHaveLength(4 * 2 * 3);
});

test.each([
  // trigger, arrival, reading, events, system calls, unread bytes
  ['level', 'whole', 'one piece', 8, 18, 0],
  ['edge', 'whole', 'one piece', 1, 4, 3584],
  ['oneshot', 'whole', 'one piece', 8, 26, 0],
  ['exclusive', 'whole', 'one piece', 8, 18, 0],
  ['level', 'whole', 'until empty', 1, 12, 0],
  ['edge', 'whole', 'until empty', 1, 12, 0],
  ['edge', 'whole', 'all at once', 1, 4, 0],
  ['level', 'pieces', 'all at once', 8, 25, 0],
  ['oneshot', 'pieces', 'all at once', 8, 33, 0],
])('%s, %s, %s: %d events, %d system calls, %d unread bytes', (trigger, arrival, reading, events, calls, left) => {
  expect(row(trigger, arrival, reading)).toMatchObject({ events, systemCalls: calls, bytesLeft: left });
});

test('only edge leaves unread bytes', () => {
  for (const { trigger, bytesLeft } of rows) if (trigger !== 'edge') expect(bytesLeft).toBe(0);
});
