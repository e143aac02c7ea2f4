import { expect, test } from 'vitest';
import { ratioTo } from '../../../../src/lab/experiments/libuv.js';
import { sampleReport } from '../../../../test/lab/sample-reports.js';

test('ratios are computed per round', () => {
  const report = sampleReport('libuv');
  if (report.experiment !== 'libuv') throw new Error();
  const [libuv, , epollet] = report.results;
  expect(ratioTo(epollet!, epollet!).cpu).toMatchObject({ median: 1, min: 1, max: 1, count: 3 });
  const expected = libuv!.rounds.map((round, at) => round.cpuUs! / epollet!.rounds[at]!.cpuUs!).sort((a, b) => a - b);
  expect(ratioTo(libuv!, epollet!).cpu?.median).toBeCloseTo(expected[1]!, 9);
});

test('a round whose figures are struck out has no ratio', () => {
  const report = sampleReport('libuv');
  if (report.experiment !== 'libuv') throw new Error();
  const [libuv, , epollet] = report.results;
  const [first, ...others] = libuv!.rounds;
  const struck = { ...libuv!, rounds: [{ ...first!, cpuUs: null, requestsPerSecond: null }, ...others] };
  expect(ratioTo(struck, epollet!).cpu?.count).toBe(2);
  expect(ratioTo(epollet!, struck).requestsPerSecond?.count).toBe(2);
});
