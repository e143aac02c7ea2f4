import { type CorsOptions, type ResolvedCors, resolveCors } from './cors.js';
import { globFault } from './glob.js';
import {
  checkedBoolean,
  checkedChoice,
  checkedFieldValue,
  checkedInteger,
  checkedList,
  checkedObject,
  checkedToken,
  invalidValue,
} from './option-check.js';
import { type RedirectRule, Redirects, resolveRedirects } from './redirects.js';

/** What an ETag is made from. */
export const ETAG_SOURCES = ['stat', 'content'] as const;
export type EtagSource = (typeof ETAG_SOURCES)[number];
export const SYMLINK_POLICIES = ['within-root', 'deny', 'follow'] as const;
export type SymlinkPolicy = (typeof SYMLINK_POLICIES)[number];

/**
 * `match` is a glob on the path of the file from the root: `/assets/**`, `/*.html`. One without a slash, as `*.js`, is
 * on the base name in any folder.
 */
export interface CacheControlRule {
  match: string;
  /** The whole of the Cache-Control field, such as `public, max-age=3600`. */
  value: string;
}

export interface HeaderRule {
  /** A glob, as that of a CacheControlRule. */
  match: string;
  /** Fields by name; an empty value takes away what came before: of earlier rules, the cache's or the security fields. */
  set: Record<string, string>;
}

/** A site: a root with its rules. */
export interface SiteOptions {
  /**
   * What an ETag is made from: `'stat'`, the file's identity, size and times, costs nothing; `'content'`, a hash of its
   * bytes, is the same on every server that has the same file. @default 'stat'
   */
  etag?: EtagSource;
  /**
   * Symbolic links below the root: `'within-root'` follows those that stay below it, `'deny'` none, `'follow'` all,
   * wherever they lead. The root itself may always be one. @default 'within-root'
   */
  symlinks?: SymlinkPolicy;
  /** Send app.js.br, app.js.zst or app.js.gz for app.js to those who take the coding. @default true */
  precompressed?: boolean;
  /** Compress what has no sidecar and is worth it, as it is asked for. @default false */
  compress?: boolean;
  /** /about answers about.html, and /about.html redirects to /about. @default false */
  cleanUrls?: boolean;
  /** List folders that have no index.html. @default false */
  directoryListing?: boolean;
  /** The file that answers where there is none, by its name below the root: 'index.html' for a single-page app. @default null */
  fallback?: string | null;
  /**
   * How long, after the link that the root is has been switched to a new release, files that the new one lacks and whose
   * name may have a hash, or which are immutable by a rule, are still served from the one before. @default 0
   */
  previousReleaseMs?: number;
  /** Cache-Control by path; the first that matches counts, before the built-in policy. @default [] */
  cacheControl?: CacheControlRule[];
  /** Response fields by path; of several that match the later ones win. @default [] */
  headers?: HeaderRule[];
  /** Addresses that have moved; the first that matches counts, before any file. @default [] */
  redirects?: RedirectRule[];
  /** Send the fields that narrow what a browser does with the pages. @default false */
  securityHeaders?: boolean;
  /** Who else may read the answers in a browser; null for nobody. @default null */
  cors?: CorsOptions | null;
}

/** Every option with a value, checked, in copies of their own. */
export interface ResolvedSiteOptions extends Required<Omit<SiteOptions, 'redirects' | 'cors'>> {
  redirects: Required<RedirectRule>[];
  cors: ResolvedCors | null;
}

type Resolvers = { [name in keyof SiteOptions]-?: (name: string, value: unknown) => ResolvedSiteOptions[name] };

const KEEP_PREVIOUS_MAX_MS = 7 * 24 * 3_600_000;

const DEFAULTS: Required<SiteOptions> = {
  etag: 'stat',
  symlinks: 'within-root',
  precompressed: true,
  compress: false,
  cleanUrls: false,
  directoryListing: false,
  fallback: null,
  previousReleaseMs: 0,
  cacheControl: [],
  headers: [],
  redirects: [],
  securityHeaders: false,
  cors: null,
};

const RESOLVERS: Resolvers = {
  etag: (name, value) => checkedChoice(name, value, ETAG_SOURCES),
  symlinks: (name, value) => checkedChoice(name, value, SYMLINK_POLICIES),
  precompressed: checkedBoolean,
  compress: checkedBoolean,
  cleanUrls: checkedBoolean,
  directoryListing: checkedBoolean,
  fallback: checkedFallback,
  previousReleaseMs: (name, value) => checkedInteger(name, value, 0, KEEP_PREVIOUS_MAX_MS),
  cacheControl: (name, value) => checkedList(name, value, checkedCacheControl),
  headers: (name, value) => checkedList(name, value, checkedHeaders),
  redirects: resolveRedirects,
  securityHeaders: checkedBoolean,
  cors: (name, value) => (value === null ? null : resolveCors(name, value)),
};

export const SITE_OPTION_NAMES = Object.keys(DEFAULTS) as (keyof SiteOptions)[];

/** @throws TypeError, RangeError for numbers; one sentence without its full stop, which begins with the option's name */
export function resolveSiteOptions(options: SiteOptions = {}): ResolvedSiteOptions {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new TypeError(`options must be an object of options, not ${String(options)}`);
  for (const name of Object.keys(options))
    if (!Object.hasOwn(DEFAULTS, name))
      throw new TypeError(`${name} is no option of a site; there are: ${SITE_OPTION_NAMES.join(', ')}`);
  const resolved = SITE_OPTION_NAMES.map((name) => [
    name,
    RESOLVERS[name](name, options[name] === undefined ? DEFAULTS[name] : options[name]),
  ]);
  const site = Object.fromEntries(resolved) as ResolvedSiteOptions;
  new Redirects(site.redirects).checkLoops('redirects', site.cleanUrls);
  return site;
}

/** A name as a target's: no empty, dot or hidden segments, which the server would never serve. */
function checkedFallback(name: string, value: unknown): string | null {
  if (value === null) return null;
  if (typeof value === 'string' && /^[^/.\0][^/\0]*(?:\/[^/.\0][^/\0]*)*$/.test(value)) return value;
  return invalidValue(name, 'null or the name of a file below the root such as "index.html"', value);
}

function checkedMatch(name: string, value: unknown): string {
  const fault = globFault(value);
  return fault === null ? (value as string) : invalidValue(name, fault, value);
}

function checkedCacheControl(name: string, rule: unknown): CacheControlRule {
  const { match, value } = checkedObject(name, rule, ['match', 'value']);
  if (value === '' || value === undefined)
    return invalidValue(`${name}.value`, 'the field as it is sent, such as "public, max-age=3600"', value);
  return { match: checkedMatch(`${name}.match`, match), value: checkedFieldValue(`${name}.value`, value) };
}

/** They say how the message is framed, or what the bytes are: another value would be a lie. */
const OWN_FIELDS = new Set(
  `accept-ranges connection content-encoding content-length content-range date etag keep-alive last-modified location
  proxy-connection te trailer transfer-encoding upgrade`.split(/\s+/),
);

function checkedHeaders(name: string, rule: unknown): HeaderRule {
  const { match, set } = checkedObject(name, rule, ['match', 'set']);
  if (typeof set !== 'object' || set === null || Array.isArray(set))
    return invalidValue(`${name}.set`, 'an object of fields such as { "X-Robots-Tag": "noindex" }', set);
  const fields = Object.entries(set as Record<string, unknown>).map(([field, value]): [string, string] => {
    const place = `${name}.set[${JSON.stringify(field)}]`;
    checkedToken(place, field, 'the name of a field such as "X-Robots-Tag"');
    if (OWN_FIELDS.has(field.toLowerCase()))
      throw new TypeError(`${place} must be left out: the server alone knows what ${field} has to be`);
    // A browser would guess, and nosniff forbids it to.
    if (value === '' && field.toLowerCase() === 'content-type') return invalidValue(place, 'a media type', value);
    return [field, checkedFieldValue(place, value)];
  });
  return { match: checkedMatch(`${name}.match`, match), set: Object.fromEntries(fields) };
}
