import { existsSync, readFileSync } from 'node:fs';
import { MODELS } from '../../models/catalogue.js';
import { formatCalls, formatNumber } from '../base/format.js';
import { modelOf } from '../base/noise.js';
import type { Summary } from '../base/stats.js';
import { noTranscript, type Transcript } from '../measure/transcript.js';
import { escapeHtml } from './html.js';
import type { LabReport } from './report.js';

/** A model with what makes its figures understandable. */
export interface ModelNote {
  readonly name: string;
  readonly waits: string;
  /** Its source in the repository, and its code. */
  readonly file: string;
  readonly code: string | null;
  /** CPU time per request in this run, and its ratio to the largest; null if it was not measured. */
  readonly bar: { readonly us: number; readonly ratio: number } | null;
  /** The system calls of a request: counted in this run, or else by strace(1) once. */
  readonly calls: string;
  readonly transcript: Transcript;
  readonly limitation: string;
}

/** A result of a model, of any experiment that has such. */
interface Row {
  readonly model: string;
  readonly cpuUs?: Summary | null;
  readonly points?: readonly { readonly cpuUs: Summary | null; readonly struckOut?: string | null }[];
  readonly systemCalls?: Counted | null;
  readonly transcript?: Transcript | null;
}

interface Counted {
  readonly perRequest: number;
  readonly byName: Readonly<Record<string, number>>;
}

/** What a report without transcripts has instead. */
const ELSEWHERE = noTranscript('this experiment records none; models, rates and libuv do');
const NOT_REACHED = noTranscript('it was not measured in the first round');

/** Of the models of a report, in the order of the catalogue. */
export function modelNotes(report: LabReport): ModelNote[] {
  const results: readonly object[] = 'results' in report ? report.results : [];
  const rows = results.flatMap((each) => ('model' in each ? [each as Row] : []));
  const names = new Set(rows.map(({ model }) => modelOf(model)));
  const largest = Math.max(...rows.map((row) => cpuUsOf(row) ?? 0));
  return MODELS.filter(({ name }) => names.has(name)).map(({ name, waits, calls, limitation }) => {
    const row = rows.find(({ model }) => model === name);
    const us = row === undefined ? null : cpuUsOf(row);
    const counted = row?.systemCalls;
    return {
      name,
      waits,
      file: `src/models/${name}.ts`,
      code: codeOf(name),
      bar: us === null ? null : { us, ratio: us / largest },
      calls: counted
        ? `${formatNumber(counted.perRequest)} by strace in this run: ${formatCalls(counted.byName)}`
        : calls,
      transcript: row?.transcript ?? (row !== undefined && 'transcript' in row ? NOT_REACHED : ELSEWHERE),
      limitation,
    };
  });
}

/** Of a result with several points, the first one that counts. */
const cpuUsOf = ({ cpuUs, points = [] }: Row): number | null =>
  (cpuUs ?? points.find((point) => point.cpuUs !== null && (point.struckOut ?? null) === null)?.cpuUs)?.median ?? null;

/** What each model is, for those who read the figures above. The links of the tables lead here. */
export function renderModels(notes: readonly ModelNote[]): string {
  if (notes.length === 0) return '';
  const models = notes.map(
    ({ name, waits, file, code, bar, calls, transcript, limitation }) => `<details id="${idOf(name)}">
<summary><b>${escapeHtml(name)}</b> <span>waits ${escapeHtml(waits)}</span>${
      bar === null
        ? ''
        : `<span class="bar"><i style="width:${(bar.ratio * 100).toFixed(1)}%"></i></span><span class="us">${formatNumber(bar.us)} µs</span>`
    }</summary>
<dl><dt>Breaks when</dt><dd>${escapeHtml(limitation)}</dd><dt>System calls</dt><dd>${escapeHtml(calls)}</dd></dl>
${renderTranscript(transcript)}
<h3>${escapeHtml(file)}</h3>
${code === null ? '' : `<pre><code>${escapeHtml(code)}</code></pre>`}
</details>`,
  );
  return `<section class="models">
<h2>The models</h2>
<p>The bar is the CPU time per request; of several, the first that was measured. Each model is one file, here as the package has it; the parts that several use are in src/models/shared.</p>
${models.join('\n')}
</section>`;
}

function renderTranscript({ calls, reason }: Transcript): string {
  const title = '<h3>One request, by strace</h3>';
  if (reason !== null) return `${title}\n<p class="note">Not recorded: ${escapeHtml(reason)}.</p>`;
  return `${title}
<p class="note">In this run, without the calls by which the engine manages its memory; the last line is the wait for the next request.</p>
<pre class="trace"><code>${escapeHtml(calls.join('\n'))}</code></pre>`;
}

export const idOf = (model: string): string => `model-${model}`;

/** The package has the compiled file; its comments and names are those of the source. */
function codeOf(name: string): string | null {
  const file = ['js', 'ts']
    .map((extension) => new URL(`../../models/${name}.${extension}`, import.meta.url))
    .find((url) => existsSync(url));
  return file === undefined
    ? null
    : readFileSync(file, 'utf8')
        .replace(/^\/\/# sourceMappingURL=.*$/m, '')
        .trim();
}
