import { expect, test } from 'vitest';
import { encodeLatencies, hasHistograms, percentileText } from '../../../../src/lab/measure/hdr.js';

test('a histogram has every latency, and prints them as a .hgrm file in milliseconds', () => {
  expect(hasHistograms()).toBe(true);
  const encoded = encodeLatencies(
    [
      [100, 98],
      [5000, 2],
    ],
    [[100, 100]],
  )!;
  expect(encoded.corrected).toMatch(/^HISTFAAA/);
  const corrected = percentileText(encoded.corrected)!;
  expect(corrected).toMatch(/^ +Value +Percentile +TotalCount +1\/\(1-Percentile\)$/m);
  expect(corrected).toMatch(/^#\[Max +=\s+5\.\d+, Total count +=\s+100\]$/m);
  expect(percentileText(encoded.raw)).toMatch(/^#\[Max +=\s+0\.1\d*, Total count +=\s+100\]$/m);
});
