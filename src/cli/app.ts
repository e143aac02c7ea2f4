import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installGlobals } from '../fetch/globals.js';
import type { ErrorHandler, FetchHandler } from '../server/handlers/handler.js';
import { Misuse } from './misuse.js';

/** What a module for `--app` exports as its default; a function alone is its own `fetch`. */
export interface App {
  fetch: FetchHandler;
  error?: ErrorHandler;
}

const OWN_FOLDER = new URL('.', import.meta.url).href;

const SHAPE = 'export default { fetch(request) { return new Response("hi"); } }';

/**
 * Loads a program's handlers. What its top level makes is made of the light Response already.
 * @param path from the working directory
 * @throws Misuse for a file that is not there, cannot be loaded or has no handler
 */
export async function loadApp(path: string): Promise<App> {
  checkFile(path);
  installGlobals();
  return appOf(path, await moduleAt(path));
}

/** Before the loader is asked, whose words are about modules and not about a flag. */
function checkFile(path: string): void {
  try {
    if (statSync(path).isDirectory()) throw new Misuse(`The app ${path} is a folder; give a module in it.`);
  } catch (error) {
    if (error instanceof Misuse) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new Misuse(
      code === 'ENOENT' || code === 'ENOTDIR'
        ? `The app ${path} does not exist; give the file of a module that does.`
        : `The app ${path} cannot be read (${code}); change its permissions or the user.`,
    );
  }
}

async function moduleAt(path: string): Promise<{ default?: unknown }> {
  try {
    return (await import(pathToFileURL(resolve(path)).href)) as { default?: unknown };
  } catch (error) {
    throw misuseOf(path, error);
  }
}

function misuseOf(path: string, error: unknown): Misuse {
  const { code, message } = error instanceof Error ? (error as NodeJS.ErrnoException) : { message: String(error) };
  const said = message.split('\n')[0]!.replace(/\.$/, '');
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') return misuseOfKind(path, said);
  if (code === 'ERR_MODULE_NOT_FOUND') {
    return new Misuse(`The app ${path} needs a module that is not there: ${said}; install it, or mend the import.`);
  }
  const stack = stackOf(error);
  // Where a module's syntax is wrong the loader does not always say.
  if (error instanceof SyntaxError && !/^\S*:\d+$|^ +at /m.test(stack)) {
    return new Misuse(`The app ${path} cannot be parsed: ${said}; node --check says where, of each file alone.`);
  }
  const remedy = stack === '' ? 'mend it' : 'mend it, by the stack below';
  return new Misuse(`The app ${path} has failed while it was loaded: ${said}; ${remedy}.`, stack);
}

/** The loader knows best what it takes: flags, loaders such as tsx and the version all have a say. */
function misuseOfKind(path: string, said: string): Misuse {
  const file = / for (.*)$/.exec(said)?.[1] ?? path;
  if (!/\.[cm]?ts$/.test(file)) {
    return new Misuse(`${file} is a kind of module that Node does not load; give JavaScript, as .mjs or .js.`);
  }
  return new Misuse(
    `${file} is TypeScript, which Node loads from 22.18 on (22.6 with --experimental-strip-types) and this is ${process.version}; take a newer one, or compile it and give what npx esbuild ${path} --bundle --platform=node --format=esm --outfile=app.mjs makes.`,
  );
}

/** Without the frames of Node's loader, and of who has called it. */
function stackOf(error: unknown): string {
  const lines = error instanceof Error ? (error.stack ?? '').split('\n') : [];
  const ours = lines.findIndex((line) => line.includes(OWN_FOLDER));
  return lines
    .slice(0, ours < 0 ? lines.length : ours)
    .filter((line) => !/^ +at .*\bnode:internal\//.test(line))
    .join('\n');
}

function appOf(path: string, { default: given }: { default?: unknown }): App {
  if (given === undefined) throw new Misuse(`The app ${path} has no default export; give it one: ${SHAPE}.`);
  const { fetch, error } = (given ?? {}) as { fetch?: unknown; error?: unknown };
  if (typeof fetch !== 'function') {
    if (typeof given === 'function') return { fetch: given as FetchHandler };
    throw new Misuse(`The default export of the app ${path} has no function fetch; give it one: ${SHAPE}.`);
  }
  if (error !== undefined && typeof error !== 'function') {
    throw new Misuse(`error in the default export of the app ${path} is no function; make it one or leave it out.`);
  }
  return {
    fetch: fetch.bind(given) as FetchHandler,
    ...(error === undefined ? {} : { error: error.bind(given) as ErrorHandler }),
  };
}
