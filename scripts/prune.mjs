/**
 * Leaves in dist what the package needs: modules and declarations that its entry points reach. The modules have no comments,
 * and tabs. Those that `lab`, `model` and `explain` import, whose code is in the bundles too, are minified, with the names of
 * functions and classes. The next build makes all of it again.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { minifySync } from 'rolldown/utils';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
/** What the command imports, and the programs that it runs, which are found by their path. */
const MODULES = ['cli/explain.js', 'cli/lab.js', 'cli/model.js'];
const PROGRAMS = ['lab', 'models', 'library'];
const ENTRY_POINTS = ['index', 'epoll/index', 'reactor/index', 'sys/index', 'adapters/hono', 'adapters/srvx'];
const DECLARATIONS = ENTRY_POINTS.map((name) => `${name}.d.ts`);

/** The paths of the files below `dist` that the package has, relative to it. */
export function publishedFiles(dist = DIST) {
  const all = readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dist, join(entry.parentPath, entry.name)));
  const isProgram = (path) => path.endsWith('.js') && PROGRAMS.some((name) => path.startsWith(`${name}/`));
  const reached = new Set();
  const pending = [...MODULES, ...all.filter(isProgram), ...DECLARATIONS];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (reached.has(path) || !existsSync(join(dist, path))) continue;
    reached.add(path);
    const isDeclaration = path.endsWith('.d.ts');
    for (const [, target] of readFileSync(join(dist, path), 'utf8').matchAll(/['"](\.\.?\/[^'"]+)\.js['"]/g))
      pending.push(normalize(join(dirname(path), `${target}${isDeclaration ? '.d.ts' : '.js'}`)));
  }
  return all.filter((path) => reached.has(path) || /\.(cjs|txt)$/.test(path));
}

/** A tab takes a byte in place of four. Not in a module with a template of several lines, whose text it would change. */
function withTabs(code) {
  const isWhole = code.split('\n').every((line) => line.split('`').length % 2 === 1);
  return isWhole ? code.replace(/^(?: {4})+/gm, (spaces) => '\t'.repeat(spaces.length / 4)) : code;
}

const NAMES = { function: true, class: true };
const MINIFIED = { module: true, compress: { keepNames: NAMES }, mangle: { keepNames: NAMES } };

/** Of a module whose source is not read by people. */
function minified(path, code) {
  const { code: short, errors } = minifySync(path, code, MINIFIED);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0].message}`);
  return short;
}

const isReadable = (path) => PROGRAMS.some((name) => path.startsWith(`${name}/`));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const options = ['--removeComments', '--declaration', 'false', '--incremental', 'false'];
  execFileSync('npx', ['tsc', '-p', ROOT, ...options], { stdio: 'inherit' });
  const kept = new Set(publishedFiles());
  for (const entry of readdirSync(DIST, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile()) continue;
    const name = relative(DIST, path);
    if (!kept.has(name)) rmSync(path);
    else if (path.endsWith('.js')) {
      const code = readFileSync(path, 'utf8');
      writeFileSync(path, isReadable(name) ? withTabs(code) : minified(name, code));
    }
  }
}
