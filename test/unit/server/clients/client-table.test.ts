import { expect, test } from 'vitest';
import { ClientTable } from '../../../../src/server/clients/client-table.js';
import { below, seeded } from '../../../support/random.js';

const SEED = 0x9e3779b1;

test('clients keep their slots while they are connected, however many come', () => {
  const table = new ClientTable(8, SEED);
  const slots = [1, 2, 3].map((low) => {
    const slot = table.slotOf(0, low, 0);
    table.connect(slot);
    return slot;
  });
  for (let low = 10; low < 1000; low++) table.fullMs[table.slotOf(0, low, 0)] = 1e9;
  expect([1, 2, 3].map((low) => table.slotOf(0, low, 0))).toEqual(slots);
  expect(table.size).toBe(8);
  expect(table.evictions).toBe(990 - 5);
});

test('the client that was used least recently is evicted first', () => {
  const table = new ClientTable(4, SEED);
  const use = (low: number) => {
    const slot = table.slotOf(7, low, 0);
    table.fullMs[slot] = Math.max(table.fullMs[slot]!, low + 100);
    return slot;
  };
  for (const low of [1, 2, 3, 4, 1, 5]) use(low); // 2 is evicted
  expect(table.fullMs[table.slotOf(7, 1, 0)]).toBe(101);
  expect(table.fullMs[table.slotOf(7, 2, 0)]).toBe(0); // a new one, for which 3 is evicted
  expect(table.fullMs[table.slotOf(7, 4, 0)]).toBe(104);
  expect(table.evictions).toBe(2);
});

test('a client without a connection is removed once its bucket is full', () => {
  const table = new ClientTable(64, SEED);
  for (let low = 0; low < 10; low++) table.fullMs[table.slotOf(0, low, 0)] = 50 + low;
  table.slotOf(1, 0, 52); // two of those that are full
  expect(table.size).toBe(9);
  const slot = table.slotOf(2, 0, 40);
  table.connect(slot);
  table.fullMs[slot] = 60;
  table.disconnect(slot, 59);
  expect(table.size).toBe(10);
  table.connect(table.slotOf(2, 0, 40));
  table.disconnect(slot, 60);
  expect(table.size).toBe(9);
});

test('it agrees with a map, whatever happens', () => {
  const random = seeded();
  const table = new ClientTable(64, SEED);
  const open = new Map<number, number>();
  for (let step = 0; step < 20_000; step++) {
    const low = below(random, 40);
    const slot = table.slotOf(-1, low, step);
    const count = open.get(low) ?? 0;
    expect(table.connections[slot]).toBe(count);
    if (count > 0 && below(random, 2) === 0) {
      table.disconnect(slot, step);
      open.set(low, count - 1);
    } else {
      table.connect(slot);
      table.fullMs[slot] = step + below(random, 100);
      open.set(low, count + 1);
    }
  }
  expect(table.size).toBeGreaterThanOrEqual([...open.values()].filter((count) => count > 0).length);
  expect(table.evictions).toBe(0);
});
