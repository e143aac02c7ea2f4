import { Known } from '../http/headers.js';
import { latin1 } from '../http/latin1.js';
import type { RequestParser } from '../http/request-parser.js';
import { NO_BODY, Response, textResponse } from '../http/response.js';
import { isAsset } from './asset-name.js';
import { ResourceCache } from './cache.js';
import { Composer, type ComposerContext } from './compose.js';
import { CorsContent, ORIGIN_BIT, withFields } from './cors-content.js';
import { Deployment, type Release } from './deployment.js';
import { statusOf } from './file.js';
import type { FileContent } from './file-content.js';
import { Listings } from './listings.js';
import type { Lookup } from './lookup.js';
import { type MissingFallback, missingFallback } from './missing-fallback.js';
import type { ResolvedSiteOptions } from './options.js';
import { Pages } from './pages.js';
import { ALL_FIELDS, answerOf, type Content, Resource } from './resource.js';
import { Rules } from './rules.js';
import { FallbackContent, MovedContent, movedResponse, sharedContent } from './small-content.js';
import { isYoung, type Survey, Surveyor } from './survey.js';
import { folderPath, pathOf, type Target, targetOf } from './target.js';
import type { Watch } from './watch.js';

/**
 * inotify(7) does not hear of writes through mmap(2), nor of those by a hard link made after the file was looked at: so
 * often they are looked for.
 */
const BACKSTOP_MS = 30_000;

/** A file that changed in this second, in any of its forms, is looked at again when that is over. */
const RECENT_MS = 1000;

const ACCEPT_BIT = 1 << Known.accept;

/** What the sites of one server share. */
export interface SiteContext extends ComposerContext {
  readonly watch: Watch;
}

/** Answers GET and HEAD from the files beneath one root, by its rules. Owns the root and the cache. */
export class Site {
  readonly cache: ResourceCache;
  readonly deployment: Deployment;
  readonly counters = { outdatedSidecars: 0 };
  hits = 0;
  protected readonly rules: Rules;
  protected readonly surveyor: Surveyor;
  protected readonly composer: Composer;
  readonly listings: Listings;
  private readonly pages: Pages;
  private readonly badPath: Response;
  private readonly forget = (resource: Resource): void => this.cache.remove(resource);

  /** @throws a system error when the root is no folder that can be opened */
  constructor(
    protected readonly context: SiteContext,
    path: string,
    protected readonly options: ResolvedSiteOptions,
  ) {
    const { kernel, watch, limits } = context;
    this.cache = new ResourceCache(limits.cacheBytes);
    this.rules = new Rules(options);
    this.surveyor = new Surveyor(kernel, options, this.counters);
    this.composer = new Composer(context, options, this.rules);
    this.listings = new Listings(kernel, this.cache, this.composer, (content) => this.readable(content));
    this.deployment = new Deployment(kernel, path, options, watch, BACKSTOP_MS, limits.freshnessMs);
    this.pages = new Pages(this.surveyor, this.composer, this.rules, options.fallback !== null, () =>
      this.cache.clear(),
    );
    this.badPath = textResponse(400, 'The path has a broken escape.\n', this.rules.sentenceFields);
    this.pages.load(this.deployment.current.lookup);
  }

  /**
   * @param request a GET or HEAD with a path
   * @param nowMs on the reactor's clock
   */
  serve(request: RequestParser, nowMs: number): Response {
    if (nowMs >= this.deployment.dueMs) this.check(nowMs);
    const found = this.cache.find(request.bytes, request.pathStart, request.pathEnd, request.pathHash);
    if (found?.isFresh(nowMs)) {
      this.hits++;
      return answerOf(found, request);
    }
    return this.look(request, found, nowMs);
  }

  /** Whether a GET of the path that the request has is answered by something that is there. */
  has(request: RequestParser, nowMs: number): boolean {
    const { status, lastUse } = this.serve(request, nowMs);
    lastUse?.release(this.context.kernel);
    return status !== 404;
  }

  /** What answers an OPTIONS that is a preflight; null for any other. */
  preflight(request: RequestParser): Response | null {
    const fields = this.rules.preflight(
      request.value(Known.origin),
      request.value(Known.accessControlRequestMethod),
      request.list(Known.accessControlRequestHeaders),
    );
    if (fields === null) return null;
    const response = new Response(204, fields, NO_BODY);
    response.transient = true;
    return response;
  }

  /** Null when there is the fallback, or is to be none. */
  get missingFallback(): MissingFallback | null {
    return missingFallback(this.context.kernel, this.deployment.current, this.options.fallback);
  }

  /** Nothing that was found holds, and nobody can say what does. */
  outdate(): void {
    this.deployment.outdate();
    this.forgetAll();
  }

  close(): void {
    this.forgetAll();
    this.deployment.close();
  }

  private check(nowMs: number): void {
    if (this.deployment.check(nowMs)) this.forgetAll();
    this.pages.renew(this.deployment.current.lookup);
  }

  private forgetAll(): void {
    this.cache.clear();
    this.pages.clear();
  }

  /** Asks the file system, and keeps what it says. */
  private look(request: RequestParser, found: Resource | null, nowMs: number): Response {
    if (found?.isUnchanged(this.context.kernel) === false) {
      this.cache.remove(found);
      return this.look(request, null, nowMs);
    }
    if (found?.isHeld(nowMs)) {
      this.hits++;
      return answerOf(found, request);
    }
    const moved = this.redirect(request);
    if (moved !== null) return this.readableBy(request, moved);
    this.pages.load(this.deployment.current.lookup);
    const target = targetOf(request.bytes.subarray(request.pathStart, request.pathEnd));
    if (target === 400) return this.readableBy(request, this.badPath);
    if (target === 404) return this.readableBy(request, this.pages.refusal(404, this.deployment.current.lookup));
    if (found !== null) this.deployment.doubt();
    const { survey, release } = this.survey(target);
    if (survey.kind === 'listing') return this.list(request, found, survey, release, nowMs);
    // What was found may have gone meanwhile, with a folder that was seen to be another.
    if (found !== null && this.cache.has(found) && survey.signature === found.signature && this.isSteady(survey)) {
      this.surveyor.close(survey);
      found.renew(survey.dependencies, this.dueMsOf(survey, release, nowMs));
      return answerOf(found, request);
    }
    if (found !== null) this.cache.remove(found);
    return this.keep(request, survey, release, nowMs);
  }

  private keep(request: RequestParser, survey: Survey, release: Release, nowMs: number): Response {
    const made = this.make(request, survey, release);
    if (made instanceof Response) return this.readableBy(request, made);
    made.trust(this.dueMsOf(survey, release, nowMs));
    this.cache.set(made);
    return answerOf(made, request);
  }

  /** What is to be kept of a survey; or the answer alone, when nothing is. */
  protected make(request: RequestParser, survey: Survey, release: Release): Resource | Response {
    const { lookup } = release;
    switch (survey.kind) {
      case 'file': {
        const { content, isKept } = this.composer.content(survey, [], () => this.grown(resource, content));
        if (!isKept) return content.answer(request);
        const resource = this.resource(request, survey, content, content.identity.ok, content.asks);
        return resource;
      }
      case 'folder':
        return this.resource(request, survey, this.moved(folderPath(survey.name)), null, ALL_FIELDS);
      case 'moved':
        return this.resource(request, survey, this.moved(pathOf(survey.name)), null, ALL_FIELDS);
      case 'listing': // it could not be read
      case 'refused':
        return this.refused(request, survey, lookup);
    }
  }

  private list(
    request: RequestParser,
    found: Resource | null,
    survey: Survey,
    release: Release,
    nowMs: number,
  ): Response {
    if (found !== null && !this.listings.has(found)) this.cache.remove(found);
    const listing = this.listings.of(survey, release.lookup, nowMs, () => this.dueMsOf(survey, release, nowMs));
    if (typeof listing === 'number')
      return this.keep(request, { ...survey, kind: 'refused', refusal: listing }, release, nowMs);
    const path = latin1(request.bytes, request.pathStart, request.pathEnd);
    if (!path.includes('//')) return answerOf(listing, request);
    // From a path with empty segments its relative links would miss.
    return this.readableBy(request, this.moved(folderPath(survey.name)).answer(request));
  }

  private refused(request: RequestParser, survey: Survey, lookup: Lookup): Resource | Response {
    const status = statusOf(survey.refusal);
    const response = this.pages.refusal(status, lookup, survey.dependencies);
    if (status >= 500) return response; // it passes, and nobody tells when
    const { fallback } = this.options;
    if (status !== 404 || fallback === null || isAsset(survey.name)) {
      return this.resource(request, survey, sharedContent(response), response, 0);
    }
    const content = new FallbackContent(response, () => this.pages.fallback(fallback, lookup));
    return this.resource(request, survey, content, response, ACCEPT_BIT);
  }

  private resource(
    request: RequestParser,
    survey: Survey,
    content: Content,
    plain: Response | null,
    asks: number,
  ): Resource {
    const isCors = this.isByOrigin();
    return new Resource(
      latin1(request.bytes, request.pathStart, request.pathEnd),
      request.pathHash,
      this.readable(content),
      plain,
      isCors ? asks | ORIGIN_BIT : asks,
      survey.signature,
      survey.dependencies,
      this.forget,
    );
  }

  /** Content for those origins that may read it. */
  private readable(content: Content): Content {
    return this.isByOrigin() ? new CorsContent(content, (origin) => this.rules.corsFields(origin)) : content;
  }

  /** An answer that no resource gives, for those origins that may read it. */
  private readableBy(request: RequestParser, response: Response): Response {
    const origin = this.isByOrigin() ? request.value(Known.origin) : null;
    return origin === null ? response : withFields(response, this.rules.corsFields(origin));
  }

  private moved(path: string): Content {
    return new MovedContent(path, this.rules.sentenceFields);
  }

  private isByOrigin(): boolean {
    return this.options.cors !== null && this.options.cors.origins !== '*';
  }

  /** A form of the file was added, or its tag found. */
  private grown(resource: Resource, content: FileContent): void {
    resource.plain = content.identity.ok;
    this.cache.recount(resource);
  }

  private redirect(request: RequestParser): Response | null {
    if (this.options.redirects.length === 0) return null;
    const { bytes, pathStart, pathEnd, targetEnd } = request;
    const found = this.rules.redirectFor(latin1(bytes, pathStart, pathEnd), latin1(bytes, pathEnd, targetEnd));
    return found === null ? null : movedResponse(found.status, found.location, this.rules.sentenceFields);
  }

  private dueMsOf(survey: Survey, release: Release, nowMs: number): number {
    const { limits } = this.context;
    let dueMs = nowMs + (survey.dependencies.areTold ? BACKSTOP_MS : limits.freshnessMs);
    // Then all its forms have a date.
    if (this.surveyor.isRecent(survey)) dueMs = Math.min(dueMs, nowMs + RECENT_MS);
    return release === this.deployment.previous ? Math.min(dueMs, this.deployment.dueMs) : dueMs;
  }

  /** The signature says all. Of what is refused with a page it does not: that may have changed. */
  private isSteady(survey: Survey): boolean {
    return survey.kind !== 'refused' && !isYoung(survey);
  }

  protected survey(target: Target): { survey: Survey; release: Release } {
    const { current, previous } = this.deployment;
    const survey = this.surveyor.survey(current.lookup, target);
    const isLost = survey.kind === 'refused' && statusOf(survey.refusal) === 404;
    if (previous === null || !isLost || target.folder || !this.rules.outlivesRelease(target.name)) {
      return { survey, release: current };
    }
    const before = this.surveyor.file(previous.lookup, target.name);
    if (before.kind !== 'file') return { survey, release: current };
    before.dependencies.merge(survey.dependencies); // the new release may get the file yet
    return { survey: before, release: previous };
  }
}
