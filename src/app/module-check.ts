import { readFileSync } from 'node:fs';
import nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';

// A program of its own, started by syntaxPlace with --experimental-vm-modules and --experimental-import-meta-resolve:
// parses the modules that an app consists of, without running any, until one fails with the given message. That error
// ends the process, for then, and only then, Node writes its place.

const [entry, message] = process.argv.slice(2) as [string, string];

/** From 22.13 on. It keeps the places of what it leaves. */
const { stripTypeScriptTypes } = nodeModule as { stripTypeScriptTypes?: (code: string) => string };

/** An import() of a fixed name; one in a comment or a string does no harm. */
const DYNAMIC_IMPORT = /\bimport\(\s*(['"])([^'"\n]+)\1/g;

/** The files that a module imports. */
function importsOf(url: string): string[] {
  try {
    const code = readFileSync(fileURLToPath(url), 'utf8').replace(/^#!/, '//');
    const stripped = /\.m?ts$/.test(new URL(url).pathname) ? stripTypeScriptTypes!(code) : code;
    const parsed = new vm.SourceTextModule(stripped, { identifier: url });
    const dynamic = [...code.matchAll(DYNAMIC_IMPORT)].map(([, , specifier]) => specifier!);
    return [...parsed.dependencySpecifiers, ...dynamic].flatMap((specifier) => resolved(specifier, url));
  } catch (error) {
    if (error instanceof SyntaxError && error.message === message) throw error;
    return []; // a CommonJS module, for instance, whose errors have a place
  }
}

/** Nothing for what is not a file of JavaScript, or does not exist: that is an error of its own. */
function resolved(specifier: string, parent: string): string[] {
  try {
    const url = import.meta.resolve(specifier, parent);
    return /^file:[^?#]*\.m?[jt]s(?:[?#]|$)/.test(url) ? [url] : [];
  } catch {
    return [];
  }
}

const seen = new Set([entry]);
for (const url of seen) for (const imported of importsOf(url)) seen.add(imported);
