import { expect, test } from 'vitest';
import {
  formatRatio,
  isDifferent,
  modelOf,
  noiseFigure,
  noiseOf,
  noisySentence,
  repetitionOf,
} from '../../../../src/lab/base/noise.js';
import { type Summary, summarize } from '../../../../src/lab/base/stats.js';

test.each([
  ['equal rounds', [10, 10], [10, 10], 1],
  ['the larger by the smaller, in either order', [10], [8], 1.25],
  ['differences of opposite signs do not cancel out', [10, 8], [8, 10], 1.25],
  ['the median over the rounds', [10, 10, 10], [10, 11, 20], 1.1],
  ['at least what the medians differ by', [10, 20, 30], [10, 24, 31], 1.2],
  ['a round that was struck out', [10, null, 10], [11, 30, null], 1.1],
  ['not measured again', [10], [], null],
  ['zero', [0], [0], null],
] as [string, (number | null)[], (number | null)[], number | null][])('%s: %j and %j', (_, once, again, expected) => {
  const rounds = (values: (number | null)[]) => values.map((cpuUs) => ({ cpuUs }));
  expect(noiseOf(['cpuUs'], rounds(once), rounds(again))).toEqual({ cpuUs: expected });
});

test.each([
  ['more than the noise', [13.3], [10], 1.1, '1.33 ×'],
  ['as much as the noise', [11], [10], 1.1, 'no difference'],
  ['less than the noise, in the other direction', [9.5], [10], 1.1, 'no difference'],
  ['less by more than the noise', [8], [10], 1.1, '0.8 ×'],
  ['equal, without noise', [10], [10], 1, 'no difference'],
  ['a noise that is not known', [10.1], [10], null, '1.01 ×'],
  ['each round above each of the other', [12, 13, 14], [9, 10, 11.9], 1.1, '1.30 ×'],
  ['a round below one of the other', [12, 13, 14], [9, 10, 12.1], 1.1, 'no difference'],
  ['a round of the other above all', [13, 13, 13], [10, 10, 14], 1.1, 'no difference'],
  ['of five rounds the outermost ones', [9, 13, 13, 13, 13], [10, 10, 10, 10, 14], 1.1, '1.30 ×'],
  ['of five rounds two', [9, 9, 13, 13, 13], [10, 10, 10, 14, 14], 1.1, 'no difference'],
  ['not measured', [], [10], 1.1, '–'],
  ['nothing to compare with', [10], [], 1.1, '–'],
  ['by nothing', [10], [0], 1.1, '–'],
] as [string, number[], number[], number | null, string][])('%s: %j by %j, with a noise of %j, is %s', (...row) => {
  const [, rounds, others, noise, text] = row;
  const [value, by] = [summarize(rounds), summarize(others)];
  expect(formatRatio(value, by, noise)).toBe(text);
  const isKnown = (each: Summary | null): each is Summary => each !== null && each.median > 0;
  if (isKnown(value) && isKnown(by)) expect(isDifferent(by, value, noise)).toBe(text !== 'no difference');
});

test.each([
  [[[1.05]], null],
  [[[1.073]], 'Two runs of epollet differ by 7.3 %: the machine is too noisy, above 5 %.'],
  [[[null]], null],
  [[], null],
  [
    [
      [1.5, '997/s'],
      [1.01, '9,973/s'],
      [1.1, 'saturated'],
    ],
    'Two runs of epollet differ by 50 % (997/s) and 10 % (saturated): the machine is too noisy, above 5 %.',
  ],
] as [[number | null, string?][], string | null][])('with a noise of %j the sentence is %j', (noise, sentence) => {
  expect(noisySentence('epollet', noise)).toBe(sentence);
});

test('a row names its model', () => {
  expect([repetitionOf('epollet'), modelOf('epollet again'), modelOf('epollet')]).toEqual([
    'epollet again',
    'epollet',
    'epollet',
  ]);
  const { table } = noiseFigure(
    { model: 'epollet', noise: { cpuUs: 1.021, p99Ms: null } },
    { cpuUs: 'CPU', p99Ms: 'p99' },
  );
  expect(table.rows).toEqual([
    ['CPU', '2.1 %'],
    ['p99', 'not measured'],
  ]);
});

test('a round without a value is not compared', () => {
  expect(noiseOf(['us'], [{ us: Number.NaN }], [{ us: 1 }])).toEqual({ us: null });
});
