import { FieldId } from '../http/headers.js';
import type { RequestParser } from '../http/request/parser.js';
import { HttpResponse, NO_BODY, textResponse } from '../http/response/response.js';
import { latin1 } from '../http/text.js';
import { FileCache } from './cache/cache.js';
import { ALL_FIELDS, type CacheContent, CacheEntry, respondFromCache } from './cache/entry.js';
import { Listings } from './listing/listings.js';
import { looksLikeAsset } from './pages/asset-name.js';
import { ErrorPages } from './pages/error-pages.js';
import { type MissingFallback, missingFallback } from './pages/fallback.js';
import { type BuilderContext, RepresentationBuilder } from './representation/builder.js';
import { CorsContent, ORIGIN_BIT, withCorsFields } from './representation/cors-content.js';
import {
  FallbackContent,
  RedirectContent,
  redirectResponse,
  sharedContent,
} from './representation/redirect-response.js';
import type { Representations } from './representation/representations.js';
import { statusForErrno } from './resolve/error-status.js';
import type { Lookup } from './resolve/lookup.js';
import { type Release, ReleaseRoot } from './resolve/release-root.js';
import { isRacy, type Resolved, Resolver } from './resolve/resolver.js';
import { directoryUrlPath, parseUrlPath, type UrlPath, urlPathOf } from './resolve/url-path.js';
import { Rules } from './rules/response-headers.js';
import type { ResolvedSiteOptions } from './rules/site-options.js';
import type { Inotify } from './watch/inotify.js';

/**
 * inotify(7) does not hear of writes through mmap(2), nor of those by a hard link made after the file was looked at: so
 * often they are looked for.
 */
const REVALIDATE_MS = 30_000;

/** A file that changed in this second, in any of its forms, is looked at again when that is over. */
const RECENT_MS = 1000;

const ACCEPT_BIT = 1 << FieldId.accept;

/** What the sites of one server share. */
export interface SiteContext extends BuilderContext {
  readonly inotify: Inotify;
}

/** Answers GET and HEAD from the files beneath one root, by its rules. Owns the root and the cache. */
export class Site {
  readonly cache: FileCache;
  readonly releaseRoot: ReleaseRoot;
  readonly counters = { stalePrecompressed: 0 };
  hits = 0;
  protected readonly rules: Rules;
  protected readonly resolver: Resolver;
  protected readonly builder: RepresentationBuilder;
  readonly listings: Listings;
  private readonly errorPages: ErrorPages;
  private readonly badPath: HttpResponse;
  private readonly evict = (resource: CacheEntry): void => this.cache.remove(resource);

  /** @throws a system error when the root is no folder that can be opened */
  constructor(
    protected readonly context: SiteContext,
    path: string,
    protected readonly options: ResolvedSiteOptions,
  ) {
    const { kernel, inotify, limits } = context;
    this.cache = new FileCache(limits.cacheBytes);
    this.rules = new Rules(options);
    this.resolver = new Resolver(kernel, options, this.counters);
    this.builder = new RepresentationBuilder(context, options, this.rules);
    this.listings = new Listings(kernel, this.cache, this.builder, (content) => this.withCors(content));
    this.releaseRoot = new ReleaseRoot(kernel, path, options, inotify, REVALIDATE_MS, limits.revalidateMs);
    this.errorPages = new ErrorPages(this.resolver, this.builder, this.rules, options.fallback !== null, () =>
      this.cache.clear(),
    );
    this.badPath = textResponse(400, 'The path has a broken escape.\n', this.rules.errorFields);
    this.errorPages.load(this.releaseRoot.current.lookup);
  }

  /**
   * @param request a GET or HEAD with a path
   * @param nowMs on the reactor's clock
   */
  serve(request: RequestParser, nowMs: number): HttpResponse {
    if (nowMs >= this.releaseRoot.checkDueMs) this.checkRoot(nowMs);
    const found = this.cache.find(request.bytes, request.pathStart, request.pathEnd, request.pathHash);
    if (found?.isFresh(nowMs)) {
      this.hits++;
      return respondFromCache(found, request);
    }
    return this.resolveAndStore(request, found, nowMs);
  }

  /** Whether a GET of the path that the request has is answered by something that is there. */
  has(request: RequestParser, nowMs: number): boolean {
    const { status, ownedFile } = this.serve(request, nowMs);
    ownedFile?.release(this.context.kernel);
    return status !== 404;
  }

  /** What answers an OPTIONS that is a preflight; null for any other. */
  preflight(request: RequestParser): HttpResponse | null {
    const fields = this.rules.preflight(
      request.value(FieldId.origin),
      request.value(FieldId.accessControlRequestMethod),
      request.list(FieldId.accessControlRequestHeaders),
    );
    if (fields === null) return null;
    const response = new HttpResponse(204, fields, NO_BODY);
    response.transient = true;
    return response;
  }

  /** Null when there is the fallback, or is to be none. */
  get missingFallback(): MissingFallback | null {
    return missingFallback(this.context.kernel, this.releaseRoot.current, this.options.fallback);
  }

  /** Nothing that was found holds, and nobody can say what does. */
  invalidate(): void {
    this.releaseRoot.invalidate();
    this.clear();
  }

  close(): void {
    this.clear();
    this.releaseRoot.close();
  }

  private checkRoot(nowMs: number): void {
    if (this.releaseRoot.check(nowMs)) this.clear();
    this.errorPages.revalidate(this.releaseRoot.current.lookup);
  }

  private clear(): void {
    this.cache.clear();
    this.errorPages.clear();
  }

  /** Asks the file system, and keeps what it says. */
  private resolveAndStore(request: RequestParser, found: CacheEntry | null, nowMs: number): HttpResponse {
    if (found?.filesUnchanged(this.context.kernel) === false) {
      this.cache.remove(found);
      return this.resolveAndStore(request, null, nowMs);
    }
    if (found?.needsFstatOnly(nowMs)) {
      this.hits++;
      return respondFromCache(found, request);
    }
    const moved = this.configuredRedirect(request);
    if (moved !== null) return this.withCorsFor(request, moved);
    this.errorPages.load(this.releaseRoot.current.lookup);
    const target = parseUrlPath(request.bytes.subarray(request.pathStart, request.pathEnd));
    if (target === 400) return this.withCorsFor(request, this.badPath);
    if (target === 404)
      return this.withCorsFor(request, this.errorPages.errorResponse(404, this.releaseRoot.current.lookup));
    if (found !== null) this.releaseRoot.markUnverified();
    const { survey, release } = this.resolve(target);
    if (survey.kind === 'listing') return this.listingResponse(request, found, survey, release, nowMs);
    // What was found may have gone meanwhile, with a folder that was seen to be another.
    if (found !== null && this.cache.has(found) && survey.fingerprint === found.signature && this.isSteady(survey)) {
      this.resolver.close(survey);
      found.revalidate(survey.dependencies, this.expiryOf(survey, release, nowMs));
      return respondFromCache(found, request);
    }
    if (found !== null) this.cache.remove(found);
    return this.store(request, survey, release, nowMs);
  }

  private store(request: RequestParser, survey: Resolved, release: Release, nowMs: number): HttpResponse {
    const made = this.build(request, survey, release);
    if (made instanceof HttpResponse) return this.withCorsFor(request, made);
    made.setExpiry(this.expiryOf(survey, release, nowMs));
    this.cache.set(made);
    return respondFromCache(made, request);
  }

  /** What is to be kept of a survey; or the answer alone, when nothing is. */
  protected build(request: RequestParser, survey: Resolved, release: Release): CacheEntry | HttpResponse {
    const { lookup } = release;
    switch (survey.kind) {
      case 'file': {
        const { content, isCacheable } = this.builder.build(survey, [], () => this.onContentGrown(resource, content));
        if (!isCacheable) return content.respond(request);
        const resource = this.cacheEntry(request, survey, content, content.identity.ok, content.relevantFields);
        return resource;
      }
      case 'directory':
        return this.cacheEntry(request, survey, this.redirectResponse(directoryUrlPath(survey.name)), null, ALL_FIELDS);
      case 'redirect':
        return this.cacheEntry(request, survey, this.redirectResponse(urlPathOf(survey.name)), null, ALL_FIELDS);
      case 'listing': // it could not be read
      case 'not-found':
        return this.errorResponse(request, survey, lookup);
    }
  }

  private listingResponse(
    request: RequestParser,
    found: CacheEntry | null,
    survey: Resolved,
    release: Release,
    nowMs: number,
  ): HttpResponse {
    if (found !== null && !this.listings.has(found)) this.cache.remove(found);
    const listing = this.listings.of(survey, release.lookup, nowMs, () => this.expiryOf(survey, release, nowMs));
    if (typeof listing === 'number')
      return this.store(request, { ...survey, kind: 'not-found', errno: listing }, release, nowMs);
    const path = latin1(request.bytes, request.pathStart, request.pathEnd);
    if (!path.includes('//')) return respondFromCache(listing, request);
    // From a path with empty segments its relative links would miss.
    return this.withCorsFor(request, this.redirectResponse(directoryUrlPath(survey.name)).respond(request));
  }

  private errorResponse(request: RequestParser, survey: Resolved, lookup: Lookup): CacheEntry | HttpResponse {
    const status = statusForErrno(survey.errno);
    const response = this.errorPages.errorResponse(status, lookup, survey.dependencies);
    if (status >= 500) return response; // it passes, and nobody tells when
    const { fallback } = this.options;
    if (status !== 404 || fallback === null || looksLikeAsset(survey.name)) {
      return this.cacheEntry(request, survey, sharedContent(response), response, 0);
    }
    const content = new FallbackContent(response, () => this.errorPages.fallback(fallback, lookup));
    return this.cacheEntry(request, survey, content, response, ACCEPT_BIT);
  }

  private cacheEntry(
    request: RequestParser,
    survey: Resolved,
    content: CacheContent,
    plain: HttpResponse | null,
    asks: number,
  ): CacheEntry {
    const isCors = this.corsVariesByOrigin();
    return new CacheEntry(
      latin1(request.bytes, request.pathStart, request.pathEnd),
      request.pathHash,
      this.withCors(content),
      plain,
      isCors ? asks | ORIGIN_BIT : asks,
      survey.fingerprint,
      survey.dependencies,
      this.evict,
    );
  }

  /** Content for those origins that may read it. */
  private withCors(content: CacheContent): CacheContent {
    return this.corsVariesByOrigin() ? new CorsContent(content, (origin) => this.rules.corsFields(origin)) : content;
  }

  /** An answer that no resource gives, for those origins that may read it. */
  private withCorsFor(request: RequestParser, response: HttpResponse): HttpResponse {
    const origin = this.corsVariesByOrigin() ? request.value(FieldId.origin) : null;
    return origin === null ? response : withCorsFields(response, this.rules.corsFields(origin));
  }

  private redirectResponse(path: string): CacheContent {
    return new RedirectContent(path, this.rules.errorFields);
  }

  private corsVariesByOrigin(): boolean {
    return this.options.cors !== null && this.options.cors.origins !== '*';
  }

  /** A form of the file was added, or its tag found. */
  private onContentGrown(resource: CacheEntry, content: Representations): void {
    resource.plainResponse = content.identity.ok;
    this.cache.recount(resource);
  }

  private configuredRedirect(request: RequestParser): HttpResponse | null {
    if (this.options.redirects.length === 0) return null;
    const { bytes, pathStart, pathEnd, targetEnd } = request;
    const found = this.rules.redirectFor(latin1(bytes, pathStart, pathEnd), latin1(bytes, pathEnd, targetEnd));
    return found === null ? null : redirectResponse(found.status, found.location, this.rules.errorFields);
  }

  private expiryOf(survey: Resolved, release: Release, nowMs: number): number {
    const { limits } = this.context;
    let dueMs = nowMs + (survey.dependencies.areWatched ? REVALIDATE_MS : limits.revalidateMs);
    // Then all its forms have a date.
    if (this.resolver.hasUnsettledDate(survey)) dueMs = Math.min(dueMs, nowMs + RECENT_MS);
    return release === this.releaseRoot.previous ? Math.min(dueMs, this.releaseRoot.checkDueMs) : dueMs;
  }

  /** The signature says all. Of what is refused with a page it does not: that may have changed. */
  private isSteady(survey: Resolved): boolean {
    return survey.kind !== 'not-found' && !isRacy(survey);
  }

  protected resolve(target: UrlPath): { survey: Resolved; release: Release } {
    const { current, previous } = this.releaseRoot;
    const survey = this.resolver.resolve(current.lookup, target);
    const isLost = survey.kind === 'not-found' && statusForErrno(survey.errno) === 404;
    if (previous === null || !isLost || target.isDirectory || !this.rules.servedFromPrevious(target.name)) {
      return { survey, release: current };
    }
    const before = this.resolver.file(previous.lookup, target.name);
    if (before.kind !== 'file') return { survey, release: current };
    before.dependencies.merge(survey.dependencies); // the new release may get the file yet
    return { survey: before, release: previous };
  }
}
