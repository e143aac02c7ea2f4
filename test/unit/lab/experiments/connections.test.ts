import { expect, test } from 'vitest';
import { connectionsResult, stepsUpTo } from '../../../../src/lab/experiments/connections.js';

test('the knee is where a request takes more than twice the CPU time', () => {
  const round = (cpuUs: number) => [
    { requestsPerSecond: 1, cpuUs, p99Ms: null, rawP99Ms: null, residentBytes: 1, stillOpen: 1 },
  ];
  const partial = { model: 'm', waits: '', failedAt: null, failure: null };
  const rounds = new Map([1, 10, 100].map((idle) => [idle, round(idle === 100 ? 25 : 10)]));
  expect(connectionsResult({ ...partial, rounds }).knee).toMatchObject({ idle: 100 });
  expect(connectionsResult({ ...partial, rounds: new Map([[1, round(10)]]) }).knee).toBeNull();
  expect(connectionsResult({ ...partial, rounds: new Map() })).toMatchObject({ points: [], knee: null });
});

test.each([
  [1, [1]],
  [10, [1, 10]],
  [250, [1, 10, 100, 250]],
  [10_000, [1, 10, 100, 1000, 10_000]],
])('steps up to %d connections are %j', (most, steps) => expect(stepsUpTo(most)).toEqual(steps));
