import type { RequestParser } from '../../http/request/parser.js';
import { type Field, type HttpResponse, LaterResponse } from '../../http/response/response.js';
import { hashPath, latin1 } from '../../http/text.js';
import type { Kernel } from '../../sys/kernel.js';
import type { FileCache } from '../cache/cache.js';
import { ALL_FIELDS, CacheEntry, respondFromCache } from '../cache/entry.js';
import type { RepresentationBuilder } from '../representation/builder.js';
import { RedirectContent } from '../representation/redirect-response.js';
import type { Lookup } from '../resolve/lookup.js';
import type { Resolved } from '../resolve/resolver.js';
import { directoryUrlPath } from '../resolve/url-path.js';
import { Dependencies } from '../watch/dependencies.js';
import { LISTINGS } from '../watch/unwatched.js';
import { formOf, type ListingForm, ListingRepresentations } from './content.js';
import { type Listed, ListingJob } from './job.js';
import { type Steps, scanDirectory } from './scan.js';

const SLASH = Buffer.from('/');

/** The directory listings of a site: each is cached once, by the directory's own path, however the request spells it. */
export class Listings {
  private readonly contents = new WeakMap<CacheEntry, ListingRepresentations>();
  /** Of large directories, by their names. */
  private readonly jobs = new Map<string, ListingJob>();

  /**
   * @param errorFields of a redirect
   * @param inSlices whether a large directory may be listed between the turns of the loop
   */
  constructor(
    private readonly kernel: Kernel,
    private readonly cache: FileCache,
    private readonly builder: RepresentationBuilder,
    private readonly errorFields: readonly Field[],
    private readonly revalidateMs: number,
    private readonly inSlices: boolean,
  ) {}

  has(entry: CacheEntry): boolean {
    return this.contents.has(entry);
  }

  find(name: Buffer): CacheEntry | null {
    const path = Buffer.from(directoryUrlPath(name));
    const entry = this.cache.find(path, 0, path.length, hashPath(path));
    return entry !== null && this.has(entry) ? entry : null;
  }

  /**
   * Responds with the listing of a directory, and caches it. Returns -errno if it cannot be read, and a LaterResponse while
   * a large one is being read.
   * @param isAdmitted whether the cache takes it
   */
  respond(
    request: RequestParser,
    resolved: Resolved,
    lookup: Lookup,
    nowMs: number,
    isAdmitted: boolean,
  ): HttpResponse | number {
    const entry = this.entryOf(resolved, lookup, formOf(request), nowMs, isAdmitted);
    if (typeof entry === 'number' || entry instanceof LaterResponse) return entry;
    if (!latin1(request.bytes, request.pathStart, request.pathEnd).includes('//'))
      return respondFromCache(entry, request);
    // Relative links would resolve wrongly from a path with empty segments.
    return new RedirectContent(directoryUrlPath(resolved.name), this.errorFields).respond(request);
  }

  /** Ends all that is being made: a root is closed. */
  cancel(): void {
    const jobs = [...this.jobs.values()];
    this.jobs.clear();
    for (const job of jobs) job.cancel();
  }

  /** The entry stays valid while the directory's entries stay the same. */
  private entryOf(
    resolved: Resolved,
    lookup: Lookup,
    form: ListingForm,
    nowMs: number,
    isAdmitted: boolean,
  ): CacheEntry | LaterResponse | number {
    const entry = this.find(resolved.name);
    if (entry?.freshness(nowMs) === 'fresh') return entry;
    const previous = entry === null ? null : this.contents.get(entry)!;
    const job = this.jobFor(resolved, lookup, form, previous);
    if (job.result === null) return new LaterResponse(job.ready);
    const { result, dependencies, isStale } = job;
    resolved.dependencies.merge(dependencies);
    // It shows the times of directories and of symlinks' targets, which change elsewhere.
    if (typeof result !== 'number') resolved.dependencies.markUnwatched(LISTINGS);
    const expiresAtMs = nowMs + this.revalidateMs;
    // Reading may have found a directory changed, and removed the entry.
    if (entry !== null && result === previous && !isStale && this.cache.has(entry)) {
      this.cache.revalidate(entry, resolved.dependencies, expiresAtMs);
      return entry;
    }
    if (entry !== null) this.cache.remove(entry);
    if (typeof result === 'number') return result;
    return this.store(resolved, result, expiresAtMs, !isStale && isAdmitted);
  }

  /** The job whose result a request may have, which may be done. */
  private jobFor(
    { name }: Resolved,
    lookup: Lookup,
    form: ListingForm,
    previous: ListingRepresentations | null,
  ): ListingJob {
    const key = name.toString('latin1');
    const running = this.jobs.get(key);
    if (running === undefined) {
      const job = this.newJob(key, name, lookup, form, previous);
      this.begin(key, job);
      return job;
    }
    // One that is done is here for the requests that have waited for it, until they have their responses.
    if (running.result !== null || (!running.mayBeStale && running.lookup === lookup)) return running;
    running.next ??= this.newJob(key, name, lookup, form, previous);
    return running.next;
  }

  private begin(key: string, job: ListingJob): void {
    job.start(this.inSlices);
    if (job.result === null) this.jobs.set(key, job);
  }

  private newJob(
    key: string,
    name: Buffer,
    lookup: Lookup,
    form: ListingForm,
    previous: ListingRepresentations | null,
  ): ListingJob {
    const dependencies = new Dependencies();
    const work = (): Steps<Listed> => this.list(name, lookup, dependencies, form, previous);
    const job: ListingJob = new ListingJob(lookup, dependencies, work, () => {
      // After all that wait, which have been added before.
      job.ready.then(() => {
        if (this.jobs.get(key) !== job) return;
        this.jobs.delete(key);
        if (job.next !== null) this.begin(key, job.next);
      });
    });
    return job;
  }

  /** The listing of a directory with the form that is wanted first; `previous` if it is the same. */
  private *list(
    name: Buffer,
    lookup: Lookup,
    dependencies: Dependencies,
    form: ListingForm,
    previous: ListingRepresentations | null,
  ): Steps<Listed> {
    const { kernel, builder } = this;
    const fd = lookup.directory(name, dependencies);
    if (fd < 0) return fd;
    try {
      // None for the root: a leading slash would name the root of the file system.
      const prefix = name.length === 0 ? name : Buffer.concat([name, SLASH]);
      const openTarget = (each: Buffer): number => lookup.openPath(Buffer.concat([prefix, each]));
      const entries = yield* scanDirectory(kernel, fd, openTarget, previous?.entries ?? null);
      if (typeof entries === 'number') return entries;
      if (previous !== null && entries === previous.entries) return previous;
      const { fields } = builder.fieldsOf({ kind: 'listing', name, precompressed: [], file: null });
      const content = new ListingRepresentations(entries, `/${name}`, fields, builder);
      yield* content.prepare(form);
      return content;
    } finally {
      kernel.close(fd);
    }
  }

  private store(
    resolved: Resolved,
    content: ListingRepresentations,
    expiresAtMs: number,
    isCacheable: boolean,
  ): CacheEntry {
    const { cache } = this;
    const path = directoryUrlPath(resolved.name);
    const entry = new CacheEntry(
      path,
      hashPath(Buffer.from(path)),
      content,
      null,
      ALL_FIELDS,
      resolved.fingerprint,
      resolved.dependencies,
      (invalid) => cache.remove(invalid),
    );
    if (!isCacheable) return entry;
    content.onGrown = () => cache.recount(entry);
    this.contents.set(entry, content);
    entry.setExpiry(expiresAtMs);
    cache.set(entry);
    return entry;
  }
}
