import { expect, test } from 'vitest';
import { ExperimentError } from '../../../../src/lab/base/errors.js';
import { summarize } from '../../../../src/lab/base/stats.js';
import { compareReports } from '../../../../src/lab/report/compare.js';
import type { LabReport } from '../../../../src/lab/report/report.js';
import { sampleReport } from '../../../lab/sample-reports.js';

const NAMES = ['a.json', 'b.json'] as const;
const models = sampleReport('models');
const onMachine = (machine: Partial<LabReport['machine']>): LabReport =>
  ({ ...models, machine: { ...models.machine, ...machine } }) as LabReport;
const withSettings = (settings: Partial<LabReport['settings']>): LabReport =>
  ({ ...models, settings: { ...models.settings, ...settings } }) as LabReport;

test.each([
  ['models', 'epollet', 'CPU µs'],
  ['libuv', 'libuv-net', 'p99 ms'],
  ['rates', 'epollet', 'CPU µs at 1,000/s'],
  ['connections', 'polling', 'CPU µs with 100 idle'],
  ['workers', 'handed over', 'p99 ms of 4 workers, short connections'],
  ['websocket', 'ws on node:http', 'CPU µs a message of 100 bytes'],
  ['drivers', 'nested', 'CPU µs, 9,973/s'],
  ['drivers', 'worker', 'TCP echo, p50 ms, saturated'],
  ['triggers', 'oneshot, one read, MOD', 'ns a message of 64 bytes, 16 ready'],
] as const)('%s: a report and itself do not differ', (experiment, row, figure) => {
  const report = sampleReport(experiment);
  const { table, notes } = compareReports(report, report, NAMES);
  expect(table.rows.filter(([model, name]) => model === row && name === figure)).toHaveLength(1);
  for (const cells of table.rows) expect(cells[4]).toBe('no difference');
  expect(notes).toEqual(['Both runs put all models that differ in the same order.']);
});

test.each([
  [
    'another processor',
    onMachine({ fingerprint: '000000000000', cpu: 'Another' }),
    'a.json and b.json are of unlike machines (A <processor> & "more", 2 cores, 24,106 MiB, core 0 for the model; Another, 2 cores, 24,106 MiB, core 0 for the model); compare runs of one machine.',
  ],
  ['another experiment', sampleReport('libuv'), 'a.json is of --experiment models and b.json of libuv.'],
  [
    'other settings',
    withSettings({ connections: 32 }),
    'a.json and b.json were measured with different settings: connections is 16 and 32.',
  ],
  [
    'an earlier version',
    { ...models, version: 2 } as unknown as LabReport,
    'b.json is not a report of this version of epollet lab; run the experiment again.',
  ],
])('%s is an error', (_, other, sentence) => {
  expect(() => compareReports(models, other, NAMES)).toThrow(new ExperimentError(sentence));
});

test('reports without figures of time have none in common', () => {
  const triggers = { ...sampleReport('triggers'), costs: null } as LabReport;
  expect(() => compareReports(triggers, triggers, NAMES)).toThrow('a.json and b.json have no figure in common.');
});

test('models in another order and other versions are noted', () => {
  if (models.experiment !== 'models') throw new Error();
  const [first, ...others] = models.results;
  const cheap = { ...first!, cpuUs: summarize([0.1, 0.1, 0.1]) };
  const other = onMachine({ node: 'v22.0.0' });
  const { notes } = compareReports(models, { ...other, results: [cheap, ...others] } as LabReport, NAMES);
  expect(notes[0]).toMatch(/^a: Linux \S+, Node v20\S+, epollet \S+ b: Linux \S+, Node v22\.0\.0, epollet \S+\.$/);
  expect(notes[1]).toMatch(/^The runs order differently: fixed-page and processes, CPU µs;/);
});

test('what has a round less than others, or only one, has no place in the order', () => {
  if (models.experiment !== 'models') throw new Error();
  const [first, ...others] = models.results;
  const withRounds = (...rounds: number[]): LabReport =>
    ({ ...models, results: [{ ...first!, cpuUs: summarize(rounds) }, ...others] }) as LabReport;
  const last = (a: LabReport, b: LabReport): string => compareReports(a, b, NAMES).notes.at(-1)!;
  expect(last(withRounds(0.1, 0.1), models)).toBe(
    'Without a place in the order, for want of a round: fixed-page, CPU µs.',
  );
  const single = { ...models, results: models.results.map((each) => ({ ...each, cpuUs: summarize([1]) })) };
  expect(compareReports(single as LabReport, single as LabReport, NAMES).notes).toEqual([
    'Without a place in the order, for want of a round: all models, CPU µs.',
  ]);
});
