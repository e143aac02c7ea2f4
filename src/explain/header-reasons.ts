import { headerPath } from '../files/representation/builder.js';
import { NO_ETAG } from '../http/semantics/preconditions.js';
import type { Trace } from './trace.js';

export interface AbsentField {
  readonly name: string;
  readonly reason: string;
}

const FIXED: Readonly<Record<string, string>> = {
  'content-encoding': 'the representation that was selected',
  'accept-ranges': 'range requests are supported',
  location: 'the target, with the query of the request unless it has its own',
  'retry-after': 'descriptors become free when responses are sent',
  'x-total-count': 'how many entries the directory has, listed or not',
};

const VARIES: Readonly<Record<string, string>> = {
  'accept-encoding': 'other requests may get other representations',
  origin: 'CORS depends on the origin',
};

/** Of these responses to a file the body is plain text; a 416 has the file's fields even so. */
const isPlainText = (status: number): boolean => status === 406 || status === 412 || status === 416;

export class HeaderReasons {
  /** By the site's rules, by name in lower case. */
  private readonly rules = new Map<string, string>();
  readonly absent: readonly AbsentField[];

  constructor(private readonly trace: Trace) {
    const { outcome, response, site } = trace;
    const absent: AbsentField[] = [];
    const path = this.rulesPath();
    const { reasons } =
      path === null
        ? site.rules.errorHeaders
        : site.rules.fieldsFor(`/${path}`, site.rules.contentOf(`/${path}`).mediaType);
    for (const { name, reason, isRemoval } of reasons) {
      if (isRemoval) absent.push({ name, reason: `removed: ${reason}` });
      else this.rules.set(name.toLowerCase(), reason);
    }
    if (outcome !== 'file' || response.status >= 400) this.rules.set('cache-control', this.revalidationReason());
    if (outcome === 'listing')
      this.rules.set('content-security-policy', 'a listing needs its own style, and nothing else');
    if (path === null && site.options.securityHeaders)
      this.rules.set('x-content-type-options', 'securityHeaders is on');
    if (trace.file !== null && outcome !== 'error' && response.status < 400) absent.push(...this.absentValidators());
    const sent = new Set(response.fields.map(([name]) => name.toLowerCase()));
    this.absent = absent.filter(({ name }) => !sent.has(name.toLowerCase()));
  }

  of(name: string, value: string): string {
    const key = name.toLowerCase();
    if (FIXED[key] !== undefined) return FIXED[key];
    switch (key) {
      case 'content-type':
        return this.typeReason(value);
      case 'content-range':
        return this.trace.response.status === 416 ? 'the size of the file' : 'which part this is';
      case 'last-modified':
        return !this.isRecent()
          ? "the file's modification time"
          : "the time of this response: the file's is in the future";
      case 'etag':
        return this.etagReason(value);
      case 'vary':
        return this.rules.get(key) ?? this.varyReason(value);
      default:
        return this.rules.get(key) ?? (key.startsWith('access-control-') ? 'cors' : "the server's own");
    }
  }

  /** The path that the rules apply to; null in place of a file. */
  private rulesPath(): Buffer | null {
    const { file, outcome, recorder } = this.trace;
    if (outcome === 'listing') return headerPath(recorder.decisions.resolution!.resolved);
    return file === null ? null : file.resolved.name;
  }

  private revalidationReason(): string {
    const { file, outcome } = this.trace;
    if (outcome === 'listing') return 'the directory may change';
    if (outcome === 'redirect') return 'the target may change';
    if (outcome === 'file' || file === null) return 'a later request may succeed';
    return "this URL is not the page's own";
  }

  private varyReason(value: string): string {
    const { outcome, site } = this.trace;
    const others =
      site.options.fallback === null ? 'a page or plain text, by Accept' : 'the fallback depends on Accept';
    const acceptReason = outcome === 'listing' ? 'HTML or JSON, by Accept' : others;
    const names = value.split(/, */);
    return names.map((name) => (name === 'Accept' ? acceptReason : (VARIES[name.toLowerCase()] ?? name))).join('; ');
  }

  private typeReason(value: string): string {
    const { file, outcome, response } = this.trace;
    if (outcome === 'listing' && !isPlainText(response.status)) return 'the format of the listing, by Accept';
    if (file === null || isPlainText(response.status))
      return value.startsWith('text/html') ? "the server's own page" : "the server's plain text";
    if (value.startsWith('multipart/byteranges')) return 'several ranges';
    const extension = /\.[^./]+(?:\.(?:br|zst|gz))?$/.exec(file.resolved.name.toString())?.[0];
    const isKnown = value !== 'application/octet-stream';
    return (
      this.rules.get('content-type') ??
      (extension === undefined ? 'the name has no extension' : `${isKnown ? 'from' : 'unknown:'} ${extension}`)
    );
  }

  private etagReason(etag: string): string {
    const { file, site, outcome, recorder } = this.trace;
    if (outcome === 'listing') return 'a hash of its bytes';
    const coding = recorder.decisions.representation?.representation?.coding ?? 'identity';
    const isStored = file!.resolved.precompressed.some((each) => each.coding === coding);
    const suffix =
      coding === 'identity' ? '' : isStored ? ', and the coding' : ', the coding, and a hash of the compressed bytes';
    const source = site.options.etag === 'content' ? 'a hash of its bytes' : "the file's inode, size and times";
    if (etag.startsWith('W/')) return `etag is stat: ${source}; weak, since it changed a moment ago`;
    return `etag is ${site.options.etag}: ${source}${suffix}`;
  }

  private isRecent(): boolean {
    const { file, recorder } = this.trace;
    return (recorder.decisions.representation?.representation ?? file!.identity).validators.recent;
  }

  private absentValidators(): AbsentField[] {
    const { file, recorder, site } = this.trace;
    const representation = recorder.decisions.representation?.representation ?? file!.identity;
    if (representation.validators.etag === NO_ETAG) {
      const varies = 'the content may differ each time';
      return ['ETag', 'Last-Modified', 'Accept-Ranges'].map((name) => ({ name, reason: varies }));
    }
    const reason =
      site.options.etag === 'content'
        ? 'etag is content: equal servers have files of different times'
        : representation.validators.recent
          ? 'the second of the last change is not over'
          : 'the modification time is not usable';
    return [
      { name: 'Last-Modified', reason },
      { name: 'ETag', reason: 'etag is content, and a large file gets its hash after it has been read once' },
    ];
  }
}
