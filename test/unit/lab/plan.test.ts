import { expect, test } from 'vitest';
import { EXPERIMENT_NAMES } from '../../../src/lab/experiments/registry.js';
import { ALL_EXPERIMENTS, ALL_SECONDS, budgetOf } from '../../../src/lab/plan.js';

test('all experiments have a part of the time, and together no more than all of it', () => {
  expect([...ALL_EXPERIMENTS].sort()).toEqual([...EXPERIMENT_NAMES].sort());
  let leftSeconds = ALL_SECONDS;
  for (const name of ALL_EXPERIMENTS) {
    const budget = budgetOf(name, leftSeconds);
    expect(budget).toBeGreaterThan(30);
    leftSeconds -= budget;
  }
  expect(leftSeconds).toBeGreaterThanOrEqual(0);
  expect(leftSeconds).toBeLessThan(60);
});

test.each([
  ['models', 400, ['models'], 400],
  ['triggers', 1100, ['triggers', 'models'], 100],
  ['models', 0, ['models'], 1],
] as const)('%s of %d s', (name, left, order, seconds) => {
  expect(budgetOf(name, left, order)).toBe(seconds);
});
