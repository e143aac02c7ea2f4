import { expect, test } from 'vitest';
import {
  formatRatio,
  modelOf,
  noiseFigure,
  noiseOf,
  noisySentence,
  repetitionOf,
} from '../../../../src/lab/base/noise.js';

test.each([
  ['equal rounds', [10, 10], [10, 10], 1],
  ['the larger by the smaller, in either order', [10], [8], 1.25],
  ['differences of opposite signs do not cancel out', [10, 8], [8, 10], 1.25],
  ['the median over the rounds', [10, 10, 10], [10, 11, 20], 1.1],
  ['a round that was struck out', [10, null, 10], [11, 30, null], 1.1],
  ['not measured again', [10], [], null],
  ['zero', [0], [0], null],
] as [string, (number | null)[], (number | null)[], number | null][])('%s: %j and %j', (_, once, again, expected) => {
  const rounds = (values: (number | null)[]) => values.map((cpuUs) => ({ cpuUs }));
  expect(noiseOf(['cpuUs'], rounds(once), rounds(again))).toEqual({ cpuUs: expected });
});

test.each([
  [1.33, 1.1, '1.33 ×'],
  [1.1, 1.1, 'no difference'],
  [0.95, 1.1, 'no difference'],
  [0.8, 1.1, '0.8 ×'],
  [1, 1, 'no difference'],
  [1.01, null, '1.01 ×'],
  [null, 1.1, '–'],
  [Number.POSITIVE_INFINITY, 1.1, '–'],
])('a ratio of %j with a noise of %j is %s', (ratio, noise, text) => {
  expect(formatRatio(ratio, noise)).toBe(text);
});

test.each([
  [1.05, null],
  [1.073, 'Two runs of epollet differ by 7.3 %: the machine is too noisy, above 5 %.'],
  [null, null],
])('with a noise of %j the sentence is %j', (cpuUs, sentence) => {
  expect(noisySentence({ model: 'epollet', noise: { cpuUs } }, 'cpuUs')).toBe(sentence);
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
