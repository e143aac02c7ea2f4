import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { installCommand, resolveOptional } from '../../server/optional-package.js';
import type { Chart, Figure, Table } from '../base/chart.js';
import { ExperimentError } from '../base/errors.js';
import { modelOf } from '../base/noise.js';
import { experimentNamed } from '../experiments/registry.js';
import { environmentOf } from './environment.js';
import { escapeHtml, jsonInHtml, linkedHtml } from './html.js';
import { idOf, type ModelNote, modelNotes, renderModels } from './page-models.js';
import { PAGE_SCRIPT } from './page-script.js';
import { PAGE_STYLE } from './page-style.js';
import { CANCELLED, type LabReport } from './report.js';

/** Height of the axis and the legend, of a bar, and of the space between two groups of bars. */
const FRAME_PX = 90;
const BAR_PX = 15;
const GAP_PX = 12;
const LINES_PX = 420;

/** Forbids all requests: opening a shared report contacts no server. */
const PAGE_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:";

/** @throws ExperimentError without Chart.js, which draws the charts of the page */
export function assertChartLibrary(): void {
  chartLibraryPath();
}

export const hasChartLibrary = (): boolean => resolveOptional('chart.js') !== null;

/** A page of the lab, up to the start of its content. */
export const pageTop = (title: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${PAGE_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<style>
${pageStyle()}
</style>
</head>
<body>
<header class="top"><span class="brand">epollet lab</span></header>
<main>
`;

/** Renders a report as a self-contained page: styles, charts, and the report as JSON. */
export function renderPage(report: LabReport): string {
  const figures = experimentNamed(report.experiment).figures(report, report.settings);
  const charts = figures.map(({ chart }) => chart).filter((chart) => chart !== null);
  const notes = modelNotes(report);
  return `${pageTop(`epollet lab: ${report.experiment}`)}<section class="intro">
<h1>${escapeHtml(report.question)}</h1>
${report.complete ? '' : `<p class="kernel">${CANCELLED}</p>`}
<dl>${environmentOf(report)
    .map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`)
    .join('')}</dl>
<p>To repeat the run:</p>
<pre><code>${escapeHtml(report.command)}</code></pre>
${report.notes.map((note) => `<p class="note">${escapeHtml(note)}</p>`).join('\n')}
<p class="note">Values are medians over the rounds; whiskers, and “range” in the tables, show the minimum and the maximum. Compare values within one report, not between reports.</p>
</section>
${figures.map((figure) => renderFigure(figure, charts, notes)).join('\n')}
${renderModels(notes)}
</main>
<footer>Charts by Chart.js, which is embedded in this page. So is the whole report as JSON: <code>JSON.parse(document.getElementById('report').textContent)</code>.</footer>
<script type="application/json" id="report">${jsonInHtml(report)}</script>
<script type="application/json" id="charts">${jsonInHtml(charts)}</script>
<script>${chartLibrary()}</script>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
}

function renderFigure(
  { title, description, reading = null, chart, table }: Figure,
  charts: readonly Chart[],
  notes: readonly ModelNote[],
): string {
  const canvas =
    chart === null || chart.labels.length === 0
      ? ''
      : `<div class="chart" style="height:${chartHeight(chart)}px"><canvas data-chart="${charts.indexOf(chart)}" role="img" aria-label="${escapeHtml(`${title}; the table below has the values`)}"></canvas></div>`;
  return `<section>
<h2>${escapeHtml(title)}</h2>
<p>${linkedHtml(description)}</p>
${reading === null ? '' : `<p class="reading">${escapeHtml(reading)}</p>`}
${canvas}
<div class="scroll">${renderTable(table, notes)}</div>
</section>`;
}

function chartHeight({ kind, labels, series, stacked }: Chart): number {
  if (kind === 'lines') return LINES_PX;
  return FRAME_PX + labels.length * (GAP_PX + BAR_PX * (stacked ? 1 : series.length));
}

/** The name of a model is a link to what it is. */
function renderTable({ columns, rows }: Table, notes: readonly ModelNote[]): string {
  const isNumber = columns.map((_, at) => at > 0 && rows.every((row) => /^[–\d]/.test(row[at]!)));
  const cell = (tag: string, text: string, at: number, html = escapeHtml(text)): string =>
    `<${tag}${isNumber[at] ? ' class="number"' : ''}>${html}</${tag}>`;
  const name = (text: string): string => {
    const isModel = notes.some((note) => note.name === modelOf(text));
    return isModel ? `<a href="#${idOf(modelOf(text))}">${escapeHtml(text)}</a>` : escapeHtml(text);
  };
  const head = columns.map((text, at) => cell('th', text, at)).join('');
  const body = rows.map(
    ([first = '', ...others]) =>
      `<tr>${cell('th', first, 0, name(first))}${others.map((text, at) => cell('td', text, at + 1)).join('')}</tr>`,
  );
  return `<table><thead><tr>${head}</tr></thead><tbody>${body.join('\n')}</tbody></table>`;
}

const pageStyle = (): string =>
  `${readFileSync(new URL('../../../html/style.css', import.meta.url), 'utf8')}\n${PAGE_STYLE}`;

/** The build for a script element is in the directory of the package's main module. */
function chartLibrary(): string {
  return readFileSync(join(dirname(chartLibraryPath()), 'chart.umd.min.js'), 'utf8')
    .replace(/^\/\/# sourceMappingURL=.*$/m, '')
    .replaceAll('</script', '<\\/script');
}

function chartLibraryPath(): string {
  const path = resolveOptional('chart.js');
  if (path !== null) return path;
  throw new ExperimentError(
    `The page of charts needs chart.js, which is not installed: ${installCommand('chart.js')}.`,
  );
}
