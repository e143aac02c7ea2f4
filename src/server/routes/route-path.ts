import { memberOf, optionError } from '../../files/rules/option-type.js';
import { canonicalPath } from '../../files/rules/percent-encoding.js';

/** A request path that is its own canonical form: unreserved characters, no empty segment, none that begins with a dot. */
const PLAIN = /^(?:\/[A-Za-z0-9\-_~!'()*][A-Za-z0-9\-._~!'()*]*)*\/?$/;
const NAME = /^[A-Za-z_$][\w$]*$/;

/** A part of a route's path: the canonical text, the name of a parameter, or the wildcard at the end. */
export type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'param'; readonly name: string }
  | { readonly kind: 'wildcard' };

/**
 * The segments of a route's path.
 * @throws TypeError ERR_EPOLLET_OPTION
 */
export function parseRoutePath(path: string): Segment[] {
  const name = memberOf('routes', path);
  if (!path.startsWith('/')) throw optionError(`${name} must be a path that begins with a slash`);
  if (/[?#]/.test(path))
    throw optionError(`${name} must be a path without a query: the handler has that in request.url`);
  const parts = path.slice(1).split('/');
  const segments = parts.map((part, at): Segment => {
    if (part === '*') {
      if (at === parts.length - 1) return { kind: 'wildcard' };
      throw optionError(
        `${name} has a * in its middle: it stands for all that follows, so it can only be the last segment`,
      );
    }
    if (!part.startsWith(':')) return { kind: 'literal', text: part };
    if (NAME.test(part.slice(1))) return { kind: 'param', name: part.slice(1) };
    throw optionError(`${name} has a parameter with an invalid name, ${part}: give a whole segment such as :id`);
  });
  const names = segments.flatMap((segment) => (segment.kind === 'param' ? [segment.name] : []));
  const repeated = names.find((each, at) => names.indexOf(each) !== at);
  if (repeated !== undefined) throw optionError(`${name} has two parameters :${repeated}: give each a name of its own`);
  return segments.map((segment, at) =>
    segment.kind === 'literal' ? literalOf(name, segment.text, at === segments.length - 1) : segment,
  );
}

/** For a path that differs from an earlier one by its spelling, or by the names of its parameters. */
export const sameRequests = (path: string): TypeError =>
  optionError(`${memberOf('routes', path)} has the same requests as a route before it: leave one of them out`);

/** Empty only at the end: the path of a directory ends with a slash. */
function literalOf(name: string, text: string, isLast: boolean): Segment {
  const canonical = canonicalRequestPath(`/${Buffer.from(text).toString('latin1')}`);
  if (canonical !== null && ((text === '' && isLast) || canonical.length > 1) && !canonical.includes('/', 1))
    return { kind: 'literal', text: canonical.slice(1) };
  throw optionError(`${name} has a segment that no request has, ${JSON.stringify(text)}: leave it out or encode it`);
}

/**
 * The form in which the paths of requests and routes are compared, that of the path of `request.url`: dot segments are
 * resolved, and escapes are written in one way. As for files, empty segments count for nothing, so that no other spelling
 * of a path gets past its route.
 * @param path a byte a character
 * @returns null for an invalid escape
 */
export function canonicalRequestPath(path: string): string | null {
  if (PLAIN.test(path)) return path;
  const encoded = path.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16)}`);
  return canonicalPath(new URL(`http://localhost${encoded}`).pathname);
}

/** A segment of a canonical path, percent-decoded as UTF-8. */
export function decoded(segment: string): string {
  if (!segment.includes('%')) return segment;
  const bytes = segment.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}
