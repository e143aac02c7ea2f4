import { type Field, HttpResponse, textResponse } from '../../http/response/response.js';
import type { RepresentationBuilder } from '../representation/builder.js';
import { mergeFields } from '../representation/representation.js';
import type { Representations } from '../representation/representations.js';
import type { statusForErrno } from '../resolve/error-status.js';
import type { Lookup } from '../resolve/lookup.js';
import { isRacy, type Resolved, type Resolver } from '../resolve/resolver.js';
import type { Rules } from '../rules/response-headers.js';
import type { Dependencies } from '../watch/dependencies.js';
import { TRANSIENT_PAGES } from '../watch/unwatched.js';
import type { Dependent } from '../watch/watched-directory.js';

const NOTHING = 'There is nothing at this address.\n';
const FORBIDDEN = 'The server may not read this file.\n';
const BUSY_FIELDS: readonly Field[] = [['Retry-After', '1']];
const BUSY = 'The server has too many files open. Try again in a second.\n';
const UNREADABLE = 'The file could not be read.\n';

const PAGE_404 = '404.html';
const PAGE_50X = '50x.html';

/** An address that is not what a page was asked for: nobody keeps the answer longer than they have to. */
const NO_CACHE: Field = ['Cache-Control', 'no-cache'];
/** Whether a single-page app's page is sent or a 404, Accept decides, RFC 9110 section 12.5.5. */
const BY_ACCEPT: Field = ['Vary', 'Accept'];
/** What a page's fields say of the page, and not of an answer that it stands in for. */
const OF_THE_PAGE = new Set(['etag', 'last-modified', 'accept-ranges', 'content-encoding']);

type FileErrorStatus = ReturnType<typeof statusForErrno>;

/** One of the site's own pages, or that it has none of this name. */
interface Page {
  readonly content: Representations | null;
  readonly survey: Resolved;
  readonly dependent: Dependent;
  /** As the answer of an error, by status. */
  readonly responses: Map<number, HttpResponse>;
}

/** The site's pages for what it cannot serve: 404.html, 50x.html and a single-page app's own. */
export class ErrorPages {
  private readonly pages = new Map<string, Page>();
  /** Where the site has no page, by status. */
  private readonly plain: Readonly<Record<FileErrorStatus, HttpResponse>>;
  private readonly overriding: readonly Field[];

  /**
   * @param hasFallback whether there may be a page for what is not there
   * @param changed called when answers that were made with a page no longer hold
   */
  constructor(
    private readonly surveyor: Resolver,
    private readonly composer: RepresentationBuilder,
    rules: Rules,
    hasFallback: boolean,
    private readonly changed: () => void,
  ) {
    const fields = rules.errorFields;
    this.plain = {
      403: textResponse(403, FORBIDDEN, fields),
      404: textResponse(404, NOTHING, hasFallback ? mergeFields(fields, [BY_ACCEPT]) : fields),
      500: textResponse(500, UNREADABLE, fields),
      503: textResponse(503, BUSY, [...BUSY_FIELDS, ...fields]),
    };
    this.overriding = hasFallback ? [NO_CACHE, BY_ACCEPT] : [NO_CACHE];
  }

  /** Opens the page that is needed when nothing can be opened, if it has not been. */
  load(lookup: Lookup): void {
    if (!this.pages.has(PAGE_50X)) this.find(PAGE_50X, lookup);
  }

  /** Looks whether pages have changed and nobody told; and has that page opened, for when it is needed it is too late. */
  revalidate(lookup: Lookup): void {
    for (const name of new Set([...this.pages.keys(), PAGE_50X])) this.find(name, lookup, true);
  }

  /** @param dependencies of who keeps the answer: when nobody tells of changes to the page, nobody tells of the answer's */
  errorResponse(status: FileErrorStatus, lookup: Lookup, dependencies?: Dependencies): HttpResponse {
    if (status === 403) return this.plain[403];
    const page = this.find(status === 404 ? PAGE_404 : PAGE_50X, lookup);
    const { areWatched, unwatchedReason } = page.survey.dependencies;
    if (!areWatched) dependencies?.markUnwatched(unwatchedReason);
    if (page.content === null) return this.plain[status];
    let response = page.responses.get(status);
    if (response === undefined) {
      response = asErrorResponse(status, page.content.identity.ok);
      page.responses.set(status, response);
    }
    return response;
  }

  fallback(name: string, lookup: Lookup): Representations | null {
    const known = this.pages.get(name);
    return this.find(name, lookup, known !== undefined && this.surveyor.dateHasSettled(known.survey)).content;
  }

  clear(): void {
    for (const [name, page] of [...this.pages]) this.drop(name, page);
  }

  private find(name: string, lookup: Lookup, again = false): Page {
    const known = this.pages.get(name);
    if (known?.survey.dependencies.areWatched && !again) return known;
    const survey = this.surveyor.file(lookup, Buffer.from(name));
    // Where nobody tells of changes it is looked up each time; and who cannot look has to do with what was there.
    // Nor has who went meanwhile, with a folder that was seen to be another.
    if (
      known !== undefined &&
      this.pages.get(name) === known &&
      (isUnchangedPage(survey, known.survey) || isTransient(survey))
    ) {
      this.surveyor.close(survey);
      return known;
    }
    if (known !== undefined) this.invalidate(name, known);
    return this.store(name, survey);
  }

  private store(name: string, survey: Resolved): Page {
    const { content, isCacheable } =
      survey.kind === 'file'
        ? this.composer.build(survey, this.overriding, () => {}, true)
        : { content: null, isCacheable: !isTransient(survey) };
    const page: Page = {
      content,
      survey,
      dependent: { onInvalidated: () => this.invalidate(name, page) },
      responses: new Map(),
    };
    if (!isCacheable) survey.dependencies.markUnwatched(TRANSIENT_PAGES); // looked up again each time
    this.pages.set(name, page);
    survey.dependencies.subscribe(page.dependent);
    return page;
  }

  private invalidate(name: string, page: Page): void {
    this.drop(name, page);
    this.changed();
  }

  private drop(name: string, page: Page): void {
    this.pages.delete(name);
    page.survey.dependencies.unsubscribe(page.dependent);
    page.content?.close();
  }
}

/** What is so young may have changed without a trace. */
const isUnchangedPage = (survey: Resolved, known: Resolved): boolean =>
  survey.fingerprint === known.fingerprint && !isRacy(known);

const isTransient = (survey: Resolved): boolean =>
  survey.fingerprint === 'not-found 503' || survey.fingerprint === 'not-found 500';

function asErrorResponse(status: number, page: HttpResponse): HttpResponse {
  const fields = page.fields.filter(([name]) => !OF_THE_PAGE.has(name.toLowerCase()));
  return new HttpResponse(status, status === 503 ? [...fields, ...BUSY_FIELDS] : fields, page.body);
}
