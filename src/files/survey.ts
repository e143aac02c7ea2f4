import { ENOENT } from '../sys/errno.js';
import type { Kernel } from '../sys/kernel.js';
import { CODINGS, type Coding, SIDECAR_SUFFIXES } from './encoding.js';
import { FOLDER, type OpenFile, statusOf } from './file.js';
import type { Lookup } from './lookup.js';
import type { ResolvedSiteOptions } from './options.js';
import type { Target } from './target.js';
import { Dependencies } from './tree.js';

const HTML = Buffer.from('.html');
const INDEX = 'index.html';

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
    if (target.folder) return this.inFolder(lookup, target.name, dependencies);
    const { cleanUrls } = this.options;
    const found = lookup.file(target.name, this.kernel.wallMs(), dependencies);
    if (typeof found === 'object') {
      const clean = cleanUrls ? cleanName(target.name) : null;
      if (clean === null) return this.withSidecars(lookup, target.name, found, dependencies);
      this.kernel.close(found.fd);
      return { ...nothing('moved', clean, dependencies), signature: 'moved' };
    }
    if (found === FOLDER) return { ...nothing('folder', target.name, dependencies), signature: 'folder' };
    if (found === ENOENT && cleanUrls) {
      const name = Buffer.concat([target.name, HTML]);
      const page = lookup.file(name, this.kernel.wallMs(), dependencies);
      if (typeof page === 'object') return this.withSidecars(lookup, name, page, dependencies);
    }
    return refused(target.name, found, dependencies);
  }

  /** A file by its name below the root. */
  file(lookup: Lookup, name: Buffer): Survey {
    const dependencies = new Dependencies();
    const found = lookup.file(name, this.kernel.wallMs(), dependencies);
    if (typeof found === 'object') return this.withSidecars(lookup, name, found, dependencies);
    return refused(name, found === FOLDER ? ENOENT : found, dependencies);
  }

  close(survey: Survey): void {
    if (survey.file !== null) this.kernel.close(survey.file.fd);
    for (const { file } of survey.sidecars) this.kernel.close(file.fd);
  }

  private inFolder(lookup: Lookup, folder: Buffer, dependencies: Dependencies): Survey {
    const name = folder.length === 0 ? Buffer.from(INDEX) : Buffer.concat([folder, Buffer.from(`/${INDEX}`)]);
    const found = lookup.file(name, this.kernel.wallMs(), dependencies);
    if (typeof found === 'object') return this.withSidecars(lookup, name, found, dependencies);
    if (!this.options.listing || statusOf(found === FOLDER ? ENOENT : found) !== 404) {
      return refused(folder, found === FOLDER ? ENOENT : found, dependencies);
    }
    return { ...nothing('listing', folder, dependencies), signature: '' }; // its entries are read each time
  }

  private withSidecars(lookup: Lookup, name: Buffer, file: OpenFile, dependencies: Dependencies): Survey {
    if (file.linked) dependencies.areTold = false; // a folder does not hear of writes by a name in another
    const sidecars: Sidecar[] = [];
    if (this.options.sidecars && !isSidecar(name)) {
      for (const coding of lookup.codingsBeside(name, dependencies)) {
        const beside = Buffer.concat([name, Buffer.from(SIDECAR_SUFFIXES[coding])]);
        // That there is none needs no dependency: a folder tells of `app.js.br` as of `app.js`.
        const its = new Dependencies();
        const found = lookup.file(beside, this.kernel.wallMs(), its);
        if (typeof found !== 'object') continue;
        if (found.linked) its.areTold = false;
        dependencies.merge(its);
        if (found.modifiedMs >= file.modifiedMs) {
          sidecars.push({ coding, file: found });
        } else {
          this.counters.outdatedSidecars++;
          this.kernel.close(found.fd);
        }
      }
    }
    const identities = [file.identity, ...sidecars.map((each) => `${each.coding} ${each.file.identity}`)];
    return { kind: 'file', name, file, sidecars, refusal: 0, dependencies, signature: identities.join(', ') };
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
