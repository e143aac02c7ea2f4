import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publishedFiles } from '../../scripts/prune.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Every file of the package, sorted: what is not here is not published. */
export function expectedContents() {
  return [
    ...['CHANGELOG.md', 'LICENSE', 'README.md', 'access-log.schema.json', 'config.schema.json', 'package.json'],
    ...publishedFiles().map((path) => `dist/${path}`),
    ...filesBelow('deploy'),
    ...filesBelow('docs'),
    ...filesBelow('examples'),
    ...filesBelow('html'),
    ...['x64', 'arm64'].map((arch) => `prebuilds/linux-${arch}/epollet.node`),
  ].sort();
}

function filesBelow(directory) {
  return readdirSync(join(ROOT, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}
