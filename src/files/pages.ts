import { type Field, Response, textResponse } from '../http/response.js';
import type { Composer } from './compose.js';
import type { statusOf } from './file.js';
import type { FileContent } from './file-content.js';
import type { Lookup } from './lookup.js';
import type { Rules } from './rules.js';
import { isYoung, type Survey, type Surveyor } from './survey.js';
import type { Dependencies, Dependent } from './tree.js';
import { PASSING_PAGES } from './untold.js';
import { combined } from './variant.js';

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

type Refusal = ReturnType<typeof statusOf>;

/** One of the site's own pages, or that it has none of this name. */
interface Page {
  readonly content: FileContent | null;
  readonly survey: Survey;
  readonly dependent: Dependent;
  /** As the answer of an error, by status. */
  readonly responses: Map<number, Response>;
}

/** The site's pages for what it cannot serve: 404.html, 50x.html and a single-page app's own. */
export class Pages {
  private readonly pages = new Map<string, Page>();
  /** Where the site has no page, by status. */
  private readonly plain: Readonly<Record<Refusal, Response>>;
  private readonly overriding: readonly Field[];

  /**
   * @param hasFallback whether there may be a page for what is not there
   * @param changed called when answers that were made with a page no longer hold
   */
  constructor(
    private readonly surveyor: Surveyor,
    private readonly composer: Composer,
    rules: Rules,
    hasFallback: boolean,
    private readonly changed: () => void,
  ) {
    const fields = rules.sentenceFields;
    this.plain = {
      403: textResponse(403, FORBIDDEN, fields),
      404: textResponse(404, NOTHING, hasFallback ? combined(fields, [BY_ACCEPT]) : fields),
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
  renew(lookup: Lookup): void {
    for (const name of new Set([...this.pages.keys(), PAGE_50X])) this.find(name, lookup, true);
  }

  /** @param dependencies of who keeps the answer: when nobody tells of changes to the page, nobody tells of the answer's */
  refusal(status: Refusal, lookup: Lookup, dependencies?: Dependencies): Response {
    if (status === 403) return this.plain[403];
    const page = this.find(status === 404 ? PAGE_404 : PAGE_50X, lookup);
    const { areTold, untold } = page.survey.dependencies;
    if (!areTold) dependencies?.leaveUntold(untold);
    if (page.content === null) return this.plain[status];
    let response = page.responses.get(status);
    if (response === undefined) {
      response = errorOf(status, page.content.identity.ok);
      page.responses.set(status, response);
    }
    return response;
  }

  fallback(name: string, lookup: Lookup): FileContent | null {
    const known = this.pages.get(name);
    return this.find(name, lookup, known !== undefined && this.surveyor.hasAged(known.survey)).content;
  }

  clear(): void {
    for (const [name, page] of [...this.pages]) this.drop(name, page);
  }

  private find(name: string, lookup: Lookup, again = false): Page {
    const known = this.pages.get(name);
    if (known?.survey.dependencies.areTold && !again) return known;
    const survey = this.surveyor.file(lookup, Buffer.from(name));
    // Where nobody tells of changes it is looked up each time; and who cannot look has to do with what was there.
    // Nor has who went meanwhile, with a folder that was seen to be another.
    if (known !== undefined && this.pages.get(name) === known && (isSame(survey, known.survey) || isPassing(survey))) {
      this.surveyor.close(survey);
      return known;
    }
    if (known !== undefined) this.outdated(name, known);
    return this.take(name, survey);
  }

  private take(name: string, survey: Survey): Page {
    const { content, isKept } =
      survey.kind === 'file'
        ? this.composer.content(survey, this.overriding, () => {}, true)
        : { content: null, isKept: !isPassing(survey) };
    const page: Page = {
      content,
      survey,
      dependent: { outdated: () => this.outdated(name, page) },
      responses: new Map(),
    };
    if (!isKept) survey.dependencies.leaveUntold(PASSING_PAGES); // looked up again each time
    this.pages.set(name, page);
    survey.dependencies.attach(page.dependent);
    return page;
  }

  private outdated(name: string, page: Page): void {
    this.drop(name, page);
    this.changed();
  }

  private drop(name: string, page: Page): void {
    this.pages.delete(name);
    page.survey.dependencies.detach(page.dependent);
    page.content?.close();
  }
}

/** What is so young may have changed without a trace. */
const isSame = (survey: Survey, known: Survey): boolean => survey.signature === known.signature && !isYoung(known);

const isPassing = (survey: Survey): boolean => survey.signature === 'refused 503' || survey.signature === 'refused 500';

function errorOf(status: number, page: Response): Response {
  const fields = page.fields.filter(([name]) => !OF_THE_PAGE.has(name.toLowerCase()));
  return new Response(status, status === 503 ? [...fields, ...BUSY_FIELDS] : fields, page.body);
}
