import pc from 'picocolors';
import type { Table } from '../base/chart.js';
import { formatMedian, formatNumber, formatRange, KIB, MIB, NONE, scale } from '../base/format.js';
import type { ModelResult } from '../experiments/models-result.js';
import { environmentOf, figuresOf } from './figures.js';
import type { LabReport } from './report.js';

/** The report as text. */
export function renderText(report: LabReport): string {
  const tables =
    report.experiment === 'models' || report.experiment === 'libuv'
      ? [...ratioTables(report), overview(report.results)]
      : figuresOf(report).map(({ title, table }) => `${pc.bold(title)}\n${textTable(table)}`);
  const parts = [
    `${pc.bold(report.question)}\n${pc.dim(
      environmentOf(report)
        .map(([name, value]) => `${name}: ${value}`)
        .join('\n'),
    )}`,
    ...tables,
    ...failuresOf(report),
    ...(report.notes.length > 0 ? [report.notes.join('\n')] : []),
    ...(report.complete
      ? []
      : [pc.yellow('It was interrupted: the figures are of the rounds that came to their end.')]),
    `${pc.dim('Again:')} ${report.command}`,
  ];
  return `${parts.join('\n\n')}\n`;
}

function ratioTables(report: LabReport): string[] {
  if (report.experiment !== 'libuv') return [];
  const { title, table } = figuresOf(report)[0]!;
  return [`${pc.bold(title)}\n${textTable(table)}`];
}

/** All measures of a model on one line. */
function overview(all: readonly ModelResult[]): string {
  const results = all.filter(({ rounds }) => rounds.length > 0);
  const rows = results.map((result) => [
    result.model,
    formatMedian(result.requestsPerSecond),
    formatMedian(result.cpuUs),
    formatRange(result.cpuUs),
    formatMedian(result.userUs),
    formatMedian(result.systemUs),
    formatMedian(result.latencyMs?.p50),
    formatMedian(result.latencyMs?.p90),
    formatMedian(result.latencyMs?.p99),
    formatMedian(scale(result.baselineBytes, MIB)),
    formatMedian(scale(result.perConnectionBytes, KIB)),
    result.starvedBy === null ? NONE : formatNumber(result.starvedBy),
    result.systemCalls || result.ownCalls ? formatNumber((result.systemCalls ?? result.ownCalls)!.perRequest) : NONE,
    formatNumber(result.errors),
  ]);
  const columns = [
    'model',
    'req/s',
    'CPU µs',
    'from to',
    'user',
    'sys',
    'p50 ms',
    'p90',
    'p99',
    'rest MiB',
    'KiB/conn',
    'silenced by',
  ];
  return textTable({ columns: [...columns, 'calls', 'errors'], rows });
}

function failuresOf(report: LabReport): string[] {
  if (report.experiment !== 'models' && report.experiment !== 'libuv') return [];
  const failed = report.results.filter(({ failure }) => failure !== null);
  return failed.length === 0
    ? []
    : [failed.map(({ model, failure }) => `${pc.red(model)} was left out: ${failure}`).join('\n')];
}

/** Names to the left, numbers to the right. */
export function textTable({ columns, rows }: Table): string {
  const widths = columns.map((column, at) => Math.max(column.length, ...rows.map((row) => row[at]!.length)));
  const right = columns.map((_, at) => at > 0 && rows.every((row) => /^[–\d]/.test(row[at]!)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => (right[at] ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
      .join('  ')
      .trimEnd();
  return [pc.dim(line(columns)), ...rows.map(line)].join('\n');
}
