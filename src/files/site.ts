import { FieldId } from '../http/headers.js';
import type { RequestParser } from '../http/request/parser.js';
import { HttpResponse, LATER, NO_BODY } from '../http/response/response.js';
import { latin1 } from '../http/text.js';
import { debug, tracing } from '../sys/debug.js';
import { FileCache } from './cache/cache.js';
import { ALL_FIELDS, type CacheContent, CacheEntry, respondFromCache } from './cache/entry.js';
import { Listings } from './listing/listings.js';
import { ErrorPages } from './pages/error-pages.js';
import { type MissingFallback, missingFallback } from './pages/fallback.js';
import { type BuilderContext, type Built, RepresentationBuilder } from './representation/builder.js';
import { ColdFiles } from './representation/cold-files.js';
import { PreparedFile } from './representation/prepared-file.js';
import { RedirectContent, redirectResponse } from './representation/redirect-response.js';
import { mergeFields, withFields } from './representation/representation.js';
import type { Representations } from './representation/representations.js';
import { statusForErrno } from './resolve/error-status.js';
import { type Release, ReleaseRoot } from './resolve/release-root.js';
import { isRacy, type Resolved, Resolver } from './resolve/resolver.js';
import { directoryUrlPath, parseUrlPath, type UrlPath, urlPathOf } from './resolve/url-path.js';
import { Rules } from './rules/response-headers.js';
import type { ResolvedSiteOptions } from './rules/site-options.js';
import { Dependencies } from './watch/dependencies.js';
import type { Inotify } from './watch/inotify.js';

/** inotify(7) reports no writes through mmap(2), nor any by a hard link that is made after the file was opened. */
const REVALIDATE_MS = 30_000;

/** A file of the current second, in any representation, is revalidated when that is over: then it has a Last-Modified. */
const RECENT_MS = 1000;

export interface SiteContext extends BuilderContext {
  readonly inotify: Inotify;
}

/**
 * Responds to GET and HEAD from the files below one root, by the site's options. Owns the root and the cache.
 *
 * A request takes these steps, and ends at the first that has its response:
 *
 * 1. cached: the entry of the request's path, if it is fresh. Allocates nothing, and does not call the file system.
 * 2. redirect: the first of the option `redirects` that matches.
 * 3. admit: whether the path is requested often enough for an entry. If not, the file is read and sent at once; if so, its entry is
 *    made of what was read (ColdFiles). Unusual cases take the further steps, those without an entry without being stored.
 * 4. resolve: the path becomes a file, a directory, a listing, a redirect or an errno, in the current release of the root or,
 *    for a fingerprinted file that it lacks, in the previous one.
 * 5. revalidate: an expired entry stays if its path still resolves to the same fingerprint.
 * 6. build: the representations of the file, a redirect, or an error page.
 * 7. store: as the cache entry of the request's path, unless it is transient or not admitted.
 *
 * Entries are keyed by path alone. Fields that depend on the request's Origin are added last, in `serve`. Any step that
 * calls the file system may find a directory changed, and so remove entries: `cache.has` before an entry is used again.
 */
export class Site {
  readonly cache: FileCache;
  readonly releaseRoot: ReleaseRoot;
  readonly counters = { stalePrecompressed: 0 };
  /** Responses for which no path was resolved. */
  hits = 0;
  /** Paths that were resolved, because they were not cached or had expired. */
  misses = 0;
  readonly rules: Rules;
  readonly listings: Listings;
  private readonly resolver: Resolver;
  private readonly builder: RepresentationBuilder;
  private readonly coldFiles: ColdFiles;
  private readonly errorPages: ErrorPages;
  /** The bit of Origin, if the CORS fields depend on it. */
  private readonly originMask: number;
  private readonly remove = (entry: CacheEntry): void => this.cache.remove(entry);
  private readonly contentOf = (fileName: string, fingerprint: string): Representations | null => {
    const entry = this.cache.ofFile(fileName);
    if (entry?.fingerprint !== fingerprint) return null;
    if (entry.content instanceof PreparedFile) entry.replaceContent(entry.content.representations);
    return entry.content as Representations;
  };

  /**
   * @param handlerFollows as in SitePlan
   * @throws a system error if the root is not a directory that can be opened
   */
  constructor(
    readonly context: SiteContext,
    path: string,
    readonly options: ResolvedSiteOptions,
    handlerFollows: boolean,
  ) {
    const { kernel, inotify, limits } = context;
    const { cors, fallback } = options;
    this.cache = new FileCache(limits.cacheBytes);
    this.rules = new Rules(options);
    this.resolver = new Resolver(kernel, options, this.counters);
    this.builder = new RepresentationBuilder(context, options, this.rules);
    this.coldFiles = new ColdFiles(context, options, this.rules, this.builder);
    this.listings = new Listings(
      kernel,
      this.cache,
      this.builder,
      this.rules.errorFields,
      limits.revalidateMs,
      context.observe === null,
    );
    this.releaseRoot = new ReleaseRoot(kernel, path, options, inotify, REVALIDATE_MS, limits.revalidateMs);
    const page = fallback === null ? null : { name: fallback, handlerFollows };
    const clear = () => this.cache.clear();
    this.errorPages = new ErrorPages(this.resolver, this.builder, this.rules, page, clear, context.observe);
    this.originMask = cors !== null && cors.origins !== '*' ? 1 << FieldId.origin : 0;
    this.errorPages.load(this.releaseRoot.current.lookup);
  }

  /**
   * @param request a GET or HEAD with a path
   * @param nowMs on the reactor's clock
   */
  serve(request: RequestParser, nowMs: number): HttpResponse {
    const response = this.respond(request, nowMs);
    if ((request.presentMask & this.originMask) === 0 || response.status === LATER) return response;
    return withFields(response, this.rules.corsFields(request.value(FieldId.origin)));
  }

  private respond(request: RequestParser, nowMs: number): HttpResponse {
    if (nowMs >= this.releaseRoot.checkDueMs) this.checkRoot(nowMs);
    const entry = this.cache.find(request.bytes, request.pathStart, request.pathEnd, request.pathHash);
    if (entry === null || !this.isUsable(entry, nowMs)) return this.respondFromFiles(request, entry, nowMs);
    this.hits++; // 1. cached
    if (tracing) debug('cache hit %s', entry.path);
    return respondFromCache(entry, request);
  }

  /** @param entry expired or removed; null if there was none */
  private respondFromFiles(request: RequestParser, entry: CacheEntry | null, nowMs: number): HttpResponse {
    const redirect = this.configuredRedirect(request); // 2. redirect
    if (redirect !== null) return redirect;
    const { observe } = this.context;
    const { current } = this.releaseRoot;
    this.errorPages.load(current.lookup);
    const path = parseUrlPath(request.bytes.subarray(request.pathStart, request.pathEnd));
    observe?.('path', path);
    if (path === 400 || path === 404) return this.errorPages.respond(path, request, current.lookup);
    this.misses++;
    // 3. admit. What explain explains is the response from the cache, which is the same.
    const uses = entry !== null ? entry.uses : observe !== null ? 1 : this.cache.admit(request.pathHash);
    if (tracing) debug('cache miss %s', latin1(request.bytes, request.pathStart, request.pathEnd));
    if (entry === null && observe === null) {
      const response = uses === 0 ? this.respondCold(request) : this.admit(request, uses, nowMs);
      if (response !== null) return response;
    }
    if (entry !== null) this.releaseRoot.markUnverified();
    const resolution = this.resolve(path); // 4. resolve
    observe?.('resolution', resolution);
    const { release } = resolution;
    let { resolved } = resolution;
    if (resolved.kind === 'listing') {
      if (entry !== null && !this.listings.has(entry)) this.cache.remove(entry);
      const listing = this.listings.respond(request, resolved, release.lookup, nowMs, uses > 0);
      if (typeof listing !== 'number') return listing;
      observe?.('listingErrno', listing);
      resolved = { ...resolved, kind: 'not-found', errno: listing };
    }
    if (entry !== null && this.cache.has(entry)) {
      if (resolved.fingerprint === entry.fingerprint && isConclusive(resolved)) {
        this.resolver.close(resolved); // 5. revalidate
        this.cache.revalidate(entry, resolved.dependencies, this.expiryOf(resolved, release, nowMs));
        return respondFromCache(entry, request);
      }
      this.cache.remove(entry);
    }
    const built = this.build(request, resolved, release, uses > 0); // 6. build
    if (built instanceof HttpResponse) return built;
    if (uses === 0) return respondFromCache(built, request);
    built.uses = uses;
    built.setExpiry(this.expiryOf(resolved, release, nowMs)); // 7. store
    this.cache.set(built);
    return respondFromCache(built, request);
  }

  /** Whether an entry may respond without its path being resolved. Removes it if its files have changed. */
  private isUsable(entry: CacheEntry, nowMs: number): boolean {
    const freshness = entry.freshness(nowMs);
    if (freshness !== 'needs fstat') return freshness === 'fresh';
    if (entry.filesUnchanged(this.context.kernel)) return true;
    this.cache.remove(entry);
    return false;
  }

  /** The response to what is not admitted to the cache; null if it takes the steps of what is. */
  private respondCold(request: RequestParser): HttpResponse | null {
    const { current, previous } = this.releaseRoot;
    const cold = this.coldFiles.respond(request, current);
    if (typeof cold !== 'number') return cold;
    if (previous !== null || this.options.cleanUrls) return null; // another name may have it
    const missing = { name: fileNameOf(request), errno: cold, dependencies: new Dependencies() };
    const { response, content } = this.errorPages.contentFor(request, missing, current.lookup);
    return content === null ? response : content.respond(request);
  }

  /** Makes the entry of a file that is in no way unusual; null if it takes the further steps. */
  private admit(request: RequestParser, uses: number, nowMs: number): HttpResponse | null {
    const file = this.coldFiles.admit(request, this.releaseRoot.current, this.contentOf);
    if (file === null) return null;
    const { content, plainResponse, relevantFields, fileName } = file;
    const entry = this.entryOf(request, file, content, plainResponse, relevantFields, fileName);
    entry.uses = uses;
    entry.setExpiry(nowMs + REVALIDATE_MS);
    this.cache.set(entry);
    return respondFromCache(entry, request);
  }

  private configuredRedirect({ bytes, pathStart, pathEnd, targetEnd }: RequestParser): HttpResponse | null {
    if (this.options.redirects.length === 0) return null;
    const redirect = this.rules.redirectFor(latin1(bytes, pathStart, pathEnd), latin1(bytes, pathEnd, targetEnd));
    this.context.observe?.('redirect', redirect);
    return redirect === null ? null : redirectResponse(redirect.status, redirect.location, this.rules.errorFields);
  }

  private resolve(path: UrlPath): { resolved: Resolved; release: Release } {
    const { current, previous } = this.releaseRoot;
    const resolved = this.resolver.resolve(current.lookup, path);
    const isMissing = resolved.kind === 'not-found' && statusForErrno(resolved.errno) === 404;
    if (previous === null || !isMissing || path.isDirectory || !this.rules.servedFromPrevious(path.name))
      return { resolved, release: current };
    const previousFile = this.resolver.file(previous.lookup, path.name);
    if (previousFile.kind !== 'file') return { resolved, release: current };
    previousFile.dependencies.merge(resolved.dependencies); // the current release may still get the file
    return { resolved: previousFile, release: previous };
  }

  /** The entry of what a path resolved to; the response alone if it is transient. */
  private build(
    request: RequestParser,
    resolved: Resolved,
    release: Release,
    isAdmitted: boolean,
  ): CacheEntry | HttpResponse {
    switch (resolved.kind) {
      case 'file': {
        const fileName = latin1(resolved.name, 0, resolved.name.length);
        const built = this.sharedContent(resolved, fileName) ?? this.buildFile(resolved, fileName, isAdmitted);
        if (typeof built === 'number') {
          this.context.observe?.('readErrno', built);
          return this.build(request, { ...resolved, kind: 'not-found', errno: built }, release, isAdmitted);
        }
        const { content, uncacheable } = built;
        const { identity, compressor } = content;
        this.context.observe?.('file', { resolved, identity, isCompressed: compressor !== null, uncacheable });
        if (uncacheable !== null) return content.respond(request);
        return this.entryOf(request, resolved, content, identity.ok, content.relevantFields, fileName);
      }
      case 'directory':
      case 'redirect': {
        const path = resolved.kind === 'directory' ? directoryUrlPath(resolved.name) : urlPathOf(resolved.name);
        const content = new RedirectContent(path, this.rules.errorFields);
        return this.entryOf(request, resolved, content, null, ALL_FIELDS);
      }
      default: {
        const { response, content, plainResponse, relevantFields } = this.errorPages.contentFor(
          request,
          resolved,
          release.lookup,
        );
        return content === null ? response : this.entryOf(request, resolved, content, plainResponse, relevantFields);
      }
    }
  }

  private buildFile(resolved: Resolved, fileName: string, isAdmitted: boolean): Built | number {
    const onChange = (): void => {
      const { content } = built as Built; // it has its ETag now, or there is one more representation
      this.cache.onContentChanged(fileName, content, content.identity.ok);
    };
    const built = this.builder.build(resolved, [], onChange, isAdmitted ? 'cache' : 'response');
    return built;
  }

  /** The content of the same file by another path, which the file's fingerprint shows to be valid: `//x`, `/%78`, an index. */
  private sharedContent(resolved: Resolved, fileName: string): Built | null {
    const content = isRacy(resolved) ? null : this.contentOf(fileName, resolved.fingerprint);
    if (content === null) return null;
    this.resolver.close(resolved);
    return { content, uncacheable: null };
  }

  private entryOf(
    { bytes, pathStart, pathEnd, pathHash }: RequestParser,
    { fingerprint, dependencies }: Pick<Resolved, 'fingerprint' | 'dependencies'>,
    content: CacheContent,
    plainResponse: HttpResponse | null,
    relevantFields: number,
    fileName: string | null = null,
  ): CacheEntry {
    return new CacheEntry(
      latin1(bytes, pathStart, pathEnd),
      pathHash,
      content,
      plainResponse,
      relevantFields,
      fingerprint,
      dependencies,
      this.remove,
      fileName,
    );
  }

  private expiryOf(resolved: Resolved, release: Release, nowMs: number): number {
    const { areWatched } = resolved.dependencies;
    let expiresAtMs = nowMs + (areWatched ? REVALIDATE_MS : this.context.limits.revalidateMs);
    if (this.resolver.hasUnsettledDate(resolved)) expiresAtMs = Math.min(expiresAtMs, nowMs + RECENT_MS);
    return release === this.releaseRoot.previous ? Math.min(expiresAtMs, this.releaseRoot.checkDueMs) : expiresAtMs;
  }

  /** Whether a GET of the request's path would have a response other than 404. */
  has(request: RequestParser, nowMs: number): boolean {
    const { status, ownedFile, body } = this.serve(request, nowMs);
    ownedFile?.release(this.context.kernel);
    if (body.kind === 'stream') void body.stream.cancel();
    return status !== 404;
  }

  /** The response to an OPTIONS that is a preflight from an allowed origin; null for any other. */
  preflight(request: RequestParser): HttpResponse | null {
    const method = request.value(FieldId.accessControlRequestMethod);
    const names = request.list(FieldId.accessControlRequestHeaders);
    const fields = this.rules.preflight(request.value(FieldId.origin), method, names);
    if (fields === null) return null;
    const response = new HttpResponse(204, mergeFields(this.rules.everywhereFields, fields), NO_BODY);
    response.transient = true;
    return response;
  }

  /** Null if the fallback exists, or none is configured. */
  get missingFallback(): MissingFallback | null {
    return missingFallback(this.context.kernel, this.releaseRoot.current, this.options.fallback);
  }

  /** Invalidates everything: events were lost. */
  invalidate(): void {
    if (tracing) debug('invalidate all of %s', this.releaseRoot.current.root.path);
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
    this.listings.cancel();
  }
}

/** Of a path without escapes. */
const fileNameOf = ({ bytes, pathStart, pathEnd }: RequestParser): Buffer =>
  Buffer.from(bytes.subarray(pathStart + 1, pathEnd));

/** Whether the fingerprint decides: an error page may have changed without it, and so may a racy file. */
const isConclusive = (resolved: Resolved): boolean => resolved.kind !== 'not-found' && !isRacy(resolved);
