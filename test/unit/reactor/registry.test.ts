import { expect, it } from 'vitest';
import { READABLE } from '../../../src/reactor/interest.js';
import { Registry, slotOf } from '../../../src/reactor/registry.js';

const handler = { onReady() {} };
const GENERATIONS = 2 ** 21;

const generationOf = (token: number) => Math.floor(token / 2 ** 32);
const add = (registry: Registry, fd: number) => registry.tokenOf(registry.add(fd, handler, READABLE, 'level'));

it.each([
  [0, 0],
  [1, 0],
  [0, 1],
  [2 ** 32 - 2, 0],
  [2 ** 31, GENERATIONS - 1],
  [2 ** 32 - 1, GENERATIONS - 1],
])('slot %i and generation %i fit into a token', (slot, generation) => {
  const token = generation * 2 ** 32 + slot;
  expect(Number.isSafeInteger(token)).toBe(true);
  expect([slotOf(token), generationOf(token)]).toEqual([slot, generation]);
});

it('find returns the slot of a token', () => {
  const registry = new Registry();
  const tokens = [10, 11, 12].map((fd) => add(registry, fd));
  expect(new Set(tokens).size).toBe(3);
  expect(tokens.map((token) => registry.fds[registry.find(token)])).toEqual([10, 11, 12]);
  expect(registry.size).toBe(3);
});

it('a reused slot has another generation, and the earlier token is stale', () => {
  const registry = new Registry();
  const first = add(registry, 10);
  registry.remove(registry.find(first));
  expect(registry.find(first)).toBe(-1);
  const second = add(registry, 10);
  expect(slotOf(second)).toBe(slotOf(first));
  expect(generationOf(second)).toBe(generationOf(first) + 1);
  expect(registry.find(first)).toBe(-1);
  expect(registry.find(second)).toBe(slotOf(second));
  expect(registry.size).toBe(1);
});

it.each([-1, 7, 2 ** 32, 2 ** 53 - 1, Number.NaN, 0.5])('find returns -1 for token %d', (token) => {
  expect(new Registry().find(token)).toBe(-1);
});

it('a reused slot has no state of the earlier descriptor', () => {
  const registry = new Registry();
  const slot = registry.add(10, handler, READABLE, 'oneshot');
  registry.armed[slot] = 99;
  registry.missed[slot] = 3;
  registry.remove(slot);
  expect([registry.fds[slot], registry.wanted[slot], registry.handlers[slot]]).toEqual([-1, 0, null]);
  registry.add(11, handler, 0, 'edge');
  expect([registry.armed[slot], registry.missed[slot], registry.wanted[slot], registry.triggerOf(slot)]).toEqual([
    0,
    0,
    0,
    'edge',
  ]);
});

it('growing beyond the capacity preserves every slot', () => {
  const registry = new Registry(2);
  const tokens = Array.from({ length: 1000 }, (_, fd) => add(registry, fd));
  for (const token of tokens.filter((_, fd) => fd % 3 === 0)) registry.remove(registry.find(token));
  const again = Array.from({ length: 500 }, (_, i) => add(registry, 5000 + i));
  tokens.forEach((token, fd) => {
    const slot = registry.find(token);
    if (fd % 3 === 0) expect(slot).toBe(-1);
    else expect(registry.fds[slot]).toBe(fd);
  });
  expect(again.map((token) => registry.fds[registry.find(token)])).toEqual(again.map((_, i) => 5000 + i));
  expect(registry.size).toBe(1000 - 334 + 500);
});

it('the generation wraps at 2^21, beyond which a token is not exact', () => {
  const registry = new Registry();
  const first = add(registry, 10);
  registry.remove(registry.find(first));
  registry.generations[slotOf(first)] = GENERATIONS - 1;
  const last = add(registry, 10);
  expect(Number.isSafeInteger(last)).toBe(true);
  expect(generationOf(last)).toBe(GENERATIONS - 1);
  registry.remove(registry.find(last));
  const wrapped = add(registry, 10);
  expect(generationOf(wrapped)).toBe(0);
  expect(registry.find(last)).toBe(-1);
  expect(registry.find(wrapped)).toBe(slotOf(wrapped));
});
