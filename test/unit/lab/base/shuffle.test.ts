import { describe, expect, test } from 'vitest';
import { seededRandom, shuffle, shuffledOrders } from '../../../../src/lab/base/shuffle.js';

describe('shuffle', () => {
  const MODELS = ['a', 'b', 'c', 'd', 'e', 'f'];

  test('the same seed has the same orders, another seed has others', () => {
    expect(shuffledOrders(MODELS, 5, 42)).toEqual(shuffledOrders(MODELS, 5, 42));
    expect(shuffledOrders(MODELS, 5, 42)).not.toEqual(shuffledOrders(MODELS, 5, 43));
    expect(new Set(shuffledOrders(MODELS, 20, 42).map((order) => order.join())).size).toBeGreaterThan(15);
  });

  test('an order has every model once', () => {
    for (const order of shuffledOrders(MODELS, 50, 1)) expect([...order].sort()).toEqual(MODELS);
  });

  test('every model is first equally often', () => {
    const random = seededRandom(9);
    const first = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const [model] = shuffle(MODELS, random);
      first.set(model!, (first.get(model!) ?? 0) + 1);
    }
    for (const model of MODELS) expect(first.get(model)).toBeGreaterThan(850);
  });
});
