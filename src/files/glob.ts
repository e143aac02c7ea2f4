import picomatch from 'picomatch';

/**
 * Files that begin with a dot are refused long before, but for those in /.well-known/, and these are files like any
 * other. Negation and extended globs are off: rules stand in order, and a nested repetition can take for ever.
 */
const OPTIONS = { dot: true, nonegate: true, noextglob: true, strictBrackets: true, windows: false } as const;

/** Whether a path from the root, with its leading slash, matches. */
export type Glob = (path: string) => boolean;

/**
 * A glob on paths from the root: `*` within a folder, `**` through folders, `?`, `[ab]`, `{js,css}`; the leading slash
 * may be left out. One without any other slash and without a leading one, as `*.js`, is on the base name in any folder.
 * @param pattern for which globFault has nothing to say
 */
export function compileGlob(pattern: string): Glob {
  const matches = picomatch(expressionOf(pattern), OPTIONS);
  if (!pattern.includes('/')) return (path) => matches(path.slice(path.lastIndexOf('/') + 1));
  return (path) => matches(path.startsWith('/') ? path.slice(1) : path);
}

/** What a value must be to be a pattern, as the rest of a sentence after "must be"; null when it is one. */
export function globFault(pattern: unknown): string | null {
  if (typeof pattern !== 'string' || pattern === '' || pattern.length > 1000 || /\p{Cc}/u.test(pattern))
    return 'a glob of 1 to 1000 characters such as "/assets/**" or "*.js"';
  if (pattern.startsWith('!')) return 'a glob without a negation: the order of the rules says which one counts';
  if (pattern.endsWith('/')) return 'a glob for files: for all in a folder write "/folder/**"';
  if (pattern.startsWith('//')) return 'a glob with one slash at its beginning';
  try {
    picomatch.makeRe(expressionOf(pattern), OPTIONS);
    return null;
  } catch {
    return 'a glob whose brackets are in pairs; one for itself has a backslash before it';
  }
}

/** Without the slash that every path begins with; round brackets, which regular expressions have and globs do not, stand for themselves. */
const expressionOf = (pattern: string): string => pattern.replace(/^\//, '').replace(/(?<!\\)[()|]/g, '\\$&');
