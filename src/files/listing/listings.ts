import { hashPath } from '../../http/text.js';
import type { Kernel } from '../../sys/kernel.js';
import type { FileCache } from '../cache/cache.js';
import { ALL_FIELDS, type CacheContent, CacheEntry } from '../cache/entry.js';
import type { RepresentationBuilder } from '../representation/builder.js';
import type { Lookup } from '../resolve/lookup.js';
import type { Resolved } from '../resolve/resolver.js';
import { directoryUrlPath } from '../resolve/url-path.js';
import { LISTINGS } from '../watch/unwatched.js';
import { ListingRepresentations } from './content.js';
import { type DirectoryScan, scanDirectory } from './scan.js';

const SLASH = Buffer.from('/');

/** What lists the folders of a site: each is kept once, however its path is spelled, of which a peer has many ways. */
export class Listings {
  private readonly contents = new WeakMap<CacheEntry, ListingRepresentations>();

  /** @param readable makes content such that those may read it who may */
  constructor(
    private readonly kernel: Kernel,
    private readonly cache: FileCache,
    private readonly composer: RepresentationBuilder,
    private readonly readable: (content: CacheContent) => CacheContent,
  ) {}

  has(resource: CacheEntry): boolean {
    return this.contents.has(resource);
  }

  /** What is kept of a folder; null for what is no listing. */
  find(name: Buffer): CacheEntry | null {
    const path = Buffer.from(directoryUrlPath(name));
    const found = this.cache.find(path, 0, path.length, hashPath(path));
    return found !== null && this.has(found) ? found : null;
  }

  /**
   * What lists the folder of a survey, and is kept; or -errno. It goes on as long as the folder's entries are the same.
   * @param dueMs when the folder is to be looked into again, said of what the survey has come to depend on
   */
  of(survey: Resolved, lookup: Lookup, nowMs: number, dueMs: () => number): CacheEntry | number {
    const found = this.find(survey.name);
    if (found?.isFresh(nowMs)) return found;
    const before = found === null ? null : this.contents.get(found)!.entries;
    const entries = this.read(lookup, survey, before);
    // It has the times of folders and what links lead to, and both change elsewhere.
    if (typeof entries !== 'number') survey.dependencies.markUnwatched(LISTINGS);
    // It may have gone meanwhile, with a folder that was seen to be another.
    if (found !== null && entries === before && this.cache.has(found)) {
      found.revalidate(survey.dependencies, dueMs());
      return found;
    }
    if (found !== null) this.cache.remove(found);
    return typeof entries === 'number' ? entries : this.store(survey, entries, dueMs());
  }

  /** What the folder of a survey has; what it had before, if that is the same; or -errno. */
  read(lookup: Lookup, { name, dependencies }: Resolved, before: DirectoryScan | null): DirectoryScan | number {
    const { kernel } = this;
    const fd = lookup.directory(name, dependencies);
    if (fd < 0) return fd;
    // In the root there is no slash in front: it would stand for that of the file system.
    const place = name.length === 0 ? name : Buffer.concat([name, SLASH]);
    const entries = scanDirectory(kernel, fd, (each) => lookup.openPath(Buffer.concat([place, each])), before);
    kernel.close(fd);
    return entries;
  }

  private store(survey: Resolved, entries: DirectoryScan, dueMs: number): CacheEntry {
    const { cache, composer } = this;
    const { fields } = composer.fieldsOf(survey);
    const content = new ListingRepresentations(entries, `/${survey.name}`, fields, composer, () =>
      cache.recount(resource),
    );
    const path = directoryUrlPath(survey.name);
    const resource = new CacheEntry(
      path,
      hashPath(Buffer.from(path)),
      this.readable(content),
      null,
      ALL_FIELDS,
      survey.fingerprint,
      survey.dependencies,
      (outdated) => cache.remove(outdated),
    );
    this.contents.set(resource, content);
    resource.setExpiry(dueMs);
    cache.set(resource);
    return resource;
  }
}
