import type { BuiltFile } from '../files/representation/decisions.js';
import { statusForErrno } from '../files/resolve/error-status.js';
import type { UrlPath } from '../files/resolve/url-path.js';
import type { Site } from '../files/site.js';
import { FieldId } from '../http/headers.js';
import type { RequestParser } from '../http/request/parser.js';
import type { HttpResponse } from '../http/response/response.js';
import { prefersJson } from '../http/semantics/accept.js';
import { latin1 } from '../http/text.js';
import { constants } from '../sys/binding.js';
import { EACCES, ELOOP, ENOENT, EXDEV, systemError } from '../sys/errno.js';
import type { Recorder } from './recorder.js';
import type { SymlinkRead } from './recording-kernel.js';
import { bytesText, traceConditions, traceRepresentation } from './representation-trace.js';
import type { Outcome, RequestTrace, Step, Topic } from './step.js';

const { S_IFDIR, S_IFMT, S_IFREG } = constants;

/** How a site came by its response to a GET or HEAD: renders its recorded decisions. */
export class Trace implements RequestTrace {
  /** In the order of the decisions. */
  readonly steps: Step[] = [];
  outcome: Outcome = 'error';
  /** The file of the response; of an error, the site's page for it. */
  file: BuiltFile | null = null;

  constructor(
    readonly site: Site,
    readonly recorder: Recorder,
    readonly request: RequestParser,
    readonly response: HttpResponse,
  ) {
    this.tracePath();
    this.traceOrigin();
  }

  add(topic: Topic, text: string): void {
    this.steps.push({ topic, text });
  }

  private tracePath(): void {
    const { request, site } = this;
    const { redirect, path } = this.recorder.decisions;
    const { bytes, pathStart, pathEnd, targetEnd } = request;
    const text = latin1(bytes, pathStart, pathEnd);
    const query = latin1(bytes, pathEnd, targetEnd);
    this.add('path', `${text === '' ? 'empty' : text}${query === '' ? '' : `, query ${query}`}`);
    if (redirect) {
      this.outcome = 'redirect';
      return this.add('redirect', `${redirect.rule}: ${redirect.status} to ${redirect.location}`);
    }
    const { length } = site.options.redirects;
    if (length > 0) this.add('redirect', `none of the ${length} in redirects matches`);
    if (path === undefined) return; // the method is not for files
    if (typeof path === 'number') {
      this.add('resolved', `none: ${invalidPathReason(text, path)}`);
      return path === 404 ? this.traceErrorPage() : undefined;
    }
    this.add('resolved', `${path.name}${path.isDirectory ? '/' : ''}`);
    this.traceResolution(path);
  }

  private traceResolution(path: UrlPath): void {
    const { decisions, resolving } = this.recorder;
    const { resolved, release } = decisions.resolution!;
    const root = `${this.site.releaseRoot.current.root.path}/`;
    const lines = resolving.symlinks.map(({ name, target }) => {
      return `${name.startsWith(root) ? name.slice(root.length) : name} -> ${target}`;
    });
    for (const line of new Set(lines)) this.add('symlink', line);
    if (release !== this.site.releaseRoot.current)
      this.add('release', 'only the previous release has it, and previousReleaseMs is set');
    switch (resolved.kind) {
      case 'file':
        return this.traceFile(path);
      case 'directory':
        this.outcome = 'redirect';
        return this.add('directory', 'its URL ends with a slash: without it relative links miss');
      case 'redirect':
        this.outcome = 'redirect';
        return this.add('redirect', 'cleanUrls is on: the URL of a page has no index.html and no .html');
      case 'listing':
        return decisions.listingErrno === undefined
          ? this.traceListing()
          : this.traceNotFound(path, decisions.listingErrno);
      case 'not-found':
        return this.traceNotFound(path, resolved.errno);
    }
  }

  private traceNotFound({ isDirectory }: UrlPath, errno: number): void {
    const { options, rules } = this.site;
    const { name } = this.recorder.decisions.resolution!.resolved;
    this.add('not-found', this.notFoundReason(isDirectory, errno));
    if (statusForErrno(errno) !== 404) return this.traceErrorPage();
    if (!isDirectory && options.previousReleaseMs > 0 && rules.servedFromPrevious(name))
      this.add('release', 'a running server may have it in the previous release, for previousReleaseMs');
    this.traceFallback();
  }

  private traceFile(path: UrlPath): void {
    this.outcome = 'file';
    this.file = this.recorder.decisions.file!;
    this.add('file', describe(this.file) + this.fileReason(path));
    traceRepresentation(this, this.file);
  }

  private traceListing(): void {
    if (this.response.status === 301) {
      this.outcome = 'redirect';
      return this.add('directory', 'its URL has empty segments: relative links would miss');
    }
    this.outcome = 'listing';
    const format = prefersJson(this.request.list(FieldId.accept)) ? 'JSON, as Accept prefers' : 'HTML';
    this.add('directory', `it has no index.html, and directoryListing is on: ${format}`);
    traceConditions(this, this.response.contentLength);
  }

  private traceFallback(): void {
    const { fallback } = this.site.options;
    const page = this.recorder.decisions.fallback;
    if (page === undefined) return this.traceErrorPage();
    if (typeof page === 'string') {
      this.add('fallback', `${fallback} is not sent: ${FALLBACK_REASONS[page]}`);
      return this.traceErrorPage();
    }
    this.outcome = 'fallback';
    this.file = page;
    this.add('fallback', describe(page));
    traceRepresentation(this, page);
  }

  private traceErrorPage(): void {
    const { status } = this.response;
    const { errorPage = null } = this.recorder.decisions;
    const name = status === 404 ? '404.html' : '50x.html';
    this.file = errorPage;
    if (errorPage !== null) this.add('error-page', describe(errorPage));
    else this.add('error-page', `plain text${status === 403 ? '' : `: there is no ${name}`}`);
  }

  private traceOrigin(): void {
    const { cors } = this.site.options;
    const origin = this.request.value(FieldId.origin);
    if (cors === null || origin === null) return;
    const isAllowed = this.response.fields.some(([name]) => name === 'Access-Control-Allow-Origin');
    const isListed = cors.origins === '*' || cors.origins.includes(origin);
    const reason = !isListed ? 'it is not in cors' : isAllowed ? 'by cors' : 'cors is for files';
    this.add('origin', `${origin} may ${isAllowed ? '' : 'not '}read the response: ${reason}`);
  }

  private fileReason(path: UrlPath): string {
    const { resolved, release } = this.recorder.decisions.resolution!;
    if (path.isDirectory) return ': the index of the directory';
    if (!resolved.name.equals(path.name)) return ': cleanUrls is on';
    const hasCleanUrl = this.site.options.cleanUrls && release === this.site.releaseRoot.current;
    if (!hasCleanUrl || !path.name.toString('latin1').endsWith('.html')) return '';
    return ': cleanUrls is on, but its URL without .html leads to something else';
  }

  private notFoundReason(isDirectory: boolean, errno: number): string {
    const { cleanUrls, directoryListing, symlinks } = this.site.options;
    const { decisions, resolving } = this.recorder;
    const name = decisions.resolution!.resolved.name.toString();
    const error = `(${systemError('', errno).message.replace(/, $/, '')})`;
    if (errno === EXDEV) return `${name} escapes the root: ${escapeReason(resolving.symlinks)} ${error}`;
    if (errno === ELOOP && symlinks === 'deny') return `${name} is behind a symlink, and symlinks is deny ${error}`;
    if (errno === EACCES) return `${name} cannot be read by this process ${error}`;
    if (errno !== ENOENT) return `${name}: ${error.slice(1, -1)}`;
    const type = resolving.mode & S_IFMT;
    if (type !== S_IFREG && type !== S_IFDIR) return `${name} is not a file: pipes, sockets and devices are not served`;
    if (isDirectory && directoryListing) return `no directory ${name} ${error}`;
    if (isDirectory) return `no ${name === '' ? '' : `${name}/`}index.html ${error}, and directoryListing is off`;
    return `no ${name}${cleanUrls ? `, and no ${name}.html` : ''} ${error}`;
  }
}

const FALLBACK_REASONS = {
  asset: 'the name ends like that of an asset',
  'not accepted': 'it is for requests whose Accept lists text/html',
  missing: 'there is no such file',
} as const;

/** The last symlink that was read is the one that was not followed. */
function escapeReason(symlinks: readonly SymlinkRead[]): string {
  return symlinks.at(-1)?.target.startsWith('/')
    ? 'a symlink is absolute, and only relative ones that stay in the root are followed'
    : 'a symlink leads out of the root';
}

function invalidPathReason(path: string, status: 400 | 404): string {
  if (status === 400) return 'the percent-encoding is broken, or encodes NUL';
  return /%2f/i.test(path)
    ? 'no name contains a slash, which is encoded here'
    : 'a segment begins with a dot, and only /.well-known/ may';
}

function describe({ resolved: { name, file } }: BuiltFile): string {
  return `${name}, ${bytesText(file!.size)}, modified ${new Date(file!.modifiedMs).toISOString()}`;
}
