import { expect, test } from 'vitest';
import {
  CLOSED_LOOP_AGREEMENT,
  doAgree,
  unsteadyReason,
  windowSecondsOf,
} from '../../../../src/lab/bench/agreement.js';

test.each([
  ['no window', [], false],
  ['two equal ones', [30, 30], false],
  ['three equal ones', [30, 30, 30], true],
  ['three that differ by up to 15 %', [30, 33, 34.5], true],
  ['three of which one differs by more', [30, 33, 35], false],
  ['node:http while V8 compiles it', [418, 98, 36], false],
  ['a window without a request', [30, 30, Number.NaN], false],
  ['a window whose requests took no time', [30, 30, 0], false],
])('%s: that %j agree is %s', (_, windows, expected) => {
  expect(doAgree(windows, CLOSED_LOOP_AGREEMENT.maxRatio)).toBe(expected);
});

test.each([
  [3, undefined, 1],
  [0.9, undefined, 0.3],
  [0.25, undefined, 0.25],
  [0.1, undefined, 0.1],
  [3, 1000, 1],
  [3, 100, 2],
  [0.1, 1000, 0.2],
  [3, 1, 3],
  [30, 1, 10],
])('a load of %d s at %d requests per second has windows of %d s', (seconds, rate, expected) => {
  expect(windowSecondsOf(seconds, rate)).toBeCloseTo(expected, 9);
});

test('the reason has every window', () => {
  expect(unsteadyReason({ windowsUs: [418, 98.2, 36], windowSeconds: 0.25 })).toBe(
    'Struck out: the CPU time per request did not settle, with 418, 98.2, 36 µs in successive windows of 0.25 s.',
  );
});
