import { FieldId } from '../../http/headers.js';
import type { RequestParser } from '../../http/request/parser.js';
import { type Field, HttpResponse, textResponse } from '../../http/response/response.js';
import { acceptsHtmlExplicitly } from '../../http/semantics/accept.js';
import { ALL_FIELDS, type CacheContent } from '../cache/entry.js';
import type { RepresentationBuilder } from '../representation/builder.js';
import type { BuiltFile, Observe } from '../representation/decisions.js';
import { mergeFields, type Representation } from '../representation/representation.js';
import type { Representations } from '../representation/representations.js';
import { statusForErrno } from '../resolve/error-status.js';
import type { Lookup } from '../resolve/lookup.js';
import { isRacy, type Resolved, type Resolver } from '../resolve/resolver.js';
import type { Rules } from '../rules/response-headers.js';
import type { Dependencies } from '../watch/dependencies.js';
import { TRANSIENT_PAGES } from '../watch/unwatched.js';
import type { Dependent } from '../watch/watched-directory.js';
import { looksLikeAsset } from './asset-name.js';
import { builtInPage } from './built-in-page.js';
import { FallbackContent, type FallbackPlan } from './fallback.js';

const BUSY_FIELDS: readonly Field[] = [['Retry-After', '1']];

const PAGE_404 = '404.html';
const PAGE_50X = '50x.html';

/** The page is at another URL than its own: caches must revalidate it. */
const NO_CACHE: Field = ['Cache-Control', 'no-cache'];
/** Accept decides between a single-page app's page and a 404, RFC 9110 section 12.5.5. */
const VARY_ACCEPT: Field = ['Vary', 'Accept'];
const ACCEPT_BIT = 1 << FieldId.accept;
/** Fields about the page as a file, which an error response does not have. */
const FILE_FIELDS = new Set(['etag', 'last-modified', 'accept-ranges']);

type FileErrorStatus = ReturnType<typeof statusForErrno>;

/** One of the site's own pages, or that it does not have one of this name. */
interface Page {
  readonly content: Representations | null;
  readonly resolved: Resolved;
  readonly dependent: Dependent;
  /** By status and coding. */
  readonly responses: Map<string, HttpResponse>;
  /** It is read for each use, since nothing shows whether its content is the same. */
  readonly isVolatile: boolean;
}

/** An error: the response to a request that has none of `relevantFields`, and to any. */
interface ErrorChoice {
  readonly plain: HttpResponse;
  readonly relevantFields: number;
  respond(request: RequestParser): HttpResponse;
}

export interface ErrorContent {
  readonly response: HttpResponse;
  /** For a cache entry. Null for a transient error, which must not be cached. */
  readonly content: CacheContent | null;
  /** What requests without `relevantFields` get from the entry; null if it depends on their absence. */
  readonly plainResponse: HttpResponse | null;
  readonly relevantFields: number;
}

/** The site's pages for paths that have no file: 404.html, 50x.html and a single-page app's fallback. */
export class ErrorPages {
  private readonly pages = new Map<string, Page>();
  /** For a site without a page, by status. */
  private readonly builtIn: Readonly<Record<FileErrorStatus, ErrorChoice>>;
  private readonly badPath: ErrorChoice;
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
    this.builtIn = {
      403: builtInError(403, 'Forbidden: the server cannot read this file.', rules),
      404: builtInError(404, 'Not found.', rules, 'There is nothing at this address.'),
      500: builtInError(500, 'The file could not be read.', rules),
      503: builtInError(503, 'Too many open files. Try again in a second.', rules),
    };
    this.badPath = builtInError(400, 'Bad percent-encoding in the path.', rules);
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
  contentFor(
    request: RequestParser,
    { name, errno, dependencies }: Pick<Resolved, 'name' | 'errno' | 'dependencies'>,
    lookup: Lookup,
  ): ErrorContent {
    const status = statusForErrno(errno);
    const choice = this.choiceFor(status, lookup, dependencies);
    const respond = (each: RequestParser): HttpResponse => choice.respond(each);
    // No event reports its end.
    if (status >= 500) return { response: respond(request), content: null, plainResponse: null, relevantFields: 0 };
    const { plain: response, relevantFields } = choice;
    const { fallback } = this;
    if (status === 404 && fallback !== null)
      this.observe?.('fallback', looksLikeAsset(name) ? 'asset' : 'not accepted');
    if (status !== 404 || fallback === null || looksLikeAsset(name))
      return { response, content: { respond, bytes: 0, close: () => {} }, plainResponse: response, relevantFields };
    const content = new FallbackContent(respond, fallback, () => this.fallbackPage(fallback.name, lookup));
    return { response, content, plainResponse: null, relevantFields: ALL_FIELDS };
  }

  /** The response to a path that cannot be that of a file. */
  respond(status: 400 | 404, request: RequestParser, lookup: Lookup): HttpResponse {
    return (status === 400 ? this.badPath : this.choiceFor(status, lookup)).respond(request);
  }

  /** @param dependencies of a cache entry with the response: they are unwatched if the page is */
  private choiceFor(status: FileErrorStatus, lookup: Lookup, dependencies?: Dependencies): ErrorChoice {
    if (status === 403) return this.builtIn[403];
    const page = this.find(status === 404 ? PAGE_404 : PAGE_50X, lookup);
    const { areWatched, unwatchedReason } = page.resolved.dependencies;
    if (!areWatched) dependencies?.markUnwatched(unwatchedReason);
    this.observe?.('errorPage', builtPage(page));
    const { content } = page;
    if (content === null) return this.builtIn[status];
    return {
      plain: pageResponse(page, status, content.identity),
      relevantFields: content.encodingField,
      respond: (request) => pageResponse(page, status, content.forErrorPage(request)),
    };
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
      (isUnchangedPage(resolved, known) || isTransientError(resolved))
    ) {
      this.resolver.close(resolved);
      return known;
    }
    // What was made with a volatile page is polled.
    if (known?.isVolatile) this.drop(name, known);
    else if (known !== undefined) this.invalidate(name, known);
    return this.store(name, resolved);
  }

  private store(name: string, resolved: Resolved): Page {
    const built = resolved.kind === 'file' ? this.builder.build(resolved, this.pageFields, () => {}, 'caller') : null;
    const { content, uncacheable } =
      built !== null && typeof built === 'object'
        ? built
        : { content: null, uncacheable: built !== null || isTransientError(resolved) };
    const page: Page = {
      content,
      resolved,
      dependent: { onInvalidated: () => this.invalidate(name, page) },
      responses: new Map(),
      isVolatile: typeof built === 'number' || uncacheable === 'pseudo-file',
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
const isUnchangedPage = (resolved: Resolved, known: Page): boolean =>
  resolved.fingerprint === known.resolved.fingerprint && !known.isVolatile && !isRacy(known.resolved);

const isTransientError = ({ kind, errno }: Resolved): boolean => kind === 'not-found' && statusForErrno(errno) >= 500;

function pageResponse({ responses }: Page, status: number, { coding, ok }: Representation): HttpResponse {
  const key = `${status} ${coding}`;
  let response = responses.get(key);
  if (response === undefined) {
    response = asErrorResponse(status, ok);
    responses.set(key, response);
  }
  return response;
}

/** An error of the server's own: a page for those who accept HTML, and a line of text for others. */
function builtInError(status: number, text: string, rules: Rules, sentence = text): ErrorChoice {
  const more = [VARY_ACCEPT, ...(status === 503 ? BUSY_FIELDS : [])];
  const plain = textResponse(status, `${text}\n`, mergeFields(rules.errorFields, more));
  const fields = mergeFields([...rules.errorPageHeaders.fields, ...rules.commonCorsFields], more);
  const html = builtInPage(status, sentence, fields);
  return {
    plain,
    relevantFields: ACCEPT_BIT,
    respond: (request) => (acceptsHtmlExplicitly(request.list(FieldId.accept)) ? html : plain),
  };
}

function asErrorResponse(status: number, page: HttpResponse): HttpResponse {
  const fields = page.fields.filter(([name]) => !FILE_FIELDS.has(name.toLowerCase()));
  return new HttpResponse(status, status === 503 ? [...fields, ...BUSY_FIELDS] : fields, page.body);
}
