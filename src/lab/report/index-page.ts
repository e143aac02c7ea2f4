import { escapeHtml } from './html.js';
import { pageTop } from './page.js';
import type { LabReport } from './report.js';

/** The page of `epollet lab --all`: the question of each experiment, with links to its page and its JSON. */
export function renderIndex(reports: readonly LabReport[], hasPages: boolean): string {
  const [first] = reports;
  const minutes = Math.round(reports.reduce((sum, { seconds }) => sum + seconds, 0) / 60);
  const { cpu, cores, fingerprint, kernel, node } = first!.machine;
  const items = reports.map(({ experiment, question, seconds, complete, notes }) => {
    const page = hasPages ? `<a href="${experiment}.html">${escapeHtml(question)}</a>` : escapeHtml(question);
    const state = complete ? '' : ', cancelled';
    return `<section>
<h2>${experiment}</h2>
<p>${page}</p>
<p class="note">${Math.round(seconds)} s${state}; <a href="${experiment}.json">${experiment}.json</a></p>
${notes.map((note) => `<p class="note">${escapeHtml(note)}</p>`).join('\n')}
</section>`;
  });
  return `${pageTop('epollet lab')}<section class="intro">
<h1>${reports.length} experiments in ${minutes} minutes</h1>
<p>Machine ${fingerprint}: ${escapeHtml(cpu)}, ${cores} cores, Linux ${escapeHtml(kernel)}, Node ${escapeHtml(node)}.</p>
</section>
${items.join('\n')}
</main>
</body>
</html>
`;
}
