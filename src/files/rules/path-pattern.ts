import { compileGlob, globFault } from './glob.js';
import { canonicalPath } from './percent-encoding.js';

/** The `from` of a redirect: one path, a path with placeholders (`:name`, `*`), or a glob. */
export interface PathPattern {
  /** What the pattern must be to be valid, as the rest of a sentence after "must be"; null if it is valid. */
  readonly fault: string | null;
  /** The canonical path; null for a pattern with placeholders or a glob. */
  readonly exact: string | null;
  /** The whole segments that every matching path begins with: `/blog` for `/blog/*`; may be empty. */
  readonly prefix: string;
  /** Of its placeholders; `*` is `splat`. */
  readonly names: readonly string[];
  /** An example value for each placeholder, to follow redirects in a check. */
  readonly sample: Readonly<Record<string, string>>;
  /** What the placeholders catch of a canonical path, percent-encoded; null if it does not match. */
  match(path: string): Readonly<Record<string, string>> | null;
}

const SPLAT = 'splat';
/** A name stands at the beginning of a segment: `/:id`, `/:slug.html`; a colon elsewhere is literal. */
const PLACEHOLDER = /(\/:[A-Za-z]\w*|\*)/;
const NOTHING = {};
const WITHOUT_NAMES = { names: [], sample: NOTHING };

export function parsePattern(from: string): PathPattern {
  if (isGlob(from)) return globPattern(from);
  const names: string[] = [];
  let source = '';
  let fault: string | null = null;
  for (const part of from.split(PLACEHOLDER)) {
    if (part === '*') {
      names.push(SPLAT);
      // `/blog/*` matches `/blog` too: if a directory has moved, so has its own address.
      source = source.endsWith('/') ? `${source.slice(0, -1)}(?:/(.*))?` : `${source}(.*)`;
    } else if (part.startsWith('/:')) {
      names.push(part.slice(2));
      source += '/([^/]+)';
    } else {
      const literal = canonicalPath(Buffer.from(part).toString('latin1'));
      if (literal === null) fault = 'a path whose percent signs are escapes; a literal one is %25';
      source += (literal ?? '').replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    }
  }
  // The two in one segment would backtrack.
  if (/\/:[A-Za-z][^/]*\*/.test(from)) fault = 'a path whose * is in another segment than its names';
  if (new Set(names).size < names.length) fault = 'a path that has each name once, and :splat only as *';
  if (names.length === 0) return exactPattern(from, fault);
  const expression = new RegExp(`^${source}$`);
  return {
    fault,
    exact: null,
    prefix: prefixOf(from),
    names,
    sample: Object.fromEntries(names.map((name, at) => [name, `x${at}`])),
    match: (path) => {
      const found = expression.exec(path);
      return found && Object.fromEntries(names.map((name, at) => [name, found[at + 1] ?? '']));
    },
  };
}

/** The segments before the first one with a placeholder or a character of globs. */
function prefixOf(from: string): string {
  const whole = from.replace(/\/(?::[A-Za-z]|[^/]*[*{}[\]]).*$/s, '');
  return canonicalPath(Buffer.from(whole).toString('latin1')) ?? '';
}

/** A single `*` is a placeholder; globs catch nothing. */
const isGlob = (from: string): boolean => /[{}[\]]|\*.*\*/.test(from);

function exactPattern(from: string, fault: string | null): PathPattern {
  const exact = canonicalPath(Buffer.from(from).toString('latin1')) ?? from;
  return {
    ...WITHOUT_NAMES,
    fault,
    exact,
    prefix: exact,
    match: (path) => (path === exact ? NOTHING : null),
  };
}

function globPattern(from: string): PathPattern {
  const fault = /\/:[A-Za-z]/.test(from)
    ? 'either a glob or a path with names: a glob catches nothing'
    : globFault(from);
  const matches = fault === null ? compileGlob(from) : () => false;
  return {
    ...WITHOUT_NAMES,
    fault,
    exact: null,
    prefix: from.includes('%') ? '' : prefixOf(from), // literal in a glob
    match: (path) => (matches(Buffer.from(unescaped(path), 'latin1').toString()) ? NOTHING : null),
  };
}

const unescaped = (path: string): string =>
  path.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
