// Writes the figures of a whole run into the documentation:
//   epollet lab --all results && node scripts/lab-figures.mjs results
// The section between the two comments of docs/lab-figures.md becomes report.md of the directory, one level lower.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [directory, page = fileURLToPath(new URL('../docs/lab-figures.md', import.meta.url))] = process.argv.slice(2);
if (directory === undefined) {
  console.error('Usage: node scripts/lab-figures.mjs DIRECTORY [PAGE]; the directory is that of epollet lab --all.');
  process.exit(2);
}

const report = readFileSync(join(directory, 'report.md'), 'utf8')
  .replace(/^# .*\n+/, '')
  .replaceAll(/^(?=##)/gm, '#');
const text = readFileSync(page, 'utf8');
const section = /(<!-- figures -->\n)[\s\S]*(<!-- end of the figures -->)/;
if (!section.test(text)) {
  console.error(
    `${page} has no place for figures; put "<!-- figures -->" and "<!-- end of the figures -->" where they belong.`,
  );
  process.exit(1);
}
writeFileSync(
  page,
  text.replace(section, (_, start, end) => `${start}\n${report.trim()}\n\n${end}`),
);
