import { describe, expect, it } from 'vitest';
import { Deadlines, NEVER } from '../../../src/reactor/deadlines.js';
import { below, seeded } from '../../support/random.js';

function expireAll(deadlines: Deadlines, nowMs: number): number[] {
  const slots: number[] = [];
  for (let slot = deadlines.expired(nowMs); slot >= 0; slot = deadlines.expired(nowMs)) slots.push(slot);
  return slots;
}

const heapLength = (deadlines: Deadlines) => (deadlines as unknown as { length: number }).length;

/** [name, calls of set as [slot, due], time, expired slots in order] */
const tables: [string, [number, number][], number, number[]][] = [
  ['none', [], 100, []],
  ['one, before its time', [[3, 10]], 9.9, []],
  ['one, at its time', [[3, 10]], 10, [3]],
  [
    'deadlines expire by time, not by slot',
    [
      [1, 30],
      [2, 10],
      [3, 20],
    ],
    30,
    [2, 3, 1],
  ],
  [
    'a later deadline replaces an earlier one',
    [
      [1, 10],
      [1, 50],
    ],
    20,
    [],
  ],
  [
    'a deadline that was moved back expires in time',
    [
      [1, 10],
      [1, 50],
    ],
    50,
    [1],
  ],
  [
    'an earlier deadline replaces a later one',
    [
      [1, 50],
      [1, 10],
    ],
    20,
    [1],
  ],
  [
    'a deadline that is moved back and forth expires once',
    [
      [1, 50],
      [1, 10],
      [1, 50],
      [1, 10],
    ],
    60,
    [1],
  ],
  [
    'a moved deadline keeps the order by time',
    [
      [1, 10],
      [2, 20],
      [1, 30],
    ],
    40,
    [2, 1],
  ],
  [
    'NEVER clears a deadline',
    [
      [1, 10],
      [1, NEVER],
    ],
    1000,
    [],
  ],
  [
    'a deadline can be set again after NEVER',
    [
      [1, 10],
      [1, NEVER],
      [1, 5],
    ],
    1000,
    [1],
  ],
  [
    'a slot far beyond the first columns',
    [
      [100_000, 5],
      [0, 6],
    ],
    10,
    [100_000, 0],
  ],
];

it.each(tables)('%s', (_, sets, nowMs, expected) => {
  const deadlines = new Deadlines();
  for (const [slot, dueMs] of sets) deadlines.set(slot, dueMs);
  expect(expireAll(deadlines, nowMs)).toEqual(expected);
  expect(expireAll(deadlines, nowMs)).toEqual([]);
});

it('behaves like a plain table of times under random calls', () => {
  const next = seeded();
  for (let round = 0; round < 60; round++) {
    const deadlines = new Deadlines();
    const model = new Map<number, number>();
    const slots = 1 + below(next, 100);
    let nowMs = 0;
    for (let step = 0; step < 400; step++) {
      const slot = below(next, slots);
      const kind = next();
      if (kind < 0.5) {
        const dueMs = nowMs + below(next, 40); // times coincide now and then
        deadlines.set(slot, dueMs);
        model.set(slot, dueMs);
      } else if (kind < 0.6) {
        deadlines.clear(slot);
        model.delete(slot);
      } else if (kind < 0.65) {
        deadlines.set(slot, NEVER);
        model.delete(slot);
      } else {
        nowMs += below(next, 6);
        const due = [...model].filter(([, dueMs]) => dueMs <= nowMs);
        const expired = expireAll(deadlines, nowMs);
        expect(expired.toSorted()).toEqual(due.map(([each]) => each).toSorted());
        const times = expired.map((each) => model.get(each)!);
        expect(times).toEqual(times.toSorted((one, other) => one - other));
        for (const each of expired) model.delete(each);
      }
      expect(deadlines.nextMs()).toBeLessThanOrEqual(Math.min(NEVER, ...model.values()));
    }
    nowMs += 1000;
    expect(expireAll(deadlines, nowMs).toSorted()).toEqual([...model.keys()].toSorted());
    expect(deadlines.nextMs()).toBe(NEVER);
    expect(heapLength(deadlines)).toBe(0);
  }
});

describe('the heap stays small', () => {
  it('when deadlines only move back, as with every request', () => {
    const deadlines = new Deadlines();
    for (let nowMs = 0; nowMs < 10_000; nowMs++) {
      for (let slot = 0; slot < 10; slot++) deadlines.set(slot, nowMs + 75_000);
      expect(deadlines.expired(nowMs)).toBe(-1);
    }
    expect(heapLength(deadlines)).toBe(10);
  });

  it('when deadlines move back and forth, as between head and keep-alive timeouts', () => {
    const deadlines = new Deadlines();
    let most = 0;
    for (let nowMs = 0; nowMs < 200_000; nowMs += 5) {
      deadlines.set(nowMs % 7, nowMs + 75_000);
      deadlines.set(nowMs % 7, nowMs + 15_000);
      deadlines.set(nowMs % 7, nowMs + 75_000);
      expireAll(deadlines, nowMs);
      most = Math.max(most, heapLength(deadlines));
    }
    expect(most).toBeLessThanOrEqual(7 * (75 / 15 + 1));
  });

  it('when slots are added and cleared', () => {
    const deadlines = new Deadlines();
    for (let nowMs = 0; nowMs < 100_000; nowMs++) {
      deadlines.set(nowMs % 64, nowMs + 500);
      deadlines.clear(nowMs % 64);
      expireAll(deadlines, nowMs);
    }
    expect(heapLength(deadlines)).toBeLessThanOrEqual(64);
  });

  it.each<[string, (deadlines: Deadlines, step: number) => void]>([
    [
      'when a near deadline expires again and again before a far one',
      (deadlines, step) => {
        deadlines.set(3, step + 3_600_000);
        deadlines.set(3, step + 1);
      },
    ],
    [
      'when the far one is always the same',
      (deadlines, step) => {
        deadlines.set(3, 1e9);
        deadlines.set(3, step + 1);
      },
    ],
    ['when deadlines only move forward', (deadlines, step) => deadlines.set(3, 2e9 - step)],
  ])('%s', (_, set) => {
    const deadlines = new Deadlines();
    for (let step = 0; step < 20_000; step++) {
      for (let slot = 100; slot < 120; slot++) if (step === 0) deadlines.set(slot, 3e9 + slot);
      set(deadlines, step);
      expireAll(deadlines, step + 1);
    }
    expect(heapLength(deadlines)).toBeLessThanOrEqual(64);
    deadlines.set(3, 4e9);
    const others = Array.from({ length: 20 }, (_, i) => 100 + i);
    expect(expireAll(deadlines, 5e9)).toEqual([...others, 3]);
  });
});
