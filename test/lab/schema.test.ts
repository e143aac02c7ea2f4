import { describe, expect, test } from 'vitest';
import { EXPERIMENT_NAMES } from '../../src/lab/experiments/registry.js';
import { REPORT_VERSION } from '../../src/lab/report/report.js';
import { schema, schemaErrors } from './report-schema.js';
import { sampleReport } from './sample-reports.js';

describe('the schema of the report', () => {
  test('has the version of the report', () => expect(schema.properties.version.const).toBe(REPORT_VERSION));

  test.each(EXPERIMENT_NAMES)('%s is valid', (experiment) => {
    expect(schemaErrors(sampleReport(experiment))).toBeNull();
  });

  test.each([
    ['another version', { version: 2 }, '/version'],
    [
      'a machine without a fingerprint',
      { machine: { ...sampleReport('models').machine, fingerprint: 'x' } },
      '/machine/fingerprint',
    ],
    ['a result without its model', { results: [{}] }, '/results/0'],
  ])('%s is not', (_, change, path) => {
    const errors = schemaErrors({ ...sampleReport('models'), ...change });
    expect(errors!.map(({ instancePath }) => instancePath)).toContain(path);
  });
});
