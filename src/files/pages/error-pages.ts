import { type Field, HttpResponse, textResponse } from '../../http/response/response.js';
import type { CacheContent } from '../cache/entry.js';
import type { RepresentationBuilder } from '../representation/builder.js';
import type { BuiltFile, Observe } from '../representation/decisions.js';
import { mergeFields } from '../representation/representation.js';
import type { Representations } from '../representation/representations.js';
import { statusForErrno } from '../resolve/error-status.js';
import type { Lookup } from '../resolve/lookup.js';
import { isRacy, type Resolved, type Resolver } from '../resolve/resolver.js';
import type { Rules } from '../rules/response-headers.js';
import type { Dependencies } from '../watch/dependencies.js';
import { TRANSIENT_PAGES } from '../watch/unwatched.js';
import type { Dependent } from '../watch/watched-directory.js';
import { looksLikeAsset } from './asset-name.js';
import { FallbackContent, type FallbackPlan } from './fallback.js';

const BUSY_FIELDS: readonly Field[] = [['Retry-After', '1']];

const PAGE_404 = '404.html';
const PAGE_50X = '50x.html';

/** The page is at another URL than its own: caches must revalidate it. */
const NO_CACHE: Field = ['Cache-Control', 'no-cache'];
/** Accept decides between a single-page app's page and a 404, RFC 9110 section 12.5.5. */
const VARY_ACCEPT: Field = ['Vary', 'Accept'];
/** Fields about the page as a file, which an error response does not have. */
const FILE_FIELDS = new Set(['etag', 'last-modified', 'accept-ranges', 'content-encoding']);

type FileErrorStatus = ReturnType<typeof statusForErrno>;

/** One of the site's own pages, or that it does not have one of this name. */
interface Page {
  readonly content: Representations | null;
  readonly resolved: Resolved;
  readonly dependent: Dependent;
  readonly responses: Map<number, HttpResponse>;
}

export interface ErrorContent {
  readonly response: HttpResponse;
  /** For a cache entry. Null for a transient error, which must not be cached. */
  readonly content: CacheContent | null;
  /** What every request gets from the entry; null if it depends on Accept, or on its absence. */
  readonly plainResponse: HttpResponse | null;
}

/** The site's pages for paths that have no file: 404.html, 50x.html and a single-page app's fallback. */
export class ErrorPages {
  private readonly pages = new Map<string, Page>();
  /** For a site without a page, by status. */
  private readonly plainText: Readonly<Record<FileErrorStatus, HttpResponse>>;
  /** Replace those of the page. */
  private readonly pageFields: readonly Field[];

  /**
   * @param fallback the page for paths that are not found; null for none
   * @param onChange called when responses that were made with a page are no longer valid
   */
  constructor(
    private readonly resolver: Resolver,
    private readonly builder: RepresentationBuilder,
    rules: Rules,
    private readonly fallback: FallbackPlan | null,
    private readonly onChange: () => void,
    private readonly observe: Observe | null,
  ) {
    const fields = rules.errorFields;
    this.plainText = {
      403: textResponse(403, 'Forbidden: the server cannot read this file.\n', fields),
      404: textResponse(404, 'Not found.\n', fallback === null ? fields : mergeFields(fields, [VARY_ACCEPT])),
      500: textResponse(500, 'The file could not be read.\n', fields),
      503: textResponse(503, 'Too many open files. Try again in a second.\n', [...BUSY_FIELDS, ...fields]),
    };
    this.pageFields = fallback === null ? [NO_CACHE] : [NO_CACHE, VARY_ACCEPT];
  }

  /** Opens 50x.html ahead of time: it is needed when nothing can be opened. */
  load(lookup: Lookup): void {
    if (!this.pages.has(PAGE_50X)) this.find(PAGE_50X, lookup);
  }

  /** Resolves all pages again, in case a change was not reported. */
  revalidate(lookup: Lookup): void {
    for (const name of new Set([...this.pages.keys(), PAGE_50X])) this.find(name, lookup, true);
  }

  /** The response to a path that resolved to an errno: the fallback, a page or plain text. */
  contentFor({ name, errno, dependencies }: Resolved, lookup: Lookup): ErrorContent {
    const status = statusForErrno(errno);
    const response = this.errorResponse(status, lookup, dependencies);
    if (status >= 500) return { response, content: null, plainResponse: null }; // no event reports its end
    const { fallback } = this;
    if (status === 404 && fallback !== null)
      this.observe?.('fallback', looksLikeAsset(name) ? 'asset' : 'not accepted');
    if (status !== 404 || fallback === null || looksLikeAsset(name))
      return { response, content: { respond: () => response, bytes: 0, close: () => {} }, plainResponse: response };
    const content = new FallbackContent(response, fallback, () => this.fallbackPage(fallback.name, lookup));
    return { response, content, plainResponse: null };
  }

  /** @param dependencies of a cache entry with the response: they are unwatched if the page is */
  errorResponse(status: FileErrorStatus, lookup: Lookup, dependencies?: Dependencies): HttpResponse {
    if (status === 403) return this.plainText[403];
    const page = this.find(status === 404 ? PAGE_404 : PAGE_50X, lookup);
    const { areWatched, unwatchedReason } = page.resolved.dependencies;
    if (!areWatched) dependencies?.markUnwatched(unwatchedReason);
    this.observe?.('errorPage', builtPage(page));
    if (page.content === null) return this.plainText[status];
    let response = page.responses.get(status);
    if (response === undefined) {
      response = asErrorResponse(status, page.content.identity.ok);
      page.responses.set(status, response);
    }
    return response;
  }

  clear(): void {
    for (const [name, page] of [...this.pages]) this.drop(name, page);
  }

  private fallbackPage(name: string, lookup: Lookup): Representations | null {
    const known = this.pages.get(name);
    const page = this.find(name, lookup, known !== undefined && this.resolver.dateHasSettled(known.resolved));
    this.observe?.('fallback', builtPage(page) ?? 'missing');
    return page.content;
  }

  private find(name: string, lookup: Lookup, mustResolve = false): Page {
    const known = this.pages.get(name);
    if (known?.resolved.dependencies.areWatched && !mustResolve) return known;
    // Unwatched pages are resolved on every use.
    const resolved = this.resolver.file(lookup, Buffer.from(name));
    // If that fails for now, the old page stays; unless resolving found a directory changed, and removed it.
    if (
      known !== undefined &&
      this.pages.get(name) === known &&
      (isUnchangedPage(resolved, known.resolved) || isTransientError(resolved))
    ) {
      this.resolver.close(resolved);
      return known;
    }
    if (known !== undefined) this.invalidate(name, known);
    return this.store(name, resolved);
  }

  private store(name: string, resolved: Resolved): Page {
    const { content, uncacheable } =
      resolved.kind === 'file'
        ? this.builder.build(resolved, this.pageFields, () => {}, true)
        : { content: null, uncacheable: isTransientError(resolved) };
    const page: Page = {
      content,
      resolved,
      dependent: { onInvalidated: () => this.invalidate(name, page) },
      responses: new Map(),
    };
    if (uncacheable) resolved.dependencies.markUnwatched(TRANSIENT_PAGES); // so that each use resolves it
    this.pages.set(name, page);
    resolved.dependencies.subscribe(page.dependent);
    return page;
  }

  private invalidate(name: string, page: Page): void {
    this.drop(name, page);
    this.onChange();
  }

  private drop(name: string, page: Page): void {
    this.pages.delete(name);
    page.resolved.dependencies.unsubscribe(page.dependent);
    page.content?.close();
  }
}

const builtPage = ({ resolved, content }: Page): BuiltFile | null =>
  content && { resolved, identity: content.identity, isCompressed: content.compressor !== null, uncacheable: null };

/** A racy file may have changed without its times. */
const isUnchangedPage = (resolved: Resolved, known: Resolved): boolean =>
  resolved.fingerprint === known.fingerprint && !isRacy(known);

const isTransientError = ({ kind, errno }: Resolved): boolean => kind === 'not-found' && statusForErrno(errno) >= 500;

function asErrorResponse(status: number, page: HttpResponse): HttpResponse {
  const fields = page.fields.filter(([name]) => !FILE_FIELDS.has(name.toLowerCase()));
  return new HttpResponse(status, status === 503 ? [...fields, ...BUSY_FIELDS] : fields, page.body);
}
