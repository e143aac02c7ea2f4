import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installGlobals } from '../fetch/globals.js';
import type { ErrorHandler, FetchHandler } from '../server/handlers/handler-runner.js';
import type { Routes } from '../server/routes/route-types.js';
import type { UpgradeHandler } from '../server/upgrade/upgrade-context.js';
import type { WebSocketHandler } from '../server/websocket/web-socket-options.js';
import { AppError } from './app-error.js';
import { freshUrl } from './fresh-modules.js';
import { jsonFault } from './json-fault.js';
import { placeOf, syntaxPlace } from './syntax-place.js';

/** The default export of a module for `--app`, with `fetch`, `routes`, or both; a bare function is taken as `fetch`. */
export interface App {
  fetch?: FetchHandler;
  routes?: Routes;
  error?: ErrorHandler;
  upgrade?: UpgradeHandler;
  websocket?: WebSocketHandler;
}

const OWN_DIRECTORY = new URL('..', import.meta.url).href; // of the bundle too

const SHAPE = 'export default { fetch(request) { return new Response("hi"); } }';

/**
 * Loads a program's handlers; anew, if they were loaded before. The fast Response is installed first, so that the module's top level already uses it.
 * @param path from the working directory
 * @throws AppError for a file that does not exist, cannot be loaded or has no handler
 */
export async function loadApp(path: string): Promise<App> {
  checkFile(path);
  installGlobals();
  const module: { default?: unknown } = await import(freshUrl(pathToFileURL(resolve(path)).href)).catch(
    (error: unknown) => {
      throw loadError(path, error);
    },
  );
  return appOf(path, module.default);
}

/** Checked before the import, whose error messages are about modules and not about a flag. */
function checkFile(path: string): void {
  try {
    if (statSync(path).isDirectory()) throw new AppError(`The app ${path} is a directory; give a module in it.`);
  } catch (error) {
    if (error instanceof AppError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new AppError(
      code === 'ENOENT' || code === 'ENOTDIR'
        ? `The app ${path} does not exist; give the file of a module that does.`
        : `The app ${path} cannot be read (${code}); change its permissions or the user.`,
    );
  }
}

function loadError(path: string, error: unknown): AppError {
  const { code, message } = error instanceof Error ? (error as NodeJS.ErrnoException) : { message: String(error) };
  const reason = message.split('\n')[0]!.replace(/\.$/, '');
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') return extensionError(path, reason);
  if (code === 'ERR_MODULE_NOT_FOUND') {
    return new AppError(
      `The app ${path} imports a module that does not exist: ${reason}; install it, or fix the import.`,
    );
  }
  const stack = stackOf(error);
  // Thrown by no code of the app: by the parser or the linker.
  if (error instanceof SyntaxError && !/^ +at /m.test(stack)) {
    const place = syntaxPlace(pathToFileURL(resolve(path)).href, error);
    const fault = jsonReason(error) ?? (place === null ? reason : `${reason} at ${place}`);
    return new AppError(`The app ${path} cannot be parsed: ${fault}; correct it.`);
  }
  const remedy = stack === '' ? 'fix it' : 'fix it, see the stack below';
  return new AppError(`The app ${path} threw while it was loaded: ${reason}; ${remedy}.`, stack);
}

/** For a JSON module, whose error names the file and, by version, a position. */
function jsonReason({ message }: SyntaxError): string | null {
  const [, file] = /^(\/.*?\.json): /.exec(message) ?? [];
  const fault = file === undefined ? null : jsonFault(readFileSync(file, 'utf8'));
  return fault === null ? null : `expected ${fault.expected} at ${placeOf(file!, fault.line, fault.column)}`;
}

/** Which extensions Node loads depends on its version, its flags and on loaders such as tsx. */
function extensionError(path: string, reason: string): AppError {
  const file = / for (.*)$/.exec(reason)?.[1] ?? path;
  if (!/\.[cm]?ts$/.test(file)) {
    return new AppError(`${file} is not a module that Node can load; give JavaScript, as .mjs or .js.`);
  }
  return new AppError(
    `${file} is TypeScript, which Node loads from 22.18 on (22.6 with --experimental-strip-types) and this is ${process.version}; use a newer Node, or compile it with npx esbuild ${path} --bundle --platform=node --format=esm --outfile=app.mjs and give app.mjs.`,
  );
}

/** Without the frames of this command, of Node, whose loader differs by version, and of functions without a place. */
function stackOf(error: unknown): string {
  const lines = error instanceof Error ? (error.stack ?? '').split('\n') : [];
  const ours = lines.findIndex((line) => line.includes(OWN_DIRECTORY));
  return lines
    .slice(0, ours < 0 ? lines.length : ours)
    .filter((line) => !/^ +at (?:async )?(?:.*\()?(?:node:|<anonymous>)/.test(line))
    .join('\n');
}

function appOf(path: string, given: unknown): App {
  if (given === undefined) throw new AppError(`The app ${path} has no default export; give it one: ${SHAPE}.`);
  const members = (given ?? {}) as Record<string, unknown>;
  const { fetch } = members;
  const routes = routesOf(given);
  if (typeof fetch !== 'function' && (routes === null || fetch !== undefined)) {
    if (typeof given === 'function') return { fetch: given as FetchHandler };
    throw new AppError(
      `The default export of the app ${path} has no function fetch; give it one, or routes: ${SHAPE}.`,
    );
  }
  const app: App = {};
  if (fetch !== undefined) app.fetch = fetch.bind(given) as FetchHandler;
  if (routes !== null) app.routes = routes;
  for (const name of ['error', 'upgrade'] as const) {
    const handler = members[name];
    if (handler === undefined) continue;
    if (typeof handler !== 'function') {
      throw new AppError(
        `${name} in the default export of the app ${path} is not a function; make it one or leave it out.`,
      );
    }
    app[name] = handler.bind(given);
  }
  // Checked by the server.
  if (members['websocket'] !== undefined) app.websocket = members['websocket'] as WebSocketHandler;
  return app;
}

/** Null for those of a framework: apps of Hono, Elysia and itty-router have a list of that name, which is theirs to use. */
function routesOf(given: unknown): Routes | null {
  if (!isPlain(given)) return null;
  const { routes } = given;
  return isPlain(routes) ? (routes as Routes) : null;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
