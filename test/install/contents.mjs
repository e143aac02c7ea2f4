import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Every file of the package, sorted: what is not here is not published. */
export function expectedContents() {
  return [
    ...['CHANGELOG.md', 'LICENSE', 'README.md', 'access-log.schema.json', 'config.schema.json', 'package.json'],
    ...['dist/command.cjs', 'dist/epollet.cjs', 'dist/epollet.licenses.txt'],
    ...['epoll', 'index', 'reactor', 'shared', 'sys', 'worker'].map((name) => `dist/library/${name}.js`),
    ...filesBelow('deploy'),
    ...filesBelow('docs'),
    ...filesBelow('examples'),
    ...filesBelow('html'),
    ...filesBelow('src').flatMap((source) => {
      const module = source.replace(/^src\/(.*)\.ts$/, 'dist/$1');
      // These are in the bundles only, dist/library and dist/command.cjs.
      return /^dist\/(index$|admin\/|workers\/)/.test(module) ? [`${module}.d.ts`] : [`${module}.js`, `${module}.d.ts`];
    }),
    ...['x64', 'arm64'].map((arch) => `prebuilds/linux-${arch}/epollet.node`),
  ].sort();
}

function filesBelow(directory) {
  return readdirSync(join(ROOT, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}
