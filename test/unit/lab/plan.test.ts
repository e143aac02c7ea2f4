import { expect, test } from 'vitest';
import { EXPERIMENT_NAMES } from '../../../src/lab/experiments/registry.js';
import { ALL_EXPERIMENTS, ALL_SECONDS, budgetOf, GRACE_SECONDS } from '../../../src/lab/plan.js';

/** The time of all experiments, if each takes its budget and so much more. */
function secondsOfAll(moreSeconds: number): number {
  let seconds = 0;
  for (const name of ALL_EXPERIMENTS) seconds += budgetOf(name, ALL_SECONDS - seconds) + moreSeconds;
  return seconds;
}

test('all experiments have a part of the time', () => {
  expect([...ALL_EXPERIMENTS].sort()).toEqual([...EXPERIMENT_NAMES].sort());
  let leftSeconds = ALL_SECONDS;
  for (const name of ALL_EXPERIMENTS) {
    const budget = budgetOf(name, leftSeconds);
    expect(budget).toBeGreaterThan(15);
    leftSeconds -= budget;
  }
});

test.each([
  ['each uses up its budget', 0],
  ['each is cancelled in the middle of a model', GRACE_SECONDS],
  ['the end of each takes 22 s longer', GRACE_SECONDS + 22],
])('together they take no more than 38 minutes, and little less: %s', (_, moreSeconds) => {
  expect(secondsOfAll(moreSeconds)).toBeLessThanOrEqual(38 * 60);
  expect(secondsOfAll(moreSeconds)).toBeGreaterThan(36 * 60);
});

test.each([
  ['models', 430, ['models'], 400],
  ['triggers', 475, ['triggers', 'models'], 25],
  ['models', 0, ['models'], 1],
] as const)('%s of %d s', (name, left, order, seconds) => {
  expect(budgetOf(name, left, order)).toBe(seconds);
});
