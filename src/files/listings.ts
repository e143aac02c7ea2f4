import { pathHashOf } from '../http/path-hash.js';
import type { Kernel } from '../sys/kernel.js';
import type { ResourceCache } from './cache.js';
import type { Composer } from './compose.js';
import { type Entries, entriesOf } from './entries.js';
import { ListingContent } from './listing-content.js';
import type { Lookup } from './lookup.js';
import { ALL_FIELDS, type Content, Resource } from './resource.js';
import type { Survey } from './survey.js';
import { folderPath } from './target.js';
import { LISTINGS } from './untold.js';

const SLASH = Buffer.from('/');

/** What lists the folders of a site: each is kept once, however its path is spelled, of which a peer has many ways. */
export class Listings {
  private readonly contents = new WeakMap<Resource, ListingContent>();

  /** @param readable makes content such that those may read it who may */
  constructor(
    private readonly kernel: Kernel,
    private readonly cache: ResourceCache,
    private readonly composer: Composer,
    private readonly readable: (content: Content) => Content,
  ) {}

  has(resource: Resource): boolean {
    return this.contents.has(resource);
  }

  /** What is kept of a folder; null for what is no listing. */
  find(name: Buffer): Resource | null {
    const path = Buffer.from(folderPath(name));
    const found = this.cache.find(path, 0, path.length, pathHashOf(path));
    return found !== null && this.has(found) ? found : null;
  }

  /**
   * What lists the folder of a survey, and is kept; or -errno. It goes on as long as the folder's entries are the same.
   * @param dueMs when the folder is to be looked into again, said of what the survey has come to depend on
   */
  of(survey: Survey, lookup: Lookup, nowMs: number, dueMs: () => number): Resource | number {
    const found = this.find(survey.name);
    if (found?.isFresh(nowMs)) return found;
    const before = found === null ? null : this.contents.get(found)!.entries;
    const entries = this.read(lookup, survey, before);
    // It has the times of folders and what links lead to, and both change elsewhere.
    if (typeof entries !== 'number') survey.dependencies.leaveUntold(LISTINGS);
    // It may have gone meanwhile, with a folder that was seen to be another.
    if (found !== null && entries === before && this.cache.has(found)) {
      found.renew(survey.dependencies, dueMs());
      return found;
    }
    if (found !== null) this.cache.remove(found);
    return typeof entries === 'number' ? entries : this.keep(survey, entries, dueMs());
  }

  /** What the folder of a survey has; what it had before, if that is the same; or -errno. */
  read(lookup: Lookup, { name, dependencies }: Survey, before: Entries | null): Entries | number {
    const { kernel } = this;
    const fd = lookup.folder(name, dependencies);
    if (fd < 0) return fd;
    // In the root there is no slash in front: it would stand for that of the file system.
    const place = name.length === 0 ? name : Buffer.concat([name, SLASH]);
    const entries = entriesOf(kernel, fd, (each) => lookup.look(Buffer.concat([place, each])), before);
    kernel.close(fd);
    return entries;
  }

  private keep(survey: Survey, entries: Entries, dueMs: number): Resource {
    const { cache, composer } = this;
    const { fields } = composer.fieldsOf(survey);
    const content = new ListingContent(entries, `/${survey.name}`, fields, composer, () => cache.recount(resource));
    const path = folderPath(survey.name);
    const resource = new Resource(
      path,
      pathHashOf(Buffer.from(path)),
      this.readable(content),
      null,
      ALL_FIELDS,
      survey.signature,
      survey.dependencies,
      (outdated) => cache.remove(outdated),
    );
    this.contents.set(resource, content);
    resource.trust(dueMs);
    cache.set(resource);
    return resource;
  }
}
