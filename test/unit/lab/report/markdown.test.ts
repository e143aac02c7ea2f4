import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EXPERIMENT_NAMES } from '../../../../src/lab/experiments/registry.js';
import { renderMarkdown } from '../../../../src/lab/report/markdown.js';
import { sampleReport } from '../../../lab/sample-reports.js';
import { PACKAGE } from '../../../support/command.js';

const reports = EXPERIMENT_NAMES.map(sampleReport);
const text = renderMarkdown(reports);

test('the machine comes first, and then each experiment with its question, tables and notes', () => {
  expect(text).toMatch(
    /^# epollet lab\n\n2026-01-02, \d+ minutes: A \\<processor> & "more", 2 cores, 24,106 MiB of memory/,
  );
  for (const { experiment, question, notes } of reports) {
    expect(text).toContain(`\n## ${experiment}\n\n${question}`);
    for (const note of notes) expect(text).toContain(`- ${note}`);
  }
  expect(text).toMatch(/^\| epoll-edge \| /m);
  expect(text).toContain('Least: epoll-edge with');
});

test('the length of the windows is rounded as all numbers are', () => {
  const report = sampleReport('models');
  const rendered = renderMarkdown([{ ...report, settings: { ...report.settings, seconds: 2 } }]);
  expect(rendered).toContain('3 windows of 0.667 s that agree.');
  expect(rendered).not.toMatch(/\d\.\d{5}/);
});

test('a table has as many cells in each line, and none is longer than the documentation permits', () => {
  for (const table of text.split('\n\n').filter((part) => part.startsWith('|'))) {
    const lines = table.trim().split('\n');
    const cells = (line: string): number => line.split(/(?<!\\)\|/).length;
    expect(new Set(lines.map(cells)).size).toBe(1);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(200);
  }
});

test('a table of long sentences is a list', () => {
  const report = sampleReport('models');
  if (report.experiment !== 'models') throw new Error();
  const failure = 'Struck out: '.padEnd(190, 'x');
  const results = report.results.map((each) => (each.failure === null ? each : { ...each, failure }));
  expect(renderMarkdown([{ ...report, results }])).toContain(
    `- broken: rounds measured 0; errors 0; left out because ${failure}`,
  );
});

test('a run without an experiment, and a cancelled one, state it', () => {
  expect(renderMarkdown([])).toContain('No experiment was measured.');
  expect(renderMarkdown([{ ...sampleReport('triggers'), complete: false }])).toContain('The run was cancelled');
});

test('a script copies it into a page, as often as it runs', () => {
  const directory = mkdtempSync(join(tmpdir(), 'epollet-lab-figures-'));
  try {
    const page = join(directory, 'page.md');
    writeFileSync(join(directory, 'report.md'), text);
    writeFileSync(page, '# Page\n\n<!-- figures -->\n<!-- end of the figures -->\n\nMore.\n');
    for (let run = 0; run < 2; run++)
      execFileSync(process.execPath, [join(PACKAGE, 'scripts/lab-figures.mjs'), directory, page]);
    const written = readFileSync(page, 'utf8');
    expect(written.match(/^### models$/gm)).toHaveLength(1);
    expect(written).toMatch(
      /^# Page\n\n<!-- figures -->\n\n2026-01-02[\s\S]*\n\n<!-- end of the figures -->\n\nMore\.\n$/,
    );
    expect(readFileSync(join(PACKAGE, 'docs/lab-figures.md'), 'utf8')).toMatch(
      /<!-- figures -->[\s\S]*<!-- end of the figures -->/,
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});
