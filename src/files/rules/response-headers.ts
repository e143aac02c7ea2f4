import type { Field } from '../../http/response/response.js';
import { buildToolOf } from './build-output.js';
import { corsFields, preflightFields } from './cors.js';
import { isFingerprinted, mayBeFingerprinted } from './fingerprint.js';
import { compileGlob, type Glob } from './glob.js';
import { type Redirect, Redirects } from './redirects.js';
import type { HeaderRule, ResolvedSiteOptions } from './site-options.js';
import { StoredCodings, type StoredContent } from './stored-coding.js';

const CACHE_CONTROL = 'Cache-Control';
const IMMUTABLE: Field = [CACHE_CONTROL, 'public, max-age=31536000, immutable'];
const REVALIDATE: Field = [CACHE_CONTROL, 'no-cache'];

/** Types that browsers show as a document, in which scripts may run. */
const DOCUMENT = /^(?:text\/html|application\/xhtml\+xml|image\/svg\+xml)\b/i;
const PAGE = /^(?:text\/html|application\/xhtml\+xml)\b/i;

/** For every response: prevents other content from being executed as a script. */
const SECURITY_FIELDS: readonly Field[] = [['X-Content-Type-Options', 'nosniff']];
/**
 * For documents, the only responses in which they have an effect. X-Frame-Options rather than frame-ancestors in a
 * Content-Security-Policy: a policy that the site sets would replace that whole field, and if it has frame-ancestors, it
 * overrides X-Frame-Options anyway. No Strict-Transport-Security: over plain HTTP a server must not send it, RFC 6797
 * section 7.2; it belongs to the proxy that terminates TLS.
 */
const DOCUMENT_SECURITY_FIELDS: readonly Field[] = [
  ['X-Frame-Options', 'SAMEORIGIN'],
  ['Referrer-Policy', 'strict-origin-when-cross-origin'],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
  ['Permissions-Policy', 'camera=(), geolocation=(), microphone=()'],
];

/** Globs that match every path: their rules are for every response of the site. */
const EVERYTHING = new Set(['*', '**', '/**', '**/*', '/**/*']);
/** They describe a file, or what is to be done with it; not an error or a redirect in its place. */
const OF_CONTENT = /^(?:cache-control|expires|pragma|link|refresh|content-(?!security-policy).*)$/i;

export interface HeaderReason {
  readonly name: string;
  readonly reason: string;
  readonly isRemoval: boolean;
}

export interface FileHeaders {
  /** Each name once. A Content-Type among them replaces the file's own. */
  readonly fields: Field[];
  readonly reasons: HeaderReason[];
}

/**
 * The rules that a site's options make for a path: its response fields, its redirects, and CORS. Pure.
 *
 * The fields of a file come from, in this order, each replacing an earlier field of the same name:
 *
 * 1. Cache-Control: the first matching rule of `cacheControl`; else `no-cache` for pages, `immutable` for fingerprinted
 *    names, and `no-cache` for all others
 * 2. `securityHeaders`
 * 3. all matching rules of `headers`; an empty value removes a field
 */
export class Rules {
  private readonly cacheControl: readonly { glob: Glob; match: string; field: Field }[];
  private readonly headers: readonly { glob: Glob; match: string; fields: readonly Field[] }[];
  private readonly redirects: Redirects;
  private readonly codings: StoredCodings;
  /** The fields of responses in place of a file, and of pages of the server's own in place of one. */
  readonly errorHeaders: FileHeaders;
  readonly errorPageHeaders: FileHeaders;

  constructor(private readonly options: ResolvedSiteOptions) {
    this.cacheControl = options.cacheControl.map(({ match, value }) => ({
      match,
      glob: compileGlob(match),
      field: [CACHE_CONTROL, value] as const,
    }));
    this.headers = options.headers.map(({ match, set }) => ({
      match,
      glob: compileGlob(match),
      fields: Object.entries(set),
    }));
    this.redirects = new Redirects(options.redirects);
    this.codings = new StoredCodings(options.encodedFiles);
    this.errorHeaders = this.errorHeadersOf(SECURITY_FIELDS);
    this.errorPageHeaders = this.errorHeadersOf([...SECURITY_FIELDS, ...DOCUMENT_SECURITY_FIELDS]);
  }

  /** @param path of a file from the root, decoded, with its leading slash */
  contentOf(path: string): StoredContent {
    return this.codings.contentOf(path);
  }

  /**
   * The fields of a file. Computed when a file is opened, not per request.
   * @param path of the file from the root, decoded, with its leading slash: `/index.html` for `/`
   */
  fieldsFor(path: string, mediaType: string): FileHeaders {
    const headers = new HeaderSet();
    const set = headers.set.bind(headers);
    set(...this.cacheControlFor(path, mediaType));
    if (this.options.securityHeaders) {
      for (const field of SECURITY_FIELDS) set(field, 'securityHeaders is on');
      if (DOCUMENT.test(mediaType))
        for (const field of DOCUMENT_SECURITY_FIELDS) set(field, 'securityHeaders is on, and this is a document');
    }
    this.headers.forEach((rule, at) => {
      if (rule.glob(path)) for (const field of rule.fields) set(field, `headers[${at}] matches ${rule.match}`);
    });
    return headers;
  }

  /** Whether files of this type, whatever their names, have the same fields. */
  sameForAll(mediaType: string): boolean {
    return this.cacheControl.length === 0 && this.headers.length === 0 && PAGE.test(mediaType);
  }

  /** What the fields of a file depend on besides its type: the same for two paths, the same fields. */
  fieldsKey(path: string, mediaType: string): string {
    const [[, cacheControl]] = this.cacheControlFor(path, mediaType);
    let key = cacheControl;
    this.headers.forEach((rule, at) => {
      if (rule.glob(path)) key += `\n${at}`;
    });
    return key;
  }

  /**
   * Whether a file that the new release lacks is served from the previous one, for clients with a page of that release open.
   * @param name below the root
   */
  servedFromPrevious(name: Buffer): boolean {
    const path = `/${name}`;
    if (mayBeFingerprinted(path)) return true;
    const { fields } = this.fieldsFor(path, this.contentOf(path).mediaType);
    return fields.some(([field, value]) => field.toLowerCase() === 'cache-control' && /\bimmutable\b/i.test(value));
  }

  /**
   * The redirect of a request, if there is one.
   * @param path as received, one character per byte, without the query
   * @param query as received, with its `?`; empty if there is none
   */
  redirectFor(path: string, query: string): Redirect | null {
    return this.redirects.find(path, query);
  }

  /** @param origin the Origin field; null if the request has none */
  corsFields(origin: string | null): Field[] {
    return corsFields(this.options.cors, origin);
  }

  /** The CORS fields that do not depend on the request: a response with them may be cached for all. */
  get commonCorsFields(): Field[] {
    return this.corsFields(this.options.cors?.origins === '*' ? '*' : null);
  }

  /**
   * The fields of a plain-text response in place of a file, and of a redirect. It must not be cached; of the header rules
   * those for everything apply.
   */
  get errorFields(): Field[] {
    return [...this.errorHeaders.fields, ...this.commonCorsFields];
  }

  /** Those of the rules for everything, for a response without content. */
  get everywhereFields(): Field[] {
    return everywhere(this.options.headers).flatMap(([{ set }]) => Object.entries(set).filter(isForErrors));
  }

  private errorHeadersOf(security: readonly Field[]): FileHeaders {
    const headers = new HeaderSet();
    headers.set(REVALIDATE, 'a later request may succeed');
    if (this.options.securityHeaders) for (const field of security) headers.set(field, 'securityHeaders is on');
    for (const [{ match, set }, at] of everywhere(this.options.headers)) {
      for (const field of Object.entries(set).filter(isForErrors))
        headers.set(field, `headers[${at}] matches ${match}, which is every response`);
    }
    return headers;
  }

  /** The fields of the 204 to a preflight; null if the OPTIONS is not a preflight, or its origin is not allowed. */
  preflight(origin: string | null, requestMethod: string | null, requestHeaders: string | null): Field[] | null {
    return preflightFields(this.options.cors, origin, requestMethod, requestHeaders);
  }

  private cacheControlFor(path: string, mediaType: string): [field: Field, reason: string] {
    const at = this.cacheControl.findIndex((rule) => rule.glob(path));
    const rule = this.cacheControl[at];
    if (rule !== undefined) return [rule.field, `cacheControl[${at}] matches ${rule.match}`];
    // Links and bookmarks point to a page's address, which stays the same when the page changes.
    if (PAGE.test(mediaType)) return [REVALIDATE, 'a page may change'];
    const tool = buildToolOf(path);
    if (tool !== null) return [IMMUTABLE, `${tool} gives changed content another name here`];
    return isFingerprinted(path)
      ? [IMMUTABLE, 'the name is fingerprinted']
      : [REVALIDATE, 'the name is not fingerprinted'];
  }
}

const everywhere = (rules: readonly HeaderRule[]): (readonly [rule: HeaderRule, at: number])[] =>
  rules.map((rule, at) => [rule, at] as const).filter(([{ match }]) => EVERYTHING.has(match));

const isForErrors = ([name]: Field): boolean => !OF_CONTENT.test(name);

class HeaderSet implements FileHeaders {
  readonly reasons: HeaderReason[] = [];
  private readonly byName = new Map<string, Field>();

  /** Replaces a field of the same name; an empty value removes it. */
  set(field: Field, reason: string): void {
    const key = field[0].toLowerCase();
    const isRemoval = field[1] === '';
    if (!isRemoval) this.byName.set(key, field);
    else if (!this.byName.delete(key)) return;
    this.reasons.push({ name: field[0], reason, isRemoval });
  }

  get fields(): Field[] {
    return [...this.byName.values()];
  }
}
