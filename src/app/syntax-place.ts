import { spawnSync } from 'node:child_process';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Parsing reads a few files; a module on a network file system may take longer. */
const TIMEOUT_MS = 10_000;

/** How Node writes the place of an error: the module and the line, the source line, and carets below its columns. */
const PLACE = /^(\/.*|file:\/\/.*):(\d+)\n.*\n([ \t]*)(?:\^+)?$/m;

/**
 * Where a module that cannot be parsed or linked is wrong, as `file:line:column` from 1. The error itself has it in some
 * cases only (CommonJS, TypeScript, an import of what is not exported): for the others another process parses the app.
 * @param entry the app's URL
 * @returns null if it was not found
 */
export function syntaxPlace(entry: string, error: SyntaxError): string | null {
  return placeIn(error.stack ?? '') ?? placeIn(outputOfCheck(entry, error.message));
}

/** What Node writes about the first module with this error. A flag that a later Node may not have is another output. */
function outputOfCheck(entry: string, message: string): string {
  const program = fileURLToPath(new URL('module-check.js', import.meta.url));
  const flags = ['--experimental-vm-modules', '--experimental-import-meta-resolve', '--no-warnings'];
  const env = { ...process.env, NODE_OPTIONS: '' }; // no debugger, loader or coverage of this process
  const args = [...flags, program, entry, message];
  return spawnSync(process.execPath, args, { encoding: 'utf8', env, timeout: TIMEOUT_MS }).stderr ?? '';
}

function placeIn(text: string): string | null {
  const [, module, line, indent] = PLACE.exec(text) ?? [];
  if (module === undefined) return null;
  return placeOf(module.startsWith('file:') ? fileURLToPath(module) : module, line!, indent!.length + 1);
}

/** @param path absolute; shown from the working directory if it is in there */
export function placeOf(path: string, line: number | string, column: number): string {
  const fromHere = relative('', path);
  return `${fromHere.startsWith('../') ? path : fromHere}:${line}:${column}`;
}
