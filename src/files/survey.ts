import { ENOENT } from '../sys/errno.js';
import type { Kernel } from '../sys/kernel.js';
import { isStrong } from './conditional.js';
import { CODINGS, type Coding, SIDECAR_SUFFIXES } from './encoding.js';
import { FOLDER, type NoFile, type OpenFile, statusOf } from './file.js';
import type { Lookup } from './lookup.js';
import type { ResolvedSiteOptions } from './options.js';
import type { Target } from './target.js';
import { Dependencies } from './tree.js';
import { HARD_LINKS } from './untold.js';

const HTML = Buffer.from('.html');
const INDEX = 'index.html';
const SLASH = 0x2f;

/** A coded form that lies beside the file. */
export interface Sidecar {
  readonly coding: Coding;
  readonly file: OpenFile;
}

/** What the file system has for a name. Whoever asked for it owns the descriptors in it. */
export interface Survey {
  readonly kind: 'file' | 'folder' | 'listing' | 'moved' | 'refused';
  /** Of the file or folder, below the root. */
  readonly name: Buffer;
  readonly file: OpenFile | null;
  readonly sidecars: readonly Sidecar[];
  /** -errno, when there is nothing. */
  readonly refusal: number;
  readonly dependencies: Dependencies;
  /** The same as long as the file system says the same. */
  readonly signature: string;
}

/** What stands at an address: a file under its name below the root, or why there is none. */
interface Place {
  readonly name: Buffer;
  readonly found: OpenFile | NoFile;
}

/** The file in all its forms that are there. */
export const filesOf = ({ file, sidecars }: Survey): OpenFile[] =>
  file === null ? [] : [file, ...sidecars.map((each) => each.file)];

/** Whether one of them may change without its times telling. */
export const isYoung = (survey: Survey): boolean => filesOf(survey).some(({ young }) => young);

/** Counts what deserves an administrator's look. */
export interface SurveyCounters {
  outdatedSidecars: number;
}

/** Asks the file system what a target is: a file with its sidecars, a folder without its slash, a listing, nothing. */
export class Surveyor {
  constructor(
    private readonly kernel: Kernel,
    private readonly options: ResolvedSiteOptions,
    private readonly counters: SurveyCounters,
  ) {}

  survey(lookup: Lookup, target: Target): Survey {
    const dependencies = new Dependencies();
    const { name, found } = this.placeOf(lookup, target, dependencies);
    if (found === FOLDER) return { ...nothing('folder', name, dependencies), signature: 'folder' };
    if (typeof found === 'number') {
      if (!target.folder || !this.options.listing || statusOf(found) !== 404) return refused(name, found, dependencies);
      return { ...nothing('listing', name, dependencies), signature: '' }; // its entries are read each time
    }
    const clean = this.options.cleanUrls && name === target.name ? cleanName(name) : null;
    if (clean === null) return this.withSidecars(lookup, name, found, dependencies);
    const refusal = this.leadsBack(lookup, clean, name, dependencies);
    if (refusal !== 0 && statusOf(refusal) < 500) return this.withSidecars(lookup, name, found, dependencies);
    this.kernel.close(found.fd);
    if (refusal !== 0) return refused(name, refusal, dependencies);
    return { ...nothing('moved', clean, dependencies), signature: 'moved' };
  }

  /** A file by its name below the root. */
  file(lookup: Lookup, name: Buffer): Survey {
    const dependencies = new Dependencies();
    const found = this.open(lookup, name, dependencies);
    if (typeof found === 'object') return this.withSidecars(lookup, name, found, dependencies);
    return refused(name, found, dependencies);
  }

  /** Whether one of its forms has no date yet, and will have one when its second is over. */
  isRecent(survey: Survey): boolean {
    return filesOf(survey).some((file) => this.awaitsDate(file));
  }

  /** One of its forms had no date when it was looked at, and would have one now. */
  hasAged(survey: Survey): boolean {
    return filesOf(survey).some((file) => this.awaitsDate(file) && isStrong(file.validators, this.kernel.wallMs()));
  }

  close(survey: Survey): void {
    for (const { fd } of filesOf(survey)) this.kernel.close(fd);
  }

  /** A clean address is that of what has the very name, a file or a folder with an index; and else of the page. */
  private placeOf(lookup: Lookup, { name, folder }: Target, dependencies: Dependencies): Place {
    if (folder) return this.indexOf(lookup, name, dependencies);
    const found = lookup.file(name, this.kernel.wallMs(), dependencies);
    if (!this.options.cleanUrls || (found !== FOLDER && found !== ENOENT)) return { name, found };
    if (found === FOLDER) {
      const index = this.indexOf(lookup, name, dependencies).found;
      if (typeof index === 'object') {
        this.kernel.close(index.fd);
        return { name, found };
      }
      if (statusOf(index) !== 404) return { name, found: index };
    }
    const page = Buffer.concat([name, HTML]);
    const beside = this.open(lookup, page, dependencies);
    return typeof beside === 'object' || statusOf(beside) !== 404 ? { name: page, found: beside } : { name, found };
  }

  private indexOf(lookup: Lookup, folder: Buffer, dependencies: Dependencies): Place {
    const name = folder.length === 0 ? Buffer.from(INDEX) : Buffer.concat([folder, Buffer.from(`/${INDEX}`)]);
    const found = this.open(lookup, name, dependencies);
    return { name: typeof found === 'object' ? name : folder, found };
  }

  /** Whether a page's clean name answers with the page: 0, or -errno, ENOENT where it answers with something else. */
  private leadsBack(lookup: Lookup, clean: Buffer, page: Buffer, dependencies: Dependencies): number {
    if (clean.length === 0 || clean.at(-1) === SLASH) return 0; // a folder's address has the index
    const { name, found } = this.placeOf(lookup, { name: clean, folder: false }, dependencies);
    if (typeof found === 'number') return found === FOLDER ? ENOENT : found;
    this.kernel.close(found.fd);
    return name.equals(page) ? 0 : ENOENT;
  }

  /** A file, or -errno: a folder is none. */
  private open(lookup: Lookup, name: Buffer, dependencies: Dependencies): OpenFile | number {
    const found = lookup.file(name, this.kernel.wallMs(), dependencies);
    return found === FOLDER ? ENOENT : found;
  }

  private withSidecars(lookup: Lookup, name: Buffer, file: OpenFile, dependencies: Dependencies): Survey {
    if (file.linked) dependencies.leaveUntold(HARD_LINKS); // a folder does not hear of writes by a name in another
    const sidecars: Sidecar[] = [];
    if (this.options.sidecars && !isSidecar(name)) {
      for (const coding of lookup.codingsBeside(name, dependencies)) {
        const beside = Buffer.concat([name, Buffer.from(SIDECAR_SUFFIXES[coding])]);
        const its = new Dependencies();
        const found = lookup.file(beside, this.kernel.wallMs(), its);
        // That there is none needs no dependency: a folder tells of `app.js.br` as of `app.js`. Where a link leads, does.
        if (typeof found === 'object' || its.areLinked) dependencies.merge(its);
        if (typeof found !== 'object') continue;
        if (found.linked) dependencies.leaveUntold(HARD_LINKS);
        if (found.modifiedMs >= file.modifiedMs) {
          sidecars.push({ coding, file: found });
        } else {
          this.counters.outdatedSidecars++;
          this.kernel.close(found.fd);
        }
      }
    }
    const identities = [this.identity(file), ...sidecars.map((each) => `${each.coding} ${this.identity(each.file)}`)];
    return { kind: 'file', name, file, sidecars, refusal: 0, dependencies, signature: identities.join(', ') };
  }

  /** A recent file is another one when its second is over. */
  private identity(file: OpenFile): string {
    return this.awaitsDate(file) ? `${file.identity} recent` : file.identity;
  }

  /** Where tags are of content no file has a date, ever. */
  private awaitsDate({ validators }: OpenFile): boolean {
    return validators.recent && this.options.etag === 'stat';
  }
}

const nothing = (kind: Survey['kind'], name: Buffer, dependencies: Dependencies) => ({
  kind,
  name,
  file: null,
  sidecars: [],
  refusal: 0,
  dependencies,
});

const refused = (name: Buffer, refusal: number, dependencies: Dependencies): Survey => ({
  ...nothing('refused', name, dependencies),
  refusal,
  signature: `refused ${statusOf(refusal)}`,
});

function isSidecar(name: Buffer): boolean {
  const text = name.toString('latin1');
  return CODINGS.some((coding) => text.endsWith(SIDECAR_SUFFIXES[coding]));
}

/** The name under which a page is known where addresses have no `.html`; null for what is no page. */
function cleanName(name: Buffer): Buffer | null {
  const text = name.toString('latin1');
  if (text === INDEX) return Buffer.alloc(0);
  if (text.endsWith(`/${INDEX}`)) return name.subarray(0, -INDEX.length);
  return text.endsWith('.html') ? name.subarray(0, -HTML.length) : null;
}
