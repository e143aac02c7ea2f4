import { reachesEnd, stepsOf } from './glob-steps.js';

/** Whether a path from the root, with its leading slash, matches. */
export type Glob = (path: string) => boolean;

/**
 * A glob on paths from the root: `*` within a folder, `**` through folders, `?`, `[ab]`, `{js,css}`; the leading slash
 * may be left out. One without any other slash and without a leading one, as `*.js`, is on the base name in any folder.
 * @param pattern for which globFault has nothing to say
 */
export function compileGlob(pattern: string): Glob {
  const steps = stepsOf(pattern.replace(/^\//, ''));
  if (!pattern.includes('/')) return (path) => reachesEnd(steps, path.slice(path.lastIndexOf('/') + 1));
  return (path) => reachesEnd(steps, path.startsWith('/') ? path.slice(1) : path);
}

/** What a value must be to be a pattern, as the rest of a sentence after "must be"; null when it is one. */
export function globFault(pattern: unknown): string | null {
  if (typeof pattern !== 'string' || pattern === '' || pattern.length > 1000 || /\p{Cc}/u.test(pattern))
    return 'a glob of 1 to 1000 characters such as "/assets/**" or "*.js"';
  if (pattern.startsWith('!')) return 'a glob without a negation: the order of the rules says which one counts';
  if (pattern.endsWith('/')) return 'a glob for files: for all in a folder write "/folder/**"';
  if (pattern.startsWith('//')) return 'a glob with one slash at its beginning';
  try {
    compileGlob(pattern);
    return null;
  } catch (error) {
    return (error as SyntaxError).message;
  }
}
