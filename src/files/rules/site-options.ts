import { CORS, type CorsOptions, type ResolvedCors } from './cors.js';
import { globFault } from './glob.js';
import {
  checkedMembers,
  choice,
  FIELD_VALUE,
  integer,
  invalidValue,
  list,
  memberOf,
  nullable,
  type OptionRows,
  type OptionType,
  object,
  optionError,
  quoted,
  text,
  toggle,
  token,
} from './option-type.js';
import { parsePattern } from './path-pattern.js';
import { REDIRECT, type RedirectRule, Redirects } from './redirects.js';

/** What an ETag is made from. */
export const ETAG_SOURCES = ['stat', 'content'] as const;
export type EtagSource = (typeof ETAG_SOURCES)[number];
export const SYMLINK_POLICIES = ['within-root', 'deny', 'follow'] as const;
export type SymlinkPolicy = (typeof SYMLINK_POLICIES)[number];

export interface CacheControlRule {
  /**
   * A glob on the file's path from the root: `/assets/**`, `/*.html`. A glob without a slash, such as `*.js`, applies to
   * the base name in any directory.
   */
  match: string;
  /** The whole value of Cache-Control, such as `public, max-age=3600`. */
  value: string;
}

export interface HeaderRule {
  /** A glob, as in a CacheControlRule. */
  match: string;
  /** Values by field name. An empty value removes the field that an earlier rule, caching or securityHeaders has set. */
  set: Record<string, string>;
}

/** The options of a site. */
export interface SiteOptions {
  /**
   * What an ETag is made from: `'stat'`, the file's inode, size and times, costs nothing; `'content'`, a hash of its
   * bytes, is the same on every server that has the same file. @default 'stat'
   */
  etag?: EtagSource;
  /**
   * Symlinks below the root: `'within-root'` follows those that stay below the root, `'deny'` none, `'follow'` all. The
   * root itself may always be a symlink. @default 'within-root'
   */
  symlinks?: SymlinkPolicy;
  /** Send app.js.br, app.js.zst or app.js.gz for app.js to clients that accept the content coding. @default true */
  precompressed?: boolean;
  /**
   * Globs of files that are stored in a content coding and requested by their own name, such as Unity's `/Build/*.br`: sent
   * with Content-Encoding and the type of the name without its `.br`, `.zst` or `.gz`. For `*.svgz` that is built in.
   * @default []
   */
  encodedFiles?: string[];
  /** Compress, when first requested, files that have no precompressed version and get smaller by it. @default false */
  compress?: boolean;
  /** Serve about.html at /about, and redirect /about.html to /about. @default false */
  cleanUrls?: boolean;
  /** List directories that have no index.html. @default false */
  directoryListing?: boolean;
  /** The file, below the root, that is sent where no file exists: 'index.html' for a single-page app. @default null */
  fallback?: string | null;
  /**
   * How long, after the root symlink has changed to a new release, files that the new release lacks are still served
   * from the previous one, if their name may be fingerprinted or a rule makes them immutable. 0 to 604,800,000 (a week).
   * @default 0
   */
  previousReleaseMs?: number;
  /** Cache-Control by path; the first match counts, before the built-in policy. @default [] */
  cacheControl?: CacheControlRule[];
  /** Response fields by path; of several matches the later ones win. @default [] */
  headers?: HeaderRule[];
  /** Addresses that have moved; the first match counts, before any file. @default [] */
  redirects?: RedirectRule[];
  /** Send the fields that restrict what a browser lets the pages do. @default false */
  securityHeaders?: boolean;
  /** Other origins whose pages may read the responses; null for none. @default null */
  cors?: CorsOptions | null;
}

/** Every option with a checked value; a deep copy. */
export interface ResolvedSiteOptions extends Required<Omit<SiteOptions, 'redirects' | 'cors'>> {
  redirects: Required<RedirectRule>[];
  cors: ResolvedCors | null;
}

const WEEK_MS = 7 * 24 * 3_600_000;

/** Without empty, dot or hidden segments, which are never served. */
const FALLBACK_NAME = /^[^/.\0][^/\0]*(?:\/[^/.\0][^/\0]*)*$/;
const FALLBACK = text('null or the name of a file below the root such as "index.html"', FALLBACK_NAME, {
  pattern: FALLBACK_NAME.source,
});

const GLOB: OptionType<string> = {
  schema: { type: 'string', minLength: 1 },
  check(name, value) {
    const fault = globFault(value);
    return fault === null ? (value as string) : invalidValue(name, fault, value);
  },
};
const MATCH = {
  type: GLOB,
  description: 'a glob on the path of the file from the root; a glob without a slash is on the base name',
};

const CACHE_CONTROL = object<CacheControlRule>({
  match: MATCH,
  value: {
    type: {
      schema: { type: 'string', minLength: 1 },
      check: (name, value) =>
        value === ''
          ? invalidValue(name, 'the whole field value, such as "public, max-age=3600"', value)
          : FIELD_VALUE.check(name, value),
    },
    description: 'the whole field value, such as public, max-age=3600',
  },
});

/** They describe the framing or the representation, which only the server knows. */
const OWN_FIELDS = new Set(
  `accept-ranges connection content-encoding content-length content-range date etag keep-alive last-modified location
  proxy-connection te trailer transfer-encoding upgrade`.split(/\s+/),
);
const FIELD_NAME = token('the name of a field such as "X-Robots-Tag"');

const FIELDS: OptionType<Record<string, string>> = {
  schema: { type: 'object', additionalProperties: { type: 'string' } },
  check(name, value) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return invalidValue(name, 'an object of fields such as { "X-Robots-Tag": "noindex" }', value);
    const fields = Object.entries(value as Record<string, unknown>).map(([field, text]): [string, string] => {
      const place = memberOf(name, field);
      const key = FIELD_NAME.check(place, field).toLowerCase();
      if (OWN_FIELDS.has(key)) throw optionError(`${place} must be left out: the server determines ${field} itself`);
      // Without a type a browser would sniff, which nosniff forbids.
      if (text === '' && key === 'content-type') return invalidValue(place, 'a media type', text);
      return [field, FIELD_VALUE.check(place, text)];
    });
    return Object.fromEntries(fields);
  },
};

const HEADERS = object<HeaderRule>({
  match: MATCH,
  set: { type: FIELDS, description: 'values by field name; an empty value removes the field' },
});

/** The table of the site's options, in the order of the help and the documentation. */
export const SITE_OPTIONS: OptionRows<ResolvedSiteOptions> = {
  etag: {
    type: choice(ETAG_SOURCES),
    default: 'stat',
    description: "what an ETag is made from: the file's inode, size and times, or a hash of its content",
    flag: { argument: 'source' },
  },
  symlinks: {
    type: choice(SYMLINK_POLICIES),
    default: 'within-root',
    description: 'symlinks below the root: follow those that stay below it, none, or all',
    flag: { argument: 'policy' },
  },
  precompressed: {
    ...toggle(true, 'send app.js.br, app.js.zst or app.js.gz for app.js to clients that accept it'),
    flag: { description: 'never send app.js.br, app.js.zst or app.js.gz for app.js' },
  },
  encodedFiles: {
    type: list(GLOB),
    default: [],
    description: 'files that are stored as br, zst or gz under their own name, such as game.wasm.br, by glob',
    flag: { name: 'encoded', argument: 'GLOB', repeatable: true },
  },
  compress: toggle(false, 'compress files that have no precompressed version, when first requested'),
  cleanUrls: toggle(false, 'serve about.html at /about, and redirect /about.html to /about'),
  directoryListing: {
    ...toggle(false, 'list directories that have no index.html'),
    flag: { name: 'listing' },
  },
  fallback: {
    type: nullable(FALLBACK),
    default: null,
    description: 'file below the root that is sent where no file exists, for single-page apps',
    flag: { argument: 'file' },
  },
  previousReleaseMs: {
    type: integer(0, WEEK_MS),
    default: 0,
    description: 'how long fingerprinted files of the previous release are served after a change of root',
    flag: { name: 'keep-previous-ms' },
  },
  cacheControl: {
    type: list(CACHE_CONTROL),
    default: [],
    description: 'Cache-Control by path; the first match counts, before the built-in policy',
    flag: { argument: 'GLOB=VALUE', repeatable: true },
  },
  headers: {
    type: list(HEADERS),
    default: [],
    description: 'response fields by path; later matches win, and an empty value removes a field',
    flag: { name: 'header', argument: 'GLOB=NAME: VALUE', repeatable: true },
  },
  redirects: {
    type: list(REDIRECT),
    default: [],
    description: 'addresses that have moved; the first match counts, before any file',
    flag: { name: 'redirect', argument: 'FROM=TO[,STATUS]', repeatable: true },
  },
  securityHeaders: toggle(false, 'send the fields that restrict what a browser lets the pages do'),
  cors: {
    type: nullable(CORS),
    default: null,
    description: 'other origins whose pages may read the responses',
    flag: {
      argument: 'origins',
      description: 'origins whose pages may read the responses, comma-separated; * for all',
    },
  },
};

export const SITE_OPTION_NAMES = Object.keys(SITE_OPTIONS) as (keyof SiteOptions)[];

/**
 * The options with their defaults.
 * @throws TypeError, or RangeError for a number out of range; one sentence without its full stop, which begins with the
 * option's name
 */
export function resolveSiteOptions(options: SiteOptions = {}): ResolvedSiteOptions {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw optionError(`options must be an object of options, not ${String(options)}`);
  const site = checkedMembers('', options, SITE_OPTIONS);
  checkReachable(
    'cacheControl',
    site.cacheControl.map(({ match }) => ({ pattern: match, isForAll: EVERY_FILE.includes(match) })),
  );
  // A path that a pattern would redirect to itself goes on to the rules after it.
  const isForAll = ({ from, to }: RedirectRule): boolean => /^\/\*\*?$/.test(from) && !to.startsWith('/');
  checkReachable(
    'redirects',
    site.redirects.map((rule) => ({ pattern: parsePattern(rule.from).exact, isForAll: isForAll(rule) })),
  );
  new Redirects(site.redirects).checkLoops('redirects', site.cleanUrls);
  return site;
}

/** Globs that match all files. */
const EVERY_FILE = ['*', '**', '/**'];

/**
 * The first match counts: a rule after one with the same pattern, or after one for everything, would have no effect.
 * @param rules null for a pattern that is not compared
 */
function checkReachable(name: string, rules: readonly { pattern: string | null; isForAll: boolean }[]): void {
  for (const [at, { pattern }] of rules.entries()) {
    const before = rules.findIndex((each) => each.isForAll || (pattern !== null && each.pattern === pattern));
    if (before < 0 || before >= at) continue;
    const place = `${name}[${at}] must come before ${name}[${before}]`;
    if (!rules[before]!.isForAll) throw optionError(`${place}, which has ${quoted(pattern)} too, or be left out`);
    throw optionError(`${place}, which matches everything`);
  }
}
