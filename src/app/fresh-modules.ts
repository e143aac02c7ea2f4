import * as module from 'node:module';

/** In the URL of a module that was imported anew, with the number of the import. */
const MARK = 'epollet-reload=';

/** From 22.15 on; before, hooks run in a thread of their own. */
const { registerHooks } = module as unknown as { registerHooks?: (hooks: { resolve: Resolve }) => void };

type Resolved = { url: string; format?: string | null | undefined };
type Resolve = (specifier: string, context: { parentURL?: string | undefined }, next: Resolve) => Resolved;

const imported = new Set<string>();
let reloads = 0;

/**
 * The URL by which a module, and the modules that it imports, are loaded anew: Node keeps what it has imported. Packages
 * and CommonJS modules are not loaded again. The earlier modules stay in memory.
 * @param url without a query
 */
export function freshUrl(url: string): string {
  if (!imported.has(url)) {
    imported.add(url);
    return url;
  }
  if (reloads++ === 0) registerHook();
  return `${url}?${MARK}${reloads}`;
}

function registerHook(): void {
  if (registerHooks !== undefined) {
    registerHooks({ resolve: (specifier, context, next) => marked(next(specifier, context, next), context.parentURL) });
    return;
  }
  const source = `const MARK = '${MARK}'; ${marked}
    export const resolve = async (specifier, context, next) => marked(await next(specifier, context), context.parentURL);`;
  module.register(`data:text/javascript,${encodeURIComponent(source)}`);
}

/** Of a module that is imported by one with a mark, the mark. It must not use anything of this module but MARK. */
function marked(resolved: Resolved, parent = ''): Resolved {
  const at = parent.indexOf(MARK);
  const { url, format } = resolved;
  const isOfApp = url.startsWith('file:') && !url.includes('/node_modules/') && !url.includes('?');
  return at < 0 || !isOfApp || format === 'commonjs' ? resolved : { ...resolved, url: `${url}?${parent.slice(at)}` };
}
