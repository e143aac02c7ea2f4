import { FieldId } from '../http/headers.js';
import type { Limits } from '../http/limits.js';
import type { RequestParser } from '../http/request/parser.js';
import type { HttpResponse } from '../http/response/response.js';
import { AcceptEncodingCache } from '../http/semantics/accept-encoding.js';
import type { Kernel } from '../sys/kernel.js';
import { FdReserve, withDescriptorReserve } from './cache/fd-reserve.js';
import type { MissingFallback } from './pages/fallback.js';
import { CompressionQueue } from './representation/compression-queue.js';
import type { Observe } from './representation/decisions.js';
import { EtagHasher } from './representation/etag-hasher.js';
import type { PathResolution } from './resolve/root.js';
import type { ResolvedSiteOptions } from './rules/site-options.js';
import { Site } from './site.js';
import { Inotify } from './watch/inotify.js';
import { Mounts } from './watch/mounts.js';

export interface SitePlan {
  readonly root: string;
  readonly options: ResolvedSiteOptions;
  /** A handler responds where no file does, and the fallback page must leave it its requests. @default false */
  readonly handlerFollows?: boolean;
}

export interface FilesStats {
  /** How paths are resolved below the roots: by openat2(2), or one component at a time on kernels without it. */
  pathResolution: PathResolution;
  /** Cached request paths, those without a file among them. */
  entries: number;
  /** Memory of the cache, in which a descriptor counts as 256 KiB. */
  bytes: number;
  /** Responses from the cache for which no path was resolved. */
  hits: number;
  /** Paths that were resolved because they were not cached, or their entry had expired. */
  misses: number;
  /** Entries removed because the cache was over `cacheBytes`, or to release descriptors when none was left. */
  evictions: number;
  /** Requests for paths that had been requested before, and were not cached since the entries were requested as often. */
  rejections: number;
  /** How changes of cached entries are detected: reported by inotify, polled every `revalidateMs`, or a mix of both. */
  invalidation: 'inotify' | 'ttl' | 'mixed';
  /** Cached entries of which inotify reports all changes. */
  watchedEntries: number;
  /** Cached entries that are revalidated every `revalidateMs`. */
  polledEntries: number;
  /** Why entries, or the path of a root, are polled instead of watched; each reason once. */
  unwatchedReasons: string[];
  /** Watched directories. */
  watches: number;
  inotifyEvents: number;
  /** How often the kernel dropped events because its queue was full; each invalidates everything. */
  inotifyOverflows: number;
  /** How often more events were pending than are read at once; each invalidates everything. */
  inotifyBacklogs: number;
  /** How often a file system was mounted or unmounted anywhere; each invalidates everything. */
  mountChanges: number;
  /** How often the path of a root was found to lead to another directory. */
  rootChanges: number;
  /** How often a precompressed file was ignored because it was older than its file. */
  stalePrecompressed: number;
}

/** All sites of a server, chosen by the request's host. Owns them, the watch of their files and the hashing of their ETags. */
export class Files {
  readonly inotify: Inotify;
  private readonly etags: EtagHasher;
  readonly mounts: Mounts;
  /** The descriptors in all sites' caches, which accept may need too. */
  readonly fdReserve = new FdReserve();
  private readonly sites: Site[] = [];
  private readonly main: Site;
  private readonly hosts = new Map<string, Site>();

  /**
   * @param plan for every host without a site of its own
   * @param hosts by name in lower case, without a port
   * @param observe receives the decisions of all sites
   * @throws a system error with `path` if a root is not a directory that can be opened
   */
  constructor(
    kernel: Kernel,
    plan: SitePlan,
    hosts: ReadonlyMap<string, SitePlan>,
    limits: Limits,
    observe: Observe | null = null,
  ) {
    this.inotify = new Inotify(kernel, limits.maxWatches);
    this.etags = new EtagHasher(kernel);
    this.mounts = new Mounts(kernel);
    const context = {
      kernel: withDescriptorReserve(kernel, this.fdReserve),
      inotify: this.inotify,
      limits,
      acceptEncodings: new AcceptEncodingCache(),
      etags: this.etags,
      compression: new CompressionQueue(),
      observe,
    };
    const open = ({ root, options, handlerFollows = false }: SitePlan): Site => {
      const site = new Site(context, root, options, handlerFollows);
      this.sites.push(site);
      this.fdReserve.add(site.cache);
      return site;
    };
    try {
      this.main = open(plan);
      for (const [host, hostPlan] of hosts) this.hosts.set(host, open(hostPlan));
    } catch (error) {
      this.close();
      throw error;
    }
    const invalidate = (): void => {
      for (const site of this.sites) site.invalidate();
    };
    this.inotify.onOverflow = invalidate;
    this.mounts.onChange = invalidate;
  }

  get stats(): FilesStats {
    const { sites } = this;
    const sum = (of: (site: Site) => number): number => sites.reduce((total, site) => total + of(site), 0);
    const { fd, watchError, size, events, overflows, backlogs } = this.inotify;
    let [watched, polled] = [0, 0];
    const reasons = new Set<string | null>();
    for (const { cache } of sites) {
      watched += cache.watchCounts.watched;
      polled += cache.watchCounts.polled;
      for (const reason of cache.watchCounts.reasons) reasons.add(reason);
    }
    for (const { releaseRoot } of sites) reasons.add(releaseRoot.unwatchedReason);
    if (fd < 0) reasons.add(watchError);
    return {
      pathResolution: this.main.releaseRoot.current.root.pathResolution,
      entries: sum(({ cache }) => cache.size),
      bytes: sum(({ cache }) => cache.bytes),
      hits: sum(({ hits }) => hits),
      misses: sum(({ misses }) => misses),
      evictions: sum(({ cache }) => cache.evictions),
      rejections: sum(({ cache }) => cache.rejections),
      invalidation: polled === 0 && fd >= 0 ? 'inotify' : watched === 0 ? 'ttl' : 'mixed',
      watchedEntries: watched,
      polledEntries: polled,
      unwatchedReasons: [...reasons].filter((reason) => reason !== null),
      watches: size,
      inotifyEvents: events,
      inotifyOverflows: overflows,
      inotifyBacklogs: backlogs,
      mountChanges: this.mounts.changes,
      rootChanges: sum(({ releaseRoot }) => releaseRoot.changes),
      stalePrecompressed: sum(({ counters }) => counters.stalePrecompressed),
    };
  }

  /** The fallbacks, of all sites, that cannot be sent at the moment. */
  get missingFallbacks(): MissingFallback[] {
    return this.sites.map((site) => site.missingFallback).filter((each) => each !== null);
  }

  /**
   * @param request a GET or HEAD with a path
   * @param nowMs on the reactor's clock
   */
  serve(request: RequestParser, nowMs: number): HttpResponse {
    return this.siteFor(request).serve(request, nowMs);
  }

  /** The response to an OPTIONS that is a preflight from an allowed origin; null for any other. */
  preflight(request: RequestParser): HttpResponse | null {
    return this.siteFor(request).preflight(request);
  }

  /** The response to such a preflight for a GET or HEAD that would not get a 404; null for any other OPTIONS. */
  preflightOfFile(request: RequestParser, nowMs: number): HttpResponse | null {
    const method = request.value(FieldId.accessControlRequestMethod);
    if (method !== 'GET' && method !== 'HEAD') return null;
    const site = this.siteFor(request);
    const response = site.preflight(request);
    return response !== null && site.has(request, nowMs) ? response : null;
  }

  siteFor(request: RequestParser): Site {
    if (this.hosts.size === 0) return this.main;
    return this.hosts.get(requestHost(request)) ?? this.main;
  }

  hostOf(site: Site): string | null {
    return [...this.hosts].find(([, other]) => other === site)?.[0] ?? null;
  }

  close(): void {
    for (const site of this.sites) site.close();
    this.etags.close();
    this.inotify.close();
    this.mounts.close();
  }
}

/** The host without its port, in lower case: the one in the target if there is one, RFC 9112 section 3.2.2. */
function requestHost(request: RequestParser): string {
  const host = (request.host ?? '').toLowerCase();
  const port = host.lastIndexOf(':');
  const name = port > host.lastIndexOf(']') ? host.slice(0, port) : host;
  return name.endsWith('.') ? name.slice(0, -1) : name; // a fully qualified name
}
