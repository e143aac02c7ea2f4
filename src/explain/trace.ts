import { COMPRESSION_MIN_BYTES } from '../files/representation/compress.js';
import type { BuiltFile } from '../files/representation/decisions.js';
import { statusForErrno } from '../files/resolve/error-status.js';
import type { Resolved } from '../files/resolve/resolver.js';
import type { UrlPath } from '../files/resolve/url-path.js';
import { isCompressible, mediaTypeOf } from '../files/rules/media-type.js';
import type { Site } from '../files/site.js';
import { Dependencies } from '../files/watch/dependencies.js';
import { FieldId } from '../http/headers.js';
import type { RequestParser } from '../http/request/parser.js';
import type { HttpResponse } from '../http/response/response.js';
import { prefersJson } from '../http/semantics/accept.js';
import { CODINGS, codingPreferences, PRECOMPRESSED_SUFFIXES } from '../http/semantics/accept-encoding.js';
import type { PreconditionResult } from '../http/semantics/preconditions.js';
import { latin1 } from '../http/text.js';
import { constants } from '../sys/binding.js';
import { EACCES, ELOOP, ENOENT, EXDEV, systemError } from '../sys/errno.js';
import type { Recorder, SymlinkRead } from './recorder.js';

export type Topic =
  | 'malformed'
  | 'path'
  | 'redirect'
  | 'resolved'
  | 'symlink'
  | 'release'
  | 'file'
  | 'directory'
  | 'not-found'
  | 'fallback'
  | 'error-page'
  | 'precompressed'
  | 'representation'
  | 'precondition'
  | 'range'
  | 'origin'
  | 'handler';

export interface Step {
  readonly topic: Topic;
  readonly text: string;
}

export type Outcome = 'file' | 'fallback' | 'listing' | 'redirect' | 'error';

const { S_IFDIR, S_IFMT, S_IFREG } = constants;

/** How a site came by its response to a GET or HEAD: renders its recorded decisions. */
export class Trace {
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
        if (decisions.readErrno !== undefined) return this.traceNotFound(path, decisions.readErrno);
        return this.traceFile('file', decisions.file!, this.fileReason(path));
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

  /** Why a file is sent as it is: encoded or not, whole or in part, or not at all. */
  private traceFile(outcome: 'file' | 'fallback', file: BuiltFile, reason = ''): void {
    this.outcome = outcome;
    this.file = file;
    this.add(outcome, describe(file) + reason);
    if (outcome === 'file') this.tracePrecompressed(file.resolved);
    const { representation, compressing } = this.recorder.decisions.representation ?? {
      representation: file.identity,
      compressing: null,
    };
    const accepts = acceptsText(this.request);
    if (representation === null) return this.add('representation', `none: ${accepts.text}`);
    const { coding, size } = representation;
    const isAccepted = accepts.codings.includes(coding);
    const anyway = isAccepted ? '' : '; none that exists is accepted, and it is sent anyway (RFC 9110 section 12.5.3)';
    const later =
      compressing !== null
        ? `; ${compressing} is made now, for later requests, if it is worthwhile`
        : this.site.options.compress && !file.isCompressed
          ? `; ${uncompressedReason(file.resolved)}`
          : '';
    this.add('representation', `${coding}, ${bytesText(size)}: ${accepts.text}${anyway}${later}`);
    this.traceConditions(size);
  }

  private traceConditions(size: number): void {
    const { precondition, range } = this.recorder.decisions;
    if (precondition !== undefined && precondition.field !== null) {
      const { status } = precondition;
      this.add('precondition', `${preconditionReason(precondition)}: ${status === 200 ? 'passed' : status}`);
    }
    if (range === undefined) return;
    if (typeof range === 'string') {
      const reason = range === 'method' ? `it has no meaning for ${this.request.method}` : IGNORED_RANGES[range];
      return this.add('range', `ignored: ${reason}`);
    }
    if (range === 416) return this.add('range', `416: no byte of it is within ${bytesText(size)}`);
    if (this.response.status !== 206) return this.add('range', 'ignored: several ranges of an encoded representation');
    this.add('range', `${range.map(({ start, end }) => `${start}-${end - 1}`).join(', ')} of ${bytesText(size)}`);
  }

  /** The precompressed files that exist, with those that are not used. */
  private tracePrecompressed({ name, file, precompressed }: Resolved): void {
    const { site, recorder } = this;
    const { lookup } = recorder.decisions.resolution!.release;
    let count = 0;
    for (const coding of CODINGS) {
      const encodedName = Buffer.concat([name, Buffer.from(PRECOMPRESSED_SUFFIXES[coding])]);
      const encoded = lookup.file(encodedName, site.context.kernel.wallMs(), new Dependencies());
      if (typeof encoded !== 'object') continue;
      site.context.kernel.close(encoded.fd);
      count++;
      const seconds = ((file!.modifiedMs - encoded.modifiedMs) / 1000).toFixed(3);
      const isUsed = precompressed.some((each) => each.coding === coding);
      const reason = !site.options.precompressed ? 'precompressed is off' : `${seconds} s older than the file`;
      this.add('precompressed', `${encodedName}, ${bytesText(encoded.size)}${isUsed ? '' : `, ignored: ${reason}`}`);
    }
    if (count === 0 && site.options.precompressed)
      this.add('precompressed', `none: no ${Object.values(PRECOMPRESSED_SUFFIXES).join(', ')}`);
  }

  private traceListing(): void {
    if (this.response.status === 301) {
      this.outcome = 'redirect';
      return this.add('directory', 'its URL has empty segments: relative links would miss');
    }
    this.outcome = 'listing';
    const format = prefersJson(this.request.list(FieldId.accept)) ? 'JSON, as Accept prefers' : 'HTML';
    this.add('directory', `it has no index.html, and directoryListing is on: ${format}`);
    this.traceConditions(this.response.contentLength);
  }

  private traceFallback(): void {
    const { fallback } = this.site.options;
    const page = this.recorder.decisions.fallback;
    if (page === undefined) return this.traceErrorPage();
    if (typeof page === 'string') {
      this.add('fallback', `${fallback} is not sent: ${FALLBACK_REASONS[page]}`);
      return this.traceErrorPage();
    }
    this.traceFile('fallback', page);
  }

  private traceErrorPage(): void {
    const { status } = this.response;
    const { errorPage = null } = this.recorder.decisions;
    const name = status === 404 ? '404.html' : '50x.html';
    this.file = errorPage;
    if (errorPage !== null) this.add('error-page', describe(errorPage));
    else {
      const isHtml = this.response.fields.some(([, value]) => value.startsWith('text/html'));
      const form = isHtml ? "the server's own page" : 'plain text';
      this.add('error-page', `${form}${status === 403 ? '' : `: there is no ${name}`}`);
    }
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

const PENDING = 'If-Match may match the ETag, which is not known yet';

const IGNORED_RANGES = {
  'no-validators': 'the content may differ each time, so that parts of it cannot be joined',
  repeated: 'the field was sent twice',
  'if-match': `${PENDING}, and the whole is sent`,
  'if-range': 'If-Range does not match, and the whole is sent',
  invalid: 'it is not supported, or not worth it',
} as const;

function preconditionReason({ status, field, isPending }: PreconditionResult): string {
  if (isPending) return PENDING;
  switch (field) {
    case 'If-Match':
      return `If-Match ${status === 412 ? 'does not match' : 'matches'} the ETag`;
    case 'If-None-Match':
      return `If-None-Match ${status === 304 ? 'matches' : 'does not match'} the ETag`;
    case 'If-Modified-Since':
      return `${status === 304 ? 'not modified' : 'it may be modified'} since If-Modified-Since`;
    default:
      return `${status === 412 ? 'modified' : 'not modified'} since If-Unmodified-Since`;
  }
}

const FALLBACK_REASONS = {
  asset: 'the name ends like that of an asset',
  'not accepted': 'by its Accept the request is not for a page',
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

function describe({ resolved: { name, file }, identity }: BuiltFile): string {
  return `${name}, ${bytesText(identity.size)}, modified ${new Date(file!.modifiedMs).toISOString()}`;
}

function acceptsText(request: RequestParser): { text: string; codings: readonly string[] } {
  const value = request.list(FieldId.acceptEncoding);
  const codings = codingPreferences(value);
  if (value === null) return { text: 'the request has no Accept-Encoding', codings };
  if (codings.length === 0) return { text: 'Accept-Encoding accepts nothing', codings };
  return { text: `Accept-Encoding prefers ${codings.join(', then ')}`, codings };
}

function uncompressedReason({ name, file }: Resolved): string {
  const type = mediaTypeOf(name);
  if (!isCompressible(type)) return `not compressed: ${type} is not compressible`;
  return `not compressed: ${file!.size < COMPRESSION_MIN_BYTES ? 'too small' : 'not cached, or too large'}`;
}

/** @param size -1 if it is not known */
export const bytesText = (size: number): string =>
  size < 0 ? 'of unknown size' : `${size.toLocaleString('en')} byte${size === 1 ? '' : 's'}`;
