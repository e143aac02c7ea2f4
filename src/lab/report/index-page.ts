import { experimentNamed } from '../experiments/registry.js';
import { escapeHtml } from './html.js';
import { pageTop } from './page.js';
import type { LabReport } from './report.js';

/** Of each experiment, in the order of its page, which has all of them. */
const MAX_READINGS = 3;

/** The page of `epollet lab --all`: the question of each experiment, with links to its page and its JSON. */
export function renderIndex(reports: readonly LabReport[], hasPages: boolean): string {
  const [first] = reports;
  const minutes = Math.round(reports.reduce((sum, { seconds }) => sum + seconds, 0) / 60);
  const { cpu, cores, fingerprint, kernel, node } = first!.machine;
  const items = reports.map((report) => {
    const { experiment, question, seconds, complete, notes } = report;
    const readings = experimentNamed(experiment)
      .figures(report, report.settings)
      .flatMap(({ title, reading }) =>
        reading ? [`<p class="reading"><b>${escapeHtml(title)}.</b> ${escapeHtml(reading)}</p>`] : [],
      );
    const page = hasPages ? `<a href="${experiment}.html">${escapeHtml(question)}</a>` : escapeHtml(question);
    const state = complete ? '' : ', cancelled';
    return `<section>
<h2>${experiment}</h2>
<p>${page}</p>
${readings.slice(0, MAX_READINGS).join('\n')}
<p class="note">${Math.round(seconds)} s${state}; <a href="${experiment}.json">${experiment}.json</a></p>
${notes.map((note) => `<p class="note">${escapeHtml(note)}</p>`).join('\n')}
</section>`;
  });
  return `${pageTop('epollet lab')}<section class="intro">
<h1>${reports.length} experiments in ${minutes} minutes</h1>
<p>Machine ${fingerprint}: ${escapeHtml(cpu)}, ${cores} cores, Linux ${escapeHtml(kernel)}, Node ${escapeHtml(node)}. All tables as text: <a href="report.md">report.md</a>.</p>
</section>
${items.join('\n')}
</main>
</body>
</html>
`;
}
