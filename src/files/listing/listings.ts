import type { RequestParser } from '../../http/request/parser.js';
import type { Field, HttpResponse } from '../../http/response/response.js';
import { hashPath, latin1 } from '../../http/text.js';
import type { Kernel } from '../../sys/kernel.js';
import type { FileCache } from '../cache/cache.js';
import { ALL_FIELDS, CacheEntry, respondFromCache } from '../cache/entry.js';
import type { RepresentationBuilder } from '../representation/builder.js';
import { RedirectContent } from '../representation/redirect-response.js';
import type { Lookup } from '../resolve/lookup.js';
import type { Resolved } from '../resolve/resolver.js';
import { directoryUrlPath } from '../resolve/url-path.js';
import { LISTINGS } from '../watch/unwatched.js';
import { ListingRepresentations } from './content.js';
import { type DirectoryScan, scanDirectory } from './scan.js';

const SLASH = Buffer.from('/');

/** The directory listings of a site: each is cached once, by the directory's own path, however the request spells it. */
export class Listings {
  private readonly contents = new WeakMap<CacheEntry, ListingRepresentations>();

  /** @param errorFields of a redirect */
  constructor(
    private readonly kernel: Kernel,
    private readonly cache: FileCache,
    private readonly builder: RepresentationBuilder,
    private readonly errorFields: readonly Field[],
    private readonly revalidateMs: number,
  ) {}

  has(entry: CacheEntry): boolean {
    return this.contents.has(entry);
  }

  find(name: Buffer): CacheEntry | null {
    const path = Buffer.from(directoryUrlPath(name));
    const entry = this.cache.find(path, 0, path.length, hashPath(path));
    return entry !== null && this.has(entry) ? entry : null;
  }

  /** Responds with the listing of a directory, and caches it. Returns -errno if it cannot be read. */
  respond(request: RequestParser, resolved: Resolved, lookup: Lookup, nowMs: number): HttpResponse | number {
    const entry = this.entryOf(resolved, lookup, nowMs);
    if (typeof entry === 'number') return entry;
    if (!latin1(request.bytes, request.pathStart, request.pathEnd).includes('//'))
      return respondFromCache(entry, request);
    // Relative links would resolve wrongly from a path with empty segments.
    return new RedirectContent(directoryUrlPath(resolved.name), this.errorFields).respond(request);
  }

  /** The entry stays valid while the directory's entries stay the same. */
  private entryOf(resolved: Resolved, lookup: Lookup, nowMs: number): CacheEntry | number {
    const entry = this.find(resolved.name);
    if (entry?.freshness(nowMs) === 'fresh') return entry;
    const previous = entry === null ? null : this.contents.get(entry)!.entries;
    const entries = this.read(lookup, resolved, previous);
    // It shows the times of directories and of symlinks' targets, which change elsewhere.
    if (typeof entries !== 'number') resolved.dependencies.markUnwatched(LISTINGS);
    const expiresAtMs = nowMs + this.revalidateMs;
    // Reading may have found a directory changed, and removed the entry.
    if (entry !== null && entries === previous && this.cache.has(entry)) {
      entry.revalidate(resolved.dependencies, expiresAtMs);
      return entry;
    }
    if (entry !== null) this.cache.remove(entry);
    return typeof entries === 'number' ? entries : this.store(resolved, entries, expiresAtMs);
  }

  /** The entries of a directory; `previous` if they are the same; or -errno. */
  read(lookup: Lookup, { name, dependencies }: Resolved, previous: DirectoryScan | null): DirectoryScan | number {
    const { kernel } = this;
    const fd = lookup.directory(name, dependencies);
    if (fd < 0) return fd;
    // None for the root: a leading slash would name the root of the file system.
    const prefix = name.length === 0 ? name : Buffer.concat([name, SLASH]);
    const entries = scanDirectory(kernel, fd, (each) => lookup.openPath(Buffer.concat([prefix, each])), previous);
    kernel.close(fd);
    return entries;
  }

  private store(resolved: Resolved, entries: DirectoryScan, expiresAtMs: number): CacheEntry {
    const { cache, builder } = this;
    const { fields } = builder.fieldsOf(resolved);
    const content = new ListingRepresentations(entries, `/${resolved.name}`, fields, builder, () =>
      cache.recount(entry),
    );
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
    this.contents.set(entry, content);
    entry.setExpiry(expiresAtMs);
    cache.set(entry);
    return entry;
  }
}
