import { expect, test } from 'vitest';
import { CLOSED_LOOP, type MeasuredWindow, rateLoad } from '../../../../src/lab/bench/rate-load.js';

/** A window of 100 requests with this CPU time per request. */
const window = (us: number, responses = 100): MeasuredWindow => ({
  seconds: 1,
  due: 100,
  responses,
  errors: 100 - responses,
  corrected: [[us, responses]],
  raw: [[us - 1, responses]],
  lag: [[0, 100]],
  cpu: { userUs: us * 60, systemUs: us * 40, totalUs: us * 100 },
  wakeUps: 90,
});

test('the windows of a closed loop have to agree better', () => {
  const windows = [30, 33, 36].map((us) => window(us));
  expect([rateLoad(100, windows, true).settled, rateLoad(CLOSED_LOOP, windows, true).settled]).toEqual([true, false]);
});

test.each([
  ['one window', [30], false],
  ['two that agree', [30, 30], false],
  ['three that agree', [30, 33, 37], true],
  ['three that differ by more than a quarter', [30, 33, 38], false],
  ['the last three', [90, 30, 33, 36], true],
  ['those that agree are not the last', [30, 30, 30, 60], false],
] as const)('%s: %j settled is %s', (_, windows, settled) => {
  expect(
    rateLoad(
      100,
      windows.map((us) => window(us)),
      true,
    ).settled,
  ).toBe(settled);
});

test('the figures are of the windows that agree', () => {
  const load = rateLoad(
    100,
    [90, 30, 31, 32].map((us) => window(us)),
    true,
  );
  expect(load).toMatchObject({
    rate: 100,
    seconds: 3,
    due: 300,
    responses: 300,
    errors: 0,
    wakeUps: 270,
    windowsUs: [90, 30, 31, 32],
    cpu: { totalUs: 9300, userUs: 5580, systemUs: 3720 },
    corrected: [
      [30, 100],
      [31, 100],
      [32, 100],
    ],
  });
});

test('without agreement they are of all windows, and one window suffices if none have to agree', () => {
  expect(
    rateLoad(
      100,
      [90, 30].map((us) => window(us)),
      true,
    ),
  ).toMatchObject({ settled: false, responses: 200 });
  expect(rateLoad(100, [window(90)], false)).toMatchObject({ settled: true, responses: 100 });
});
