/**
 * Redirects of a site, which come before its files.
 *
 * 1. A rule's `from` is one path, a path with placeholders, or a glob (path-pattern.ts); paths are compared in their
 *    canonical percent-encoding.
 * 2. Exact rules are found by a map, the others by a map from the whole segments that they begin with, so that a lookup
 *    tries only the rules whose prefix the path has. Of all matches the rule that was given first counts.
 * 3. What the placeholders caught is inserted into `to`, whose host is always written out: a client cannot choose it.
 * 4. Loops, also with the redirects of cleanUrls, are errors of the options and not of a request.
 */

import { checkableUrl } from './ascii-host.js';
import { choice, invalidValue, type OptionType, object, optionError, quoted } from './option-type.js';
import { type PathPattern, parsePattern } from './path-pattern.js';
import { canonicalOf, canonicalPath, hasDotSegment } from './percent-encoding.js';

export const REDIRECT_STATUSES = [301, 302, 303, 307, 308] as const;
export type RedirectStatus = (typeof REDIRECT_STATUSES)[number];

export interface RedirectRule {
  /**
   * The path that has moved, from the root: exact (`/old`), with names for segments (`/old/:id`), with one `*` for any
   * rest including slashes (`/blog/*`, which matches `/blog` too), or a glob (`/{a,b}/**`). A trailing slash counts.
   */
  from: string;
  /**
   * The target: a path from the root, or an http(s) URL. `:id` inserts what `from` caught under this name, `:splat` what
   * its `*` caught. The request's query is kept unless this has one.
   */
  to: string;
  /**
   * Permanent (301, 308) or temporary (302, 303, 307). 308 and 307 keep a request's method and body; 301 and 302 let a
   * client turn POST into GET, RFC 9110 section 15.4. @default 308
   */
  status?: RedirectStatus;
}

export interface Redirect {
  status: RedirectStatus;
  location: string;
  /** A description of the rule: `redirects[0], from /old/:id`. */
  rule: string;
}

/** Browsers follow at most 20. */
const HOPS_MAX = 20;
const PLACEHOLDER = /:([A-Za-z]\w*)/;

interface Rule {
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly pattern: PathPattern;
  readonly status: RedirectStatus;
  /** `to`, split at its placeholders: text, name, text, name, … text. */
  readonly target: readonly string[];
  readonly local: boolean;
  readonly hasQuery: boolean;
}

const FROM: OptionType<string> = {
  schema: { type: 'string', pattern: '^/' },
  check(name, from) {
    if (typeof from !== 'string' || !from.startsWith('/') || from.length > 1000 || /\p{Cc}/u.test(from))
      return invalidValue(name, 'a path from the root such as "/old" or "/blog/*"', from);
    if (/[?#\\]/.test(from)) return invalidValue(name, 'a path without "?", "#" and backslashes', from);
    // Clients resolve them before they send a path.
    if (hasDotSegment(from)) return invalidValue(name, 'a path without the segments "." and ".."', from);
    const { fault } = parsePattern(from);
    return fault === null ? from : invalidValue(name, fault, from);
  },
};

const TO: OptionType<string> = {
  schema: { type: 'string', pattern: '^(?:/(?!/)|[Hh][Tt][Tt][Pp][Ss]?://)' },
  check(name, to) {
    if (typeof to !== 'string' || to.length > 2000 || /[\p{Cc}\\]/u.test(to))
      return invalidValue(name, 'a path from the root or an http(s) URL, without backslashes', to);
    if (/%(?![0-9A-Fa-f]{2})/.test(to))
      return invalidValue(name, 'an address whose percent signs are escapes; a literal one is %25', to);
    // A browser takes //name as another host, RFC 3986 section 4.2: an accidental redirect off the site.
    if (to.startsWith('//'))
      return invalidValue(name, 'a path with one slash at its beginning, or an http(s) URL in full', to);
    if (to.startsWith('/')) return to;
    const authority = /^https?:\/\/([^/?#]*)/i.exec(to)?.[1] ?? '';
    // The client's path must not choose the host.
    if (authority === '' || PLACEHOLDER.test(authority) || /[@%]/.test(authority) || !URL.canParse(checkableUrl(to)))
      return invalidValue(name, 'a path from the root or an http(s) URL whose host is written out', to);
    return to;
  },
};

const MEMBERS = object<RedirectRule>({
  from: { type: FROM, description: 'a path; :name catches a segment and one * the rest; or a glob' },
  to: {
    type: TO,
    description:
      'a path from the root or a URL; :name and :splat insert what was caught. It keeps the query unless it has one',
  },
  status: {
    type: choice(REDIRECT_STATUSES),
    default: 308,
    description: 'permanent (301, 308) or temporary; 308 and 307 keep method and body',
  },
});

export const REDIRECT: OptionType<Required<RedirectRule>> = {
  schema: MEMBERS.schema,
  check(name, value) {
    const rule = MEMBERS.check(name, value);
    const { names } = parsePattern(rule.from);
    const unknown = rule.to.split(PLACEHOLDER).find((part, at) => at % 2 === 1 && !names.includes(part));
    if (unknown === undefined) return rule;
    throw optionError(`${name}.to has :${unknown}, which ${quoted(rule.from)} does not catch; a literal colon is %3A`);
  },
};

export class Redirects {
  private readonly exact = new Map<string, Rule>();
  private readonly patterns = new Map<string, Rule[]>();
  private deepest = 0;
  private readonly rules: Rule[];

  constructor(options: readonly Required<RedirectRule>[]) {
    this.rules = options.map(compile);
    for (const rule of this.rules) {
      const { exact, prefix } = rule.pattern;
      if (exact !== null && !this.exact.has(exact)) this.exact.set(exact, rule);
      if (exact !== null) continue;
      const rules = this.patterns.get(prefix) ?? [];
      rules.push(rule);
      this.patterns.set(prefix, rules);
      this.deepest = Math.max(this.deepest, prefix.split('/').length - 1);
    }
  }

  /**
   * The redirect of a request, by the first matching rule.
   * @param path as received, one character per byte
   * @param query as received, with its `?`; empty if there is none
   */
  find(path: string, query: string): Redirect | null {
    if (this.rules.length === 0) return null;
    const canonical = canonicalPath(path === '' ? '/' : path); // an empty path is /, RFC 9110 section 4.2.3
    // Clients resolve dot segments before they send a path, RFC 3986 section 5.2.4; one that has them matches nothing.
    return canonical === null || hasDotSegment(canonical) ? null : this.lookUp(canonical, query);
  }

  /**
   * @param cleanUrls whether the server itself redirects `/about.html` to `/about`
   * @throws TypeError if redirects form a loop; redirects to other hosts are not followed
   */
  checkLoops(name: string, cleanUrls: boolean): void {
    for (const rule of this.rules) {
      const hops = [rule.pattern.exact ?? rule.from];
      let location: string | null = locationOf(rule, rule.pattern.sample, '');
      while (location?.startsWith('/')) {
        const path = pathOf(location);
        if (hops.length === 1 && (rule.from === rule.to || rule.pattern.exact === path))
          throw optionError(`${name}[${rule.at}].to must be another path than from, ${quoted(rule.from)}`);
        hops.push(path);
        if (hops.length > HOPS_MAX || hops.indexOf(path) < hops.length - 1)
          throw optionError(`${name}[${rule.at}] must not form a loop: ${hops.slice(0, 4).join(' to ')}`);
        location = this.lookUp(path, '')?.location ?? (cleanUrls ? cleanPath(path) : null);
      }
    }
  }

  private lookUp(path: string, query: string): Redirect | null {
    let first = this.exact.get(path);
    let location = first === undefined ? '' : locationOf(first, {}, query);
    let end = 0;
    for (let depth = 0; depth <= this.deepest && end >= 0; depth++) {
      for (const rule of this.patterns.get(path.slice(0, end)) ?? []) {
        if (first !== undefined && first.at < rule.at) break;
        const caught = rule.pattern.match(path);
        if (caught === null) continue;
        const found = locationOf(rule, caught, query);
        // `/blog/*` to `/blog/index.html` moves all except the target.
        if (rule.local && pathOf(found) === path) continue;
        [first, location] = [rule, found];
        break;
      }
      end = nextSegment(path, end);
    }
    if (first === undefined) return null;
    return { status: first.status, location, rule: `redirects[${first.at}], from ${first.from}` };
  }
}

/** The end of the segment after the slash at `start`; -1 if there is none. */
function nextSegment(path: string, start: number): number {
  if (start >= path.length) return -1;
  const slash = path.indexOf('/', start + 1);
  return slash < 0 ? path.length : slash;
}

/** The target of the redirect that cleanUrls makes of a path that ends in `.html`; null for other paths. */
const cleanPath = (path: string): string | null => /^(.*?)(?:(?<=\/)index)?\.html$/.exec(path)?.[1] ?? null;

function compile({ from, to, status }: Required<RedirectRule>, at: number): Rule {
  return {
    at,
    from,
    to,
    status,
    pattern: parsePattern(from),
    target: to.split(PLACEHOLDER).map((part, index) => (index % 2 === 0 ? asciiOf(part) : part)),
    local: to.startsWith('/'),
    hasQuery: to.split('#')[0]!.includes('?'),
  };
}

/** What is caught comes from the canonical path, so that it is percent-encoded and cannot be a slash, query or fragment. */
function locationOf(rule: Rule, caught: Readonly<Record<string, string>>, query: string): string {
  let location = rule.target.map((part, index) => (index % 2 === 0 ? part : (caught[part] ?? ''))).join('');
  // A placeholder that caught nothing may leave two slashes, which would name a host.
  if (rule.local) location = location.replace(/^\/{2,}/, '/');
  if (rule.hasQuery || query.length < 2) return location;
  const fragment = location.indexOf('#');
  return fragment < 0
    ? location + asciiOfBytes(query)
    : location.slice(0, fragment) + asciiOfBytes(query) + location.slice(fragment);
}

/** The path of the request when a client follows a local target. */
const pathOf = (location: string): string => canonicalPath(location.replace(/[?#].*$/, '')) ?? location;

/** Percent-encodes all of UTF-8 except visible ASCII. */
export const asciiOf = (text: string): string => asciiOfBytes(Buffer.from(text).toString('latin1'));

const asciiOfBytes = (text: string): string => text.replace(/[^\x21-\x7e]/g, canonicalOf);
