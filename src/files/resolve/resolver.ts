import { CODINGS, type ContentCoding, PRECOMPRESSED_SUFFIXES } from '../../http/semantics/accept-encoding.js';
import { isStrong } from '../../http/semantics/preconditions.js';
import { ENOENT } from '../../sys/errno.js';
import type { Kernel } from '../../sys/kernel.js';
import type { ResolvedSiteOptions } from '../rules/site-options.js';
import { Dependencies } from '../watch/dependencies.js';
import { HARD_LINKS } from '../watch/unwatched.js';
import { statusForErrno } from './error-status.js';
import type { Lookup } from './lookup.js';
import { DIRECTORY, type NotAFile, type OpenFile } from './open-file.js';
import type { UrlPath } from './url-path.js';

const HTML = Buffer.from('.html');
const INDEX = 'index.html';
const SLASH = 0x2f;

/** A coded form that lies beside the file. */
export interface PrecompressedFile {
  readonly coding: ContentCoding;
  readonly file: OpenFile;
}

/** What the file system has for a name. Whoever asked for it owns the descriptors in it. */
export interface Resolved {
  readonly kind: 'file' | 'directory' | 'listing' | 'redirect' | 'not-found';
  /** Of the file or folder, below the root. */
  readonly name: Buffer;
  readonly file: OpenFile | null;
  readonly precompressed: readonly PrecompressedFile[];
  /** -errno, when there is nothing. */
  readonly errno: number;
  readonly dependencies: Dependencies;
  /** The same as long as the file system says the same. */
  readonly fingerprint: string;
}

/** What stands at an address: a file under its name below the root, or why there is none. */
interface ResolvedTarget {
  readonly name: Buffer;
  readonly found: OpenFile | NotAFile;
}

/** The file in all its forms that are there. */
export const filesOf = ({ file, precompressed }: Resolved): OpenFile[] =>
  file === null ? [] : [file, ...precompressed.map((each) => each.file)];

/** Whether one of them may change without its times telling. */
export const isRacy = (survey: Resolved): boolean => filesOf(survey).some(({ racy }) => racy);

/** Counts what deserves an administrator's look. */
export interface ResolverCounters {
  stalePrecompressed: number;
}

/** Asks the file system what a target is: a file with its precompressed, a folder without its slash, a listing, nothing. */
export class Resolver {
  constructor(
    private readonly kernel: Kernel,
    private readonly options: ResolvedSiteOptions,
    private readonly counters: ResolverCounters,
  ) {}

  resolve(lookup: Lookup, target: UrlPath): Resolved {
    const dependencies = new Dependencies();
    const { name, found } = this.resolveTarget(lookup, target, dependencies);
    if (found === DIRECTORY) return { ...nothing('directory', name, dependencies), fingerprint: 'directory' };
    if (typeof found === 'number') {
      if (!target.isDirectory || !this.options.directoryListing || statusForErrno(found) !== 404)
        return notFound(name, found, dependencies);
      return { ...nothing('listing', name, dependencies), fingerprint: '' }; // its entries are read each time
    }
    const clean = this.options.cleanUrls && name === target.name ? cleanName(name) : null;
    if (clean === null) return this.withPrecompressed(lookup, name, found, dependencies);
    const errno = this.cleanUrlIsUnique(lookup, clean, name, dependencies);
    if (errno !== 0 && statusForErrno(errno) < 500) return this.withPrecompressed(lookup, name, found, dependencies);
    this.kernel.close(found.fd);
    if (errno !== 0) return notFound(name, errno, dependencies);
    return { ...nothing('redirect', clean, dependencies), fingerprint: 'redirect' };
  }

  /** A file by its name below the root. */
  file(lookup: Lookup, name: Buffer): Resolved {
    const dependencies = new Dependencies();
    const found = this.open(lookup, name, dependencies);
    if (typeof found === 'object') return this.withPrecompressed(lookup, name, found, dependencies);
    return notFound(name, found, dependencies);
  }

  /** Whether one of its forms has no date yet, and will have one when its second is over. */
  hasUnsettledDate(survey: Resolved): boolean {
    return filesOf(survey).some((file) => this.hasWeakDate(file));
  }

  /** One of its forms had no date when it was looked at, and would have one now. */
  dateHasSettled(survey: Resolved): boolean {
    return filesOf(survey).some((file) => this.hasWeakDate(file) && isStrong(file.validators, this.kernel.wallMs()));
  }

  close(survey: Resolved): void {
    for (const { fd } of filesOf(survey)) this.kernel.close(fd);
  }

  /** A clean address is that of what has the very name, a file or a folder with an index; and else of the page. */
  private resolveTarget(lookup: Lookup, { name, isDirectory }: UrlPath, dependencies: Dependencies): ResolvedTarget {
    if (isDirectory) return this.indexOf(lookup, name, dependencies);
    const found = lookup.file(name, this.kernel.wallMs(), dependencies);
    if (!this.options.cleanUrls || (found !== DIRECTORY && found !== ENOENT)) return { name, found };
    if (found === DIRECTORY) {
      const index = this.indexOf(lookup, name, dependencies).found;
      if (typeof index === 'object') {
        this.kernel.close(index.fd);
        return { name, found };
      }
      if (statusForErrno(index) !== 404) return { name, found: index };
    }
    const page = Buffer.concat([name, HTML]);
    const beside = this.open(lookup, page, dependencies);
    return typeof beside === 'object' || statusForErrno(beside) !== 404
      ? { name: page, found: beside }
      : { name, found };
  }

  private indexOf(lookup: Lookup, folder: Buffer, dependencies: Dependencies): ResolvedTarget {
    const name = folder.length === 0 ? Buffer.from(INDEX) : Buffer.concat([folder, Buffer.from(`/${INDEX}`)]);
    const found = this.open(lookup, name, dependencies);
    return { name: typeof found === 'object' ? name : folder, found };
  }

  /** Whether a page's clean name answers with the page: 0, or -errno, ENOENT where it answers with something else. */
  private cleanUrlIsUnique(lookup: Lookup, clean: Buffer, page: Buffer, dependencies: Dependencies): number {
    if (clean.length === 0 || clean.at(-1) === SLASH) return 0; // a folder's address has the index
    const { name, found } = this.resolveTarget(lookup, { name: clean, isDirectory: false }, dependencies);
    if (typeof found === 'number') return found === DIRECTORY ? ENOENT : found;
    this.kernel.close(found.fd);
    return name.equals(page) ? 0 : ENOENT;
  }

  /** A file, or -errno: a folder is none. */
  private open(lookup: Lookup, name: Buffer, dependencies: Dependencies): OpenFile | number {
    const found = lookup.file(name, this.kernel.wallMs(), dependencies);
    return found === DIRECTORY ? ENOENT : found;
  }

  private withPrecompressed(lookup: Lookup, name: Buffer, file: OpenFile, dependencies: Dependencies): Resolved {
    if (file.hasHardLinks) dependencies.markUnwatched(HARD_LINKS); // a folder does not hear of writes by a name in another
    const precompressed: PrecompressedFile[] = [];
    if (this.options.precompressed && !isPrecompressed(name)) {
      for (const coding of lookup.precompressedCodings(name, dependencies)) {
        const beside = Buffer.concat([name, Buffer.from(PRECOMPRESSED_SUFFIXES[coding])]);
        const its = new Dependencies();
        const found = lookup.file(beside, this.kernel.wallMs(), its);
        // That there is none needs no dependency: a folder tells of `app.js.br` as of `app.js`. Where a link leads, does.
        if (typeof found === 'object' || its.throughSymlink) dependencies.merge(its);
        if (typeof found !== 'object') continue;
        if (found.hasHardLinks) dependencies.markUnwatched(HARD_LINKS);
        if (found.modifiedMs >= file.modifiedMs) {
          precompressed.push({ coding, file: found });
        } else {
          this.counters.stalePrecompressed++;
          this.kernel.close(found.fd);
        }
      }
    }
    const identities = [
      this.fingerprint(file),
      ...precompressed.map((each) => `${each.coding} ${this.fingerprint(each.file)}`),
    ];
    return { kind: 'file', name, file, precompressed, errno: 0, dependencies, fingerprint: identities.join(', ') };
  }

  /** A recent file is another one when its second is over. */
  private fingerprint(file: OpenFile): string {
    return this.hasWeakDate(file) ? `${file.fingerprint} recent` : file.fingerprint;
  }

  /** Where tags are of content no file has a date, ever. */
  private hasWeakDate({ validators }: OpenFile): boolean {
    return validators.recent && this.options.etag === 'stat';
  }
}

const nothing = (kind: Resolved['kind'], name: Buffer, dependencies: Dependencies) => ({
  kind,
  name,
  file: null,
  precompressed: [],
  errno: 0,
  dependencies,
});

const notFound = (name: Buffer, errno: number, dependencies: Dependencies): Resolved => ({
  ...nothing('not-found', name, dependencies),
  errno,
  fingerprint: `not-found ${statusForErrno(errno)}`,
});

function isPrecompressed(name: Buffer): boolean {
  const text = name.toString('latin1');
  return CODINGS.some((coding) => text.endsWith(PRECOMPRESSED_SUFFIXES[coding]));
}

/** The name under which a page is known where addresses have no `.html`; null for what is no page. */
function cleanName(name: Buffer): Buffer | null {
  const text = name.toString('latin1');
  if (text === INDEX) return Buffer.alloc(0);
  if (text.endsWith(`/${INDEX}`)) return name.subarray(0, -INDEX.length);
  return text.endsWith('.html') ? name.subarray(0, -HTML.length) : null;
}
