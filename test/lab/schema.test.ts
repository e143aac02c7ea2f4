import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { EXPERIMENT_NAMES } from '../../src/lab/experiments/registry.js';
import { REPORT_VERSION } from '../../src/lab/report/report.js';
import { sampleReport } from './sample-reports.js';

const schema = JSON.parse(readFileSync(new URL('../../docs/lab-report.schema.json', import.meta.url), 'utf8'));
const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);

describe('the schema of the report', () => {
  test('has the version of the report', () => expect(schema.properties.version.const).toBe(REPORT_VERSION));

  test.each(EXPERIMENT_NAMES)('%s is valid', (experiment) => {
    validate(JSON.parse(JSON.stringify(sampleReport(experiment))));
    expect(validate.errors).toBeNull();
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
    expect(validate({ ...JSON.parse(JSON.stringify(sampleReport('models'))), ...change })).toBe(false);
    expect(validate.errors!.map(({ instancePath }) => instancePath)).toContain(path);
  });
});
