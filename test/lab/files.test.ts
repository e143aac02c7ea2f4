import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HISTOGRAM_EXPERIMENTS, writeFiles } from '../../src/cli/lab-files.js';
import { sampleReport } from './sample-reports.js';

test.each([
  ['models', 'epollet-again-1000'],
  ['libuv', 'libuv-net-1000'],
  ['rates', 'epollet-1000'],
  ['drivers', 'enclosing-again-9973'],
  ['drivers', 'worker-saturated'],
] as const)('the histograms of %s have the file %s.corrected.hgrm', (experiment, name) => {
  expect(HISTOGRAM_EXPERIMENTS).toContain(experiment);
  const hgrm = mkdtempSync(join(tmpdir(), 'epollet-hgrm-'));
  try {
    writeFiles(sampleReport(experiment), { hgrm });
    expect(readdirSync(hgrm)).toEqual(expect.arrayContaining([`${name}.corrected.hgrm`, `${name}.raw.hgrm`]));
  } finally {
    rmSync(hgrm, { recursive: true });
  }
});
