import type { Field } from '../../http/response/response.js';
import { corsFields, preflightFields } from './cors.js';
import { isFingerprinted, mayBeFingerprinted } from './fingerprint.js';
import { compileGlob, type Glob } from './glob.js';
import { mediaTypeOf } from './media-type.js';
import { type Redirect, Redirects } from './redirects.js';
import type { ResolvedSiteOptions } from './site-options.js';

const CACHE_CONTROL = 'Cache-Control';
const IMMUTABLE: Field = [CACHE_CONTROL, 'public, max-age=31536000, immutable'];
const REVALIDATE: Field = [CACHE_CONTROL, 'no-cache'];

/** What a browser shows as a page, and in which scripts may run. */
const DOCUMENT = /^(?:text\/html|application\/xhtml\+xml|image\/svg\+xml)\b/i;
const PAGE = /^(?:text\/html|application\/xhtml\+xml)\b/i;

/** For every file and every sentence: what is no script is not to be run as one. */
const SECURITY_FIELDS: readonly Field[] = [['X-Content-Type-Options', 'nosniff']];
/**
 * For documents, which alone heed them. X-Frame-Options rather than the frame-ancestors of a Content-Security-Policy:
 * a policy that the site sets would replace that whole field, and where it has frame-ancestors it overrides this one
 * anyway. No Strict-Transport-Security: there is no TLS here, and over plain HTTP a server must not send it, RFC 6797
 * section 7.2; whoever ends TLS before this server is the one to say it.
 */
const DOCUMENT_SECURITY_FIELDS: readonly Field[] = [
  ['X-Frame-Options', 'SAMEORIGIN'],
  ['Referrer-Policy', 'strict-origin-when-cross-origin'],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
  ['Permissions-Policy', 'camera=(), geolocation=(), microphone=()'],
];

export interface FileHeaders {
  /** Each name once. A Content-Type among them takes the place of the file's own. */
  fields: Field[];
  /** One short phrase for each decision, for people. */
  reasons: string[];
}

/** What a site's options say about an address: its fields, its redirects, who may read it. Pure. */
export class Rules {
  private readonly cacheControl: readonly { glob: Glob; match: string; field: Field }[];
  private readonly headers: readonly { glob: Glob; match: string; fields: readonly Field[] }[];
  private readonly redirects: Redirects;

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
  }

  /**
   * The fields that the rules give a file. Made when a file is opened, not for each request.
   * @param path of the file from the root, decoded, with its leading slash: `/index.html` for `/`
   */
  fieldsFor(path: string, mediaType: string): FileHeaders {
    const fields = new Map<string, Field>();
    const reasons: string[] = [];
    const set = (field: Field, reason: string): void => {
      const key = field[0].toLowerCase();
      if (field[1] !== '') fields.set(key, field);
      else if (!fields.delete(key)) return;
      reasons.push(`${field[0]}: ${field[1] === '' ? 'taken away, ' : ''}${reason}`);
    };
    set(...this.cacheControlFor(path, mediaType));
    if (this.options.securityHeaders) {
      for (const field of SECURITY_FIELDS) set(field, 'securityHeaders is on');
      if (DOCUMENT.test(mediaType))
        for (const field of DOCUMENT_SECURITY_FIELDS) set(field, 'securityHeaders is on, and this is a document');
    }
    this.headers.forEach((rule, at) => {
      if (rule.glob(path)) for (const field of rule.fields) set(field, `headers[${at}] matches ${rule.match}`);
    });
    return { fields: [...fields.values()], reasons };
  }

  /**
   * Whether a file that the new release lacks is sent of the one before, for those who have a page of that one.
   * @param name below the root
   */
  servedFromPrevious(name: Buffer): boolean {
    const path = `/${name}`;
    if (mayBeFingerprinted(path)) return true;
    const { fields } = this.fieldsFor(path, mediaTypeOf(name));
    return fields.some(([field, value]) => field.toLowerCase() === 'cache-control' && /\bimmutable\b/i.test(value));
  }

  /**
   * Where an address has moved.
   * @param path as it was sent, one character a byte, without the query
   * @param query as it was sent, with its `?`; empty when there is none
   */
  redirectFor(path: string, query: string): Redirect | null {
    return this.redirects.find(path, query);
  }

  /** For an answer; `origin` is the Origin field, null when it was not sent. */
  corsFields(origin: string | null): Field[] {
    return corsFields(this.options.cors, origin);
  }

  /** For every answer, whoever asks: it may be kept, and sent to others. */
  get commonCorsFields(): Field[] {
    return this.corsFields(this.options.cors?.origins === '*' ? '*' : null);
  }

  /** For a sentence in the place of a file: nobody keeps it longer than they have to. Rules are on files. */
  get errorFields(): Field[] {
    const { securityHeaders } = this.options;
    return [REVALIDATE, ...(securityHeaders ? SECURITY_FIELDS : []), ...this.commonCorsFields];
  }

  /** What answers an OPTIONS, with 204; null when it is no preflight, or one from an origin that is not allowed. */
  preflight(origin: string | null, requestMethod: string | null, requestHeaders: string | null): Field[] | null {
    return preflightFields(this.options.cors, origin, requestMethod, requestHeaders);
  }

  private cacheControlFor(path: string, mediaType: string): [field: Field, reason: string] {
    const at = this.cacheControl.findIndex((rule) => rule.glob(path));
    const rule = this.cacheControl[at];
    if (rule !== undefined) return [rule.field, `cacheControl[${at}] matches ${rule.match}`];
    // A page's address is what people keep and link to; it stays when the page changes.
    if (PAGE.test(mediaType)) return [REVALIDATE, 'a page may change'];
    return isFingerprinted(path) ? [IMMUTABLE, 'the name has a hash'] : [REVALIDATE, 'the name has no hash'];
  }
}
