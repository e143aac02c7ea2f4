import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Figure, Table } from '../base/chart.js';
import { environmentOf, figuresOf } from './figures.js';
import { PAGE_SCRIPT } from './page-script.js';
import { PAGE_STYLE } from './page-style.js';
import type { LabReport } from './report.js';

/** Room for the axis and the legend, and for each bar with its neighbours. */
const FRAME_PX = 90;
const BAR_PX = 15;
const LABEL_PX = 12;
const LINES_PX = 420;

/** Forbids every request, so that a page that somebody sends around tells nobody that it is read. */
const POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:";

/** The report as one page that needs nothing else: the look of the project's pages, charts, and the report itself. */
export function renderPage(report: LabReport): string {
  const figures = figuresOf(report);
  const charts = figures.map(({ chart }) => chart).filter((chart) => chart !== null);
  let drawn = 0;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>epollet lab: ${escaped(report.experiment)}</title>
<link rel="icon" href="data:,">
<style>
${styleOfProject()}
${PAGE_STYLE}
</style>
</head>
<body>
<header class="top"><span class="brand">epollet lab</span></header>
<main>
<section class="intro">
<h1>${escaped(report.question)}</h1>
${report.complete ? '' : '<p class="kernel">It was interrupted: the figures are of the rounds that came to their end.</p>'}
<dl>${environmentOf(report)
    .map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>`)
    .join('')}</dl>
<p>To measure it again:</p>
<pre><code>${escaped(report.command)}</code></pre>
${report.notes.map((note) => `<p class="note">${escaped(note)}</p>`).join('\n')}
<p class="note">Figures are the median of the rounds; whiskers, and “over the rounds” in the tables, go from the least to the most of them. Compare what stands in one report, not in two.</p>
</section>
${figures.map((figure) => section(figure, () => drawn++)).join('\n')}
</main>
<footer>Charts by Chart.js, which is in this page. The whole report as JSON is in it too: <code>JSON.parse(document.getElementById('report').textContent)</code>.</footer>
<script type="application/json" id="report">${jsonInHtml(report)}</script>
<script type="application/json" id="charts">${jsonInHtml(charts)}</script>
<script>${chartLibrary()}</script>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
}

function section({ title, description, chart, table }: Figure, next: () => number): string {
  const canvas =
    chart === null || chart.labels.length === 0
      ? ''
      : `<div class="chart" style="height:${heightOf(chart)}px"><canvas data-chart="${next()}" role="img" aria-label="${escaped(`${title}; the table below has the numbers`)}"></canvas></div>`;
  // A chart without labels is not drawn, but has its place in the list.
  if (chart !== null && chart.labels.length === 0) next();
  return `<section>
<h2>${escaped(title)}</h2>
<p>${escaped(description)}</p>
${canvas}
<div class="scroll">${htmlTable(table)}</div>
</section>`;
}

function heightOf({ kind, labels, series, stacked }: NonNullable<Figure['chart']>): number {
  if (kind === 'lines') return LINES_PX;
  return FRAME_PX + labels.length * (LABEL_PX + BAR_PX * (stacked ? 1 : series.length));
}

function htmlTable({ columns, rows }: Table): string {
  const isNumber = columns.map((_, at) => at > 0 && rows.every((row) => /^[–\d]/.test(row[at]!)));
  const cell = (tag: string, text: string, at: number): string =>
    `<${tag}${isNumber[at] ? ' class="number"' : ''}>${escaped(text)}</${tag}>`;
  const line = (tag: string, cells: readonly string[]): string =>
    `<tr>${cells.map((text, at) => cell(at === 0 ? 'th' : tag, text, at)).join('')}</tr>`;
  return `<table><thead>${line('th', columns)}</thead><tbody>${rows.map((row) => line('td', row)).join('\n')}</tbody></table>`;
}

/** The page that ships with the package has the look already. */
const styleOfProject = (): string => readFileSync(new URL('../../../html/style.css', import.meta.url), 'utf8');

/** The build for a script element stands beside the module that the package exports. */
function chartLibrary(): string {
  const entry = createRequire(import.meta.url).resolve('chart.js');
  return readFileSync(join(dirname(entry), 'chart.umd.min.js'), 'utf8')
    .replace(/^\/\/# sourceMappingURL=.*$/m, '')
    .replaceAll('</script', '<\\/script');
}

/** Nothing in it may end the element that it stands in. */
const jsonInHtml = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
