import type { Figure, Table } from '../base/chart.js';
import { formatCount, NONE } from '../base/format.js';
import { agreeingWindows } from '../bench/agreement.js';
import { experimentNamed } from '../experiments/registry.js';
import { CANCELLED, type LabReport } from './report.js';

/** Longer lines of a table cannot be read in a terminal. */
const MAX_COLUMNS = 200;

/** The tables and sentences of several reports, as `epollet lab --all` writes them and the documentation has them. */
export function renderMarkdown(reports: readonly LabReport[]): string {
  const [first] = reports;
  if (first === undefined) return '# epollet lab\n\nNo experiment was measured.\n';
  const { cpu, cores, memoryMib, kernel, node, fingerprint } = first.machine;
  const minutes = Math.round(reports.reduce((sum, { seconds }) => sum + seconds, 0) / 60);
  const head = [
    `${first.startedAt.slice(0, 10)}, ${formatCount(minutes, 'minute')}: ${escaped(cpu)}, ${formatCount(cores, 'core')},`,
    `${formatCount(memoryMib, 'MiB').replace(/s$/, '')} of memory (machine ${fingerprint}), Linux ${kernel}, Node ${node}, epollet ${first.epollet}.`,
  ].join(' ');
  return `${['# epollet lab', head, ...reports.map(renderReport)].join('\n\n')}\n`;
}

function renderReport(report: LabReport): string {
  const { experiment, question, settings, notes, complete } = report;
  const { models, unused, summary, figures } = experimentNamed(experiment);
  const { connections, rounds, seconds } = settings;
  const load = [
    formatCount(rounds, 'round'),
    ...(unused.includes('connections') ? [] : [formatCount(connections, 'connection')]),
    ...(models.length === 0 ? [] : [`${agreeingWindows(seconds, !unused.includes('rates'))} that agree`]),
  ].join(', ');
  const tables = summary?.(report) ?? figures(report, settings);
  return [
    `## ${experiment}`,
    `${question} ${load}.`,
    ...tables.map(renderFigure),
    ...notes.map((note) => `- ${note}`),
    ...(complete ? [] : [CANCELLED]),
  ].join('\n\n');
}

const renderFigure = ({ title, table, reading = null }: Pick<Figure, 'title' | 'table' | 'reading'>): string =>
  [`### ${title}`, ...(reading === null ? [] : [reading]), tableOf(table)].join('\n\n');

/** A list, if a line of the table would be too long. */
function tableOf({ columns, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
  const lines = rows.map(line);
  if (lines.some(({ length }) => length > MAX_COLUMNS)) return rows.map((row) => itemOf(columns, row)).join('\n');
  return [line(columns), line(columns.map(() => '---')), ...lines].join('\n');
}

/** The first cell, and the others with their columns. */
function itemOf(columns: readonly string[], [name = '', ...cells]: readonly string[]): string {
  const named = cells.map((cell, at) => (cell === '' || cell === NONE ? '' : `${columns[at + 1]} ${cell}`));
  return `- ${escaped(name)}: ${named.filter(Boolean).map(escaped).join('; ')}`;
}

const escaped = (text: string): string => text.replaceAll(/[|<*`\\]/g, '\\$&');
