/**
 * Makes dist/epollet.js, the command: all that `epollet serve` loads in one file, since finding and reading two hundred
 * modules takes longer than running them. `explain`, `lab` and `model` are modules of their own, which it imports.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
const OTHER_COMMANDS = ['explain', 'lab', 'model'].map((name) => join(DIST, 'cli', `${name}.js`));

/** A module finds files and other modules by its own place, which is another one than that of the bundle. */
const places = {
  name: 'places',
  resolveId(id, importer) {
    if (importer === undefined || !id.startsWith('.')) return null;
    const path = join(dirname(importer), id);
    return OTHER_COMMANDS.includes(path) ? { id: `./${relative(DIST, path)}`, external: true } : null;
  },
  transform(code, id) {
    if (!id.startsWith(DIST + sep) || !code.includes('import.meta.url')) return null;
    return code.replaceAll('import.meta.url', `new URL('./${relative(DIST, id)}', import.meta.url).href`);
  },
};

/** A source of ASCII characters takes a byte each in memory, with a single other one two. Those are in strings only. */
const inAscii = (code) =>
  code.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** The licenses of the packages in the bundle, which go with their code. */
function licensesOf(modules) {
  const packages = new Set(modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []));
  return [...packages].sort().map((path) => {
    const name = ['LICENSE', 'LICENSE.md'].find((each) => existsSync(join(path, each)));
    const { name: packageName, version } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
    return `${packageName} ${version}\n\n${readFileSync(join(path, name), 'utf8').trim()}\n`;
  });
}

const bundle = await rolldown({
  input: join(DIST, 'cli', 'main.js'),
  platform: 'node',
  plugins: [places],
});
const { output } = await bundle.generate({
  format: 'esm',
  codeSplitting: false,
  comments: { legal: true, jsdoc: false, annotation: false },
});
await bundle.close();
const [{ code, moduleIds }] = output;
writeFileSync(join(DIST, 'epollet.js'), inAscii(code));
writeFileSync(join(DIST, 'epollet.licenses.txt'), licensesOf(moduleIds).join(`\n${'-'.repeat(80)}\n\n`));
