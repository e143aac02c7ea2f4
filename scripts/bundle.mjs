/**
 * Makes few files of many, since finding and reading two hundred modules takes longer than running them:
 *
 * - dist/command.cjs, all that `epollet serve` loads: a function expression, which V8 compiles function by function, and keeps
 *   compiled in a code cache
 * - dist/epollet.cjs, the command, which loads it
 * - dist/library, the entry points of the package, and what several of them need
 *
 * `explain`, `lab` and `model` are modules of their own, which the command imports.
 */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { parseAst } from 'rolldown/parseAst';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
const OTHER_COMMANDS = ['explain', 'lab', 'model'].map((name) => join(DIST, 'cli', `${name}.js`));

const ENTRY_POINTS = {
  index: 'index.js',
  epoll: 'epoll/index.js',
  reactor: 'reactor/index.js',
  sys: 'sys/index.js',
  hono: 'adapters/hono.js',
  srvx: 'adapters/srvx.js',
  worker: 'workers/worker.js',
};
/** No comment with the path of each module. */
const WITHOUT_PATHS = { attachDebugInfo: 'none' };
const COMMENTS = { legal: true, jsdoc: false, annotation: false };

/** A module finds files by its own place, which is another one than that of the bundle. */
const places = (placed) => ({
  name: 'places',
  transform: (code, id) =>
    id.startsWith(DIST + sep) && code.includes('import.meta.url') ? placed(code, relative(DIST, id)) : null,
});

const placesInScript = places((code, path) =>
  code.replaceAll('createRequire(import.meta.url)', 'require').replaceAll('import.meta.url', `(directory + '${path}')`),
);

const placesInLibrary = places((code, path) =>
  code.replaceAll('import.meta.url', `new URL('../${path}', import.meta.url).href`),
);

const otherCommands = {
  name: 'other-commands',
  resolveId(id, importer) {
    if (importer === undefined || !id.startsWith('.')) return null;
    const path = join(dirname(importer), id);
    return OTHER_COMMANDS.includes(path) ? { id: `./${relative(DIST, path)}`, external: true } : null;
  },
};

/** @returns the code of a module with all that it imports, and the paths of its modules */
async function bundled(module) {
  const bundle = await rolldown({
    input: join(DIST, 'cli', module),
    platform: 'node',
    experimental: WITHOUT_PATHS,
    plugins: [placesInScript, otherCommands, lazyChildProcess],
  });
  const { output } = await bundle.generate({ format: 'cjs', codeSplitting: false, comments: COMMENTS });
  await bundle.close();
  const [{ code, moduleIds }] = output;
  return { code: withoutIndentation(inAscii(code)), moduleIds };
}

async function writeLibrary() {
  const input = Object.fromEntries(Object.entries(ENTRY_POINTS).map(([name, path]) => [name, join(DIST, path)]));
  const bundle = await rolldown({
    input,
    platform: 'node',
    external: ['bindings', /^(?:hono|srvx)\//],
    experimental: WITHOUT_PATHS,
    plugins: [placesInLibrary],
  });
  const { output } = await bundle.generate({
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    codeSplitting: { groups: [{ name: 'shared', minShareCount: 2 }] },
    comments: COMMENTS,
  });
  await bundle.close();
  mkdirSync(join(DIST, 'library'), { recursive: true });
  for (const { fileName, code } of output)
    writeFileSync(join(DIST, 'library', fileName), withoutIndentation(inAscii(code)));
}

/** A source of ASCII characters takes a byte each in memory, with a single other one two. Those are in strings only. */
const inAscii = (code) =>
  code.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Without indentation, a tenth of the bytes, except in templates of several lines, whose text it is. */
function withoutIndentation(code) {
  const templates = [];
  JSON.stringify(parseAst(code), (_, node) => {
    if (node?.type === 'TemplateElement') templates.push([node.start, node.end]);
    return node;
  });
  return code.replace(/^\t+/gm, (tabs, at) => (templates.some(([start, end]) => start <= at && at < end) ? tabs : ''));
}

/** A module of Node is loaded when it is first used: node:net, node:zlib and node:child_process take milliseconds. */
function withLazyBuiltins(code) {
  const getters = [];
  const rest = code.replace(
    /^let (node_\w+) = require\("(node:[\w/]+)"\);\n(?:\1 = __toESM\(.*\);\n)?/gm,
    (_, name, module) => {
      getters.push(`\tget ${name}() { return this.loaded.${name} ??= require("${module}"); },\n`);
      return '';
    },
  );
  const lazy = rest.replace(/\bnode_\w+\b(?=[.,;) ])/g, 'builtins.$&');
  // The interop of a default import is left out above.
  const withDefault = /builtins\.\w+\.default\b/.exec(lazy);
  if (withDefault !== null) throw new Error(`import what is used of the module by its name: ${withDefault[0]}`);
  return `const builtins = {\n\tloaded: {},\n${getters.join('')}};\n${lazy}`;
}

/** Commander runs programs for subcommands that are files of their own, which epollet does not have. */
const lazyChildProcess = {
  name: 'lazy-child-process',
  transform(code, id) {
    if (!id.includes('/node_modules/commander/')) return null;
    const load = /const childProcess = (require\('node:child_process'\));\n/;
    const [line, call] = load.exec(code) ?? [];
    return line === undefined ? null : code.replace(line, '').replaceAll('childProcess.', `${call}.`);
  },
};

/** The licenses of the packages in the bundle, which go with their code. */
function licensesOf(modules) {
  const packages = new Set(modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []));
  return [...packages].sort().map((path) => {
    const name = ['LICENSE', 'LICENSE.md'].find((each) => existsSync(join(path, each)));
    const { name: packageName, version } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
    return `${packageName} ${version}\n\n${readFileSync(join(path, name), 'utf8').trim()}\n`;
  });
}

const { code: eager, moduleIds } = await bundled('main.js');
const code = withLazyBuiltins(eager).replaceAll('await import(', 'await importModule(');
if (/\bimport\(/.test(code)) throw new Error('a script cannot import: write "await import(…)"');
const build = createHash('sha256').update(code).digest('hex').slice(0, 16);
writeFileSync(
  join(DIST, 'command.cjs'),
  `/* ${build} */(function (exports, require, importModule, directory) {\n${code}\n})\n`,
);
writeFileSync(join(DIST, 'epollet.licenses.txt'), licensesOf(moduleIds).join(`\n${'-'.repeat(80)}\n\n`));

const start = await bundled('start.js');
writeFileSync(
  join(DIST, 'epollet.cjs'),
  start.code.replace(
    /^(#!.*\n)?/,
    (line) => `${line}const directory = require('node:url').pathToFileURL(__dirname + '/').href;\n`,
  ),
);

await writeLibrary();
