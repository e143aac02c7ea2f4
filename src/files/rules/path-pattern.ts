import { compileGlob, globFault } from './glob.js';
import { canonicalPath } from './percent-encoding.js';

/** What a redirect's `from` is: one path, a path with places, or a glob. */
export interface PathPattern {
  /** Why it is none, as the rest of a sentence after "must be"; null when it is one. */
  readonly fault: string | null;
  /** The one canonical path that it is; null for those with places, and for globs. */
  readonly exact: string | null;
  /** The whole segments that every path of it begins with: `/blog` for `/blog/*`; may be empty. */
  readonly prefix: string;
  readonly names: readonly string[];
  /** What its places might catch, each something else, for a trial. */
  readonly sample: Readonly<Record<string, string>>;
  /** What the places catch of a canonical path, in its encoding; null when it does not match. */
  match(path: string): Readonly<Record<string, string>> | null;
}

const SPLAT = 'splat';
/** A name takes the beginning of a segment: `/:id`, `/:slug.html`; a colon elsewhere is one. */
const PLACES = /(\/:[A-Za-z]\w*|\*)/;
const NOTHING = {};

export function parsePattern(from: string): PathPattern {
  if (isGlob(from)) return globPattern(from);
  const names: string[] = [];
  let source = '';
  let fault: string | null = null;
  for (const part of from.split(PLACES)) {
    if (part === '*') {
      names.push(SPLAT);
      // `/blog/*` is `/blog` too: whoever moves a folder moves its own address.
      source = source.endsWith('/') ? `${source.slice(0, -1)}(?:/(.*))?` : `${source}(.*)`;
    } else if (part.startsWith('/:')) {
      names.push(part.slice(2));
      source += '/([^/]+)';
    } else {
      const literal = canonicalPath(Buffer.from(part).toString('latin1'));
      if (literal === null) fault = 'a path whose percent signs are escapes; one for itself is %25';
      source += (literal ?? '').replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    }
  }
  // Together they would try every way to share a segment.
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

/** The segments before the first that has a place, or what a glob has. */
function prefixOf(from: string): string {
  const whole = from.replace(/\/(?::[A-Za-z]|[^/]*[*{}[\]]).*$/s, '');
  return canonicalPath(Buffer.from(whole).toString('latin1')) ?? '';
}

/** One `*` is a place; what else is a glob's catches nothing. */
const isGlob = (from: string): boolean => /[{}[\]]|\*.*\*/.test(from);

function exactPattern(from: string, fault: string | null): PathPattern {
  const exact = canonicalPath(Buffer.from(from).toString('latin1')) ?? from;
  return {
    fault,
    exact,
    prefix: exact,
    names: [],
    sample: NOTHING,
    match: (path) => (path === exact ? NOTHING : null),
  };
}

function globPattern(from: string): PathPattern {
  const fault = /\/:[A-Za-z]/.test(from)
    ? 'either a glob or a path with names: a glob catches nothing'
    : globFault(from);
  const matches = fault === null ? compileGlob(from) : () => false;
  return {
    fault,
    exact: null,
    prefix: from.includes('%') ? '' : prefixOf(from), // here it stands for itself
    names: [],
    sample: NOTHING,
    match: (path) => (matches(Buffer.from(unescaped(path), 'latin1').toString()) ? NOTHING : null),
  };
}

const unescaped = (path: string): string =>
  path.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
