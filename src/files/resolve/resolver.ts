import { type ContentCoding, PRECOMPRESSED_SUFFIXES } from '../../http/semantics/accept-encoding.js';
import { isStrong } from '../../http/semantics/preconditions.js';
import { debug, tracing } from '../../sys/debug.js';
import { ENOENT } from '../../sys/errno.js';
import type { Kernel } from '../../sys/kernel.js';
import type { ResolvedSiteOptions } from '../rules/site-options.js';
import { isEncodedFormat } from '../rules/stored-coding.js';
import { Dependencies } from '../watch/dependencies.js';
import { HARD_LINKS } from '../watch/unwatched.js';
import { originalOf } from '../watch/watched-directory.js';
import { statusForErrno } from './error-status.js';
import type { Lookup } from './lookup.js';
import { DIRECTORY, type NotAFile, type OpenFile } from './open-file.js';
import type { UrlPath } from './url-path.js';

const HTML = Buffer.from('.html');
const INDEX = 'index.html';
const SLASH = 0x2f;

/** A file in a content coding next to its original: `app.js.br`. */
export interface PrecompressedFile {
  readonly coding: ContentCoding;
  readonly file: OpenFile;
}

/** What a target is in the file system. Its descriptors are the caller's. */
export interface Resolved {
  readonly kind: 'file' | 'directory' | 'listing' | 'redirect' | 'not-found';
  /** Of the file or directory, below the root; of a redirect its target's. */
  readonly name: Buffer;
  /** Null for all kinds but `file`. */
  readonly file: OpenFile | null;
  readonly precompressed: readonly PrecompressedFile[];
  /** -errno of `not-found`; 0 otherwise. */
  readonly errno: number;
  readonly dependencies: Dependencies;
  /** Unchanged while the files are unchanged, as far as fstat(2) shows: then a cached response is valid. */
  readonly fingerprint: string;
}

interface Located {
  readonly name: Buffer;
  readonly file: OpenFile | NotAFile;
}

export const filesOf = ({ file, precompressed }: Resolved): OpenFile[] =>
  file === null ? [] : [file, ...precompressed.map((each) => each.file)];

/** Whether one of its files may change without another fingerprint. */
export const isRacy = (resolved: Resolved): boolean => filesOf(resolved).some(({ racy }) => racy);

/**
 * Resolves targets to files. In this order:
 *
 * 1. `/docs/`: its `index.html`; else, if listings are on and the index is 404, the kind `listing`.
 * 2. `/about`: the file of this name. With `cleanUrls`, a directory with an index goes before `about.html`, which goes
 *    before a directory without one.
 * 3. A directory without a trailing slash is the kind `directory`: relative links would miss.
 * 4. With `cleanUrls`, `/about.html` is the kind `redirect`, if `/about` is resolved to the same file.
 * 5. A file comes with its precompressed files, except those that are older than it (stale).
 *
 * Every name that was opened on the way, or was missing, is in `dependencies`.
 */
export class Resolver {
  constructor(
    private readonly kernel: Kernel,
    private readonly options: ResolvedSiteOptions,
    private readonly counters: { stalePrecompressed: number },
  ) {}

  resolve(lookup: Lookup, target: UrlPath): Resolved {
    const resolved = this.resolveTarget(lookup, target);
    if (tracing) {
      const { kind, name, fingerprint, dependencies } = resolved;
      const result = kind === 'not-found' ? fingerprint : `${kind} /${name}`;
      debug('resolve /%s: %s, %s', target.name, result, dependencies.unwatchedReason ?? 'watched');
    }
    return resolved;
  }

  /** Resolves the name of a file below the root, without any of the rules for targets. */
  file(lookup: Lookup, name: Buffer): Resolved {
    const dependencies = new Dependencies();
    const file = this.open(lookup, name, dependencies);
    if (typeof file === 'object') return this.withPrecompressed(lookup, name, file, dependencies);
    return notFound(name, file, dependencies);
  }

  /** Whether one of its files has no date yet, because the second of its change is not over. */
  hasUnsettledDate(resolved: Resolved): boolean {
    return filesOf(resolved).some((file) => this.hasWeakDate(file));
  }

  /** Whether one of its files had no date when it was opened, and would have one now. */
  dateHasSettled(resolved: Resolved): boolean {
    return filesOf(resolved).some((file) => this.hasWeakDate(file) && isStrong(file.validators, this.kernel.wallMs()));
  }

  close(resolved: Resolved): void {
    for (const { fd } of filesOf(resolved)) this.kernel.close(fd);
  }

  private resolveTarget(lookup: Lookup, target: UrlPath): Resolved {
    const dependencies = new Dependencies();
    const { name, file } = this.locate(lookup, target, dependencies);
    if (file === DIRECTORY) return withoutFile('directory', name, dependencies);
    if (typeof file === 'number') {
      if (!target.isDirectory || !this.options.directoryListing || statusForErrno(file) !== 404)
        return notFound(name, file, dependencies);
      return withoutFile('listing', name, dependencies, ''); // its entries are read each time
    }
    const clean = this.options.cleanUrls && name === target.name ? cleanName(name) : null;
    if (clean === null) return this.withPrecompressed(lookup, name, file, dependencies);
    const errno = this.cleanUrlErrno(lookup, clean, name, dependencies);
    if (errno !== 0 && statusForErrno(errno) < 500) return this.withPrecompressed(lookup, name, file, dependencies);
    this.kernel.close(file.fd);
    if (errno !== 0) return notFound(name, errno, dependencies);
    return withoutFile('redirect', clean, dependencies);
  }

  private locate(lookup: Lookup, { name, isDirectory }: UrlPath, dependencies: Dependencies): Located {
    if (isDirectory) return this.locateIndex(lookup, name, dependencies);
    const file = lookup.file(name, this.kernel.wallMs(), dependencies);
    if (!this.options.cleanUrls || (file !== DIRECTORY && file !== ENOENT)) return { name, file };
    if (file === DIRECTORY) {
      const { file: index } = this.locateIndex(lookup, name, dependencies);
      if (typeof index === 'object') {
        this.kernel.close(index.fd);
        return { name, file };
      }
      if (statusForErrno(index) !== 404) return { name, file: index };
    }
    const pageName = Buffer.concat([name, HTML]);
    const page = this.open(lookup, pageName, dependencies);
    return typeof page === 'object' || statusForErrno(page) !== 404 ? { name: pageName, file: page } : { name, file };
  }

  private locateIndex(lookup: Lookup, directory: Buffer, dependencies: Dependencies): Located {
    const name = directory.length === 0 ? Buffer.from(INDEX) : Buffer.concat([directory, Buffer.from(`/${INDEX}`)]);
    const file = this.open(lookup, name, dependencies);
    return { name: typeof file === 'object' ? name : directory, file };
  }

  /** 0 if the clean URL of a page is resolved to the page; -errno otherwise, ENOENT if to something else. */
  private cleanUrlErrno(lookup: Lookup, clean: Buffer, page: Buffer, dependencies: Dependencies): number {
    if (clean.length === 0 || clean.at(-1) === SLASH) return 0; // a directory's is always its index
    const { name, file } = this.locate(lookup, { name: clean, isDirectory: false }, dependencies);
    if (typeof file === 'number') return file === DIRECTORY ? ENOENT : file;
    this.kernel.close(file.fd);
    return name.equals(page) ? 0 : ENOENT;
  }

  /** A file, or -errno: a directory is ENOENT. */
  private open(lookup: Lookup, name: Buffer, dependencies: Dependencies): OpenFile | number {
    const file = lookup.file(name, this.kernel.wallMs(), dependencies);
    return file === DIRECTORY ? ENOENT : file;
  }

  private withPrecompressed(lookup: Lookup, name: Buffer, file: OpenFile, dependencies: Dependencies): Resolved {
    if (file.hasHardLinks) dependencies.markUnwatched(HARD_LINKS); // writes by a name in another directory are not reported
    const precompressed: PrecompressedFile[] = [];
    const isOriginal = originalOf(name.toString('latin1')) === null && !isEncodedFormat(name);
    if (this.options.precompressed && isOriginal && !file.fileSystem.isPseudo) {
      for (const coding of lookup.precompressedCodings(name, dependencies)) {
        const encodedName = Buffer.concat([name, Buffer.from(PRECOMPRESSED_SUFFIXES[coding])]);
        const own = new Dependencies();
        const encoded = lookup.file(encodedName, this.kernel.wallMs(), own);
        // A missing one needs no dependency: an event of `app.js.br` invalidates `app.js`. The target of a symlink does.
        if (typeof encoded === 'object' || own.throughSymlink) dependencies.merge(own);
        if (typeof encoded !== 'object') continue;
        if (encoded.hasHardLinks) dependencies.markUnwatched(HARD_LINKS);
        if (encoded.fileSystem.isPseudo) {
          this.kernel.close(encoded.fd);
        } else if (encoded.modifiedMs >= file.modifiedMs) {
          precompressed.push({ coding, file: encoded });
        } else {
          this.counters.stalePrecompressed++;
          this.kernel.close(encoded.fd);
        }
      }
    }
    const fingerprints = [
      this.fingerprint(file),
      ...precompressed.map((each) => `${each.coding} ${this.fingerprint(each.file)}`),
    ];
    return { kind: 'file', name, file, precompressed, errno: 0, dependencies, fingerprint: fingerprints.join(', ') };
  }

  /** A file gets a date when the second of its change is over, which is another response. */
  private fingerprint(file: OpenFile): string {
    return this.hasWeakDate(file) ? `${file.fingerprint} recent` : file.fingerprint;
  }

  /** With tags of content, files have no dates at all. */
  private hasWeakDate({ validators }: OpenFile): boolean {
    return validators.recent && this.options.etag === 'stat';
  }
}

const withoutFile = (
  kind: Resolved['kind'],
  name: Buffer,
  dependencies: Dependencies,
  fingerprint: string = kind,
  errno = 0,
): Resolved => ({ kind, name, file: null, precompressed: [], errno, dependencies, fingerprint });

const notFound = (name: Buffer, errno: number, dependencies: Dependencies): Resolved =>
  withoutFile('not-found', name, dependencies, `not-found ${statusForErrno(errno)}`, errno);

/** Null for other files than pages. */
function cleanName(name: Buffer): Buffer | null {
  const text = name.toString('latin1');
  if (text === INDEX) return Buffer.alloc(0);
  if (text.endsWith(`/${INDEX}`)) return name.subarray(0, -INDEX.length);
  return text.endsWith('.html') ? name.subarray(0, -HTML.length) : null;
}
