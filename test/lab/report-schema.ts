import { readFileSync } from 'node:fs';
import { Ajv, type ErrorObject } from 'ajv';

/** The published schema of a report. */
export const schema = JSON.parse(readFileSync(new URL('../../docs/lab-report.schema.json', import.meta.url), 'utf8'));

const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);

/** Null if the report is valid. */
export function schemaErrors(report: object): ErrorObject[] | null {
  return validate(JSON.parse(JSON.stringify(report))) ? null : validate.errors!;
}
