import { looksLikeAsset } from '../files/pages/asset-name.js';
import { statusForErrno } from '../files/resolve/error-status.js';
import { parseUrlPath, type UrlPath } from '../files/resolve/url-path.js';
import { FieldId } from '../http/headers.js';
import type { RequestParser } from '../http/request/parser.js';
import type { HttpResponse } from '../http/response/response.js';
import { acceptsHtmlExplicitly, prefersJson } from '../http/semantics/accept.js';
import { latin1 } from '../http/text.js';
import { constants } from '../sys/binding.js';
import { EACCES, ELOOP, ENOENT, EXDEV, systemError } from '../sys/errno.js';
import type { SymlinkRead } from './recording-kernel.js';
import type { Composition, RecordingSite, View } from './recording-site.js';
import { bytesOf, tellForm, tellPart } from './representation-trace.js';

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
  readonly topic: Topic;
  readonly text: string;
}

/** How a site came by its answer to a GET or HEAD. */
export class Trace {
  /** In the order of the decisions. */
  readonly steps: Step[] = [];
  outcome: 'file' | 'fallback' | 'listing' | 'redirect' | 'error' = 'error';
  /** The file that the answer is made of; of an error, the site's page for it. */
  composition: Composition | null = null;

  constructor(
    readonly site: RecordingSite,
    readonly request: RequestParser,
    readonly response: HttpResponse,
  ) {
    this.tellPath();
    this.tellOrigin();
  }

  add(topic: Topic, text: string): void {
    this.steps.push({ topic, text });
  }

  private tellPath(): void {
    const { site, request } = this;
    const { bytes, pathStart, pathEnd, targetEnd } = request;
    const path = latin1(bytes, pathStart, pathEnd);
    const query = latin1(bytes, pathEnd, targetEnd);
    this.add('path', `${path === '' ? 'empty' : path}${query === '' ? '' : `, and the query ${query}`}`);
    const redirect = site.redirectOf(request);
    if (redirect !== null) {
      this.outcome = 'redirect';
      return this.add('redirect', `${redirect.rule}: ${redirect.status} to ${redirect.location}`);
    }
    const { length } = site.options.redirects;
    if (length > 0) this.add('redirect', `none of the ${length} in redirects matches`);
    const target = parseUrlPath(bytes.subarray(pathStart, pathEnd));
    if (typeof target === 'number') {
      this.add('name', `none: ${whyNoName(path, target)}`);
      return target === 404 ? this.tellErrorPage() : undefined;
    }
    this.add('name', `${target.name}${target.isDirectory ? '/' : ''}`);
    this.tellView(site.view!, target);
  }

  private tellView(view: View, target: UrlPath): void {
    const { survey, links, release } = view;
    for (const line of new Set(links.map(({ name, target }) => `${name} -> ${target}`))) this.add('link', line);
    if (release !== this.site.releaseRoot.current)
      this.add('release', 'only the one before has it, and keepPreviousMs is on');
    switch (survey.kind) {
      case 'file':
        return this.tellFile(view, target);
      case 'directory':
        this.outcome = 'redirect';
        return this.add('folder', 'a slash belongs at the end of its address: without it relative links miss');
      case 'redirect':
        this.outcome = 'redirect';
        return this.add('page', 'cleanUrls is on: its address has no index.html and no .html');
      case 'listing':
        return this.site.listingRefusal === 0
          ? this.tellListing()
          : this.tellNothing(view, target.isDirectory, this.site.listingRefusal);
      case 'not-found':
        return this.tellNothing(view, target.isDirectory, survey.errno);
    }
  }

  private tellNothing(view: View, isFolder: boolean, refusal: number): void {
    this.add('nothing', this.whyNothing(view, isFolder, refusal));
    if (statusForErrno(refusal) === 404 && !isFolder) this.tellRelease(view.survey.name);
    if (statusForErrno(refusal) === 404) this.tellFallback(view.survey.name);
    else this.tellErrorPage();
  }

  /** Where it runs, a server may know more. */
  private tellRelease(name: Buffer): void {
    const { options, rules } = this.site;
    if (options.previousReleaseMs > 0 && rules.servedFromPrevious(name))
      this.add('release', 'a server that saw the root switched may have it of the one before, for keepPreviousMs');
  }

  private tellFile(view: View, target: UrlPath): void {
    const { survey } = view;
    this.outcome = 'file';
    this.composition = this.site.compositions.find((each) => each.survey === survey)!;
    this.add('file', describe(this.composition) + this.whyFile(view, target));
    tellForm(this, view.survey, this.site.beside(view));
  }

  private tellListing(): void {
    if (this.response.status === 301) {
      this.outcome = 'redirect';
      return this.add('folder', 'its address has empty segments: from there relative links miss');
    }
    this.outcome = 'listing';
    const isJson = prefersJson(this.request.list(FieldId.accept));
    this.add('folder', `it has no index.html, and listing is on: ${isJson ? 'JSON, as Accept prefers' : 'a page'}`);
    tellPart(this, this.site.listingForm!.identity);
  }

  private tellFallback(name: Buffer): void {
    const { fallback } = this.site.options;
    if (fallback === null) return this.tellErrorPage();
    const page = this.site.compositions.find(({ survey }) => survey.name.toString() === fallback);
    const not = looksLikeAsset(name)
      ? 'the name ends as that of an asset, and no page stands in for one'
      : !acceptsHtmlExplicitly(this.request.list(FieldId.accept))
        ? 'it is for those whose Accept has text/html'
        : page === undefined
          ? 'there is no such file'
          : null;
    if (not !== null) {
      this.add('page', `not the fallback ${fallback}: ${not}`);
      return this.tellErrorPage();
    }
    this.outcome = 'fallback';
    this.composition = page!;
    this.add('page', `the fallback, ${describe(page!)}`);
    tellForm(this, page!.survey, null);
  }

  /** A page of the site's own that stands in for an error's sentence. */
  private tellErrorPage(): void {
    const { status, fields } = this.response;
    const name = status === 404 ? '404.html' : '50x.html';
    const page = this.site.compositions.find(({ survey }) => survey.name.toString() === name);
    if (page !== undefined && status !== 403) {
      this.composition = page;
      return this.add('page', describe(page));
    }
    // The page for errors was opened with the site, when nobody took notes.
    const isPage = status >= 500 && fields.some(([, value]) => value.startsWith('text/html'));
    if (isPage) return this.add('page', name);
    this.add('page', `the server's own sentence${status === 403 ? '' : `: there is no ${name}`}`);
  }

  private tellOrigin(): void {
    const { cors } = this.site.options;
    const origin = this.request.value(FieldId.origin);
    if (cors === null || origin === null) return;
    const may = this.response.fields.some(([name]) => name === 'Access-Control-Allow-Origin');
    const isKnown = cors.origins === '*' || cors.origins.includes(origin);
    const why = !isKnown ? 'it is none of cors' : may ? 'by cors' : 'cors is for files';
    this.add('origin', `${origin} may ${may ? '' : 'not '}read the answer: ${why}`);
  }

  private whyFile({ survey: { name }, release }: View, target: UrlPath): string {
    if (target.isDirectory) return ': the index of the folder';
    if (!name.equals(target.name)) return ': cleanUrls is on';
    const isLeft = this.site.options.cleanUrls && release === this.site.releaseRoot.current;
    if (!isLeft || !name.toString('latin1').endsWith('.html')) return '';
    return ': cleanUrls is on, but without .html its address is of something else';
  }

  private whyNothing({ survey: { name }, links, mode }: View, isFolder: boolean, refusal: number): string {
    const { cleanUrls, directoryListing, symlinks } = this.site.options;
    const kernelSays = systemError('', refusal).message.replace(/, $/, '');
    const shown = name.toString();
    if (refusal === EXDEV) return `${shown} is out of bounds: ${whyOut(links)} (${kernelSays})`;
    if (refusal === ELOOP && symlinks === 'deny')
      return `${shown} is behind a link, and symlinks is deny (${kernelSays})`;
    if (refusal === EACCES) return `${shown} may not be read by this process (${kernelSays})`;
    if (refusal !== ENOENT) return `${shown}: ${kernelSays}`;
    const kind = mode & S_IFMT;
    if (kind !== S_IFREG && kind !== S_IFDIR) return `${shown} is no file: pipes, sockets and devices are not served`;
    if (isFolder && directoryListing) return `no folder ${shown} (${kernelSays})`;
    if (isFolder) return `no ${shown === '' ? '' : `${shown}/`}index.html (${kernelSays}), and listing is off`;
    return `no ${shown}${cleanUrls ? `, and no ${shown}.html` : ''} (${kernelSays})`;
  }
}

/** The last link that was read is the one that was not followed. */
function whyOut(links: readonly SymlinkRead[]): string {
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
