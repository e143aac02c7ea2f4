import pc from 'picocolors';
import type { Table } from '../base/chart.js';
import { experimentNamed } from '../experiments/registry.js';
import type { Comparison } from './compare.js';
import { environmentOf } from './environment.js';
import { CANCELLED, type LabReport } from './report.js';

export function renderText(report: LabReport): string {
  const experiment = experimentNamed(report.experiment);
  const tables = experiment.summary?.(report) ?? experiment.figures(report, report.settings);
  const environment = environmentOf(report).map(([label, text]) => `${label}: ${text}`);
  const parts = [
    `${pc.bold(report.question)}\n${pc.dim(environment.join('\n'))}`,
    ...tables.map(
      ({ title, table, reading = null }) =>
        `${pc.bold(title)}\n${textTable(table)}${reading === null ? '' : `\n${reading}`}`,
    ),
    ...(report.notes.length > 0 ? [report.notes.join('\n')] : []),
    ...(report.complete ? [] : [pc.yellow(CANCELLED)]),
    `${pc.dim('To repeat:')} ${report.command}`,
  ];
  return `${parts.join('\n\n')}\n`;
}

export const renderComparison = ({ table, notes }: Comparison): string =>
  `${[textTable(table), ...notes].join('\n\n')}\n`;

/** Text columns are left-aligned, numbers right-aligned. */
function textTable({ columns, rows }: Table): string {
  const widths = columns.map((column, at) => Math.max(column.length, ...rows.map((row) => row[at]!.length)));
  const isNumber = columns.map((_, at) => at > 0 && rows.every((row) => /^[–\d]/.test(row[at]!)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => (isNumber[at] ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
      .join('  ')
      .trimEnd();
  return [pc.dim(line(columns)), ...rows.map(line)].join('\n');
}
