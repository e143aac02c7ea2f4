import { Known } from '../http/headers.js';
import { latin1 } from '../http/latin1.js';
import type { RequestParser } from '../http/request-parser.js';
import type { Response } from '../http/response.js';
import { constants } from '../sys/binding.js';
import { EACCES, ELOOP, ENOENT, EXDEV, systemError } from '../sys/errno.js';
import { mentionsHtml, prefersJson } from './accept.js';
import { isAsset } from './asset-name.js';
import type { Composition, ExplainedSite, View } from './explained-site.js';
import { statusOf } from './file.js';
import type { Link } from './sightings.js';
import { bytesOf, tellForm, tellPart } from './story-of-form.js';
import { type Target, targetOf } from './target.js';

const { S_IFDIR, S_IFMT, S_IFREG } = constants;

export type Topic =
  | 'path'
  | 'redirect'
  | 'name'
  | 'link'
  | 'release'
  | 'file'
  | 'folder'
  | 'nothing'
  | 'page'
  | 'sidecar'
  | 'variant'
  | 'condition'
  | 'range'
  | 'origin';

/** One thing that was found out or decided. */
export interface Step {
  readonly about: Topic;
  readonly says: string;
}

/** How a site came by its answer to a GET or HEAD. */
export class Story {
  /** In the order of the decisions. */
  readonly steps: Step[] = [];
  outcome: 'file' | 'fallback' | 'listing' | 'redirect' | 'error' = 'error';
  /** The file that the answer is made of; of an error, the site's page for it. */
  composition: Composition | null = null;

  constructor(
    readonly site: ExplainedSite,
    readonly request: RequestParser,
    readonly response: Response,
  ) {
    this.tellPath();
    this.tellOrigin();
  }

  say(about: Topic, says: string): void {
    this.steps.push({ about, says });
  }

  private tellPath(): void {
    const { site, request } = this;
    const { bytes, pathStart, pathEnd, targetEnd } = request;
    const path = latin1(bytes, pathStart, pathEnd);
    const query = latin1(bytes, pathEnd, targetEnd);
    this.say('path', `${path === '' ? 'empty' : path}${query === '' ? '' : `, and the query ${query}`}`);
    const redirect = site.redirectOf(request);
    if (redirect !== null) {
      this.outcome = 'redirect';
      return this.say('redirect', `${redirect.rule}: ${redirect.status} to ${redirect.location}`);
    }
    const { length } = site.options.redirects;
    if (length > 0) this.say('redirect', `none of the ${length} in redirects matches`);
    const target = targetOf(bytes.subarray(pathStart, pathEnd));
    if (typeof target === 'number') {
      this.say('name', `none: ${whyNoName(path, target)}`);
      return target === 404 ? this.tellErrorPage() : undefined;
    }
    this.say('name', `${target.name}${target.folder ? '/' : ''}`);
    this.tellView(site.view!, target);
  }

  private tellView(view: View, target: Target): void {
    const { survey, links, release } = view;
    for (const line of new Set(links.map(({ name, target }) => `${name} -> ${target}`))) this.say('link', line);
    if (release !== this.site.deployment.current)
      this.say('release', 'only the one before has it, and keepPreviousMs is on');
    switch (survey.kind) {
      case 'file':
        return this.tellFile(view, target);
      case 'folder':
        this.outcome = 'redirect';
        return this.say('folder', 'a slash belongs at the end of its address: without it relative links miss');
      case 'moved':
        this.outcome = 'redirect';
        return this.say('page', 'cleanUrls is on: its address has no index.html and no .html');
      case 'listing':
        return this.site.listingRefusal === 0
          ? this.tellListing()
          : this.tellNothing(view, target.folder, this.site.listingRefusal);
      case 'refused':
        return this.tellNothing(view, target.folder, survey.refusal);
    }
  }

  private tellNothing(view: View, isFolder: boolean, refusal: number): void {
    this.say('nothing', this.whyNothing(view, isFolder, refusal));
    if (statusOf(refusal) === 404 && !isFolder) this.tellRelease(view.survey.name);
    if (statusOf(refusal) === 404) this.tellFallback(view.survey.name);
    else this.tellErrorPage();
  }

  /** Where it runs, a server may know more. */
  private tellRelease(name: Buffer): void {
    const { options, rules } = this.site;
    if (options.keepPreviousMs > 0 && rules.outlivesRelease(name))
      this.say('release', 'a server that saw the root switched may have it of the one before, for keepPreviousMs');
  }

  private tellFile(view: View, target: Target): void {
    const { survey } = view;
    this.outcome = 'file';
    this.composition = this.site.compositions.find((each) => each.survey === survey)!;
    this.say('file', describe(this.composition) + this.whyFile(view, target));
    tellForm(this, view.survey, this.site.beside(view));
  }

  private tellListing(): void {
    if (this.response.status === 301) {
      this.outcome = 'redirect';
      return this.say('folder', 'its address has empty segments: from there relative links miss');
    }
    this.outcome = 'listing';
    const isJson = prefersJson(this.request.list(Known.accept));
    this.say('folder', `it has no index.html, and listing is on: ${isJson ? 'JSON, as Accept prefers' : 'a page'}`);
    tellPart(this, this.site.listingForm!.identity);
  }

  private tellFallback(name: Buffer): void {
    const { fallback } = this.site.options;
    if (fallback === null) return this.tellErrorPage();
    const page = this.site.compositions.find(({ survey }) => survey.name.toString() === fallback);
    const not = isAsset(name)
      ? 'the name ends as that of an asset, and no page stands in for one'
      : !mentionsHtml(this.request.list(Known.accept))
        ? 'it is for those whose Accept has text/html'
        : page === undefined
          ? 'there is no such file'
          : null;
    if (not !== null) {
      this.say('page', `not the fallback ${fallback}: ${not}`);
      return this.tellErrorPage();
    }
    this.outcome = 'fallback';
    this.composition = page!;
    this.say('page', `the fallback, ${describe(page!)}`);
    tellForm(this, page!.survey, null);
  }

  /** A page of the site's own that stands in for an error's sentence. */
  private tellErrorPage(): void {
    const { status, fields } = this.response;
    const name = status === 404 ? '404.html' : '50x.html';
    const page = this.site.compositions.find(({ survey }) => survey.name.toString() === name);
    if (page !== undefined && status !== 403) {
      this.composition = page;
      return this.say('page', describe(page));
    }
    // The page for errors was opened with the site, when nobody took notes.
    const isPage = status >= 500 && fields.some(([, value]) => value.startsWith('text/html'));
    if (isPage) return this.say('page', name);
    this.say('page', `the server's own sentence${status === 403 ? '' : `: there is no ${name}`}`);
  }

  private tellOrigin(): void {
    const { cors } = this.site.options;
    const origin = this.request.value(Known.origin);
    if (cors === null || origin === null) return;
    const may = this.response.fields.some(([name]) => name === 'Access-Control-Allow-Origin');
    const isKnown = cors.origins === '*' || cors.origins.includes(origin);
    const why = !isKnown ? 'it is none of cors' : may ? 'by cors' : 'cors is for files';
    this.say('origin', `${origin} may ${may ? '' : 'not '}read the answer: ${why}`);
  }

  private whyFile({ survey: { name }, release }: View, target: Target): string {
    if (target.folder) return ': the index of the folder';
    if (!name.equals(target.name)) return ': cleanUrls is on';
    const isLeft = this.site.options.cleanUrls && release === this.site.deployment.current;
    if (!isLeft || !name.toString('latin1').endsWith('.html')) return '';
    return ': cleanUrls is on, but without .html its address is of something else';
  }

  private whyNothing({ survey: { name }, links, mode }: View, isFolder: boolean, refusal: number): string {
    const { cleanUrls, listing, symlinks } = this.site.options;
    const kernelSays = systemError('', refusal).message.replace(/, $/, '');
    const shown = name.toString();
    if (refusal === EXDEV) return `${shown} is out of bounds: ${whyOut(links)} (${kernelSays})`;
    if (refusal === ELOOP && symlinks === 'deny')
      return `${shown} is behind a link, and symlinks is deny (${kernelSays})`;
    if (refusal === EACCES) return `${shown} may not be read by this process (${kernelSays})`;
    if (refusal !== ENOENT) return `${shown}: ${kernelSays}`;
    const kind = mode & S_IFMT;
    if (kind !== S_IFREG && kind !== S_IFDIR) return `${shown} is no file: pipes, sockets and devices are not served`;
    if (isFolder && listing) return `no folder ${shown} (${kernelSays})`;
    if (isFolder) return `no ${shown === '' ? '' : `${shown}/`}index.html (${kernelSays}), and listing is off`;
    return `no ${shown}${cleanUrls ? `, and no ${shown}.html` : ''} (${kernelSays})`;
  }
}

/** The last link that was read is the one that was not followed. */
function whyOut(links: readonly Link[]): string {
  return links.at(-1)?.target.startsWith('/')
    ? 'a link is absolute, and only relative ones that stay in the root are followed'
    : 'a link leads out of the root';
}

function whyNoName(path: string, status: 400 | 404): string {
  if (status === 400) return 'an escape is broken, or stands for NUL';
  return /%2f/i.test(path)
    ? 'an encoded slash is in no name'
    : 'a segment begins with a dot, and only /.well-known/ may';
}

function describe({ survey }: Composition): string {
  const { size, modifiedMs } = survey.file!;
  return `${survey.name}, ${bytesOf(size)}, changed ${new Date(modifiedMs).toISOString()}`;
}
